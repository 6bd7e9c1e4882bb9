/** Attention in one node, taken apart into the products and the softmax that methods for transformers look for. */
import type { Contrib, Expanding, Expansion } from "../expansion.ts";
import { attr, floatOf, intOf, intsOf } from "../graph.ts";
import { float32 } from "../tensor.ts";

/** [N, S, heads · size] → [N, heads, S, size], or [N, heads, size, S] to stand on the right of a product. */
function inHeads(c: Expanding, x: string, heads: number, turned = false): string {
  const apart = c.op("Reshape", [x, c.ints([0, 0, heads, -1])]);
  return c.op("Transpose", [apart], { perm: attr.ints(turned ? [0, 2, 3, 1] : [0, 2, 1, 3]) });
}

interface Parts {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly heads: number;
  /** size of one head of q and k, for the scale */
  readonly size: number | undefined;
  /** tensors to add to the scores before the softmax */
  readonly added: readonly string[];
  /** heads lie on an axis of their own, [N, heads, S, size], and stay there */
  readonly apart?: boolean;
}

/** softmax(q kᵀ · scale + …) v, heads side by side again. */
function attend(c: Expanding, { q, k, v, heads, size, added, apart }: Parts): string {
  const spread = (x: string) => (apart ? x : inHeads(c, x, heads));
  const turned = (x: string) =>
    apart ? c.op("Transpose", [x], { perm: attr.ints([0, 1, 3, 2]) }) : inHeads(c, x, heads, true);
  const given = floatOf(c.node, "scale", 0);
  if (given === 0 && size === undefined) throw c.refuse("a size of heads that is not fixed");
  const scale = given === 0 ? 1 / Math.sqrt(size!) : given;
  const scores = c.op("MatMul", [spread(q), turned(k)]);
  const masked = added.reduce(
    (sum, mask) => c.op("Add", [sum, mask]),
    c.op("Mul", [scores, c.number(scale)]),
  );
  const weights = c.op("Softmax", [masked], { axis: attr.int(-1) });
  const mixed = c.op("MatMul", [weights, spread(v)]);
  if (apart) return mixed;
  const together = c.op("Transpose", [mixed], { perm: attr.ints([0, 2, 1, 3]) });
  return c.op("Reshape", [together, c.ints([0, 0, -1])]);
}

const headsOf = (c: Expanding): number => {
  const heads = intOf(c.node, "num_heads", 0);
  if (heads < 1) throw c.refuse(`${heads} heads`);
  return heads;
};

/** 0 where a position is seen, the filter value where not, from a mask [N, T] of 1 and 0. */
function keyMask(c: Expanding, i: number): string {
  const mask = c.known(i);
  if (mask.dims.length !== 2 || mask.type === "bool") {
    throw c.refuse(`a mask of ${mask.type} with ${mask.dims.length} axes`, "export the model without a mask");
  }
  const filter = floatOf(c.node, "mask_filter_value", -10000);
  const seen = c.cast(c.input(i), c.known(0).type);
  const hidden = c.op("Mul", [c.op("Sub", [c.number(1), seen]), c.number(filter)]);
  return c.op("Unsqueeze", [hidden, c.ints([1, 2])]);
}

/** A mask of all pairs is stored; beyond this it would take more than 64 MiB. */
const longestMask = 4096;

const lowest = -3.4028234663852886e38;

/** Nothing looks ahead: 0 up to the diagonal, the lowest number above it. */
function causal(c: Expanding, length: number | undefined): string {
  if (length === undefined) throw c.refuse("one-way attention over a length that is not fixed");
  if (length > longestMask) throw c.refuse(`one-way attention over ${length} positions`);
  const values = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? lowest : 0,
  );
  return c.tensor(float32([length, length], values), "causal");
}

function forbid(c: Expanding, inputs: Readonly<Record<number, string>>): void {
  for (const [i, what] of Object.entries(inputs)) if (c.has(Number(i))) throw c.refuse(what);
  if (c.node.outputs.slice(1).some((o) => o !== "")) throw c.refuse("output of past keys and values");
  if (intOf(c.node, "do_rotary", 0) !== 0) throw c.refuse("rotary embedding");
}

/** com.microsoft.Attention: one product makes q, k and v. */
const selfAttention: Expansion = (c) => {
  forbid(c, { 4: "past keys and values", 6: "past keys and values" });
  const heads = headsOf(c);
  const product = c.op("MatMul", [c.input(0), c.input(1)]);
  const all = c.has(2) ? c.op("Add", [product, c.input(2)]) : product;
  const width = c.known(1).dims[1];
  if (width === undefined) throw c.refuse("weights of an open size");
  const widths = intsOf(c.node, "qkv_hidden_sizes") ?? [width / 3, width / 3, width / 3];
  if (widths.length !== 3 || !widths.every((w) => Number.isInteger(w / heads))) {
    throw c.refuse(`${width} features in ${heads} heads`);
  }
  const [q, k, v] = c.ops("Split", [all, c.ints(widths)], 3, { axis: attr.int(-1) });
  const added = [
    ...(intOf(c.node, "unidirectional", 0) ? [causal(c, c.known(0).dims[1])] : []),
    ...(c.has(3) ? [keyMask(c, 3)] : []),
    ...(c.has(5) ? [c.input(5)] : []),
  ];
  return [attend(c, { q, k, v, heads, size: widths[0] / heads, added })];
};

/** One bias vector for q, k and v together, in its three parts. */
function biasesOf(c: Expanding, widths: readonly (number | undefined)[]): readonly string[] {
  const known = widths.filter((w) => w !== undefined);
  if (known.length !== widths.length) throw c.refuse("a bias for features of an open number");
  return c.ops("Split", [c.input(3), c.ints(known)], 3, { axis: attr.int(0) });
}

/** com.microsoft.MultiHeadAttention: q, k and v come from outside, each [N, S, D]. */
const multiHead: Expansion = (c) => {
  forbid(c, { 6: "past keys and values", 7: "past keys and values" });
  if (!c.has(1) || !c.has(2) || [0, 1, 2].some((i) => c.rank(i) !== 3)) {
    throw c.refuse("packed query, key and value", "export the model with three separate inputs [N, S, D]");
  }
  const heads = headsOf(c);
  const widths = [0, 1, 2].map((i) => c.known(i).dims[2]);
  const biases = c.has(3) ? biasesOf(c, widths) : [];
  const [q, k, v] = [0, 1, 2].map((i) => (biases[i] ? c.op("Add", [c.input(i), biases[i]]) : c.input(i)));
  const added = [
    ...(intOf(c.node, "unidirectional", 0) ? [causal(c, c.known(0).dims[1])] : []),
    ...(c.has(4) ? [keyMask(c, 4)] : []),
    ...(c.has(5) ? [c.input(5)] : []),
  ];
  const size = widths[0] === undefined ? undefined : widths[0] / heads;
  return [attend(c, { q, k, v, heads, size, added })];
};

/** 0 where a pair is seen, the lowest number where not, from a mask of truth values; other masks are sums already. */
function pairMask(c: Expanding, i: number): string {
  if (c.known(i).type !== "bool") return c.input(i);
  return c.op("Where", [c.input(i), c.number(0), c.number(lowest)]);
}

/** Attention of opset 23: q, k and v [N, S, heads · size], or [N, heads, S, size]. */
const standard: Expansion = (c) => {
  for (const [i, what] of [
    [4, "past keys and values"],
    [5, "past keys and values"],
    [6, "padding of keys and values"],
  ] as const)
    if (c.has(i)) throw c.refuse(what);
  if (c.node.outputs.slice(1).some((o) => o !== ""))
    throw c.refuse("output of past keys and values or scores");
  if (floatOf(c.node, "softcap", 0) !== 0) throw c.refuse("a soft cap of scores");
  const [q, k, v] = [0, 1, 2].map((i) => c.input(i));
  const apart = c.rank(0) === 4;
  const [length, width] = c.known(0).dims.slice(-2);
  const sizes = [0, 1].map((i) => (apart ? c.known(i).dims[1] : undefined));
  const heads = (i: number, name: string) => (apart ? sizes[i] : intOf(c.node, name, 0)) ?? 0;
  const [own, theirs] = [heads(0, "q_num_heads"), heads(1, "kv_num_heads")];
  if (own < 1 || own !== theirs) throw c.refuse(`${own} heads of queries and ${theirs} of keys and values`);
  const added = [
    ...(intOf(c.node, "is_causal", 0) ? [causal(c, length)] : []),
    ...(c.has(3) ? [pairMask(c, 3)] : []),
  ];
  const size = width === undefined ? undefined : apart ? width : width / own;
  return [attend(c, { q, k, v, heads: own, size, added, apart })];
};

export const attention: Readonly<Record<string, Contrib>> = {
  Attention: {
    says: "softmax(q kᵀ) v (opset 23); without past keys and values, as many heads of q as of k and v",
    expand: standard,
  },
  "com.microsoft.Attention": {
    says: "MatMul, Split, softmax(q kᵀ) v; without past keys and values",
    expand: selfAttention,
  },
  "com.microsoft.MultiHeadAttention": {
    says: "softmax(q kᵀ) v; without past keys and values, not packed",
    expand: multiHead,
  },
};
