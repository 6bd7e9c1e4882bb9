import { KitError } from "../errors.ts";
import type { Method, Need } from "../methods/method.ts";
import type { Model } from "../model/model.ts";

/** By id, why methods cannot explain this model; those that can are left out. */
export type Unmet = Readonly<Record<string, string>>;

/** @param others  how many further images there are to compare with */
export function unmetNeeds(model: Model, methods: readonly Method[], others = 0): Unmet {
  const needs: Record<Need, string | undefined> = {
    gradient: missingGradient(model),
    cam: model.cam ? undefined : "the model has no tensor with a spatial grid",
    others:
      others >= comparedWith
        ? undefined
        : `it compares with ${comparedWith} other images, here are ${others}`,
  };
  const reasons = methods.map((method): [string, string | undefined] => [
    method.id,
    method.needs.map((need) => needs[need]).find((reason) => reason !== undefined) ?? method.refuses?.(model),
  ]);
  return Object.fromEntries(reasons.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The images that gradient-shap takes its baselines from. */
export const comparedWith = 8;

function missingGradient(model: Pick<Model, "assertDifferentiable">): string | undefined {
  try {
    model.assertDifferentiable();
    return undefined;
  } catch (error) {
    if (!(error instanceof KitError) || error.code !== "E_NO_GRADIENT") throw error;
    return `no gradient for ${error.details.join("; ")}`;
  }
}
