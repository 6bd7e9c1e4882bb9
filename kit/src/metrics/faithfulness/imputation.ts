/**
 * Linear imputation, arXiv:2202.00449 (ROAD): every removed pixel is the weighted mean of its eight neighbours, removed ones too, 1/6 for
 * the four beside it and 1/12 for the four at its corners; at the edge of the image of those it has, with the weights scaled to sum 1.
 *
 * One linear system per channel, with the removed pixels as unknowns. With each equation times the sum of its weights it is symmetric and
 * positive definite, and conjugate gradients solve it. Large holes take few rounds because the preconditioner is an incomplete factor that
 * keeps row sums (Gustafsson 1978), applied so that the product with the matrix comes with it (Eisenstat 1981).
 */
import type { Float32Tensor } from "../../onnx/tensor.ts";

/** Weights times 12. */
const beside = 2;
const atCorner = 1;

/** Row sums kept wholly can leave a diagonal of 0 but for rounding. */
const kept = 0.999;

/**
 * Writes the image with removed pixels imputed into `out`.
 *
 * @param removed    1 where a pixel is removed, [H·W]; at least one is not
 * @param tolerance  how far a pixel may be from the weighted mean of its neighbours, in pixel values
 * @returns          the rounds that the slowest channel took
 */
export function impute(
  image: Float32Tensor,
  removed: Uint8Array,
  out: Float32Array,
  tolerance = 1e-6,
): number {
  const [channels, height, width] = image.dims;
  const pixels = height * width;
  const system = systemOf(removed, height, width);
  out.set(image.data);
  let rounds = 0;
  for (let c = 0; c < channels; c++) {
    rounds = Math.max(rounds, solve(system, out.subarray(c * pixels, (c + 1) * pixels), tolerance));
  }
  return rounds;
}

/**
 * The removed pixels as unknowns, A = diagonal + L + Lᵀ with L the weights of the neighbours that come earlier in row order, negative.
 * Vectors live on a grid with a border of one and are 0 where nothing is unknown, so that neighbours are at fixed offsets.
 */
interface System {
  readonly height: number;
  readonly width: number;
  readonly removed: Uint8Array;
  /** of the bordered grid */
  readonly stride: number;
  /** where the unknowns are there, in row order */
  readonly at: Int32Array;
  /** the sum of the weights of all neighbours in the image */
  readonly diagonal: Float64Array;
  /** D of the preconditioner (D + L) D⁻¹ (D + Lᵀ) */
  readonly factor: Float64Array;
  /** 1 over it */
  readonly inverse: Float64Array;
}

function systemOf(removed: Uint8Array, height: number, width: number): System {
  const stride = width + 2;
  const cells = stride * (height + 2);
  const inside = new Float64Array(cells);
  const unknown = new Float64Array(cells);
  const places: number[] = [];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const p = (i + 1) * stride + j + 1;
      inside[p] = 1;
      if (removed[i * width + j] === 0) continue;
      unknown[p] = 1;
      places.push(p);
    }
  }
  const at = Int32Array.from(places);
  const diagonal = new Float64Array(cells);
  const factor = new Float64Array(cells);
  const inverse = new Float64Array(cells);
  /** weights of the unknowns that come later */
  const later = new Float64Array(cells);
  for (const p of at) {
    diagonal[p] = earlierSum(inside, p, stride) + laterSum(inside, p, stride);
    later[p] = laterSum(unknown, p, stride);
    // what eliminating the earlier ones takes from the diagonal, with nearly all that falls on pairs which are no neighbours
    const taken = (q: number, weight: number) =>
      weight * inverse[q] * ((1 - kept) * weight + kept * later[q]);
    factor[p] =
      diagonal[p] -
      taken(p - 1, beside) -
      taken(p - stride, beside) -
      taken(p - stride - 1, atCorner) -
      taken(p - stride + 1, atCorner);
    inverse[p] = 1 / factor[p];
  }
  return { height, width, removed, stride, at, diagonal, factor, inverse };
}

const earlierSum = (v: Float64Array, p: number, stride: number): number =>
  beside * (v[p - 1] + v[p - stride]) + atCorner * (v[p - stride - 1] + v[p - stride + 1]);
const laterSum = (v: Float64Array, p: number, stride: number): number =>
  beside * (v[p + 1] + v[p + stride]) + atCorner * (v[p + stride - 1] + v[p + stride + 1]);

/** How often the residual itself is looked at, which the rounds do without. */
const every = 4;

/**
 * Conjugate gradients on (D + L)⁻¹ A (D + Lᵀ)⁻¹ for one channel, from the mean of the known pixels on. With t = (D + Lᵀ)⁻¹ p the product
 * with p is t + (D + L)⁻¹ (p + (diagonal − 2D) t).
 */
function solve(
  { height, width, removed, stride, at, diagonal, factor, inverse }: System,
  plane: Float32Array,
  tolerance: number,
): number {
  const cells = diagonal.length;
  const unknowns = at.length;
  const v = new Float64Array(cells);
  let sum = 0;
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      if (removed[i * width + j] === 1) continue;
      v[(i + 1) * stride + j + 1] = plane[i * width + j];
      sum += plane[i * width + j];
    }
  }
  const mean = sum / (height * width - unknowns);
  for (const p of at) v[p] = mean;

  const r = new Float64Array(cells);
  const direction = new Float64Array(cells);
  const t = new Float64Array(cells);
  const q = new Float64Array(cells);
  let size = 0;
  for (const p of at) {
    const residual = earlierSum(v, p, stride) + laterSum(v, p, stride) - diagonal[p] * v[p];
    r[p] = (residual + earlierSum(r, p, stride)) * inverse[p];
    size += factor[p] * r[p] * r[p];
  }
  let turn = 0;
  let round = 0;
  // exact arithmetic ends after as many rounds as there are unknowns
  for (; round <= unknowns && size > 0; round++) {
    if (round % every === 0 && worst() <= tolerance) break;
    for (let u = unknowns - 1; u >= 0; u--) {
      const p = at[u];
      direction[p] = factor[p] * r[p] + turn * direction[p];
      t[p] = (direction[p] + laterSum(t, p, stride)) * inverse[p];
    }
    let curvature = 0;
    for (let u = 0; u < unknowns; u++) {
      const p = at[u];
      q[p] = (direction[p] + (diagonal[p] - 2 * factor[p]) * t[p] + earlierSum(q, p, stride)) * inverse[p];
      curvature += direction[p] * (t[p] + q[p]);
    }
    const step = size / curvature;
    const before = size;
    size = 0;
    for (let u = 0; u < unknowns; u++) {
      const p = at[u];
      v[p] += step * t[p];
      r[p] -= step * (t[p] + q[p]);
      size += factor[p] * r[p] * r[p];
    }
    turn = size / before;
  }
  for (const p of at) plane[(Math.floor(p / stride) - 1) * width + (p % stride) - 1] = v[p];
  return round;

  /** How far the worst pixel is from the weighted mean of its neighbours. */
  function worst(): number {
    let found = 0;
    for (let u = 0; u < unknowns; u++) {
      const p = at[u];
      found = Math.max(found, Math.abs(factor[p] * r[p] - earlierSum(r, p, stride)) / diagonal[p]);
    }
    return found;
  }
}
