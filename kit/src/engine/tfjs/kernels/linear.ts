/** Matrix products. */
import { floatOf, stringOf } from "../../../onnx/graph.ts";
import { broadcastDims } from "../../../onnx/inference/call.ts";
import { sizeOf } from "../../../onnx/tensor.ts";
import type { Kernel, Tf, TfTensor } from "../kernel.ts";
import { expanded, turned } from "../moves.ts";

const scaled = (tf: Tf, x: TfTensor, by: number): TfTensor => (by === 1 ? x : tf.mul(x, by));

const gemm: Kernel = (s) => {
  const { tf, c } = s;
  const product = tf.matMul(s.x(0), s.x(1), c.int("transA", 0) === 1, c.int("transB", 0) === 1);
  const y = scaled(tf, product, floatOf(c.node, "alpha", 1));
  return c.has(2) ? tf.add(y, scaled(tf, s.x(2), floatOf(c.node, "beta", 1))) : y;
};

/** numpy.matmul of tensors of rank 2 or more. A matrix on the right takes all rows of the left at once. */
function product(tf: Tf, a: TfTensor, b: TfTensor, transA = false, transB = false): TfTensor {
  if (b.shape.length === 2 && a.shape.length > 2 && !transA) {
    const rows = sizeOf(a.shape.slice(0, -1));
    const y = tf.matMul(tf.reshape(a, [rows, a.shape[a.shape.length - 1]]), b, false, transB);
    return tf.reshape(y, [...a.shape.slice(0, -1), y.size / rows]);
  }
  const stacks = broadcastDims(a.shape.slice(0, -2), b.shape.slice(0, -2))!;
  const stacked = (x: TfTensor): TfTensor => {
    const all = [...stacks, ...x.shape.slice(-2)];
    return tf.reshape(expanded(tf, x, all), [sizeOf(stacks), ...x.shape.slice(-2)]);
  };
  const y = tf.matMul(stacked(a), stacked(b), transA, transB);
  return tf.reshape(y, [...stacks, ...y.shape.slice(1)]);
}

/** A vector is a row on the left, a column on the right, and that axis goes away again. */
const matMul: Kernel = (s) => {
  const { tf, c } = s;
  const [a, b] = [s.x(0), s.x(1)];
  const left = a.shape.length === 1 ? tf.expandDims(a, 0) : a;
  const right = b.shape.length === 1 ? tf.expandDims(b, 1) : b;
  const trans = (key: string, x: TfTensor) => c.int(key, 0) === 1 && x.shape.length > 1;
  const y = product(tf, left, right, trans("transA", a), trans("transB", b));
  return tf.reshape(scaled(tf, y, floatOf(c.node, "alpha", 1)), [...s.outputs[0].dims]);
};

/** A tensor whose axes have names: one letter each, no letter twice. */
interface Named {
  readonly letters: readonly string[];
  readonly x: TfTensor;
}

/** Letters of a term, "…" spelled out as "0", "1", … counted from the right. */
function lettersOf(term: string, rank: number): string[] {
  const [head, tail] = term.split("...");
  const hidden = tail === undefined ? 0 : rank - head.length - tail.length;
  return [...head, ...Array.from({ length: hidden }, (_, i) => `${hidden - 1 - i}`), ...(tail ?? "")];
}

/** A letter twice in one term means the diagonal. */
function diagonal(tf: Tf, { letters, x }: Named): Named {
  const twice = letters.find((l, a) => letters.indexOf(l) < a);
  if (twice === undefined) return { letters, x };
  const [first, second] = [letters.indexOf(twice), letters.lastIndexOf(twice)];
  const others = letters.flatMap((_, a) => (a === first || a === second ? [] : [a]));
  const size = x.shape[first];
  const flat = tf.reshape(turned(tf, x, [...others, first, second]), [
    ...others.map((a) => x.shape[a]),
    size * size,
  ]);
  const places = Int32Array.from({ length: size }, (_, i) => i * (size + 1));
  const taken = tf.gather(flat, tf.tensor1d(places, "int32"), others.length);
  return diagonal(tf, { letters: [...others.map((a) => letters[a]), twice], x: taken });
}

function summedOut(tf: Tf, { letters, x }: Named, keep: (l: string) => boolean): Named {
  const axes = letters.flatMap((l, a) => (keep(l) ? [] : [a]));
  return axes.length === 0 ? { letters, x } : { letters: letters.filter(keep), x: tf.sum(x, axes) };
}

/** The tensor with its axes in the order of `letters`, of which it may lack some: those become 1. */
function arranged(tf: Tf, { letters, x }: Named, order: readonly string[]): TfTensor {
  const there = order.filter((l) => letters.includes(l));
  const moved = turned(
    tf,
    x,
    there.map((l) => letters.indexOf(l)),
  );
  return tf.reshape(
    moved,
    order.map((l) => (letters.includes(l) ? x.shape[letters.indexOf(l)] : 1)),
  );
}

/** Two operands into one by a batched matrix product; letters nobody needs any more are summed. */
function contracted(tf: Tf, a: Named, b: Named, needed: (l: string) => boolean): Named {
  const left = summedOut(tf, a, (l) => b.letters.includes(l) || needed(l));
  const right = summedOut(tf, b, (l) => a.letters.includes(l) || needed(l));
  const shared = left.letters.filter((l) => right.letters.includes(l));
  const stacks = shared.filter(needed);
  const inner = shared.filter((l) => !needed(l));
  const rows = left.letters.filter((l) => !shared.includes(l));
  const columns = right.letters.filter((l) => !shared.includes(l));
  const size = (l: string): number =>
    Math.max(...[left, right].map((n) => (n.letters.includes(l) ? n.x.shape[n.letters.indexOf(l)] : 1)));
  const total = (letters: readonly string[]): number => sizeOf(letters.map(size));
  /** [stacks, own, inner] with axes of 1 that the other side has longer blown up */
  const matrix = (n: Named, own: readonly string[]): TfTensor => {
    const order = [...stacks, ...own, ...inner];
    const whole = expanded(tf, arranged(tf, n, order), order.map(size));
    return tf.reshape(whole, [total(stacks), total(own), total(inner)]);
  };
  const y = tf.matMul(matrix(left, rows), matrix(right, columns), false, true);
  const letters = [...stacks, ...rows, ...columns];
  return { letters, x: tf.reshape(y, letters.map(size)) };
}

const einsum: Kernel = (s) => {
  const { tf, c } = s;
  const [left, right] = stringOf(c.node, "equation", "").replace(/\s/g, "").split("->");
  const operands = left
    .split(",")
    .map((term, i): Named => ({ letters: lettersOf(term, c.dims(i).length), x: s.x(i) }));
  const all = operands.flatMap((o) => o.letters);
  const hidden = [...new Set(all.filter((l) => /\d/.test(l)))].sort((a, b) => Number(b) - Number(a));
  const once = [...new Set(all)].filter((l) => !/\d/.test(l) && all.filter((k) => k === l).length === 1);
  const wanted =
    right === undefined
      ? [...hidden, ...once.sort()]
      : right.split("...").flatMap((part, i) => [...(i ? hidden : []), ...part]);
  const factors = operands.map((o) => diagonal(tf, o));
  let made = factors[0];
  for (const [i, next] of factors.slice(1).entries()) {
    const later = factors.slice(i + 2).flatMap((o) => o.letters);
    made = contracted(tf, made, next, (l) => wanted.includes(l) || later.includes(l));
  }
  const kept = summedOut(tf, made, (l) => wanted.includes(l));
  return tf.reshape(arranged(tf, kept, wanted), [...s.outputs[0].dims]);
};

export const linear: Readonly<Record<string, Kernel>> = {
  Einsum: einsum,
  FusedMatMul: matMul,
  Gemm: gemm,
  MatMul: matMul,
};
