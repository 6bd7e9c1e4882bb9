/**
 * Plain statistics in float64. What is not defined (the mean of nothing, the correlation with a constant) is `null`, never NaN or 0:
 * the caller says why it is missing. Inputs are left as they are and hold finite numbers only.
 */

export type Numbers = ArrayLike<number>;

function sum(values: Numbers): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

export const mean = (values: Numbers): number | null =>
  values.length === 0 ? null : sum(values) / values.length;

/** Standard deviation of a sample (n − 1); `null` for fewer than two values. */
export function sd(values: Numbers): number | null {
  if (values.length < 2) return null;
  const centre = sum(values) / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - centre) * (values[i] - centre); // ** rounds as the engine likes
  return Math.sqrt(squares / (values.length - 1));
}

/** Quantile with linear interpolation, as numpy's default: position (n − 1)·q. */
export function quantile(values: Numbers, q: number): number | null {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile ${q} is not in [0, 1]`);
  return values.length === 0 ? null : sortedQuantile(Float64Array.from(values).sort(), q);
}

/** `quantile` of values that are sorted already, at least one. */
export function sortedQuantile(sorted: Numbers, q: number): number {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  const t = position - below;
  // from the nearer end, as numpy does: exact at both ends
  return t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
}

export const median = (values: Numbers): number | null => quantile(values, 0.5);

/** Pearson's r; `null` if a side is constant or there are fewer than two pairs. */
export function pearson(a: Numbers, b: Numbers): number | null {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} values do not pair`);
  const n = a.length;
  // a constant is told by its values: its float64 mean can differ from it and leave a spurious variance
  if (n < 2 || isConstant(a) || isConstant(b)) return null;
  const meanA = sum(a) / n;
  const meanB = sum(b) / n;
  let aa = 0;
  let bb = 0;
  let ab = 0;
  for (let i = 0; i < n; i++) {
    const da = a[i] - meanA;
    const db = b[i] - meanB;
    aa += da * da;
    bb += db * db;
    ab += da * db;
  }
  const scale = Math.sqrt(aa) * Math.sqrt(bb);
  return scale > 0 ? Math.min(1, Math.max(-1, ab / scale)) : null;
}

export function isConstant(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** Ranks from 1, smallest first; equal values share the mean of their ranks. */
export function ranks(values: Numbers): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i);
  order.sort((i, j) => values[i] - values[j]);
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) out[order[k]] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

/** Spearman's ρ with ties averaged: Pearson's r of the ranks. */
export const spearman = (a: Numbers, b: Numbers): number | null => pearson(ranks(a), ranks(b));

/**
 * Gini coefficient of values ≥ 0: Σ(2k − n − 1)·x₍ₖ₎ / (n·Σx), x₍ₖ₎ ascending. 0: all equal; (n − 1)/n: one holds everything.
 * `null` without values or if all are 0. Throws RangeError on a negative value.
 */
export function gini(values: Numbers): number | null {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  if (sorted[0] < 0) throw new RangeError(`gini of a negative value: ${sorted[0]}`);
  const total = sum(sorted);
  if (!(total > 0)) return null;
  let weighted = 0;
  for (let k = 0; k < n; k++) weighted += (2 * (k + 1) - n - 1) * sorted[k];
  return weighted / (n * total);
}
