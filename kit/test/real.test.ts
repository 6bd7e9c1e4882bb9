/** Really trained models on real images: values of PyTorch, and what an explanation of these images must show. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../src/datasets/open.ts";
import { decodeImage8 } from "../src/datasets/readers/image.ts";
import { openNpz } from "../src/datasets/readers/npz.ts";
import type { Engine } from "../src/engine/engine.ts";
import { createPool } from "../src/engine/pool.ts";
import { attribute } from "../src/methods/method.ts";
import { createModel, type Model } from "../src/model/model.ts";
import { type PrepareOptions, prepare } from "../src/model/prepare.ts";
import { createProbe } from "../src/model/probe.ts";
import { openEngine, readModelFile } from "../src/node.ts";
import { float32, toFloat32 } from "../src/onnx/tensor.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { statisticsOf } from "../src/results/document.ts";
import { rngOf } from "../src/rng.ts";
import { classify } from "../src/runner/classify.ts";
import { execute } from "../src/runner/execute.ts";
import { pixelsOf } from "../src/runner/pixels.ts";
import { plan } from "../src/runner/plan.ts";
import { finding } from "./finding.ts";
import { fixtures } from "./fixtures.ts";

const root = fixtures();
const real = root && join(root, "real");
const index = real && JSON.parse(readFileSync(join(real, "index.json"), "utf8"));
const resize = { method: "bilinear" } as const;
const greyCard = { input: { mean: [0.5], std: [0.5] } };
const imagenetCard = { input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } };

let engine: Engine;
let scratch: string;

const open = (id: string, options: PrepareOptions): Model =>
  createModel(prepare(readModelFile(join(real!, "models", `${id}.onnx`)).graph, options), {
    pool: createPool(engine),
    memory: 5e8,
  });

describe.skipIf(!real)("real models", () => {
  beforeAll(async () => {
    ({ engine } = await openEngine());
    scratch = mkdtempSync(join(tmpdir(), "xai-real-"));
  });
  afterAll(async () => {
    await engine.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  describe("agree with PyTorch", () => {
    for (const model of index?.models ?? []) {
      if (!model.reference || model.id === "squeezenet-imagenet") continue;
      it(model.id, async () => {
        const npz = await openNpz(join(real!, model.reference.file));
        const array = async (name: string) => {
          const tensor = await npz.read(name);
          return { dims: tensor.dims, data: toFloat32(tensor) };
        };
        const [x, logits, target, gradient, ig] = await Promise.all(
          ["x", "logits", "target", "grad", "ig_zero_midpoint64"].map(array),
        );
        const layer = model.intermediate_tensors.features ? "features" : undefined;
        const kit = open(model.id, { preprocess: false, card: layer ? { camLayer: layer } : {} });
        const cnn = layer !== undefined;
        const cam = npz.entries.has("gradcam_features") ? await array("gradcam_features") : undefined;
        await npz.close();

        const row = (a: { dims: readonly number[]; data: Float32Array }, k: number) => {
          const n = a.data.length / a.dims[0];
          return a.data.subarray(k * n, (k + 1) * n);
        };
        for (let k = 0; k < x.dims[0]; k++) {
          const probe = createProbe({
            model: kit,
            x: float32(x.dims.slice(1), row(x, k).slice()),
            target: target.data[k],
          });
          const rng = (purpose: string) => rngOf("real", purpose);
          // float32 may round a ReLU the other way than PyTorch did: the ReLU nets are held to the L2 norm
          const near = (name: string, ours: ArrayLike<number>, theirs: Float32Array, bound: number) =>
            expect(distance(ours, theirs), `${model.id} image ${k} ${name}`).toBeLessThan(bound);
          near("logits", await probe.logits(), row(logits, k), 1e-4);
          near("gradient", (await probe.gradient()).data, row(gradient, k), cnn ? 1e-2 : 1e-4);
          const params = { steps: 64, rule: "midpoint" };
          const attribution = await attribute(methodOf("integrated-gradients"), probe, { params, rng });
          near("integrated gradients", attribution.data, row(ig, k), cnn ? 1e-2 : 1e-4);
          if (cam) {
            const raw = await attribute(methodOf("grad-cam"), probe, { rng, raw: true });
            near(
              "Grad-CAM",
              raw.data.map((v) => Math.max(v, 0)),
              row(cam, k),
              1e-2,
            );
          }
        }
      });
    }

    it("squeezenet-imagenet, on photos read from their files", async () => {
      const npz = await openNpz(join(real!, "reference", "squeezenet-imagenet.npz"));
      const array = async (name: string) => toFloat32(await npz.read(name));
      const [logits, cams, labels, gradient] = await Promise.all(
        ["logits", "gradcam_features_label", "label", "grad0_label"].map(array),
      );
      await npz.close();
      const kit = open("squeezenet-imagenet", { card: { ...imagenetCard, camLayer: "features" } });
      for (const [k, photo] of index.photos.entries()) {
        const x = pixelsOf(await decodeImage8(join(real!, photo.file)), kit.shape, resize);
        const probe = createProbe({ model: kit, x, target: labels[k] });
        expect(
          distance(await probe.logits(), logits.subarray(k * 1000, (k + 1) * 1000)),
          photo.id,
        ).toBeLessThan(1e-4);
        const raw = await attribute(methodOf("grad-cam"), probe, { rng: (p) => rngOf("real", p), raw: true });
        const cam = cams.subarray(k * 169, (k + 1) * 169);
        expect(
          distance(
            raw.data.map((v) => Math.max(v, 0)),
            cam,
          ),
          photo.id,
        ).toBeLessThan(1e-2);
        if (k > 0) continue;
        // theirs is with respect to the normalised input: divide by std
        const std = imagenetCard.input.std;
        const pixel = gradient.map((g, i) => g / std[Math.floor(i / (227 * 227))]);
        expect(distance((await probe.gradient()).data, pixel)).toBeLessThan(1e-2);
      }
    });
  });

  describe("classify PneumoniaMNIST as index.json says", () => {
    for (const kind of ["resnet", "vit", "clip", "densenet"]) {
      it(kind, async () => {
        const id = `pneumoniamnist-${kind}-s0`;
        const dataset = await openDataset("medmnist:pneumoniamnist", { dir: join(real!, "data") });
        const { quality } = await classify(open(id, { card: greyCard }), dataset, resize);
        await dataset.close();
        const expected = index.models.find((m: { id: string }) => m.id === id).test;
        expect(Math.abs(quality.auroc! - expected.auroc)).toBeLessThan(0.005);
        expect(Math.abs(quality.accuracy! - expected.acc)).toBeLessThan(0.005);
      });
    }
  });

  it("Grad-CAM of SqueezeNet peaks on the object of every photo", async () => {
    const folder = join(scratch, "photos");
    const names: string[] = JSON.parse(readFileSync(join(real!, "imagenet_classes.json"), "utf8"));
    const images: { id: number; file_name: string }[] = [];
    const annotations: object[] = [];
    for (const [k, photo] of index.photos.entries()) {
      const name = `${photo.label}/${photo.file.split("/").pop()}`;
      mkdirSync(join(folder, String(photo.label)), { recursive: true });
      await copyFile(join(real!, photo.file), join(folder, name));
      images.push({ id: k, file_name: name });
      const [width, height] = photo.size;
      for (const { class: label, box } of photo.boxes) {
        const [x0, y0, x1, y1] = box;
        annotations.push({
          id: annotations.length,
          image_id: k,
          category_id: label,
          bbox: [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height],
        });
      }
    }
    const categories = names.map((_, id) => ({ id, name: String(id) }));
    writeFileSync(join(folder, "annotations.json"), JSON.stringify({ images, annotations, categories }));
    const scores = await pointing(
      folder,
      names,
      open("squeezenet-imagenet", { card: imagenetCard }),
      "grad-cam",
    );
    expect(scores).toHaveLength(10);
    expect(scores.every((s) => s.score === 1)).toBe(true);
  });

  describe("points at white blood cells as often as PyTorch's maps", () => {
    let folder: string;
    beforeAll(async () => {
      folder = join(scratch, "bccd64");
      await writeTiles(folder);
    });
    for (const kind of ["resnet", "densenet", "clip"]) {
      it(kind, async () => {
        const model = open(`bccd64-${kind}-s0`, {
          card: { input: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }, camLayer: "features" },
        });
        const classes = index.datasets.find((d: { id: string }) => d.id === "bccd64").classes;
        const scores = await pointing(folder, classes, model, "grad-cam");
        const white = scores.filter((s) => s.target === 0);
        expect(white).toHaveLength(100);
        const share = white.reduce((sum, s) => sum + s.score, 0) / white.length;
        const expected = index.localisation_reference.models[kind].wbc_gradcam;
        finding(`bccd64 ${kind}: Grad-CAM on white cells ${share} (PyTorch ${expected})`);
        expect(Math.abs(share - expected)).toBeLessThanOrEqual(0.05);
      });
    }
  });
});

/** The pointing game of one method on every annotated image of a folder. */
async function pointing(folder: string, classes: readonly string[], model: Model, method: string) {
  const dataset = await openDataset(`folder:${folder}`, { classes });
  const annotated = (await dataset.index()).filter((s) => s.annotated);
  const metric = metricOf("pointing-game");
  const planned = plan({
    protocol: protocolOf("1"),
    methods: [methodOf(method)],
    metrics: [metric],
    shape: model.shape,
    available: annotated.length,
    samples: annotated.length,
    annotated: true,
    unmet: {},
  });
  // a map without positive evidence is flat: PyTorch's argmax then takes the first pixel, and so must we to compare
  const plans = { ...planned, metrics: [{ ...planned.metrics[0], params: { ties: "index" } }] };
  const { rows, failures } = await execute({
    model,
    dataset,
    plan: plans,
    selected: annotated.map((s) => s.id),
    resize,
  });
  await dataset.close();
  expect(failures).toEqual([]);
  expect(statisticsOf(plans, rows).cells[0].n).toBe(annotated.length);
  return rows
    .filter((r) => r.targetKind === "annotated")
    .map((r) => ({ target: r.target, score: r.scores[metric.id] }));
}

/** bccd64's test tiles as a folder with COCO boxes: the form its owner would have it in. */
async function writeTiles(folder: string): Promise<void> {
  const npz = await openNpz(join(real!, "data", "bccd64.npz"));
  const pixels = await npz.read("test_images");
  const labels = await npz.read("test_labels");
  await npz.close();
  const boxes = JSON.parse(readFileSync(join(real!, "data", "bccd64_boxes.json"), "utf8"));
  const names: string[] = index.datasets.find((d: { id: string }) => d.id === "bccd64").classes;
  const images: object[] = [];
  const annotations: object[] = [];
  for (const name of names) mkdirSync(join(folder, name), { recursive: true });
  for (let k = 0; k < pixels.dims[0]; k++) {
    const label = Number(labels.data[k]);
    const name = `${names[label]}/tile-${String(k).padStart(3, "0")}.png`;
    const bytes = pixels.data.slice(k * 64 * 64 * 3, (k + 1) * 64 * 64 * 3) as Uint8Array;
    await sharp(bytes, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toFile(join(folder, name));
    images.push({ id: k, file_name: name });
    // every listed box is of the tile's own class
    for (const [x0, y0, x1, y1] of boxes.test[k].boxes) {
      annotations.push({
        id: annotations.length,
        image_id: k,
        category_id: label,
        bbox: [x0, y0, x1 - x0, y1 - y0],
      });
    }
  }
  const categories = names.map((name, id) => ({ id, name }));
  writeFileSync(join(folder, "annotations.json"), JSON.stringify({ images, annotations, categories }));
}

/** ‖a − b‖₂ / ‖b‖₂ */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    scale += b[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / scale);
}
