import { KitError } from "../errors.ts";
import type { Need } from "../methods/method.ts";
import type { Model } from "../model/model.ts";

/** Why needs of methods cannot be met on this model; null where they can. */
export function unmetNeeds(model: Pick<Model, "assertDifferentiable" | "cam">): Record<Need, string | null> {
  let gradient: string | null = null;
  try {
    model.assertDifferentiable();
  } catch (error) {
    if (!(error instanceof KitError) || error.code !== "E_NO_GRADIENT") throw error;
    gradient = `no gradient for ${error.details.join("; ")}`;
  }
  return { gradient, cam: model.cam ? null : "the model has no tensor with a spatial grid" };
}
