/** Resize along one axis as the matrix it is: linear in the elements, whatever the mode. Worked out from the operator's definition. */
import { floatOf, intOf, type Node, stringOf } from "./graph.ts";
import { type Float32Tensor, float32 } from "./tensor.ts";

/** One axis: its sizes, out/in as the node says it, and the part of the input that tf_crop_and_resize looks at. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  readonly region?: readonly [start: number, end: number];
}

/** Where output element i falls on the input axis; undefined where there is nothing (outside a crop). */
function coordinate(node: Node, i: number, { from, to, scale, region = [0, 1] }: Axis): number | undefined {
  const halfPixel = (i + 0.5) / scale - 0.5;
  switch (stringOf(node, "coordinate_transformation_mode", "half_pixel")) {
    case "pytorch_half_pixel":
      return to > 1 ? halfPixel : 0;
    case "asymmetric":
      return i / scale;
    case "align_corners":
      return to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    case "half_pixel_symmetric":
      return (from / 2) * (1 - to / (scale * from)) + halfPixel;
    case "tf_crop_and_resize": {
      const [start, end] = region;
      const along = to > 1 ? start + (i * (end - start)) / (to - 1) : (start + end) / 2;
      return along >= 0 && along <= 1 ? along * (from - 1) : undefined;
    }
    default:
      return halfPixel;
  }
}

type Taps = readonly (readonly [index: number, weight: number])[];

/** The cubic kernel at distance d ≥ 0. */
function cubic(a: number, d: number): number {
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

function normalised(taps: Taps): Taps {
  const sum = taps.reduce((s, [, w]) => s + w, 0);
  return taps.map(([k, w]) => [k, w / sum] as const);
}

/** With antialias the kernel is as wide as the step between output elements. */
function smoothed(node: Node, x: number, scale: number): Taps {
  const a = floatOf(node, "cubic_coeff_a", -0.75);
  const linear = stringOf(node, "mode", "nearest") === "linear";
  const shrink = Math.min(1, scale);
  const reach = (linear ? 1 : 2) / shrink;
  const first = Math.floor(x - reach + 1);
  const end = Math.floor(x + reach + 1);
  const weight = (k: number): number => {
    const d = Math.abs(k - x) * shrink;
    return linear ? Math.max(0, 1 - d) : cubic(a, d);
  };
  return Array.from({ length: end - first }, (_, i) => [first + i, weight(first + i)] as const);
}

/** The 2 or 4 elements around x. */
function sharp(node: Node, x: number, size: number): Taps {
  if (stringOf(node, "mode", "nearest") === "linear") {
    const inside = Math.min(Math.max(x, 0), size - 1);
    const low = Math.floor(inside);
    return [
      [low, 1 - (inside - low)],
      [low + 1, inside - low],
    ];
  }
  const low = Math.floor(x);
  const a = floatOf(node, "cubic_coeff_a", -0.75);
  return [-1, 0, 1, 2].map((k) => [low + k, cubic(a, Math.abs(x - low - k))] as const);
}

/** The input elements that make up the point x, and their weights; indices may lie outside. */
function taps(node: Node, x: number, axis: Axis): Taps {
  const { from } = axis;
  if (stringOf(node, "mode", "nearest") === "nearest") {
    const rounding = stringOf(node, "nearest_mode", "round_prefer_floor");
    const round: Readonly<Record<string, (v: number) => number>> = {
      round_prefer_floor: (v) => Math.ceil(v - 0.5),
      round_prefer_ceil: (v) => Math.floor(v + 0.5),
      floor: Math.floor,
      ceil: Math.ceil,
    };
    return [[round[rounding](x), 1]];
  }
  const antialias = intOf(node, "antialias", 0) === 1;
  const inside = intOf(node, "exclude_outside", 0) === 1;
  const kernel = antialias ? smoothed(node, x, axis.scale) : sharp(node, x, from);
  const kept = inside ? kernel.filter(([k]) => k >= 0 && k < from) : kernel;
  return inside || antialias ? normalised(kept) : kept;
}

/**
 * What a Resize node does along an axis of `from` elements that becomes `to`.
 *
 * @param region  start and end of the crop of tf_crop_and_resize, as parts of the axis
 * @returns       float32 [to, from]; undefined for tf_crop_and_resize without a region
 */
export function resizeMatrix(
  node: Node,
  from: number,
  to: number,
  scale: number,
  region?: readonly [number, number],
): Float32Tensor | undefined {
  const crops = stringOf(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  if (crops && !region) return undefined;
  const axis = { from, to, scale, region };
  const data = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = coordinate(node, i, axis);
    if (at === undefined) continue;
    for (const [k, weight] of taps(node, at, axis)) {
      data[i * from + Math.min(Math.max(k, 0), from - 1)] += weight;
    }
  }
  return float32([to, from], data);
}
