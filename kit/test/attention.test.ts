/**
 * LeGrad and Grad-ECLIP on exported transformers, where nobody's arrays are at hand: once more from activations that are fetched by the
 * names the exporter gave, and from differences of scores where an activation is replaced. Nothing here looks for attention, copies a head
 * or differentiates.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gradEclip } from "../src/methods/grad-eclip.ts";
import { legrad } from "../src/methods/legrad.ts";
import { attribute } from "../src/methods/method.ts";
import type { Model, Program } from "../src/model/model.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import { cutAt } from "../src/model/programs.ts";
import { readModelFile } from "../src/node.ts";
import { streams } from "./analytic-probe.ts";
import { relative } from "./attention-probe.ts";
import { fixtures } from "./fixtures.ts";
import { picture, smallModel } from "./small-models.ts";

interface Exported {
  readonly file: string;
  readonly blocks: number;
  readonly heads: number;
  /** of one head */
  readonly size: number;
  readonly attention: (l: number) => string;
  readonly within: (l: number) => string;
}

const bundled = fileURLToPath(new URL("../models/", import.meta.url));
const oracle = join(fixtures() ?? "", "oracle");
const ours = {
  attention: (l: number) => `/encoder/blocks/blocks.${l}/Softmax_output_0`,
  within: (l: number) => `/encoder/blocks/blocks.${l}`,
};
const theirs = { attention: (l: number) => `attn_${l}`, within: (l: number) => `/m/blocks.${l}` };
const models: readonly Exported[] = [
  { file: join(bundled, "shapes-vit.onnx"), blocks: 3, heads: 4, size: 10, ...ours },
  { file: join(bundled, "shapes-clip.onnx"), blocks: 3, heads: 4, size: 10, ...ours },
  { file: join(oracle, "vit", "model.onnx"), blocks: 4, heads: 3, size: 16, ...theirs },
  { file: join(oracle, "clip", "model.onnx"), blocks: 3, heads: 2, size: 24, ...theirs },
];

const tokens = 65;
const x = picture("exported", 3, 64, 64);
const target = 2;
const rng = streams("exported");

/** What is computed of the image, by the exporter's names. */
async function fetched(model: Model, names: readonly string[]): Promise<Float32Array[]> {
  const program: Program = {
    id: `fetch ${names}`,
    passes: { forwards: 1, backwards: 0 },
    build: ({ folded, input }) => ({ folded, feeds: { image: input }, fetches: names }),
  };
  let found: Float32Array[] = [];
  await model.run(
    program,
    1,
    (_, { image }) => image.set(x.data),
    (_, outputs) => {
      found = outputs.map((o) => o.slice());
    },
  );
  return found;
}

/** `name`, or the logits, where `at` holds other values; once for each of `values`. */
async function replaced(model: Model, at: string, values: readonly Float32Array[], name?: string) {
  const program: Program = {
    id: `${name} from ${at}`,
    passes: { forwards: 1, backwards: 0 },
    build(parts) {
      const { folded, activation } = cutAt(parts, at);
      return { folded, feeds: { image: parts.input, activation }, fetches: [name ?? parts.score] };
    },
  };
  const found: Float32Array[] = [];
  await model.run(
    program,
    values.length,
    (k, { image, activation }) => {
      image?.set(x.data);
      activation.set(values[k]);
    },
    (k, [output]) => {
      found[k] = output.slice();
    },
  );
  return found;
}

/** Central differences at some elements, the scores of all changed copies asked for at once; ε outweighs the rounding of float32. */
async function differences(
  from: Float32Array,
  elements: readonly number[],
  scores: (changed: readonly Float32Array[]) => Promise<readonly number[]>,
  ε = 1e-2,
): Promise<number[]> {
  const changed = elements.flatMap((i) =>
    [ε, -ε].map((by) => Float32Array.from(from, (v, j) => (j === i ? v + by : v))),
  );
  const found = await scores(changed);
  return elements.map((_, i) => (found[2 * i] - found[2 * i + 1]) / (2 * ε));
}

const probeOf = (file: string): Probe =>
  createProbe({ model: smallModel(readModelFile(file).graph, { preprocess: false }), x, target });
const named = (m: Exported) => m.file.split(/[\\/]/).slice(-2).join("/");

describe.each(models.map((m) => [named(m), m] as const))("%s", (_, m) => {
  it.skipIf(!existsSync(m.file))("Grad-ECLIP is its formula", async () => {
    const probe = probeOf(m.file);
    const last = m.within(m.blocks - 1);
    const parts = ["Squeeze", "Squeeze_1", "Squeeze_2", "MatMul_1"].map((n) => `${last}/${n}_output_0`);
    const [q, k, v, o] = await fetched(probe.model, parts); // [heads, T, size]
    const { heads, size } = m;
    const at = (h: number, t: number, d: number) => (h * tokens + t) * size + d;
    const channels = Array.from(
      { length: heads * size },
      (_, i) => [Math.floor(i / size), i % size] as const,
    );
    const gradient = await differences(
      o,
      channels.map(([h, d]) => at(h, 0, d)),
      async (changed) => (await replaced(probe.model, parts[3], changed)).map((logits) => logits[target]),
    );
    const whole = (data: Float32Array, t: number) => channels.map(([h, d]) => data[at(h, t, d)]);
    const patches = Array.from({ length: tokens - 1 }, (_, p) => p + 1);
    const cosines = patches.map((p) => {
      const [a, b] = [whole(q, 0), whole(k, p)];
      return a.reduce((s, w, i) => s + w * b[i], 0) / (Math.hypot(...a) * Math.hypot(...b));
    });
    const [low, high] = [Math.min(...cosines), Math.max(...cosines)];
    const want = patches.map((p, i) => {
      const λ = (cosines[i] - low) / (high - low);
      return whole(v, p).reduce((s, w, d) => s + gradient[d] * w * λ, 0);
    });
    const { dims, data } = await attribute(gradEclip, probe, { rng, raw: true });
    expect(dims).toEqual([8, 8]);
    expect(relative(data, want)).toBeLessThan(1e-3);
  });

  it.skipIf(!existsSync(m.file)).each(["head", "mean"] as const)(
    "LeGrad is its formula, pool %s",
    async (pool) => {
      const probe = probeOf(m.file);
      const stream = (l: number) => `${m.within(l)}/Add_1_output_0`; // [T, D]
      const pooled = (z: Float32Array) => {
        const width = z.length / tokens;
        const mean = Float64Array.from({ length: width }, (_, d) => {
          let sum = 0;
          for (let t = 0; t < tokens; t++) sum += z[t * width + d] / tokens;
          return sum;
        });
        return z.map((_, i) => mean[i % width]);
      };
      // few of 65 keys: each takes every query of every head
      const keys = pool === "head" ? [1, 30, 64] : [30];
      const layers = 2;
      const want = keys.map(() => 0);
      // with a class token alone the head reads nothing that another query wrote
      const queries = pool === "head" ? [0] : Array.from({ length: tokens }, (_, t) => t);
      for (let l = m.blocks - layers; l < m.blocks; l++) {
        const [a] = await fetched(probe.model, [m.attention(l)]);
        const pairs = Array.from({ length: m.heads }, (_, h) =>
          queries.map((i) => (h * tokens + i) * tokens),
        ).flat();
        const gradient = await differences(
          a,
          keys.flatMap((key) => pairs.map((row) => row + key)),
          async (changed) => {
            const left = await replaced(probe.model, m.attention(l), changed, stream(l));
            const read = pool === "mean" ? left.map(pooled) : left;
            return (await replaced(probe.model, stream(m.blocks - 1), read)).map((logits) => logits[target]);
          },
          // of the mean one token in 65 is moved
          pool === "mean" ? 0.1 : undefined,
        );
        for (const [i, g] of gradient.entries())
          want[Math.floor(i / pairs.length)] += Math.max(0, g) / (m.heads * tokens);
      }
      const { data } = await attribute(legrad, probe, { rng, params: { pool, layers }, raw: true });
      expect(
        relative(
          keys.map((key) => data[key - 1]),
          want,
        ),
      ).toBeLessThan(1e-3);
    },
  );
});
