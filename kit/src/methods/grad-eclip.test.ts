import { describe, expect, it } from "vitest";
import { distance } from "../../test/analytic-probe.ts";
import { blocks, columns, differences, rows, type TransformerOptions } from "../../test/attention-models.ts";
import { cases, explain, relative, sideBySide, target } from "../../test/attention-probe.ts";
import { smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { bilinear } from "../model/image.ts";
import { createProbe } from "../model/probe.ts";
import { attr, node } from "../onnx/graph.ts";
import { float32 } from "../onnx/tensor.ts";
import { gradEclip } from "./grad-eclip.ts";

/** The formula before its ReLU, patch by patch, heads side by side; the gradient by differences. */
function literal(options: TransformerOptions, similarity = true): number[] {
  const { run, read, skip } = sideBySide(options);
  const { q, k, v, o } = run().blocks[blocks - 1];
  const gradient = differences(o, (changed) => run({ block: blocks - 1, o: changed }).logits[target]);
  const whole = (m: typeof q, t: number) => m.flatMap((head) => head[t]);
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((s, w, i) => s + w * b[i], 0);
  const patches = Array.from({ length: rows * columns }, (_, p) => p + skip);
  const map = patches.map(() => 0);
  for (const t of read) {
    const query = whole(q, t);
    const cosines = patches.map((p) => {
      const key = whole(k, p);
      return dot(query, key) / (Math.hypot(...query) * Math.hypot(...key));
    });
    const [low, high] = [Math.min(...cosines), Math.max(...cosines)];
    for (const [i, p] of patches.entries()) {
      const λ = similarity ? (cosines[i] - low) / (high - low) : 1;
      map[i] += dot(whole(gradient, t), whole(v, p)) * λ;
    }
  }
  return map;
}

const withClass = cases.filter((c) => c.head !== "mean");

describe("grad-eclip", () => {
  it.each(withClass)("is the formula at its own resolution, $layout read by $head", async (options) => {
    const { data } = await explain(gradEclip, sideBySide(options).probe);
    expect(relative(data, literal(options))).toBeLessThan(1e-4);
    expect(Math.min(...literal(options))).toBeLessThan(0);
  });

  it("goes without the similarity", async () => {
    const options = withClass[1];
    const { data } = await explain(gradEclip, sideBySide(options).probe, { similarity: false });
    expect(relative(data, literal(options, false))).toBeLessThan(1e-4);
    expect(relative(data, literal(options))).toBeGreaterThan(1e-2);
  });

  it("is rectified, then brought to the image's size, in one forward and one backward pass", async () => {
    const { probe } = sideBySide(withClass[0]);
    const { dims, data } = await explain(gradEclip, probe, {}, false);
    const cells = literal(withClass[0]).map((w) => Math.max(0, w));
    expect(dims).toEqual([4, 6]);
    expect(distance(data, bilinear(Float32Array.from(cells), rows, columns, 4, 6))).toBeLessThan(1e-4);
    expect(probe.model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("prefers no patch where all are alike", async () => {
    const model = smallModel(smallVit()); // has no positions
    const grey = createProbe({ model, x: float32([3, 4, 6], new Float32Array(72).fill(0.5)), target });
    const { data } = await explain(gradEclip, grey);
    expect(new Set(data).size).toBe(1);
    expect(data).toEqual((await explain(gradEclip, grey, { similarity: false })).data);
  });

  it("does not apply where the head reads patches, or no queries are found", () => {
    expect(gradEclip.refuses?.(smallModel(smallCnn()))).toMatch(/^no attention: no Softmax/);
    expect(gradEclip.refuses?.(sideBySide(cases[6]).probe.model)).toBe(
      "no class token: the head reads 6 tokens, patches among them, so no query could be compared with the patches' keys",
    );
    const graph = smallVit({ blocks: 1 });
    expect(gradEclip.refuses?.(smallModel(graph))).toBeUndefined();
    const nodes = graph.nodes.flatMap((n) =>
      n.op === "Softmax"
        ? [
            node("Sigmoid", ["scores0"], ["s0"]),
            node("Softmax", ["s0"], ["attention0"], { axis: attr.int(-1) }),
          ]
        : [n],
    );
    expect(gradEclip.refuses?.(smallModel({ ...graph, nodes }))).toMatch(
      /^of the last attention, "attention0", no query, key: looked for a MatMul or Einsum/,
    );
  });
});
