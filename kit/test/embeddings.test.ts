/** Image encoders that class embeddings make classifiers of, and methods that compare with further images: on the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeNpy, parseNpy } from "../src/datasets/readers/npy.ts";
import { prune } from "../src/onnx/graph.ts";
import { float32, toFloat32 } from "../src/onnx/tensor.ts";
import type { Run } from "../src/results/document.ts";
import { distance } from "./analytic-probe.ts";
import { cli, json } from "./run-cli.ts";
import { cnn, saveArray, saveFolder, saveModel, savePicture, standardNormal, uniform } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-embeddings-"));
const at = (...parts: string[]) => join(dir, ...parts);
const array = (name: string) => {
  const tensor = parseNpy(new Uint8Array(readFileSync(at(name))), name);
  return { dims: [...tensor.dims], data: toFloat32(tensor) };
};

const texts = standardNormal("texts", 3, 6);
const encoder = ["--model", at("encoder.onnx")];
const classifier = [...encoder, "--text-embeddings", at("texts.npy"), "--logit-scale", "20"];
const named = ["--class-names", "blue,green,red"];
const photos = ["--data", `folder:${at("photos")}`];

beforeAll(async () => {
  // up to its embedding of six values
  const flat = { name: "flat", type: "float32", dims: ["batch", 6] } as const;
  saveModel(at("encoder.onnx"), prune(cnn(), [flat]));
  saveModel(at("cnn.onnx"), cnn());
  saveArray(at("texts.npy"), texts);
  saveArray(at("x.npy"), uniform("x", 3, 16, 16));
  await savePicture(at("picture.png"), { size: 24 });
  await saveFolder(at("photos"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("--text-embeddings", () => {
  it("classifies by similarity: probabilities, names and what was assumed", async () => {
    const run = (...more: string[]) =>
      json<{ predictions: { class: string; probability: number }[]; assumptions: string[] }>(
        ...["explain", at("picture.png"), ...classifier, ...named, "--method", "saliency"],
        ...["-o", at("explained.png"), ...more],
      );
    const { predictions, assumptions } = await run();
    expect(predictions.map((p) => p.class).sort()).toEqual(["blue", "green", "red"]);
    expect(predictions.reduce((s, p) => s + p.probability, 0)).toBeCloseTo(1, 5);
    expect(assumptions).toContainEqual(
      expect.stringMatching(
        /^class scores: similarities of "flat" to 3 class embeddings \(SHA-256 [0-9a-f]{64}\), times 20$/,
      ),
    );
    expect(assumptions).toContainEqual(expect.stringMatching(/^family contrastive/));
    // a smaller scale makes it less sure, of the same class
    const { predictions: milder } = await run("--logit-scale", "1");
    expect(milder[0].class).toBe(predictions[0].class);
    expect(milder[0].probability).toBeLessThan(predictions[0].probability);
  });

  it("explains the similarity: attribute and score", async () => {
    const common = [...classifier, "--input", at("x.npy"), "--target", "1"];
    await json(
      "attribute",
      ...common,
      "--method",
      "input-x-gradient",
      "-p",
      "reference=black",
      "-o",
      at("a.npy"),
    );
    const { dims, data } = array("a.npy");
    expect(dims).toEqual([3, 16, 16]);
    expect(data.some((v) => v !== 0)).toBe(true);
    // the length of a class embedding plays no part, the scale is a factor
    saveArray(
      at("longer.npy"),
      float32(
        [3, 6],
        texts.data.map((v) => 7 * v),
      ),
    );
    const other = common.map((v) => (v === at("texts.npy") ? at("longer.npy") : v === "20" ? "40" : v));
    await json(
      "attribute",
      ...other,
      "--method",
      "input-x-gradient",
      "-p",
      "reference=black",
      "-o",
      at("b.npy"),
    );
    const twice = data.map((v) => 2 * v);
    expect(distance(array("b.npy").data, twice)).toBeLessThan(1e-4 * Math.max(...twice.map(Math.abs)));
    const { value } = await json<{ value: number }>(
      ...["score", ...common, "-a", at("a.npy"), "--metric", "deletion-auc"],
    );
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(1);
  });

  it("makes a run of its own model: other embeddings are another one", async () => {
    const evaluate = async (embeddings: string, out: string) => {
      await json(
        ...["evaluate", ...encoder, "--text-embeddings", at(embeddings), ...named, ...photos],
        ...["--protocol", "quick", "--methods", "saliency", "--metrics", "sparseness", "--samples", "3"],
        ...["--pictures", "0", "--out", at(out)],
      );
      return JSON.parse(readFileSync(at(out, "run.json"), "utf8")) as Run;
    };
    saveArray(at("others.npy"), standardNormal("other texts", 3, 6));
    const [one, again, other] = [
      await evaluate("texts.npy", "one"),
      await evaluate("texts.npy", "again"),
      await evaluate("others.npy", "other"),
    ];
    const { model } = one.result;
    expect(model).toMatchObject({ family: "contrastive", classes: 3 });
    expect(model.assumptions).toContainEqual(expect.stringMatching(/^no --logit-scale: 100/));
    expect(again.result.model).toEqual(model);
    expect(other.result.model.sha256).not.toBe(model.sha256);
    // nor does one go on with the other's folder
    const ran = await cli(
      ...["evaluate", ...encoder, "--text-embeddings", at("others.npy"), ...named, ...photos],
      ...["--protocol", "quick", "--methods", "saliency", "--metrics", "sparseness", "--samples", "3"],
      ...["--pictures", "0", "--out", at("one")],
    );
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.err).toMatch(/model\.sha256/);
  });

  const attribute = (...more: string[]) => [
    ...["attribute", ...encoder, "--input", at("x.npy"), "--method", "saliency", "-o", at("refused.npy")],
    ...more,
  ];
  it.each<[string, () => string[], string, RegExp]>([
    ["a scale without embeddings", () => attribute("--logit-scale", "100"), "E_USAGE", /--text-embeddings/],
    [
      "a scale that is none",
      () => attribute("--text-embeddings", at("texts.npy"), "--logit-scale", "ln 100"),
      "E_USAGE",
      /not its logarithm/,
    ],
    [
      "a negative scale",
      () => attribute("--text-embeddings", at("texts.npy"), "--logit-scale", "-4.6"),
      "E_USAGE",
      /positive/,
    ],
    ["a missing file", () => attribute("--text-embeddings", at("none.npy")), "E_FILE", /none\.npy/],
    [
      "embeddings of another size",
      () => attribute("--text-embeddings", at("x.npy")),
      "E_INPUT",
      /dims \[3, 16, 16\] for image embeddings of 6 values/,
    ],
    [
      "NaN",
      () => attribute("--text-embeddings", at("nan.npy")),
      "E_INPUT",
      /nan\.npy holds NaN at element 0/,
    ],
    ["a class of zeros", () => attribute("--text-embeddings", at("zero.npy")), "E_INPUT", /class 0 is zero/],
    [
      "names for another number of classes",
      () => attribute("--text-embeddings", at("texts.npy"), "--class-names", "a,b"),
      "E_CARD",
      /names 2 classes, the model has 3/,
    ],
  ])("refuses %s", async (_, argv, code, says) => {
    writeFileSync(at("nan.npy"), encodeNpy(float32([3, 6], new Float32Array(18).fill(Number.NaN))));
    saveArray(at("zero.npy"), float32([3, 6], new Float32Array(18)));
    const ran = await cli(...argv());
    expect(ran.err).toMatch(new RegExp(`\\[${code}\\]$`, "m"));
    expect(ran.err).toMatch(says);
    expect(ran.code).toBe(code === "E_USAGE" ? 2 : 1);
  });
});

describe("gradient-shap", () => {
  const model = ["--model", at("cnn.onnx")];

  it("takes its images, coefficients and noise from files", async () => {
    const baselines = uniform("baselines", 4, 3, 16, 16);
    saveArray(at("baselines.npy"), baselines);
    saveArray(at("u.npy"), float32([4], [0, 0.25, 0.5, 1]));
    const common = ["attribute", ...model, "--input", at("x.npy"), "--target", "1"];
    const supplied = ["--with", `baselines=${at("baselines.npy")}`, "--with", `coefficients=${at("u.npy")}`];
    const { passes } = await json<{ passes: object }>(
      ...[...common, "--method", "gradient-shap", ...supplied, "-o", at("shap.npy")],
    );
    expect(passes).toEqual({ forwards: 4, backwards: 4 });
    // one pair after the other is one point of a path from that image
    const sum = new Float64Array(768);
    for (let k = 0; k < 4; k++) {
      saveArray(at("b.npy"), float32([1, 3, 16, 16], baselines.data.slice(k * 768, (k + 1) * 768)));
      saveArray(at("c.npy"), float32([1], [[0, 0.25, 0.5, 1][k]]));
      await json(
        ...[...common, "--method", "gradient-shap", "-o", at("one.npy")],
        ...["--with", `baselines=${at("b.npy")}`, "--with", `coefficients=${at("c.npy")}`],
      );
      for (const [i, v] of array("one.npy").data.entries()) sum[i] += v / 4;
    }
    expect(distance(array("shap.npy").data, sum)).toBeLessThan(1e-5);
    // and a metric that runs it again gets them too
    const rerun = ["score", ...model, "--input", at("x.npy"), "--target", "1", "-a", at("shap.npy")];
    const { value } = await json<{ value: number }>(
      ...[...rerun, "--metric", "max-sensitivity", "--method", "gradient-shap", ...supplied],
    );
    expect(value).toBeGreaterThan(0);
  });

  it("says what it needs where there is one image", async () => {
    const ran = await cli(
      ...["attribute", ...model, "--input", at("x.npy"), "--method", "gradient-shap", "-o", at("none.npy")],
    );
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(/compares with other images, and there are none +\[E_INPUT\]/);
    expect(ran.err).toMatch(/--with baselines=FILE\.npy/);
  });

  const evaluate = async (out: string, ...more: string[]) => {
    await json(
      ...["evaluate", ...model, ...photos, "--protocol", "quick", "--methods", "gradient-shap,saliency"],
      ...[
        "--metrics",
        "sparseness,max-sensitivity,randomisation",
        "--pictures",
        "0",
        "--out",
        at(out),
        ...more,
      ],
    );
    return at(out);
  };
  const scores = async (folder: string) => {
    const file = readFileSync(join(folder, "scores.parquet"));
    const rows = await parquetReadObjects({
      file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length),
    });
    return rows.filter((row) => row.method === "gradient-shap").length;
  };

  it("compares with the next images of the folder, in shares as in one go", async () => {
    const whole = await evaluate("whole", "--samples", "4");
    expect(await scores(whole)).toBeGreaterThan(0);
    const run = JSON.parse(readFileSync(join(whole, "run.json"), "utf8")) as Run;
    expect(run.result.methods.find((m) => m.id === "gradient-shap")).toMatchObject({ status: "ok" });
    const header = JSON.parse(readFileSync(join(whole, "journal.jsonl"), "utf8").split("\n")[0]);
    // twelve pictures, four of them explained: the next eight are all there are
    expect(JSON.stringify(header)).toContain('"following":[');

    for (const k of [1, 2]) await evaluate(`part-${k}`, "--samples", "4", "--shard", `${k}/2`, "--jobs", "1");
    await json("merge", at("part-1"), at("part-2"), "--out", at("merged"));
    const merged = JSON.parse(readFileSync(at("merged", "run.json"), "utf8")) as Run;
    // ids are hidden with a key of each run's own, which the intervals' draws depend on
    const means = ({ result }: Run) => result.statistics.cells.map((c) => [c.method, c.metric, c.mean]);
    expect(means(merged)).toEqual(means(run));
  });

  it("is not applicable to a folder of six pictures", async () => {
    await saveFolder(at("few"), 2);
    const ran = await cli(
      ...["evaluate", ...model, "--data", `folder:${at("few")}`, "--protocol", "quick", "--dry-run"],
      ...["--methods", "gradient-shap,saliency", "--out", at("few-run")],
    );
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/not applicable: gradient-shap: it compares with 8 other images, here are 5/);
  });
});
