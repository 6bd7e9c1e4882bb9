/** What of a map a metric reads, where it weighs or thresholds values: one parameter, so that a library's choice can be taken too. */
import { relevance } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import type { ParamSpec } from "../params.ts";
import { isConstant } from "../stats/summary.ts";
import { type Skip, skip } from "./metric.ts";
import { defect } from "./order.ts";

const readings = {
  relevance: "negative values count 0, then min-max scaled",
  "min-max": "min-max scaled with its signs",
  positive: "negative values count 0",
  absolute: "sizes",
  signed: "as it is; a score may then leave its range",
} as const;
export type Reading = keyof typeof readings;

/** The parameter `of`; the first choice is the default. */
export const ofParam = <const R extends readonly Reading[]>(...choices: R) =>
  ({
    type: "choice",
    choices,
    default: choices[0],
    description: `what of the map is read: ${choices.map((of) => `${of} (${readings[of]})`).join(", ")}`,
  }) as const satisfies ParamSpec;

/** One value per pixel; all 0 where scaling has nothing to scale. */
export function reading(map: Float32Tensor, of: Reading): Float64Array {
  switch (of) {
    case "relevance":
      return Float64Array.from(relevance(map).data);
    case "min-max": {
      const low = map.data.reduce((a, b) => Math.min(a, b));
      const range = map.data.reduce((a, b) => Math.max(a, b)) - low;
      return Float64Array.from(map.data, (v) => (range > 0 ? (v - low) / range : 0));
    }
    case "positive":
      return Float64Array.from(map.data, (v) => Math.max(v, 0));
    case "absolute":
      return Float64Array.from(map.data, Math.abs);
    case "signed":
      return Float64Array.from(map.data);
  }
}

/** The same for what needs something to weigh, or why there is nothing. */
export function weights(map: Float32Tensor, of: Reading): Float64Array | Skip {
  const reason = defect(map);
  if (reason) return skip(reason);
  const values = reading(map, of);
  if (values.some((v) => v !== 0)) return values;
  return skip(isConstant(map.data) ? "map is constant" : "no positive value");
}
