/** Linear algebra: products of matrices and tensors. */
import { stringOf } from "../graph.ts";
import { broadcast, type Call, formatList, info, type Rule, sameType } from "./call.ts";

const swapLast = (dims: readonly number[]): readonly number[] => [
  ...dims.slice(0, -2),
  dims.at(-1)!,
  dims.at(-2)!,
];

/** numpy.matmul: a vector is a row on the left, a column on the right, and that axis goes away again. */
function matmul(c: Call, a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0 || b.length === 0) throw c.wrong("no scalars");
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  if (left.at(-1) !== right.at(-2))
    throw c.wrong(`inner sizes that agree, not ${left.at(-1)} and ${right.at(-2)}`);
  return [
    ...broadcast(c, left.slice(0, -2), right.slice(0, -2)),
    ...(a.length === 1 ? [] : [left.at(-2)!]),
    ...(b.length === 1 ? [] : [right.at(-1)!]),
  ];
}

const gemm: Rule = (c) => {
  const a = c.int("transA", 0) ? swapLast(c.dims(0)) : c.dims(0);
  const b = c.int("transB", 0) ? swapLast(c.dims(1)) : c.dims(1);
  if (a.length !== 2 || b.length !== 2 || a[1] !== b[0]) throw c.wrong("matrices [M, K] and [K, N]");
  const dims = [a[0], b[1]];
  if (c.has(2) && broadcast(c, dims, c.dims(2)).join() !== dims.join()) {
    throw c.wrong(`input 2 to broadcast to ${formatList(dims)}`);
  }
  return [info(sameType(c), dims)];
};

/** com.microsoft: transA and transB swap the last two axes of tensors of rank ≥ 2. */
const fusedMatMul: Rule = (c) => {
  if (c.int("transBatchA", 0) || c.int("transBatchB", 0)) throw c.wrong("no transBatchA, transBatchB");
  const turned = (i: number, key: string) =>
    c.int(key, 0) && c.dims(i).length > 1 ? swapLast(c.dims(i)) : c.dims(i);
  return [info(sameType(c), matmul(c, turned(0, "transA"), turned(1, "transB")))];
};

/** Letters of one Einsum term for a tensor of `rank`, "…" spelled out as "0", "1", … counted from the right. */
function letters(c: Call, term: string, rank: number): readonly string[] {
  const [head, tail, ...more] = term.split("...");
  if (more.length > 0) throw c.wrong(`one ellipsis in "${term}"`);
  const hidden = tail === undefined ? 0 : rank - head.length - tail.length;
  if (hidden < 0 || (tail === undefined && head.length !== rank))
    throw c.wrong(`"${term}" to have rank ${rank}`);
  return [...head, ...Array.from({ length: hidden }, (_, i) => `${hidden - 1 - i}`), ...(tail ?? "")];
}

const einsum: Rule = (c) => {
  const equation = stringOf(c.node, "equation", "").replace(/\s/g, "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== c.inputs.length) throw c.wrong(`"${equation}" to name ${c.inputs.length} inputs`);
  const sizes = new Map<string, number>();
  const uses = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    for (const [axis, letter] of letters(c, term, c.dims(i).length).entries()) {
      const size = c.dims(i)[axis];
      const before = sizes.get(letter) ?? 1;
      // ONNX lets an axis of 1 broadcast against the same letter
      if (before !== 1 && size !== 1 && before !== size)
        throw c.wrong(`one size for "${letter}" of "${equation}"`);
      sizes.set(letter, before === 1 ? size : before);
      uses.set(letter, (uses.get(letter) ?? 0) + 1);
    }
  }
  const hidden = [...sizes.keys()].filter((l) => /^\d+$/.test(l)).sort((a, b) => Number(b) - Number(a));
  // without "->", what occurs once comes out, in alphabetical order, after the ellipsis
  const once = [...sizes.keys()].filter((l) => !/^\d+$/.test(l) && uses.get(l) === 1).sort();
  const out =
    right === undefined
      ? [...hidden, ...once]
      : right.split("...").flatMap((part, i) => [...(i ? hidden : []), ...part]);
  const dims = out.map((letter) => {
    const size = sizes.get(letter);
    if (size === undefined) throw c.wrong(`"${letter}" of "${equation}" to occur on the left`);
    return size;
  });
  return [info(sameType(c), dims)];
};

export const algebra: Readonly<Record<string, Rule>> = {
  Einsum: einsum,
  FusedMatMul: fusedMatMul,
  Gemm: gemm,
  MatMul: (c) => [info(sameType(c), matmul(c, c.dims(0), c.dims(1)))],
};
