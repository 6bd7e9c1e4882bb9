/**
 * Spatial transformers: an image read at computed points. The image's gradient goes back to the elements each point was
 * made of; the points' gradient is the slope of the image there.
 */
import { attr, intOf, type Node, stringOf } from "../../onnx/graph.ts";
import { float32, int64, sizeOf } from "../../onnx/tensor.ts";
import { fixedAll, product } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

type Factor = Value | number;

/** One of the elements that a point is made of, along one axis; values are [N, 1, points]. */
interface Tap {
  /** where it lies, an integer inside the image */
  readonly index: Value;
  /** its share of the point, 0 for what lies outside, and the slope of that share along the axis */
  readonly weight: Factor;
  readonly slope: Factor;
}

/** How one axis of the image is read. */
interface Axis {
  readonly size: number;
  readonly aligned: boolean;
  readonly mode: string;
  readonly padding: string;
}

const floor = (ops: Ops, x: Value): Value => ops.op("Floor", [x]);
const clipped = (ops: Ops, x: Value, most: number): Value =>
  ops.op("Clip", [x, ops.scalar(0), ops.scalar(most)]);
/** 1 where a equals b, else 0. */
const same = (ops: Ops, a: Value, b: Value | number): Value => ops.cast(ops.equal(a, b), a.type);
/** x − 2 ⌊x/2⌋ of an integer: 1 where it is odd. */
const odd = (ops: Ops, x: Value): Value => ops.sub(x, ops.mul(floor(ops, ops.mul(x, 0.5)), 2));

/** The nearest integer; a half goes to the even one, as engines round here. */
function rounded(ops: Ops, x: Value): Value {
  const up = floor(ops, ops.add(x, 0.5));
  return ops.sub(up, ops.mul(same(ops, ops.sub(up, x), 0.5), odd(ops, up)));
}

/** Positions mirrored at the borders until they are inside, and the sign of their slope by then. */
function mirrored(ops: Ops, x: Value, { size, aligned }: Axis): { at: Value; sign: Factor } {
  const [low, span] = aligned ? [0, size - 1] : [-0.5, size];
  if (span === 0) return { at: ops.mul(x, 0), sign: 0 };
  const off = ops.sub(x, low);
  const distance = ops.op("Abs", [off]);
  const turns = floor(ops, ops.mul(distance, 1 / span));
  const rest = ops.sub(distance, ops.mul(turns, span));
  const back = ops.greater(odd(ops, turns), 0.5);
  return {
    at: ops.add(ops.where(back, ops.sub(span, rest), rest), low),
    sign: ops.mul(ops.sign(off), ops.where(back, -1, 1)),
  };
}

/** A position (0 is the middle of the first element) brought inside as the padding says, and how fast it still moves. */
function brought(ops: Ops, x: Value, axis: Axis): { at: Value; speed: Factor } {
  // a cubic kernel reaches over the border from inside: there it is the elements that are brought inside
  if (axis.padding === "zeros" || axis.mode === "cubic") return { at: x, speed: 1 };
  const { at: inside, sign } =
    axis.padding === "reflection" ? mirrored(ops, x, axis) : { at: x, sign: 1 as Factor };
  const at = clipped(ops, inside, axis.size - 1);
  return { at, speed: ops.mul(same(ops, at, inside), sign) };
}

/** a t³ + b t² + c t + d, and its slope. */
function cubic(ops: Ops, t: Value, [a, b, c, d]: readonly [number, number, number, number]) {
  const horner = (...k: readonly number[]): Value =>
    k.slice(2).reduce((sum, next) => ops.add(ops.mul(sum, t), next), ops.add(ops.mul(t, k[0]), k[1]));
  return { weight: horner(a, b, c, d), slope: horner(3 * a, 2 * b, c) };
}

/** Weights of the elements at −1, 0, 1 and 2 beside a position t after the second: the kernel with a = −3/4. */
const kernel = [
  [-0.75, 1.5, -0.75, 0],
  [1.25, -2.25, 0, 1],
  [-1.25, 1.5, 0.75, 0],
  [0.75, -0.75, 0, 0],
] as const;

/** What a position is made of. */
function tapsAt(ops: Ops, at: Value, axis: Axis): readonly Tap[] {
  const tap = (place: Value, weight: Factor, slope: Factor): Tap => {
    const turned =
      axis.mode === "cubic" && axis.padding === "reflection" ? mirrored(ops, place, axis).at : place;
    const index = clipped(ops, turned, axis.size - 1);
    if (axis.padding !== "zeros") return { index, weight, slope };
    const inside = same(ops, index, place);
    return { index, weight: ops.mul(inside, weight), slope: ops.mul(inside, slope) };
  };
  if (axis.mode === "nearest") return [tap(rounded(ops, at), 1, 0)];
  const low = floor(ops, at);
  const part = ops.sub(at, low);
  if (axis.mode === "cubic") {
    return kernel.map((terms, k) => {
      const { weight, slope } = cubic(ops, part, terms);
      return tap(k === 1 ? low : ops.add(low, k - 1), weight, slope);
    });
  }
  return [tap(low, ops.sub(1, part), -1), tap(ops.add(low, 1), part, 1)];
}

/** Every choice of one tap per axis. */
const choices = (axes: readonly (readonly Tap[])[]): readonly (readonly Tap[])[] =>
  axes.reduce<readonly (readonly Tap[])[]>(
    (made, taps) => made.flatMap((head) => taps.map((tap) => [...head, tap])),
    [[]],
  );

const modeOf = (node: Node): string => stringOf(node, "mode", "linear");

export const GridSample: Vjp = {
  rule({ ops, node, dy, inputs: [x, grid], need }) {
    const [n, channels, ...space] = x.shape;
    const sizes = fixedAll(node, space);
    const points = product(dy.shape.slice(2));
    const times = (a: Factor, b: Factor): Factor =>
      typeof a === "number" ? (typeof b === "number" ? a * b : ops.mul(b, a)) : ops.mul(a, b);
    const aligned = intOf(node, "align_corners", 0) === 1;
    const padding = stringOf(node, "padding_mode", "zeros");
    const listed = ops.reshape(grid, [n, points, sizes.length]);
    const axes = sizes.map((size, i) => {
      // the grid names the last axis first
      const k = sizes.length - 1 - i;
      const given = ops.reshape(ops.slice(listed, [2], [k], [k + 1]), [n, 1, points]);
      const scale = (aligned ? size - 1 : size) / 2;
      const axis: Axis = { size, aligned, mode: modeOf(node), padding };
      const { at, speed } = brought(ops, ops.add(ops.mul(given, scale), (size - 1) / 2), axis);
      return { taps: tapsAt(ops, at, axis), speed: times(speed, scale) };
    });
    const combined = choices(axes.map((a) => a.taps)).map((taps) => {
      const place = taps
        .map(({ index }, i) => ops.mul(index, sizeOf(sizes.slice(i + 1))))
        .reduce((a, b) => ops.add(a, b));
      return { taps, index: ops.expand(ops.cast(place, "int64"), [n, channels, points]) };
    });
    const gradient = ops.reshape(dy, [n, channels, points]);
    const weights = (taps: readonly Tap[]): Factor => taps.map((t) => t.weight).reduce(times, 1);

    const image = (): Value => {
      const shares = combined.map(({ taps }) => ops.mul(gradient, weights(taps)));
      const indices = combined.map(({ index }) => index);
      const flat = ops.scatterAdd(
        [n, channels, sizeOf(sizes)],
        ops.concat(indices, 2),
        ops.concat(shares, 2),
        2,
      );
      return ops.reshape(flat, x.shape);
    };
    const positions = (): Value => {
      const flat = ops.reshape(x, [n, channels, sizeOf(sizes)]);
      const felt = combined.map(({ index }) => {
        const values = ops.op("GatherElements", [flat, index], { axis: attr.int(2) });
        return ops.sum(ops.mul(gradient, values), [1]);
      });
      const along = axes.map(({ speed }, i) => {
        const slopes = combined.map(({ taps }, k) => {
          const slope = taps.map((t, j) => (j === i ? t.slope : t.weight)).reduce(times, 1);
          return ops.mul(felt[k], slope);
        });
        const sum = ops.mul(
          slopes.reduce((a, b) => ops.add(a, b)),
          speed,
        );
        return ops.reshape(sum, [n, points, 1]);
      });
      return ops.reshape(ops.concat(along.reverse(), 2), grid.shape);
    };
    // the nearest element stays the same where the point moves a little
    return [need[0] ? image() : null, need[1] && modeOf(node) !== "nearest" ? positions() : null];
  },
  samples: [
    ...["zeros", "border", "reflection"].flatMap((padding_mode, i) => [
      sampled(`linear, ${padding_mode}`, [2, 1, 3, 3], [2, 2, 2, 2], 0, { padding_mode }),
      sampled(`linear, ${padding_mode}`, [2, 1, 3, 3], [2, 2, 2, 2], 1, { padding_mode }),
      sampled(`cubic, ${padding_mode}`, [1, 2, 3, 3], [1, 2, 2, 2], i % 2, { padding_mode, mode: "cubic" }),
      sampled(`nearest, ${padding_mode}`, [2, 1, 3, 3], [2, 2, 2, 2], (i + 1) % 2, {
        padding_mode,
        mode: "nearest",
      }),
    ]),
    sampled("linear, three axes", [1, 1, 3, 3, 3], [1, 2, 1, 1, 3], 0, {}),
    {
      name: "nearest, halves",
      shapes: [[1, 1, 1, 4], []],
      // positions 0.5 and 2.5: both go to 2 and 0, the even ones
      constants: { 1: float32([1, 1, 2, 2], [-0.5, 0, 0.5, 0]) },
      attributes: { mode: attr.string("nearest") },
    },
  ],
};

/** A square image of 3 elements, so that the kinks of all axes are the same. */
function sampled(
  name: string,
  image: readonly number[],
  grid: readonly number[],
  aligned: number,
  strings: Readonly<Record<string, string>>,
): Sample {
  // where a position is a whole or half number of elements
  const kinks = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5].map((at) =>
    aligned ? at - 1 : (2 * at + 1) / 3 - 1,
  );
  return {
    name: `${name}${aligned ? ", align_corners" : ""}`,
    shapes: [image, grid],
    attributes: {
      align_corners: attr.int(aligned),
      ...Object.fromEntries(Object.entries(strings).map(([k, v]) => [k, attr.string(v)])),
    },
    range: [-1.3, 1.3],
    kinks,
    batch: [0, 1],
  };
}

/** The points of a grid in [−1, 1], each followed by 1: [points, axes + 1], the last axis named first. */
function corners(sizes: readonly number[], aligned: boolean) {
  const rows = sizes.reduce<number[][]>(
    (made, size) =>
      made.flatMap((head) =>
        Array.from({ length: size }, (_, i) => [
          aligned ? (size > 1 ? -1 + (2 * i) / (size - 1) : 0) : (2 * i + 1) / size - 1,
          ...head,
        ]),
      ),
    [[1]],
  );
  return float32([rows.length, sizes.length + 1], rows.flat());
}

/** grid = base · thetaᵀ, with a base that depends on the size alone. */
export const AffineGrid: Vjp = {
  rule({ ops, node, dy, inputs: [theta] }) {
    const [n, ...space] = dy.shape.slice(0, -1);
    const base = corners(fixedAll(node, space), intOf(node, "align_corners", 0) === 1);
    const flat = ops.reshape(dy, [n, base.dims[0], space.length]);
    return [ops.reshape(ops.matmul(ops.swap(flat), ops.constant(base)), theta.shape)];
  },
  samples: [0, 1].flatMap((aligned): readonly Sample[] => [
    {
      name: `two axes${aligned ? ", align_corners" : ""}`,
      shapes: [[2, 2, 3], []],
      constants: { 1: int64([4], [2, 1, 3, 2]) },
      attributes: { align_corners: attr.int(aligned) },
    },
    {
      name: `three axes${aligned ? ", align_corners" : ""}`,
      shapes: [[1, 3, 4], []],
      constants: { 1: int64([5], [1, 1, 2, 3, 2]) },
      attributes: { align_corners: attr.int(aligned) },
    },
  ]),
};
