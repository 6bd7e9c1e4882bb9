/** What metrics share that remove whole parts of the image, patches or superpixels, in the order of the map. */
import { baselineOf } from "../../methods/baseline.ts";
import type { Segments } from "../../methods/segments.ts";
import type { ReferenceKind } from "../../model/image.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import type { MetricContext } from "../metric.ts";
import { descending } from "../order.ts";
import { emptyProbability } from "./curve.ts";

type Parts = Pick<Segments, "of" | "count">;
type RemovalContext = MetricContext<{ reference: ReferenceKind; ties: "seeded" | "index" }>;

/** Sums of the map over the parts, and how many pixels each has. */
export function sumsOf(
  map: Float32Tensor,
  { of, count }: Parts,
): { sums: Float64Array; pixels: Uint32Array } {
  const sums = new Float64Array(count);
  const pixels = new Uint32Array(count);
  for (let p = 0; p < of.length; p++) {
    sums[of[p]] += map.data[p];
    pixels[of[p]]++;
  }
  return { sums, pixels };
}

/**
 * The class probability at each of `steps` + 1 points: at step k the round(k · count / steps) parts of highest value show the reference.
 * Cost: `steps` + 1 forward passes; the ends are shared by all methods of a sample.
 */
export async function removalCurve(
  { probe, params, given, rng }: RemovalContext,
  { of, count }: Parts,
  values: Float64Array,
  steps: number,
): Promise<number[]> {
  const { x } = probe;
  const reference = baselineOf({ given, probe, x }, params.reference);
  // equal but for the rounding of their sums is equal
  const order = descending(float32([1, count], Float32Array.from(values)), params.ties, rng);
  const rank = new Int32Array(count);
  for (let k = 0; k < count; k++) rank[order[k]] = k;
  const inner = await probe.probabilities(steps - 1, (k, out) => {
    const removed = Math.round(((k + 1) * count) / steps);
    for (let at = 0; at < out.length; at += of.length) {
      for (let p = 0; p < of.length; p++) {
        out[at + p] = rank[of[p]] < removed ? reference.data[at + p] : x.data[at + p];
      }
    }
  });
  const whole = await probe.probability();
  const empty = await emptyProbability(probe, given("baseline") ? "given" : params.reference, reference);
  return [whole, ...inner, empty];
}
