/**
 * The builder that rules write with: each call appends one standard ONNX node and returns its output with its shape.
 *
 * Shapes come from the same inference that reads models, at batch 2 and at batch 3, so nothing here repeats an operator's
 * shape logic. Only operators that every engine and device runs well are used (no Sign, Sum or Mod: WebGPU lacks them).
 */
import { KitError } from "../errors.ts";
import { type Attribute, attr, type Graph, labelOf, type Node, node } from "../onnx/graph.ts";
import { type Info, inferNode } from "../onnx/infer.ts";
import { equalShapes, formatShape, isStatic, mergeShapes, type Shape, shapeAt } from "../onnx/shapes.ts";
import {
  type ElementType,
  elementTypes,
  type Float32Tensor,
  float32,
  int64,
  sizeOf,
  type Tensor,
} from "../onnx/tensor.ts";

/** A tensor of the graph under construction, with what is known of it before running. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** its value, when it is an initializer */
  readonly constant?: Tensor;
}

type Attributes = Readonly<Record<string, Attribute>>;
type Operand = Value | number;

/** Constants up to this many elements are shown to inference, which may need the value (axes, pads, scales). */
const shownToInference = 64;

/** The graph that grows: what is already there, and what the builder has added. */
export interface Draft {
  readonly nodes: Node[];
  readonly initializers: Map<string, Tensor>;
  readonly shapes: Map<string, Shape>;
  readonly types: Map<string, ElementType>;
}

export type Ops = ReturnType<typeof createOps>;

/** @param fresh  makes an unused tensor name from a hint */
export function createOps(graph: Graph, draft: Draft, fresh: (hint: string) => string) {
  /** int64 vectors of sizes whose elements depend on the batch */
  const sizes = new Map<string, Shape>();
  const cache = new Map<string, Value>();

  function once(key: string, make: () => Value): Value {
    const made = cache.get(key) ?? make();
    cache.set(key, made);
    return made;
  }

  function infoAt(v: Value, batch: number): Info {
    const known = sizes.get(v.name);
    if (known)
      return { type: "int64", dims: [known.length], value: int64([known.length], shapeAt(known, batch)) };
    const small = v.constant && sizeOf(v.constant.dims) <= shownToInference;
    return { type: v.type, dims: shapeAt(v.shape, batch), ...(small && { value: v.constant }) };
  }

  /** Shapes and types of the outputs of a node, by inference at two batch sizes. */
  function shapesOf(
    made: Node,
    inputs: readonly (Value | undefined)[],
  ): { type: ElementType; shape: Shape }[] {
    const [two, three] = [2, 3].map((n) =>
      inferNode(
        made,
        inputs.map((v) => v && infoAt(v, n)),
      ),
    );
    return two.map(({ type, dims }, i) => {
      const shape = mergeShapes(dims, three[i].dims);
      if (shape) return { type, shape };
      throw new KitError("E_GRADIENT_SHAPE", {
        problem: `the gradient node ${labelOf(made)} has a size that is neither fixed nor a multiple of the batch size`,
        details: made.inputs.map(
          (name, k) => `${name || "(absent)"}: ${inputs[k] ? formatShape(inputs[k].shape) : ""}`,
        ),
        next: "export the model with a fixed batch size",
      });
    });
  }

  /** Any node, all its outputs; undefined is an absent optional input. */
  function nodes(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    count = 1,
  ): readonly Value[] {
    const outputs = Array.from({ length: count }, () => fresh(op));
    const made = node(
      op,
      inputs.map((v) => v?.name ?? ""),
      outputs,
      attributes,
      outputs[0],
    );
    draft.nodes.push(made);
    return shapesOf(made, inputs).map((known, i) => {
      draft.shapes.set(outputs[i], known.shape);
      draft.types.set(outputs[i], known.type);
      return { name: outputs[i], ...known };
    });
  }

  /** Any node with one output. */
  const op = (name: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value =>
    nodes(name, inputs, attributes)[0];

  function constant(tensor: Tensor): Value {
    const name = fresh("constant");
    draft.initializers.set(name, tensor);
    draft.shapes.set(name, tensor.dims);
    draft.types.set(name, tensor.type);
    return { name, type: tensor.type, shape: tensor.dims, constant: tensor };
  }

  /** An initializer that holds one number all over. */
  const filled = (dims: readonly number[], value: number): Value =>
    once(`filled ${dims} ${value}`, () =>
      constant(float32(dims, new Float32Array(sizeOf(dims)).fill(value))),
    );

  const integers = (values: readonly number[], dims: readonly number[] = [values.length]): Value =>
    once(`int64[${dims}] ${values}`, () => constant(int64(dims, values)));

  const scalar = (value: number, type: ElementType = "float32"): Value =>
    once(`${type} ${Object.is(value, -0) ? "-0" : value}`, () => {
      if (type === "float32") return constant(float32([], [value]));
      if (type === "int64") return constant(int64([], [value]));
      if (type === "float64") return constant({ type, dims: [], data: Float64Array.of(value) });
      return cast(scalar(value), type);
    });

  /** Binary operators take numbers for scalars of the other operand's type. */
  function binary(name: string, a: Operand, b: Operand): Value {
    const type = typeof a === "object" ? a.type : typeof b === "object" ? b.type : "float32";
    const [left, right] = [a, b].map((v) => (typeof v === "number" ? scalar(v, type) : v));
    return op(name, [left, right]);
  }

  const add = (a: Operand, b: Operand): Value => binary("Add", a, b);
  const sub = (a: Operand, b: Operand): Value => binary("Sub", a, b);
  const mul = (a: Operand, b: Operand): Value => {
    if (b === 1 && typeof a === "object") return a;
    if (a === 1 && typeof b === "object") return b;
    return binary("Mul", a, b);
  };
  const div = (a: Operand, b: Operand): Value => (b === 1 && typeof a === "object" ? a : binary("Div", a, b));
  const neg = (x: Value): Value => op("Neg", [x]);

  /** Batch size as int64 [1], read from a graph input while running. */
  const batch = (): Value =>
    once("batch", () => {
      for (const { name } of graph.inputs) {
        const shape = draft.shapes.get(name) ?? [];
        for (const [axis, d] of shape.entries()) {
          if (typeof d === "number") continue;
          const source: Value = { name, type: draft.types.get(name) ?? "float32", shape };
          const span = op("Shape", [source], { start: attr.int(axis), end: attr.int(axis + 1) });
          sizes.set(span.name, [d]);
          if (d.batch === 1) return span;
          const divided = op("Div", [span, integers([d.batch])]);
          sizes.set(divided.name, [{ batch: 1 }]);
          return divided;
        }
      }
      throw new KitError("E_GRADIENT_SHAPE", {
        problem: "a gradient needs the batch size, and no graph input has a free batch dimension",
        next: "export the model with a free batch dimension on its input",
      });
    });

  /** A shape as an int64 vector: a constant, or linear in the batch size. */
  function dims(shape: Shape): Value {
    if (isStatic(shape)) return integers(shape);
    return once(`dims ${JSON.stringify(shape)}`, () => {
      const slope = shape.map((d) => (typeof d === "number" ? 0 : d.batch));
      const scaled = op("Mul", [batch(), integers(slope)]);
      sizes.set(
        scaled.name,
        shape.map((d) => (typeof d === "number" ? 0 : d)),
      );
      if (shape.every((d) => typeof d !== "number")) return scaled;
      const shifted = op("Add", [scaled, integers(shape.map((d) => (typeof d === "number" ? d : 0)))]);
      sizes.set(shifted.name, shape);
      return shifted;
    });
  }

  /** Number of elements over some axes: a number, or a float32 scalar that follows the batch. */
  function count(shape: Shape, axes: readonly number[]): Operand {
    let factor = 1;
    const free: Value[] = [];
    for (const a of axes) {
      const d = shape[a];
      factor *= typeof d === "number" ? d : d.batch;
      if (typeof d !== "number") free.push(batch());
    }
    return free.reduce<Operand>((n, b) => mul(cast(reshape(b, []), "float32"), n), factor);
  }

  function reshape(x: Value, shape: Shape): Value {
    if (equalShapes(x.shape, shape)) return x;
    const free = shape.filter((d) => typeof d !== "number");
    // one -1 spares engines a size computed while running; no axis may be 0 then
    const spelled =
      free.length === 1 && !shape.includes(0)
        ? integers(shape.map((d) => (typeof d === "number" ? d : -1)))
        : dims(shape);
    return op("Reshape", [x, spelled]);
  }

  function transpose(x: Value, perm: readonly number[]): Value {
    return perm.every((p, i) => p === i) ? x : op("Transpose", [x], { perm: attr.ints(perm) });
  }

  const expand = (x: Value, shape: Shape): Value =>
    equalShapes(x.shape, shape) ? x : op("Expand", [x, dims(shape)]);

  const cast = (x: Value, type: ElementType): Value =>
    x.type === type ? x : op("Cast", [x], { to: attr.int(elementTypes[type]) });

  const reduce = (name: string, x: Value, axes: readonly number[], keep = true): Value =>
    axes.length === 0 ? x : op(name, [x, integers(axes)], { keepdims: attr.int(keep ? 1 : 0) });

  /** starts, ends and steps along `axes`, as ONNX counts them. */
  const slice = (
    x: Value,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): Value => op("Slice", [x, integers(starts), integers(ends), integers(axes), integers(steps)]);

  /** `pads` as ONNX has them: heads of all axes, then tails; negative crops. */
  function pad(x: Value, pads: readonly number[], fill = 0): Value {
    const rank = x.shape.length;
    const cropped = [...x.shape.keys()].filter((a) => pads[a] < 0 || pads[a + rank] < 0);
    const kept =
      cropped.length === 0
        ? x
        : slice(
            x,
            cropped,
            cropped.map((a) => Math.max(0, -pads[a])),
            cropped.map((a) => (pads[a + rank] < 0 ? pads[a + rank] : Number.MAX_SAFE_INTEGER)),
          );
    if (pads.every((p) => p <= 0)) return kept;
    const grown = integers(pads.map((p) => Math.max(0, p)));
    return op("Pad", fill === 0 ? [kept, grown] : [kept, grown, scalar(fill, x.type)]);
  }

  const split = (x: Value, axis: number, parts: Shape): readonly Value[] =>
    parts.length === 1 ? [x] : nodes("Split", [x, dims(parts)], { axis: attr.int(axis) }, parts.length);

  const concat = (parts: readonly Value[], axis: number): Value =>
    parts.length === 1 ? parts[0] : op("Concat", parts, { axis: attr.int(axis) });

  const full = (shape: Shape, value: number, type: ElementType = "float32"): Value =>
    expand(scalar(value, type), shape);

  return {
    shapesOf,
    op,
    constant,
    filled,
    integers,
    scalar,
    add,
    sub,
    mul,
    div,
    neg,
    pow: (a: Operand, b: Operand) => binary("Pow", a, b),
    max: (a: Operand, b: Operand) => binary("Max", a, b),
    equal: (a: Operand, b: Operand) => binary("Equal", a, b),
    greater: (a: Operand, b: Operand) => binary("Greater", a, b),
    exp: (x: Value) => op("Exp", [x]),
    log: (x: Value) => op("Log", [x]),
    sqrt: (x: Value) => op("Sqrt", [x]),
    reciprocal: (x: Value) => op("Reciprocal", [x]),
    where: (test: Value, a: Operand, b: Operand) => {
      const type = typeof a === "object" ? a.type : typeof b === "object" ? b.type : "float32";
      const [yes, no] = [a, b].map((v) => (typeof v === "number" ? scalar(v, type) : v));
      return op("Where", [test, yes, no]);
    },
    /** 1 where x > 0, else 0. HardSigmoid is one threaded kernel on every device; it is exact for x ≥ 1e-30. */
    step: (x: Value) => op("HardSigmoid", [x], { alpha: attr.float(1e30), beta: attr.float(0) }),
    /** −1, 0 or 1; a clipped product because Sign falls back to the CPU on WebGPU. */
    sign: (x: Value) => op("Clip", [mul(x, 1e30), scalar(-1, x.type), scalar(1, x.type)]),
    cast,
    count,
    reshape,
    transpose,
    /** The last two axes swapped. */
    swap: (x: Value) => {
      const r = x.shape.length;
      return transpose(x, [...Array.from({ length: r - 2 }, (_, i) => i), r - 1, r - 2]);
    },
    expand,
    sum: (x: Value, axes: readonly number[], keep = true) => reduce("ReduceSum", x, axes, keep),
    mean: (x: Value, axes: readonly number[], keep = true) => reduce("ReduceMean", x, axes, keep),
    slice,
    pad,
    split,
    concat,
    full,
    matmul: (a: Value, b: Value) => op("MatMul", [a, b]),
    gemm: (a: Value, b: Value, { transA = 0, transB = 0, alpha = 1 }) =>
      op("Gemm", [a, b], { transA: attr.int(transA), transB: attr.int(transB), alpha: attr.float(alpha) }),
    /** `updates` added into zeros of `shape` at `indices` along `axis`. */
    scatterAdd: (shape: Shape, indices: Value, updates: Value, axis: number) =>
      op("ScatterElements", [full(shape, 0, updates.type), indices, updates], {
        axis: attr.int(axis),
        reduction: attr.string("add"),
      }),
  };
}

/** float32 data of a constant, or undefined. */
export const floatsOf = (v: Value | undefined): Float32Tensor | undefined =>
  v?.constant?.type === "float32" ? v.constant : undefined;
