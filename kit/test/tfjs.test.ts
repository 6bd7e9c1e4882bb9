/** `--engine tfjs` from outside: the same maps, and a run document that says what computed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundledModels } from "../src/bundled.ts";
import { parseNpy } from "../src/datasets/readers/npy.ts";
import { isInstalled } from "../src/engine/tfjs/installed.ts";
import { type Float32Tensor, toFloat32 } from "../src/onnx/tensor.ts";
import { cli } from "./run-cli.ts";
import { cnn, saveArray, saveFolder, saveModel, uniform } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-tfjs-cli-"));
const at = (name: string) => join(dir, name);
const here = isInstalled("@tensorflow/tfjs-backend-wasm");
const tfjs = ["--engine", "tfjs", "--device", "wasm"];

beforeAll(async () => {
  saveArray(at("x.npy"), uniform("tfjs", 3, 64, 64));
  saveModel(at("cnn.onnx"), cnn());
  await saveFolder(at("photos"), 1);
});
afterAll(() => rmSync(dir, { recursive: true }));

async function mapBy(engine: readonly string[], model: string, method: string): Promise<Float32Array> {
  const out = at(`${engine.join("")}.npy`);
  const ran = await cli(
    ...["attribute", "--model", model, "--input", at("x.npy"), "--method", method, "--target", "2"],
    ...[...engine, "--out", out, "--quiet"],
  );
  expect(ran).toMatchObject({ code: 0, err: "" });
  return toFloat32(parseNpy(new Uint8Array(readFileSync(out)), out) as Float32Tensor);
}

describe.skipIf(!here)("a bundled model's maps are onnxruntime's within 1e-4", () => {
  const models = bundledModels().filter(({ id }) => id === "shapes-resnet" || id === "shapes-vit");
  it.each(models.flatMap(({ id, path }) => ["saliency", "grad-cam"].map((method) => ({ id, path, method }))))(
    "$id $method",
    async ({ path, method }) => {
      const ours = await mapBy(tfjs, path, method);
      const theirs = await mapBy(["--engine", "onnxruntime", "--device", "wasm"], path, method);
      const largest = theirs.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const apart = theirs.reduce((m, v, i) => Math.max(m, Math.abs(v - ours[i])), 0);
      expect(largest).toBeGreaterThan(0);
      expect(apart / largest).toBeLessThan(1e-4);
    },
  );
});

it.skipIf(!here)("a run document says which engine, package and device computed", async () => {
  const ran = await cli(
    ...["evaluate", "--model", at("cnn.onnx"), "--data", `folder:${at("photos")}`, "--protocol", "quick"],
    ...["--methods", "saliency", "--metrics", "sparseness", "--samples", "2", "--pictures", "0"],
    ...[...tfjs, "--out", at("run"), "--quiet"],
  );
  expect(ran).toMatchObject({ code: 0, err: "" });
  const run = JSON.parse(readFileSync(join(at("run"), "run.json"), "utf8"));
  expect(run.result.engine).toMatchObject({
    id: "tfjs",
    package: "@tensorflow/tfjs-backend-wasm",
    provider: "wasm",
  });
  expect(await cli("validate", at("run"))).toMatchObject({ code: 0 });
});

it("an unknown engine is a usage error that names those there are", async () => {
  const ran = await cli("attribute", "--model", at("cnn.onnx"), "--engine", "torch");
  expect(ran.code).toBe(2);
  expect(ran.err).toMatch(/onnxruntime, tfjs/);
});
