import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { wasm } from "../test/small-models.ts";
import { type BundledModel, bundledModels, studyModels } from "./bundled.ts";
import type { Dataset, Sample } from "./datasets/dataset.ts";
import { openDataset } from "./datasets/open.ts";
import { createPool } from "./engine/pool.ts";
import { createModel } from "./model/model.ts";
import { prepare } from "./model/prepare.ts";
import { checkCard, readModelFile } from "./node.ts";
import { phantomDomains } from "./phantoms/index.ts";
import { classify } from "./runner/classify.ts";
import { pixelsOf } from "./runner/pixels.ts";

const models = bundledModels();
const folder = dirname(models[0].path);
const resize = { method: "bilinear" } as const;

/** The first 128 pictures of the test split, drawn once for the four models that look at them. */
const drawn = new Map<string, Promise<Dataset>>();
function firstOf(id: string): Promise<Dataset> {
  const known = drawn.get(id) ?? draw(id);
  drawn.set(id, known);
  return known;
}
async function draw(id: string): Promise<Dataset> {
  const dataset = await openDataset(id);
  const ids = (await dataset.index()).slice(0, 128).map((info) => info.id);
  const samples: Sample[] = [];
  for await (const sample of dataset.read(ids)) samples.push(sample);
  return { ...dataset, count: samples.length, read: () => from(samples) };
}
async function* from(samples: readonly Sample[]): AsyncGenerator<Sample> {
  yield* samples;
}

/** What makes the style, by operators that are in its graph and operators that are not. */
const marks: Readonly<Record<string, { has: readonly string[]; lacks: readonly string[] }>> = {
  resnet: { has: ["Conv", "Add"], lacks: ["BatchNormalization", "Softmax"] }, // normalisation is folded into the weights
  densenet: { has: ["BatchNormalization", "Concat", "AveragePool"], lacks: ["Softmax"] },
  vit: { has: ["LayerNormalization", "Softmax", "MatMul"], lacks: ["ReduceL2"] },
  clip: { has: ["LayerNormalization", "Softmax", "ReduceL2"], lacks: ["Gemm"] },
};

function opened({ path, card }: BundledModel) {
  const prepared = prepare(readModelFile(path).graph, { card });
  return createModel(prepared, { pool: createPool(wasm), memory: 2 ** 28, key: path });
}

it("are four architectures for each of the phantoms, and nothing else lies with them", () => {
  const styles = ["resnet", "densenet", "vit", "clip"];
  const expected = phantomDomains.flatMap(({ id }) => styles.map((style) => `${id}-${style}`));
  expect(models.map(({ id }) => id)).toEqual(expected);
  const files = expected.flatMap((id) => [`${id}.onnx`, `${id}.card.json`]);
  expect(readdirSync(folder).sort()).toEqual([...files, "models.json", "studies"].sort());
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const total = all.reduce((sum, file) => sum + statSync(`${folder}/${file}`).size, 0);
  expect(total).toBeLessThan(4.4e6); // all of it is in the npm package
});

it("stand apart from what only studies read: one recipe without and with an explanation loss", () => {
  const own = studyModels().filter(({ id }) => !models.some((model) => model.id === id));
  expect(own.map(({ id }) => id)).toEqual(["cxr-resnet-alpha-0", "cxr-resnet-alpha-1"]);
  const taught = own.map(({ id, path, card, sha256, testAccuracy }) => {
    expect(readModelFile(path).sha256).toBe(sha256);
    expect(testAccuracy).toBeGreaterThanOrEqual(0.9);
    expect(checkCard(card, id)).toMatchObject({ id, architecture: "resnet-mini", training: { seed: 0 } });
    return card.training?.explanationLoss;
  });
  expect(taught).toEqual([undefined, { formulation: "input-gradient", alpha: 1 }]);
  // what is told of them is what the training script found
  const told = readFileSync(new URL("../docs/studies.md", import.meta.url), "utf8");
  const ledger = JSON.parse(readFileSync(`${folder}/studies/models.json`, "utf8")) as Record<
    string,
    number
  >[];
  for (const { alpha, testAccuracy, testOutside } of ledger)
    expect(told).toContain(`| α ${alpha} | ${testAccuracy.toFixed(4)} | ${testOutside.toFixed(4)} |`);
});

describe.each(models.map((model) => [model.id, model] as const))("%s", (id, model) => {
  const { graph, sha256 } = readModelFile(model.path);

  it("is small, of its style, and the file that was trained", () => {
    expect(statSync(model.path).size).toBeLessThan(500_000);
    expect(sha256).toBe(model.sha256);
    const { has, lacks } = marks[id.split("-")[1]];
    const ops = graph.nodes.map(({ op }) => op);
    expect(ops).toEqual(expect.arrayContaining([...has]));
    expect(ops.filter((op) => lacks.includes(op))).toEqual([]);
  });

  it("has a card that says what the graph says", async () => {
    const card = checkCard(model.card, id);
    expect(card).toMatchObject({ id, task: "multi-class", input: { height: 64, width: 64 } });
    const dataset = await openDataset(model.dataset);
    expect(card.classes).toEqual(dataset.classes);
    expect(card.input?.mean).toHaveLength(dataset.channels!);
    const { family, task, ...rest } = card;
    const inferred = prepare(graph, { card: rest });
    expect([inferred.family, inferred.task]).toEqual([family, task]);
    expect(inferred.fixedBatch).toBeUndefined();
    expect(inferred.cam).toMatchObject({ rows: 8, columns: 8 });
  });

  it("knows at least 9 of 10 pictures, and its gradient lies where the finding is", async () => {
    expect(model.testAccuracy).toBeGreaterThanOrEqual(0.9);
    const dataset = await firstOf(model.dataset);
    const asked = opened(model);
    const { quality } = await classify(asked, dataset, resize);
    expect(quality.accuracy).toBeGreaterThanOrEqual(0.9);

    asked.assertDifferentiable();
    const samples: Sample[] = [];
    for await (const sample of dataset.read()) if (samples.push(sample) === 16) break;
    const shares: number[] = [];
    await asked.backward(
      samples.length,
      { input: true, layer: false },
      (k, out) => out.set(pixelsOf(samples[k].image, asked.shape, resize).data),
      (k) => samples[k].labels[0],
      (k, { gradient }) => {
        const mask = samples[k].masks![0].data;
        const sum = (keep: (pixel: number) => boolean) =>
          gradient.reduce((s, g, i) => (keep(i % mask.length) ? s + Math.abs(g) : s), 0);
        const area = mask.reduce((s, m) => s + m, 0) / mask.length;
        shares.push(sum((pixel) => mask[pixel] === 1) / sum(() => true) / area);
      },
    );
    // times as much as by chance
    expect(shares.reduce((s, v) => s + v, 0) / shares.length).toBeGreaterThan(1.5);
  });
});
