/**
 * What faithfulness-correlation and sensitivity-n share: random sets of pixels are hidden, and a faithful map's sum over a set goes with
 * how far the score falls. Sets and falls are the same for all methods of a sample.
 */
import { baselineInput, baselineOf, ofShape, referenceParam } from "../../methods/baseline.ts";
import type { Float32Tensor } from "../../onnx/tensor.ts";
import type { ParamSpecs, Params } from "../../params.ts";
import type { Expected } from "../../stats/expectation.ts";
import { image } from "../../stats/expectation.ts";
import { isConstant, pearson } from "../../stats/summary.ts";
import { type MetricContext, type Skip, skip } from "../metric.ts";

export const subsetParams = {
  reference: referenceParam,
} as const satisfies ParamSpecs;

export const subsetInputs = { baseline: baselineInput } as const;

export const subsetControls: Expected = {
  // sums over equally many draws from one symmetric distribution: any sign of the correlation is as likely as the other
  random: { mean: 0, within: 1e-3, errors: 5 },
  sobel: image,
  // sums of equally many equal values do not vary
  constant: { skipped: true },
  "centre-gaussian": image,
};

type SubsetContext = MetricContext<Params<typeof subsetParams>>;

export interface Subsets {
  /** 1 where a set hides a pixel, [H·W] each */
  readonly hidden: readonly Uint8Array[];
  /** f(x) − f(x with the reference in the set) */
  readonly falls: Float64Array;
}

/** How many pixels a share of the image is, at least one. */
export const pixelsOf = (share: number, pixels: number): number => Math.max(1, Math.round(share * pixels));

/** Set k has `sizes[k]` pixels, drawn without replacement from a stream of its own. */
export function drawnSubsets(
  { map, rng }: Pick<MetricContext, "map" | "rng">,
  purpose: string,
  sizes: readonly number[],
): Uint8Array[] {
  const pixels = map.data.length;
  return sizes.map((size, k) => {
    const hidden = new Uint8Array(pixels);
    for (const p of rng(`${purpose} ${k}`).permutation(pixels).subarray(0, size)) hidden[p] = 1;
    return hidden;
  });
}

/** Supplied sets [N,H,W]. */
export function suppliedSubsets(
  subsets: Float32Tensor,
  { dims: [height, width] }: Float32Tensor,
): Uint8Array[] {
  const { dims, data } = ofShape("subsets", subsets, [null, height, width]);
  const pixels = height * width;
  return Array.from({ length: dims[0] }, (_, k) =>
    Uint8Array.from(data.subarray(k * pixels, (k + 1) * pixels), (v) => (v > 0.5 ? 1 : 0)),
  );
}

/** Hides each set and reads the score. Cost: one pass per set, and one at x. */
export async function subsetFalls(
  { probe, params, given }: SubsetContext,
  hidden: readonly Uint8Array[],
): Promise<Subsets> {
  const { x } = probe;
  const r = baselineOf({ given, probe, x }, params.reference);
  const fill = (k: number, out: Float32Array) => {
    const set = hidden[k];
    for (let at = 0; at < out.length; at += set.length) {
      for (let p = 0; p < set.length; p++) out[at + p] = set[p] === 1 ? r.data[at + p] : x.data[at + p];
    }
  };
  const score = await probe.score();
  const rest = await probe.scores(hidden.length, fill);
  return { hidden, falls: rest.map((value) => score - value) };
}

/** Pearson's r of the map's sums over the sets and the falls, or why there is none. */
export function correlation(map: Float32Tensor, { hidden, falls }: Subsets): number | Skip {
  if (!falls.every(Number.isFinite)) return skip("the model's output is not finite");
  const mean = falls.reduce((sum, b) => sum + b, 0) / falls.length;
  // less is the rounding of the model's output
  if (falls.reduce((sum, b) => sum + (b - mean) ** 2, 0) < 1e-8) {
    return skip("the score does not react to hiding pixels");
  }
  const sums = Float64Array.from(hidden, (set) =>
    set.reduce((sum, h, p) => (h === 1 ? sum + map.data[p] : sum), 0),
  );
  if (isConstant(sums)) return skip("the map has the same sum over every set of pixels");
  return pearson(sums, falls) ?? skip("the map has the same sum over every set of pixels");
}
