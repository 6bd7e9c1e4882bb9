import { describe, expect, it } from "vitest";
import {
  blocks,
  columns,
  heads,
  rows,
  skipOf,
  type TransformerOptions,
  transformer,
} from "../../test/attention-models.ts";
import { graphOf, smallCnn, smallVit, weight } from "../../test/small-models.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { int64 } from "../onnx/tensor.ts";
import { type Attention, attentionOf } from "./attention.ts";
import { type PrepareOptions, prepare } from "./prepare.ts";

const search = (graph: Graph, options?: PrepareOptions): Attention | string => {
  const prepared = prepare(graph, options);
  return attentionOf({ ...prepared, input: prepared.input.name });
};
const found = (graph: Graph, options?: PrepareOptions): Attention => {
  const attention = search(graph, options);
  if (typeof attention === "string") throw new Error(attention);
  return attention;
};

const layouts = ["axis", "folded", "einsum", "fused"] as const;
const readers = ["class", "both", "mean"] as const;
const cases = layouts.flatMap((layout) => readers.map((head): TransformerOptions => ({ layout, head })));

describe("attention of a transformer", () => {
  it.each(cases)("is found whole, written as $layout and read by $head", (options) => {
    const attention = found(transformer(options));
    const skip = skipOf(options);
    const tokens = skip + rows * columns;
    expect(attention).toMatchObject({ tokens, skip, rows, columns });
    expect(attention.blocks).toHaveLength(blocks);
    for (const block of attention.blocks) {
      expect(block).toMatchObject({ heads, output: { axis: options.layout === "folded" ? 0 : 1 } });
      for (const part of ["query", "key", "value", "mixed"] as const) expect(block[part]?.features).toBe(2);
    }
    const all = Array.from({ length: tokens }, (_, t) => t);
    expect(attention.read).toEqual({ class: [0], both: [0, 1], mean: all }[options.head]);
  });

  it("ends each block at its last sum, which the next begins with", () => {
    const graph = smallVit({ blocks: 3 });
    expect(found(graph).blocks.map((b) => b.output?.name)).toEqual(["block0", "block1", "block2"]);
    expect(found(graph).blocks.map((b) => b.heads)).toEqual([1, 1, 1]);
  });

  it("counts registers with the tokens that are no patches", () => {
    const attention = found(transformer({ layout: "axis", head: "class", registers: 4 }));
    expect(attention).toMatchObject({ tokens: 11, skip: 5, read: [0] });
  });

  it("is that of the blocks where the head pools by attention, which reads all", () => {
    const base = transformer({ layout: "axis", head: "mean" });
    const mean = base.nodes.findIndex((n) => n.op === "ReduceMean");
    const [tokens] = base.nodes[mean].inputs;
    const graph: Graph = {
      ...base,
      nodes: base.nodes.toSpliced(
        mean,
        1,
        node("Transpose", [tokens], ["keys"], { perm: attr.ints([0, 2, 1]) }),
        node("MatMul", ["asks", "keys"], ["asked"]),
        node("Softmax", ["asked"], ["shares"], { axis: attr.int(-1) }),
        node("MatMul", ["shares", tokens], ["answer"]),
        node("Squeeze", ["answer", "one"], base.nodes[mean].outputs),
      ),
      initializers: new Map([
        ...base.initializers,
        ["asks", weight("asks", 1, 1, 4)],
        ["one", int64([1], [1])],
      ]),
    };
    const attention = found(graph);
    expect(attention.blocks).toHaveLength(blocks);
    expect(attention.read).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("sees which tokens are sliced, split and picked", () => {
    const base = smallVit({ extra: 2 }); // 2 + 6 tokens of 4, "final" → y
    const read = (nodes: Graph["nodes"], weights = {}) => {
      const kept = base.nodes.filter((n) => !["pooled", "y"].includes(n.outputs[0]));
      return found({
        ...base,
        nodes: [...kept, ...nodes],
        initializers: new Map([
          ...base.initializers,
          ...Object.entries({ two: int64([1], [2]), ...weights }),
        ]),
      } as Graph).read;
    };
    const flat = node("ReduceMean", ["part", "cells"], ["pooled"], { keepdims: attr.int(0) });
    const y = node("MatMul", ["pooled", "head"], ["y"]);
    const cells = int64([1], [1]);
    const slice = node("Slice", ["final", "from", "to", "cells"], ["part"]);
    expect(read([slice, flat, y], { cells, from: int64([1], [-6]), to: int64([1], [100]) })).toEqual([
      2, 3, 4, 5, 6, 7,
    ]);
    const split = node("Split", ["final", "sizes"], ["part", "rest"], { axis: attr.int(1) });
    expect(read([split, flat, y], { cells, sizes: int64([2], [2, 6]) })).toEqual([0, 1]);
    const turn = node("Transpose", ["final"], ["turned"], { perm: attr.ints([1, 0, 2]) });
    const pick = node("Gather", ["turned", "last"], ["pooled"], { axis: attr.int(0) });
    expect(read([turn, pick, y], { last: int64([], [-1]) })).toEqual([7]);
    // what mixes tokens reads all of them
    const mix = node("MatMul", ["mixer", "final"], ["part"]);
    expect(read([mix, flat, y], { cells, mixer: weight("mixer", 8, 8) })).toHaveLength(8);
  });

  it("is laid on the grid that the model card names", () => {
    const graph = smallVit({ extra: 0, height: 4, width: 8 });
    expect(found(graph)).toMatchObject({ rows: 2, columns: 4 });
    const card = { tokenGrid: { rows: 4, columns: 2, skip: 0 } };
    expect(found(graph, { card })).toMatchObject({ rows: 4, columns: 2 });
  });
});

describe("a model without attention over its patches says what stands against it", () => {
  const attending = (tokens: readonly ReturnType<typeof node>[], weights = {}) =>
    graphOf(
      ["N", 3, 8, 12],
      [
        node("Conv", ["x", "w"], ["c"], { strides: attr.ints([2, 2]) }),
        ...tokens,
        node("Transpose", ["k"], ["kt"], { perm: attr.ints([0, 2, 1]) }),
        node("MatMul", ["q", "kt"], ["scores"]),
        node("Softmax", ["scores"], ["a"], { axis: attr.int(-1) }, "soft"),
        node("MatMul", ["a", "k"], ["mixed"]),
        node("Reshape", ["mixed", "back"], ["rows"]),
        node("ReduceMean", ["rows", "one"], ["y"], { keepdims: attr.int(0) }),
      ],
      { w: weight("w", 4, 3, 2, 2), one: int64([1], [1]), back: int64([3], [-1, 24, 4]), ...weights },
    );

  it("a convolutional net", () => {
    expect(search(smallCnn())).toBe("no attention: no Softmax whose output is multiplied into values");
  });

  it("attention in windows", () => {
    const graph = attending(
      [
        node("Reshape", ["c", "split"], ["s"]),
        node("Transpose", ["s"], ["t"], { perm: attr.ints([0, 2, 4, 3, 5, 1]) }),
        node("Reshape", ["t", "windows"], ["k"]),
        node("Identity", ["k"], ["q"]),
      ],
      { split: int64([6], [-1, 4, 2, 2, 3, 2]), windows: int64([3], [-1, 4, 4]) },
    );
    expect(search(graph)).toMatch(/^attention in windows: "soft" \[6N, 4, 4\] is among 4 tokens of a part/);
  });

  it("one query for all places", () => {
    const graph = attending(
      [
        node("Reshape", ["c", "flat"], ["f"]),
        node("Transpose", ["f"], ["k"], { perm: attr.ints([0, 2, 1]) }),
        node("ReduceMean", ["k", "one"], ["q"]),
      ],
      { flat: int64([3], [0, 4, 24]), back: int64([3], [-1, 1, 4]) },
    );
    expect(search(graph)).toMatch(
      /^no self-attention over the patches: in "soft" \[N, 1, 24\] one query asks 24 tokens$/,
    );
  });

  it("a softmax over another axis than the last", () => {
    const graph = smallVit();
    const nodes = graph.nodes.map((n) =>
      n.op === "Softmax" ? { ...n, attributes: { axis: attr.int(1) } } : n,
    );
    expect(search({ ...graph, nodes })).toMatch(
      /^no self-attention: the softmax "attention0" \[N, 7, 7\] is not over/,
    );
  });
});
