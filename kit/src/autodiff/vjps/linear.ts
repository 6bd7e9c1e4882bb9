/** Matrix products. */
import { attr, floatOf, intOf, type Node, stringOf } from "../../onnx/graph.ts";
import type { Dim, Shape } from "../../onnx/shapes.ts";
import { float32 } from "../../onnx/tensor.ts";
import { fixed, product } from "../arguments.ts";
import type { Ops } from "../ops.ts";
import type { Sample, Value, Vjp } from "../vjp.ts";

/** Y = alpha A′ B′ + beta C, where ′ may transpose. The same weight serves both ways: no transposed copy is made. */
export const Gemm: Vjp = {
  rule({ ops, node, dy, inputs: [a, b], need }) {
    const transA = intOf(node, "transA", 0);
    const transB = intOf(node, "transB", 0);
    const alpha = floatOf(node, "alpha", 1);
    const da = () =>
      transA
        ? ops.gemm(b, dy, { transA: transB, transB: 1, alpha })
        : ops.gemm(dy, b, { transB: 1 - transB, alpha });
    const db = () =>
      transB
        ? ops.gemm(dy, a, { transA: 1, transB: transA, alpha })
        : ops.gemm(a, dy, { transA: 1 - transA, alpha });
    return [
      need[0] ? da() : null,
      need[1] ? db() : null,
      need[2] ? ops.mul(dy, floatOf(node, "beta", 1)) : null,
    ];
  },
  samples: [
    { shapes: [[2, 3], [3, 4], [4]], batch: [0] },
    ...[0, 1, 2, 3].map((i): Sample => {
      const [transA, transB] = [i & 1, i >> 1];
      return {
        name: `transA ${transA}, transB ${transB}`,
        shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [2, 1]],
        attributes: {
          transA: attr.int(transA),
          transB: attr.int(transB),
          alpha: attr.float(0.5),
          beta: attr.float(2),
        },
      };
    }),
  ],
};

/**
 * numpy.matmul. A matrix on the right is multiplied through Gemm, which transposes it while reading, so that weights
 * need no second copy (FusedMatMul would do the same, but on CPU only).
 */
export const MatMul: Vjp = {
  rule({ ops, dy, inputs: [a, b], need }) {
    const left = a.shape.length === 1 ? ops.reshape(a, [1, ...a.shape]) : a;
    const right = b.shape.length === 1 ? ops.reshape(b, [...b.shape, 1]) : b;
    const [rows, inner] = left.shape.slice(-2);
    const columns = right.shape.at(-1) as Dim;
    const stacks = dy.shape.slice(
      0,
      dy.shape.length - (b.shape.length > 1 ? 1 : 0) - (a.shape.length > 1 ? 1 : 0),
    );
    const gradient = ops.reshape(dy, [...stacks, rows, columns]);
    const flat = (v: Value): Value => ops.reshape(v, [product(v.shape.slice(0, -1)), v.shape.at(-1) as Dim]);
    const matrix = right.shape.length === 2;
    const da = () =>
      matrix
        ? ops.reshape(ops.gemm(flat(gradient), right, { transB: 1 }), [...stacks, rows, inner])
        : ops.matmul(gradient, ops.swap(right));
    const db = () => {
      if (matrix) return ops.gemm(flat(left), flat(gradient), { transA: 1 });
      return ops.matmul(ops.swap(left), gradient);
    };
    // a vector's own axis is dropped again; the driver sums the rest
    const drop = (v: Value): Value => (b.shape.length === 1 ? ops.reshape(v, v.shape.slice(0, -1)) : v);
    return [need[0] ? da() : null, need[1] ? drop(db()) : null];
  },
  samples: [
    {
      shapes: [
        [2, 3],
        [3, 4],
      ],
      batch: [0],
    },
    {
      shapes: [
        [2, 3, 4],
        [4, 2],
      ],
      batch: [0],
      name: "weight on the right",
    },
    {
      shapes: [
        [2, 2, 3, 4],
        [2, 2, 4, 2],
      ],
      batch: [0, 1],
      name: "batched",
    },
    {
      shapes: [
        [3, 2, 3],
        [1, 3, 2],
      ],
      batch: [0],
      name: "broadcast on the right",
    },
    {
      shapes: [
        [4, 3],
        [2, 3, 2],
      ],
      batch: [1],
      name: "weight on the left",
    },
    { shapes: [[3], [3]], name: "two vectors" },
    { shapes: [[3], [2, 3, 4]], batch: [1], name: "vector on the left" },
    { shapes: [[2, 4, 3], [3]], batch: [0], name: "vector on the right" },
    { shapes: [[2, 3], [3]], batch: [0], name: "matrix and vector" },
    { shapes: [[3], [3, 2]], name: "vector and matrix" },
  ],
};

interface Equation {
  readonly terms: readonly string[];
  readonly output: string;
}

/** The equation with one letter per axis: "..." is spelled out, its axes counted from the right, and so is the output. */
function equationOf(node: Node, ranks: readonly number[]): Equation {
  const equation = stringOf(node, "equation", "").replace(/\s/g, "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const free = [...alphabet].filter((l) => !equation.includes(l));
  const hidden = terms.map((t, i) => (t.includes("...") ? ranks[i] - (t.length - 3) : 0));
  const most = free.slice(0, Math.max(0, ...hidden));
  const spelled = terms.map((t, i) => t.replace("...", most.slice(most.length - hidden[i]).join("")));
  const all = left.replace(/[.,]/g, "");
  const once = [...new Set(all)].filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort();
  return { terms: spelled, output: (right ?? `...${once.join("")}`).replace("...", most.join("")) };
}

/** 1 where index a equals index b, over a tensor of `rank` axes. */
function diagonal(ops: Ops, rank: number, [a, b]: readonly [number, number], size: number): Value {
  const eye = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  const dims = Array.from({ length: rank }, (_, axis) => (axis === a || axis === b ? size : 1));
  return ops.constant(float32(dims, eye));
}

/**
 * The gradient of one operand is the Einsum of dy and all the others; a letter that occurs there only was summed. Where
 * an operand names a letter twice, it is its diagonal that took part.
 */
export const Einsum: Vjp = {
  rule({ ops, node, dy, inputs, need }) {
    const { terms, output } = equationOf(
      node,
      inputs.map((x) => x.shape.length),
    );
    return inputs.map((x, i) => {
      if (!need[i]) return null;
      const axes = [...terms[i]];
      const others = terms.flatMap((t, j) => (j === i ? [] : [{ term: t, value: inputs[j] }]));
      const given = [output, ...others.map((o) => o.term)];
      const isFirst = (l: string, axis: number): boolean => axes.indexOf(l) === axis;
      const kept = axes.filter((l, axis) => isFirst(l, axis) && given.some((t) => t.includes(l)));
      const made = ops.op("Einsum", [dy, ...others.map((o) => o.value)], {
        equation: attr.string(`${given.join(",")}->${kept.join("")}`),
      });
      let next = 0;
      const shape: Shape = axes.map((l, axis) =>
        isFirst(l, axis) && kept.includes(l) ? made.shape[next++] : 1,
      );
      return axes.reduce(
        (gradient, l, axis) => {
          if (isFirst(l, axis)) return gradient;
          const mask = diagonal(ops, axes.length, [axes.indexOf(l), axis], fixed(node, x.shape[axis]));
          return ops.mul(gradient, ops.cast(mask, dy.type));
        },
        ops.reshape(made, shape),
      );
    });
  },
  limits: [
    {
      what: "a letter twice in one term, along the batch",
      holds: ({ node, inputs }) =>
        equationOf(
          node,
          inputs.map((x) => x.shape.length),
        ).terms.some((t, i) =>
          [...t].some((l, axis) => t.indexOf(l) !== axis && typeof inputs[i].shape[axis] !== "number"),
        ),
    },
  ],
  samples: [
    {
      shapes: [
        [2, 3, 4],
        [2, 5, 4],
      ],
      attributes: { equation: attr.string("bid,bjd->bij") },
      batch: [0, 1],
    },
    {
      shapes: [
        [2, 3],
        [3, 4],
      ],
      attributes: { equation: attr.string("ij, jk") },
      batch: [0],
      name: "implicit",
    },
    {
      shapes: [[2, 3, 4]],
      attributes: { equation: attr.string("abc->ca") },
      batch: [0],
      name: "summed letter",
    },
    {
      shapes: [[2, 3], [2, 4], [4]],
      attributes: { equation: attr.string("ai,aj,j->i") },
      name: "three operands",
    },
    { shapes: [[3, 3]], attributes: { equation: attr.string("ii->i") }, name: "diagonal" },
    { shapes: [[3, 3]], attributes: { equation: attr.string("ii->") }, name: "trace" },
    {
      shapes: [
        [2, 2, 2],
        [2, 3],
      ],
      attributes: { equation: attr.string("iij,ik->jk") },
      name: "diagonal of a factor",
    },
    {
      shapes: [
        [2, 3, 4],
        [4, 2],
      ],
      attributes: { equation: attr.string("...j, jk -> ...k") },
      batch: [0],
      name: "ellipsis",
    },
    {
      shapes: [
        [2, 2, 1, 4],
        [2, 1, 4, 3],
      ],
      attributes: { equation: attr.string("...ij,...jk") },
      batch: [0, 1],
      name: "implicit, ellipses that broadcast",
    },
    {
      shapes: [
        [2, 3, 2],
        [2, 1, 2],
      ],
      attributes: { equation: attr.string("bid,bjd->bj") },
      name: "a size of 1",
    },
  ],
};
