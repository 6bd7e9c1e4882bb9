import { describe, expect, it } from "vitest";
import { blocks, differences, type TransformerOptions } from "../../test/attention-models.ts";
import { cases, explain, relative, sideBySide, target } from "../../test/attention-probe.ts";
import { graphOf, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { attr, node } from "../onnx/graph.ts";
import { legrad } from "./legrad.ts";

/** Per block: its tokens, averaged or not, through the head; differences at its own attention. */
function literal(options: TransformerOptions, pool: "mean" | "head", from = 0): number[] {
  const { run, score, skip } = sideBySide(options);
  const plain = run().blocks;
  const tokens = plain[0].z.length;
  const map = new Array<number>(tokens).fill(0);
  for (let l = from; l < blocks; l++) {
    const { a } = plain[l];
    const ownScore = (changed: typeof a) => {
      const { z } = run({ block: l, a: changed }).blocks[l];
      const mean = z[0].map((_, d) => z.reduce((s, t) => s + t[d], 0) / tokens);
      return score(pool === "mean" ? z.map(() => mean) : z)[target];
    };
    for (const head of differences(a, ownScore)) {
      for (const query of head) {
        for (const [key, g] of query.entries()) map[key] += Math.max(0, g) / (a.length * tokens);
      }
    }
  }
  return map.slice(skip);
}

describe("legrad", () => {
  it.each(cases)(
    "adds up what each block's own score gets from its attention, $layout read by $head",
    async (options) => {
      const { data } = await explain(legrad, sideBySide(options).probe);
      expect(relative(data, literal(options, "mean"))).toBeLessThan(1e-4);
    },
  );

  it.each(cases.filter((c) => c.layout !== "einsum"))(
    "by what the head reads, $layout read by $head",
    async (options) => {
      const { data } = await explain(legrad, sideBySide(options).probe, { pool: "head" });
      expect(relative(data, literal(options, "head"))).toBeLessThan(1e-4);
    },
  );

  it.each(["mean", "head"] as const)("takes the last blocks only (pool %s)", async (pool) => {
    const options = { layout: "folded", head: "class" } as const;
    const { probe } = sideBySide(options);
    for (const layers of [1, 2]) {
      const { data } = await explain(legrad, probe, { layers, pool });
      expect(relative(data, literal(options, pool, blocks - layers))).toBeLessThan(1e-4);
    }
    expect(relative(literal(options, pool, 1), literal(options, pool))).toBeGreaterThan(1e-2);
  });

  it("takes one forward and one backward pass, and gives the image's size", async () => {
    const { probe } = sideBySide(cases[0]);
    const { dims } = await explain(legrad, probe, {}, false);
    expect(dims).toEqual([4, 6]);
    expect(probe.model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("does not apply without attention, or where no sum ends a block", () => {
    expect(legrad.refuses?.(smallModel(smallCnn()))).toMatch(/^no attention: no Softmax/);
    const graph = smallVit({ blocks: 1 });
    expect(legrad.refuses?.(smallModel(graph))).toBeUndefined();
    // the tokens before the block pass its sum by
    const around = graphOf(
      ["N", 3, 4, 6],
      [
        ...graph.nodes.slice(0, -1),
        node("ReduceMean", ["all", "axis"], ["before"], { keepdims: attr.int(0) }),
        node("Add", ["pooled", "before"], ["both"]),
        node("MatMul", ["both", "head"], ["y"]),
      ],
      { ...Object.fromEntries(graph.initializers), head: weight("head", 4, 3) },
    );
    expect(legrad.refuses?.(smallModel(around))).toBe(
      'no end of the block of "attention0": looked for a sum of tokens behind it that all paths to the score pass through',
    );
  });
});
