import { describe, expect, it } from "vitest";
import { distance } from "../../test/analytic-probe.ts";
import { columns, heads, rows, type TransformerOptions, transformer } from "../../test/attention-models.ts";
import { cases, explain, relative, sideBySide, target, x } from "../../test/attention-probe.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { KitError } from "../errors.ts";
import { bilinear } from "../model/image.ts";
import { createProbe } from "../model/probe.ts";
import { int64 } from "../onnx/tensor.ts";
import { attentionRollout } from "./attention-rollout.ts";

type Matrix = readonly (readonly number[])[];
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((s, v, i) => s + v * b[i][j], 0)));

const fusions = {
  mean: (v: readonly number[]) => v.reduce((s, w) => s + w) / v.length,
  max: (v: readonly number[]) => Math.max(...v),
  min: (v: readonly number[]) => Math.min(...v),
};

/** The product of the whole matrices, written out. */
function literal(options: TransformerOptions, fuse: keyof typeof fusions): number[] {
  const { run, read, skip } = sideBySide(options);
  let rollout: Matrix | undefined;
  for (const { a } of run().blocks) {
    const layer = a[0].map((row, i) => {
      const own = row.map((_, j) => 0.5 * fusions[fuse](a.map((head) => head[i][j])) + (i === j ? 0.5 : 0));
      const sum = own.reduce((s, v) => s + v);
      return own.map((v) => v / sum);
    });
    rollout = rollout ? product(layer, rollout) : layer;
  }
  return rollout![0].map((_, j) => read.reduce((s, t) => s + rollout![t][j], 0) / read.length).slice(skip);
}

describe("attention-rollout", () => {
  it.each(cases)("is the row of the product of all layers, $layout read by $head", async (options) => {
    const { dims, data } = await explain(attentionRollout, sideBySide(options).probe);
    expect(dims).toEqual([rows, columns]);
    expect(relative(data, literal(options, "mean"))).toBeLessThan(1e-5);
  });

  it.each(["max", "min"] as const)("takes the %s of the heads", async (fuse) => {
    const options = { layout: "folded", head: "class" } as const;
    const { data } = await explain(attentionRollout, sideBySide(options).probe, { heads: fuse });
    expect(relative(data, literal(options, fuse))).toBeLessThan(1e-5);
    expect(relative(data, literal(options, "mean"))).toBeGreaterThan(1e-2);
  });

  it("gives shares that sum to 1 where all tokens are patches, and the same for every class", async () => {
    const { probe } = sideBySide({ layout: "axis", head: "mean" });
    const { data } = await explain(attentionRollout, probe);
    expect(data.reduce((s, v) => s + v, 0)).toBeCloseTo(1, 5);
    expect(await explain(attentionRollout, probe.explaining(2))).toEqual({
      type: "float32",
      dims: [2, 3],
      data,
    });
  });

  it("is brought to the image's size in one forward pass", async () => {
    const { probe } = sideBySide(cases[0]);
    const raw = await explain(attentionRollout, probe);
    const passes = { ...probe.model.passes };
    const { dims, data } = await explain(attentionRollout, probe, {}, false);
    expect(dims).toEqual([4, 6]);
    expect(distance(data, bilinear(raw.data, 2, 3, 4, 6))).toBe(0);
    expect([passes, probe.model.passes]).toEqual([
      { forwards: 1, backwards: 0 },
      { forwards: 2, backwards: 0 },
    ]);
  });

  it("reads one image where the batch is fixed", async () => {
    const options = { layout: "folded", head: "class" } as const;
    const graph = transformer(options);
    const [images, tokens] = [2, 7];
    const fixed: Record<string, number[]> = {
      [`${tokens},-1,2`]: [tokens, images * heads, 2],
      "-1,4": [tokens * images, 4],
      [`${tokens},-1,4`]: [tokens, images, 4],
    };
    const initializers = new Map(
      [...graph.initializers].map(([name, t]) => {
        const dims = t.type === "int64" ? fixed[t.data.join()] : undefined;
        return [name, dims ? int64([dims.length], dims) : t];
      }),
    );
    const inputs = graph.inputs.map((i) => ({ ...i, dims: [images, ...i.dims.slice(1)] }));
    const model = smallModel({ ...graph, inputs, initializers });
    expect(model.prepared.fixedBatch).toBe(images);
    const { data } = await explain(attentionRollout, createProbe({ model, x, target }));
    expect(relative(data, literal(options, "mean"))).toBeLessThan(1e-5);
  });

  it("does not apply to a model without attention, and says what was looked for", async () => {
    const model = smallModel(smallCnn());
    const grey = { type: "float32", dims: [3, 6, 8], data: new Float32Array(144) } as const;
    const reason = "no attention: no Softmax whose output is multiplied into values";
    expect(attentionRollout.refuses?.(model)).toBe(reason);
    const error = await explain(attentionRollout, createProbe({ model, x: grey, target: 0 })).catch((e) => e);
    expect(error).toBeInstanceOf(KitError);
    expect([error.code, error.message]).toEqual(["E_NO_ATTENTION", reason]);
  });
});
