/** What of an attribution is looked at, and on which scale. */
import { type AttributionKind, type MapRule, relevance, toMap } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type Heatmap, robustLimit, type ScaleKind } from "./colour.ts";

export interface Shown {
  readonly map: Heatmap;
  readonly scale: ScaleKind;
  /** the value that gets the last colour */
  readonly limit: number;
}

/** Signed for contributions, which may speak against the class; relevance for rates of change and CAMs. */
export function shownOf(
  method: { readonly kind: AttributionKind; readonly map: MapRule },
  attribution: Float32Tensor,
): Shown {
  const signed = method.kind === "contribution";
  const reduced = toMap(attribution, method.map);
  const { dims, data } = signed ? reduced : relevance(reduced);
  const [height, width] = dims;
  return {
    map: { height, width, data },
    scale: signed ? "diverging" : "sequential",
    limit: robustLimit(data),
  };
}
