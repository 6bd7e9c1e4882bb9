/**
 * One small transformer, written the ways exporters write it, and once more as plain arrays in float64 where any attention can be replaced:
 * what methods that read attention are tested against.
 */
import { attr, canonicalOpset, type Graph, type Node, node } from "../src/onnx/graph.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { float32, int64, type Tensor } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { graphOf, weight } from "./small-models.ts";

export interface TransformerOptions {
  /**
   * "axis": one product, heads on an axis of their own; "folded": torch's MultiheadAttention, tokens first, heads folded into the batch;
   * "einsum": three products and no transposes; "fused": com.microsoft.Attention
   */
  readonly layout: "axis" | "folded" | "einsum" | "fused";
  /** what the head reads: the class token, the mean of the class and distillation tokens' logits, or the mean of all tokens */
  readonly head: "class" | "both" | "mean";
  /** registers behind the tokens of the head */
  readonly registers?: number;
}

export const blocks = 3;
export const heads = 2;
const width = 4;
const size = width / heads;
const hidden = 5;
const classes = 3;
export const rows = 2;
export const columns = 3;
/** in pixels */
export const shape = { channels: 3, height: 2 * rows, width: 2 * columns };

export const skipOf = ({ head, registers = 0 }: TransformerOptions): number =>
  registers + { class: 1, both: 2, mean: 0 }[head];

function weightsOf(options: TransformerOptions): Record<string, Tensor> {
  const weights: Record<string, Tensor> = {
    patch: weight("patch", width, 3, 2, 2),
    positions: weight("positions", 1, skipOf(options) + rows * columns, width),
    tokens: weight("tokens", 1, Math.max(1, skipOf(options)), width),
    scale: weight("scale", width),
    shift: weight("shift", width),
    head: weight("head", width, classes),
    head2: weight("head2", width, classes),
  };
  for (let l = 0; l < blocks; l++) {
    Object.assign(weights, {
      [`qkv${l}`]: weight(`qkv${l}`, width, 3 * width),
      [`bias${l}`]: weight(`bias${l}`, 3 * width),
      [`out${l}`]: weight(`out${l}`, width, width),
      [`up${l}`]: weight(`up${l}`, width, hidden),
      [`down${l}`]: weight(`down${l}`, hidden, width),
    });
  }
  return weights;
}

/** The graph from the image "x" to "y"; the attention of block l is made by a softmax named "softmax l". */
export function transformer(options: TransformerOptions): Graph {
  const skip = skipOf(options);
  const tokens = skip + rows * columns;
  const weights = weightsOf(options);
  const nodes: Node[] = [];
  let serial = 0;
  const constant = (values: readonly number[], scalar = false): string => {
    const name = `constant ${serial++}`;
    weights[name] = int64(scalar ? [] : [values.length], values);
    return name;
  };
  const op = (op: string, inputs: readonly string[], attributes = {}, name = "", domain = ""): string => {
    const out = `t${serial++}`;
    nodes.push(node(op, inputs, [out], attributes, name, domain));
    return out;
  };
  const turned = (x: string, ...perm: number[]) => op("Transpose", [x], { perm: attr.ints(perm) });
  const shaped = (x: string, ...dims: number[]) => op("Reshape", [x, constant(dims)]);
  const normed = (x: string) => op("LayerNormalization", [x, "scale", "shift"], { axis: attr.int(-1) });
  const last = attr.int(-1);
  const part = (x: string, i: number) =>
    op("Slice", [x, constant([i * width]), constant([(i + 1) * width]), constant([2])]);
  weights.temperature = float32([], [size ** -0.5]);

  const attention: Record<TransformerOptions["layout"], (x: string, l: number) => string> = {
    axis(x, l) {
      const all = op("Add", [op("MatMul", [x, `qkv${l}`]), `bias${l}`]);
      const apart = turned(shaped(all, 0, tokens, 3, heads, size), 2, 0, 3, 1, 4);
      const [q, k, v] = [0, 1, 2].map((i) =>
        op("Gather", [apart, constant([i], true)], { axis: attr.int(0) }),
      );
      const scores = op("Mul", [op("MatMul", [q, turned(k, 0, 1, 3, 2)]), "temperature"]);
      const mixed = op("MatMul", [op("Softmax", [scores], { axis: last }, `softmax ${l}`), v]);
      return op("MatMul", [shaped(turned(mixed, 0, 2, 1, 3), 0, tokens, width), `out${l}`]);
    },
    folded(x, l) {
      const all = op("Add", [op("MatMul", [x, `qkv${l}`]), `bias${l}`]);
      const [q, k, v] = [0, 1, 2].map((i) => shaped(part(all, i), tokens, -1, size));
      const scaled = op("Mul", [turned(q, 1, 0, 2), "temperature"]);
      const scores = op("MatMul", [scaled, turned(k, 1, 2, 0)]);
      const mixed = op("MatMul", [
        op("Softmax", [scores], { axis: last }, `softmax ${l}`),
        turned(v, 1, 0, 2),
      ]);
      const product = op("Gemm", [shaped(turned(mixed, 1, 0, 2), -1, width), `out${l}`]);
      return shaped(product, tokens, -1, width);
    },
    einsum(x, l) {
      const all = op("Add", [op("MatMul", [x, `qkv${l}`]), `bias${l}`]);
      const [q, k, v] = [0, 1, 2].map((i) => shaped(part(all, i), 0, 0, heads, size));
      const equation = (e: string) => ({ equation: attr.string(e) });
      const scores = op("Mul", [op("Einsum", [q, k], equation("nqhd,nkhd->nhqk")), "temperature"]);
      const probabilities = op("Softmax", [scores], { axis: last }, `softmax ${l}`);
      const mixed = op("Einsum", [probabilities, v], equation("nhqk,nkhd->nqhd"));
      return op("MatMul", [shaped(mixed, 0, 0, width), `out${l}`]);
    },
    fused(x, l) {
      const attributes = { num_heads: attr.int(heads) };
      const mixed = op(
        "Attention",
        [x, `qkv${l}`, `bias${l}`],
        attributes,
        `attention ${l}`,
        "com.microsoft",
      );
      return op("MatMul", [mixed, `out${l}`]);
    },
  };

  const grid = op("Conv", ["x", "patch"], { strides: attr.ints([2, 2]) });
  let at = turned(shaped(grid, 0, width, rows * columns), 0, 2, 1);
  if (skip > 0) {
    const size = op("Shape", [at], { start: attr.int(0), end: attr.int(1) });
    const dims = op("Concat", [size, constant([skip, width])], { axis: attr.int(0) });
    at = op("Concat", [op("Expand", ["tokens", dims]), at], { axis: attr.int(1) });
  }
  at = op("Add", [at, "positions"]);
  const first = options.layout === "folded";
  if (first) at = turned(at, 1, 0, 2);
  for (let l = 0; l < blocks; l++) {
    at = op("Add", [at, attention[options.layout](normed(at), l)]);
    const inner = op("Tanh", [op("MatMul", [normed(at), `up${l}`])]);
    at = op("Add", [at, op("MatMul", [inner, `down${l}`])]);
  }
  if (first) at = turned(at, 1, 0, 2);
  at = normed(at);
  const token = (i: number) => op("Gather", [at, constant([i], true)], { axis: attr.int(1) });
  if (options.head === "mean") {
    const pooled = op("ReduceMean", [at, constant([1])], { keepdims: attr.int(0) });
    nodes.push(node("MatMul", [pooled, "head"], ["y"]));
  } else if (options.head === "class") {
    nodes.push(node("MatMul", [token(0), "head"], ["y"]));
  } else {
    weights.half = float32([], [0.5]);
    const both = op("Add", [op("MatMul", [token(0), "head"]), op("MatMul", [token(1), "head2"])]);
    nodes.push(node("Mul", [both, "half"], ["y"]));
  }
  const graph = graphOf(["N", 3, shape.height, shape.width], nodes, weights);
  // fused operators are taken apart on reading
  return options.layout === "fused"
    ? readOnnx(writeOnnx({ ...graph, opsets: { "": canonicalOpset, "com.microsoft": 1 } }))
    : graph;
}

type Matrix = readonly (readonly number[])[];

/** One block, in the paper's letters. */
export interface Block {
  /** [heads][T][size] */
  readonly q: readonly Matrix[];
  readonly k: readonly Matrix[];
  readonly v: readonly Matrix[];
  /** softmax(q kᵀ/√d), [heads][T][T] */
  readonly a: readonly Matrix[];
  /** a v, [heads][T][size] */
  readonly o: readonly Matrix[];
  /** the tokens the block leaves, [T][width] */
  readonly z: Matrix;
}

/** What stands in the place of the attention, or of its product with the values, in block `block`. */
export interface Replaced {
  readonly block: number;
  readonly a?: readonly Matrix[];
  readonly o?: readonly Matrix[];
}

export interface Literal {
  readonly blocks: readonly Block[];
  readonly logits: readonly number[];
}

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((s, v, i) => s + v * b[i][j], 0)));
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((v, j) => v + b[i][j]));
const columnsOf = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const mean = (a: readonly number[]): number => a.reduce((s, v) => s + v, 0) / a.length;

function softmax(row: readonly number[]): readonly number[] {
  const e = row.map((v) => Math.exp(v - Math.max(...row)));
  return e.map((v) => v / e.reduce((s, w) => s + w, 0));
}

/** The model as plain arrays. */
export function literally(options: TransformerOptions) {
  const weights = weightsOf(options);
  const read = new Map<string, Matrix>();
  /** rows of the last axis */
  const matrix = (name: string): Matrix => {
    const known = read.get(name);
    if (known) return known;
    const columns = weights[name].dims.at(-1)!;
    const values = Array.from(weights[name].data as Float32Array);
    const found = Array.from({ length: values.length / columns }, (_, i) =>
      values.slice(i * columns, (i + 1) * columns),
    );
    read.set(name, found);
    return found;
  };
  const vector = (name: string): readonly number[] => matrix(name)[0];
  const [scale, shift] = [vector("scale"), vector("shift")];
  const normed = (tokens: Matrix): Matrix =>
    tokens.map((t) => {
      const centred = t.map((v) => v - mean(t));
      const deviation = Math.sqrt(mean(centred.map((v) => v * v)) + 1e-5);
      return centred.map((v, i) => (v / deviation) * scale[i] + shift[i]);
    });
  const linear = (t: readonly number[], name: string): readonly number[] => product([t], matrix(name))[0];

  /** What the head makes of tokens. */
  function score(tokens: Matrix): readonly number[] {
    const z = normed(tokens);
    if (options.head === "mean") return linear(columnsOf(z).map(mean), "head");
    if (options.head === "class") return linear(z[0], "head");
    const [one, two] = [linear(z[0], "head"), linear(z[1], "head2")];
    return one.map((v, i) => (v + two[i]) / 2);
  }

  function patches(x: ArrayLike<number>): Matrix {
    const kernel = matrix("patch"); // [width·3·2, 2]
    return Array.from({ length: rows * columns }, (_, p) =>
      Array.from({ length: width }, (_, d) => {
        let sum = 0;
        for (let c = 0; c < 3; c++) {
          for (let i = 0; i < 2; i++) {
            for (let j = 0; j < 2; j++) {
              const [row, column] = [2 * Math.floor(p / columns) + i, 2 * (p % columns) + j];
              sum += kernel[(d * 3 + c) * 2 + i][j] * x[(c * shape.height + row) * shape.width + column];
            }
          }
        }
        return sum;
      }),
    );
  }

  function run(x: ArrayLike<number>, replaced?: Replaced): Literal {
    const extra = matrix("tokens").slice(0, skipOf(options));
    let z = plus([...extra, ...patches(x)], matrix("positions"));
    const done: Block[] = [];
    for (let l = 0; l < blocks; l++) {
      const all = product(normed(z), matrix(`qkv${l}`)).map((t) =>
        t.map((v, i) => v + vector(`bias${l}`)[i]),
      );
      const [q, k, v] = [0, 1, 2].map((part) =>
        Array.from({ length: heads }, (_, h) =>
          all.map((t) => t.slice(part * width + h * size, part * width + (h + 1) * size)),
        ),
      );
      const here = replaced?.block === l ? replaced : undefined;
      const a =
        here?.a ??
        q.map((qh, h) =>
          product(qh, columnsOf(k[h])).map((row) => softmax(row.map((s) => s / Math.sqrt(size)))),
        );
      const o = here?.o ?? a.map((ah, h) => product(ah, v[h]));
      const together = z.map((_, t) => o.flatMap((oh) => oh[t]));
      z = plus(z, product(together, matrix(`out${l}`)));
      const inner = product(normed(z), matrix(`up${l}`)).map((t) => t.map(Math.tanh));
      z = plus(z, product(inner, matrix(`down${l}`)));
      done.push({ q, k, v, a, o, z });
    }
    return { blocks: done, logits: score(z) };
  }
  return { run, score };
}

/** Central differences of `f` at every entry of `at`, in its shape. */
export function differences(
  at: readonly Matrix[],
  f: (changed: readonly Matrix[]) => number,
): readonly Matrix[] {
  const ε = 1e-4;
  return at.map((m, h) =>
    m.map((row, i) =>
      row.map((_, j) => {
        const moved = (by: number) =>
          f(
            at.map((n, g) =>
              g === h ? n.map((r, s) => (s === i ? r.map((v, t) => (t === j ? v + by : v)) : r)) : n,
            ),
          );
        return (moved(ε) - moved(-ε)) / (2 * ε);
      }),
    ),
  );
}
