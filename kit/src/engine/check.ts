/**
 * The self-check every device passes before it is trusted: a small network whose numbers are known, because they are
 * computed here too, literally and in float64. Batch 1 and batch 8, since kernels differ between the two.
 */
import { attr, canonicalOpset, type Graph, node } from "../onnx/graph.ts";
import { type Float32Tensor, float32, sizeOf } from "../onnx/tensor.ts";
import type { Engine } from "./engine.ts";

/** Float32 devices stay below 2e-6 here; TF32 and float16, which keep 11 bits, come out near 3e-4. */
export const tolerance = 2e-5;

export const checkBatches = [1, 8] as const;

export interface Check {
  readonly ok: boolean;
  /** largest difference from the known numbers, relative to the largest of them */
  readonly maxError: number;
  /** the same at each of `checkBatches` */
  readonly errors: readonly number[];
  /** median time of the graph at the largest batch */
  readonly ms: number;
  readonly reason: string;
}

/** Runs the check graph. Throws the engine's KitError where it cannot run at all. */
export async function checkEngine(engine: Engine, clock: () => number, repeats = 1): Promise<Check> {
  const executable = await engine.load(checkGraph());
  try {
    const errors: number[] = [];
    const times: number[] = [];
    for (const batch of checkBatches) {
      const want = knownNumbers(batch);
      let worst = 0;
      // the first run sets up caches and compiles shaders, so it is checked but not timed
      for (let i = 0; i <= (batch === checkBatches.at(-1) ? repeats : 0); i++) {
        const x = input(batch);
        const start = clock();
        const got = await executable.run({ x }, ["logits", "probabilities"]);
        if (i > 0) times.push(clock() - start);
        worst = Math.max(
          worst,
          relativeError(got.logits.data as Float32Array, want.logits),
          relativeError(got.probabilities.data as Float32Array, want.probabilities),
        );
      }
      errors.push(worst);
    }
    const maxError = Math.max(...errors);
    const ok = maxError <= tolerance;
    const size = maxError.toExponential(1);
    const reason = ok
      ? `check passed: largest error ${size}`
      : `wrong numbers: largest error ${size}, allowed ${tolerance}`;
    return { ok, maxError, errors, ms: median(times), reason };
  } finally {
    await executable.release();
  }
}

/** NaN anywhere is an infinite error. */
export function relativeError(got: Float32Array | Float64Array, want: Float64Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]);
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    largest = Math.max(largest, Math.abs(want[i]));
  }
  return worst / largest;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const side = 32;
const half = side / 2;

/** conv 3×3 → ReLU → max pool 2×2 → conv 3×3 → ReLU → Gemm → softmax */
export function checkGraph(): Graph {
  const pads = attr.ints([1, 1, 1, 1]);
  return {
    name: "device check",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 3, side, side] }],
    outputs: [
      { name: "logits", type: "float32", dims: ["batch", 10] },
      { name: "probabilities", type: "float32", dims: ["batch", 10] },
    ],
    nodes: [
      node("Conv", ["x", "w1", "b1"], ["conv1"], { pads }),
      node("Relu", ["conv1"], ["relu1"]),
      node("MaxPool", ["relu1"], ["pool"], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) }),
      node("Conv", ["pool", "w2", "b2"], ["conv2"], { pads }),
      node("Relu", ["conv2"], ["relu2"]),
      node("Flatten", ["relu2"], ["flat"]),
      node("Gemm", ["flat", "w3", "b3"], ["logits"], { transB: attr.int(1) }),
      node("Softmax", ["logits"], ["probabilities"]),
    ],
    initializers: new Map(Object.entries(weights)),
  };
}

const weights = {
  w1: noise([16, 3, 3, 3], 1, 0.3),
  b1: noise([16], 2, 0.3),
  w2: noise([32, 16, 3, 3], 3, 0.15),
  b2: noise([32], 4, 0.3),
  w3: noise([10, 32 * half * half], 5, 0.03),
  b3: noise([10], 6, 0.3),
};

export const input = (batch: number): Float32Tensor => noise([batch, 3, side, side], 7, 1);

/** Uniform in [-scale, scale): the same on every machine, since it is integer arithmetic. */
function noise(dims: readonly number[], seed: number, scale: number): Float32Tensor {
  let state = seed;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state / 2 ** 31) * scale;
  };
  return float32(dims, Float32Array.from({ length: sizeOf(dims) }, draw));
}

interface Expected {
  readonly logits: Float64Array;
  readonly probabilities: Float64Array;
}

const known = new Map<number, Expected>();

function knownNumbers(batch: number): Expected {
  const numbers = known.get(batch) ?? expected(batch);
  known.set(batch, numbers);
  return numbers;
}

/** What the graph should give; `round` stands for the precision of a device, in tests. */
export function expected(batch: number, round: (v: number) => number = (v) => v): Expected {
  const x = Float64Array.from(input(batch).data);
  const pool = maxPool2(conv3(x, batch, side, weights.w1, weights.b1, round), side);
  const flat = conv3(pool, batch, half, weights.w2, weights.b2, round);
  const logits = gemm(flat, batch, weights.w3, weights.b3, round);
  return { logits, probabilities: softmax(logits, 10) };
}

/** 3×3, padding 1, then ReLU. */
function conv3(
  x: Float64Array,
  batch: number,
  size: number,
  w: Float32Tensor,
  b: Float32Tensor,
  round: (v: number) => number,
): Float64Array {
  const [outs, ins] = w.dims;
  const y = new Float64Array(batch * outs * size * size);
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outs; o++) {
      const plane = y
        .subarray((n * outs + o) * size * size, (n * outs + o + 1) * size * size)
        .fill(b.data[o]);
      for (let i = 0; i < ins; i++) {
        const from = (n * ins + i) * size * size;
        for (let k = 0; k < 9; k++) {
          const weight = round(w.data[(o * ins + i) * 9 + k]);
          const dr = Math.floor(k / 3) - 1;
          const dc = (k % 3) - 1;
          for (let r = Math.max(0, -dr); r < Math.min(size, size - dr); r++) {
            for (let c = Math.max(0, -dc); c < Math.min(size, size - dc); c++) {
              plane[r * size + c] += weight * round(x[from + (r + dr) * size + c + dc]);
            }
          }
        }
      }
      for (let p = 0; p < plane.length; p++) plane[p] = Math.max(0, plane[p]);
    }
  }
  return y;
}

function maxPool2(x: Float64Array, size: number): Float64Array {
  const out = size / 2;
  return Float64Array.from({ length: x.length / 4 }, (_, i) => {
    const plane = Math.floor(i / (out * out)) * size * size;
    const at = plane + Math.floor((i % (out * out)) / out) * 2 * size + (i % out) * 2;
    return Math.max(x[at], x[at + 1], x[at + size], x[at + size + 1]);
  });
}

function gemm(
  x: Float64Array,
  batch: number,
  w: Float32Tensor,
  b: Float32Tensor,
  round: (v: number) => number,
): Float64Array {
  const [outs, ins] = w.dims;
  return Float64Array.from({ length: batch * outs }, (_, at) => {
    const n = Math.floor(at / outs);
    const o = at % outs;
    let sum = b.data[o];
    for (let i = 0; i < ins; i++) sum += round(x[n * ins + i]) * round(w.data[o * ins + i]);
    return sum;
  });
}

function softmax(logits: Float64Array, classes: number): Float64Array {
  return logits.map((v, at, all) => {
    const row = all.subarray(at - (at % classes), at - (at % classes) + classes);
    return Math.exp(v) / row.reduce((sum, u) => sum + Math.exp(u), 0);
  });
}
