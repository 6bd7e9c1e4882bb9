import { type Skip, skip } from "../metric.ts";

/**
 * Σ(βa − b)² / Σb² with β = max(0, ⟨a,b⟩/⟨a,a⟩): the share of the falls b that predictions a leave unexplained after the best
 * non-negative scaling. 0 is a perfect prediction; 1 explains nothing, or has the wrong sign.
 *
 * @returns undefined where Σb² < 1e-8 logits²: nothing to explain
 */
export function unexplained(a: Float64Array, b: Float64Array): number | Skip | undefined {
  let aa = 0;
  let ab = 0;
  let bb = 0;
  for (let k = 0; k < b.length; k++) {
    aa += a[k] * a[k];
    ab += a[k] * b[k];
    bb += b[k] * b[k];
  }
  if (!Number.isFinite(bb)) return skip("the model's output is not finite");
  if (bb < 1e-8) return undefined;
  // Σ(βa − b)² with β put in; β = 0 leaves Σb²
  return ab > 0 ? Math.max(0, 1 - (ab * ab) / (aa * bb)) : 1;
}
