/** Weighted least squares in a few hundred unknowns, in float64: what surrogate models of the score are fitted with. */

/** The normal equations A φ = b of min Σ_k w_k (y_k − d_k · φ)². */
export interface Normal {
  readonly size: number;
  /** Σ_k w_k d_k d_kᵀ, [size·size] */
  readonly a: Float64Array;
  /** Σ_k w_k y_k d_k */
  readonly b: Float64Array;
}

/** `design` holds the rows d_k one behind the other. */
export function normalEquations(
  design: Float64Array,
  weights: ArrayLike<number>,
  targets: ArrayLike<number>,
): Normal {
  const count = targets.length;
  const size = design.length / count;
  const a = new Float64Array(size * size);
  const b = new Float64Array(size);
  for (let k = 0; k < count; k++) {
    const d = design.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      const v = weights[k] * d[i];
      if (v === 0) continue;
      b[i] += v * targets[k];
      for (let j = 0; j <= i; j++) a[i * size + j] += v * d[j];
    }
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) a[j * size + i] = a[i * size + j];
  return { size, a, b };
}

/**
 * A φ = b for a positive semi-definite A; where it leaves φ open, the solution of least norm.
 *
 * A = L Lᵀ with as many columns as A has rank; then φ = L (LᵀL)⁻² Lᵀ b (Courrieu, arXiv:0804.4809), which is two triangular solves where
 * the rank is full.
 */
export function solve({ size, a, b }: Normal): Float64Array {
  const columns = factor(a, size);
  if (columns.length === size) return substituted(columns, b);
  const gram = new Float64Array(columns.length ** 2);
  for (const [p, left] of columns.entries()) {
    for (const [q, right] of columns.entries()) gram[p * columns.length + q] = dot(left, right);
  }
  const inner = factor(gram, columns.length);
  const once = substituted(
    inner,
    columns.map((column) => dot(column, b)),
  );
  const twice = substituted(inner, once);
  const solution = new Float64Array(size);
  for (const [p, column] of columns.entries()) {
    for (let i = 0; i < size; i++) solution[i] += column[i] * twice[p];
  }
  return solution;
}

/** Pivots below this share of the largest diagonal element are rounding. */
const rounding = 1e-11;

/** The columns of L, A = L Lᵀ, left out where the pivot is nothing. */
function factor(a: Float64Array, size: number): Float64Array[] {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, a[i * size + i]);
  const columns: Float64Array[] = [];
  for (let i = 0; i < size; i++) {
    const column = Float64Array.from({ length: size }, (_, j) => (j < i ? 0 : a[j * size + i]));
    for (const other of columns) {
      for (let j = i; j < size; j++) column[j] -= other[i] * other[j];
    }
    const pivot = column[i];
    if (!(pivot > rounding * largest)) continue;
    columns.push(column.map((v) => v / Math.sqrt(pivot)));
  }
  return columns;
}

/** L Lᵀ φ = b for a square L, by its columns. */
function substituted(columns: readonly Float64Array[], b: ArrayLike<number>): Float64Array {
  const y = Float64Array.from(b);
  const n = columns.length;
  for (let i = 0; i < n; i++) {
    y[i] /= columns[i][i];
    for (let j = i + 1; j < n; j++) y[j] -= columns[i][j] * y[i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) y[i] -= columns[i][j] * y[j];
    y[i] /= columns[i][i];
  }
  return y;
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** min ½ φᵀAφ − bᵀφ + penalty · Σ|φ|, by coordinate descent: each unknown in turn takes its best value. */
export function lasso({ size, a, b }: Normal, penalty: number): Float64Array {
  const solution = new Float64Array(size);
  const slope = Float64Array.from(b); // b − Aφ
  for (let sweep = 0; sweep < 10_000; sweep++) {
    let moved = 0;
    let scale = 0;
    for (let i = 0; i < size; i++) {
      const curvature = a[i * size + i];
      if (curvature === 0) continue;
      const pull = slope[i] + curvature * solution[i];
      const best = (Math.sign(pull) * Math.max(Math.abs(pull) - penalty, 0)) / curvature;
      const step = best - solution[i];
      scale = Math.max(scale, Math.abs(best));
      if (step === 0) continue;
      for (let j = 0; j < size; j++) slope[j] -= a[i * size + j] * step;
      solution[i] = best;
      moved = Math.max(moved, Math.abs(step));
    }
    if (moved <= 1e-10 * scale) break;
  }
  return solution;
}
