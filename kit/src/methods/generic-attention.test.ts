import { describe, expect, it } from "vitest";
import { blocks, differences, type TransformerOptions } from "../../test/attention-models.ts";
import { cases, explain, relative, sideBySide, target } from "../../test/attention-probe.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { rngOf } from "../rng.ts";
import { genericAttention } from "./generic-attention.ts";

type Matrix = readonly (readonly number[])[];

/** The whole R, block by block, with gradients by differences of the literal model. */
function literal(options: TransformerOptions, from = 0): number[] {
  const { run, read, skip } = sideBySide(options);
  const plain = run().blocks;
  const tokens = plain[0].z.length;
  let r: Matrix = plain[0].z.map((_, i) => plain[0].z.map((_, j) => (i === j ? 1 : 0)));
  for (let l = from; l < blocks; l++) {
    const { a } = plain[l];
    const gradient = differences(a, (changed) => run({ block: l, a: changed }).logits[target]);
    const handed = a[0].map((row, i) =>
      row.map(
        (_, j) => a.reduce((s, head, h) => s + Math.max(0, gradient[h][i][j] * head[i][j]), 0) / a.length,
      ),
    );
    r = r.map((row, i) => row.map((v, j) => v + handed[i].reduce((s, w, k) => s + w * r[k][j], 0)));
  }
  return Array.from({ length: tokens }, (_, j) => read.reduce((s, t) => s + r[t][j], 0) / read.length).slice(
    skip,
  );
}

describe("generic-attention", () => {
  it.each(cases)("is the row of R, $layout read by $head", async (options) => {
    const { data } = await explain(genericAttention, sideBySide(options).probe);
    expect(relative(data, literal(options))).toBeLessThan(1e-4);
  });

  it("reads the last blocks only, as the code for CLIP does", async () => {
    const options = { layout: "axis", head: "class" } as const;
    const { probe } = sideBySide(options);
    for (const layers of [1, 2]) {
      const { data } = await explain(genericAttention, probe, { layers });
      expect(relative(data, literal(options, blocks - layers))).toBeLessThan(1e-4);
    }
    const all = await explain(genericAttention, probe);
    for (const layers of [blocks, 7]) expect(await explain(genericAttention, probe, { layers })).toEqual(all);
    expect(relative(all.data, literal(options, blocks - 1))).toBeGreaterThan(1e-2);
  });

  it("explains a class, and follows the weights of a randomised model", async () => {
    const { probe } = sideBySide(cases[0]);
    const here = await explain(genericAttention, probe);
    expect(relative((await explain(genericAttention, probe.explaining(0))).data, here.data)).toBeGreaterThan(
      1e-2,
    );
    const other = probe.under(probe.model.randomised("shuffled", rngOf("attention", "randomised")));
    expect(relative((await explain(genericAttention, other)).data, here.data)).toBeGreaterThan(1e-2);
  });

  it("takes one forward and one backward pass, and does not apply without attention", async () => {
    const { probe } = sideBySide(cases[0]);
    await explain(genericAttention, probe, {}, false);
    expect(probe.model.passes).toEqual({ forwards: 1, backwards: 1 });
    expect(genericAttention.refuses?.(smallModel(smallCnn()))).toMatch(/^no attention: no Softmax/);
    expect(genericAttention.refuses?.(probe.model)).toBeUndefined();
  });
});
