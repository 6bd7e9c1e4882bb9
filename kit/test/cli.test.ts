/** The command line from outside: what it prints, writes and answers, and how it refuses. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgram } from "../src/cli/program.ts";
import { displayWidth } from "../src/cli/width.ts";
import { parseNpy } from "../src/datasets/readers/npy.ts";
import type { Engine } from "../src/engine/engine.ts";
import { createPool } from "../src/engine/pool.ts";
import { methods } from "../src/methods/index.ts";
import { attribute } from "../src/methods/method.ts";
import { metrics } from "../src/metrics/index.ts";
import { score } from "../src/metrics/metric.ts";
import { createModel, type Model } from "../src/model/model.ts";
import { prepare } from "../src/model/prepare.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import { openEngine, readModelFile } from "../src/node.ts";
import { type Float32Tensor, float32, toFloat32 } from "../src/onnx/tensor.ts";
import { methodOf, metricOf } from "../src/protocol/protocol.ts";
import { rngOf } from "../src/rng.ts";
import { cli, interrupted, json, type Ran, spawned } from "./run-cli.ts";
import {
  cnn,
  saveArray,
  saveFolder,
  saveMedmnist,
  saveModel,
  savePicture,
  standardNormal,
  uniform,
  vit,
} from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-cli-"));
const at = (...parts: string[]) => join(dir, ...parts);
const windows = process.platform === "win32";

/** What `odd.onnx` has no gradient for. */
const noGradient = "ReduceProd \\(a product over the batch\\)";

const x = uniform("x", 3, 16, 16);
const batch = uniform("batch", 3, 3, 16, 16);
const cnnModel = ["--model", at("cnn.onnx")];
const vitModel = ["--model", at("vit.onnx")];
const normalised = ["--mean", "0.5", "--std", "0.25"];

let engine: Engine;
let library: Model;

beforeAll(async () => {
  delete process.env.COLUMNS;
  saveModel(at("cnn.onnx"), cnn());
  saveModel(at("vit.onnx"), vit());
  saveModel(at("grey.onnx"), cnn({ channels: 1, size: 28, classes: 2 }));
  saveModel(at("odd.onnx"), cnn({ odd: true }));
  saveArray(at("x.npy"), x);
  saveArray(at("batch.npy"), batch);
  saveArray(at("noise.npy"), standardNormal("noise", 5, 3, 16, 16));
  saveArray(at("baseline.npy"), uniform("baseline", 3, 16, 16));
  await savePicture(at("picture.png"), { size: 24 });
  await saveFolder(at("photos"));
  saveMedmnist(dir);
  ({ engine } = await openEngine());
  library = open({ input: { mean: [0.5], std: [0.25] } });
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

const open = (card: object, preprocess = true): Model =>
  createModel(prepare(readModelFile(at("cnn.onnx")).graph, { card, preprocess }), {
    pool: createPool(engine),
    memory: 1e8,
  });

const image = (k: number): Float32Tensor => float32([3, 16, 16], batch.data.slice(k * 768, (k + 1) * 768));
const array = (name: string) => {
  const tensor = parseNpy(readFileSync(at(name)), name);
  return { dims: [...tensor.dims], data: toFloat32(tensor) };
};
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (v, i) => Math.abs(v - b[i])).reduce((m, v) => Math.max(m, v), 0);
const unseeded = () => rngOf("a stream that nothing should draw from");

/** What every refusal looks like. */
function expectRefusal(ran: Ran, code: number, kitCode: string, says?: RegExp) {
  expect(ran.err).toMatch(new RegExp(`^error: .+  \\[${kitCode}\\]$`, "m"));
  expect(ran.err).toMatch(/^ {2}next: .+$/m);
  expect(ran.err).not.toMatch(/^\s+at |node:internal|\.ts:\d/m);
  expect(ran.out).toBe("");
  if (says) expect(ran.err).toMatch(says);
  expect(ran.code).toBe(code);
}

describe("help", () => {
  const commands = createProgram(() => () => async () => undefined).commands;
  const all = commands.flatMap((c) => [
    [c.name(), c] as const,
    ...c.commands.map((below) => [`${c.name()} ${below.name()}`, below] as const),
  ]);

  it.each(all)("%s", async (name, command) => {
    const { code, out, err } = await cli(...name.split(" "), "--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("Examples:\n  $ xai-kit ");
    for (const flag of ["--json", "--quiet", "--debug", ...command.options.map((o) => o.long!)]) {
      expect(out).toContain(flag);
    }
    const lines = out.split("\n").map(displayWidth);
    expect(Math.max(...lines)).toBeLessThanOrEqual(80);
  });

  it("names the exit codes and every command", async () => {
    const { code, out } = await cli("--help");
    expect(code).toBe(0);
    for (const word of ["130", ...commands.map((c) => c.name())]) expect(out).toContain(word);
    const bare = await cli();
    expect(bare).toMatchObject({ code: 2, out: "" });
    expect(bare.err).toContain("Usage: xai-kit");
  });
});

describe("list", () => {
  it.each([
    ["methods", methods],
    ["metrics", metrics],
  ] as const)("%s as JSON has id, parameters and inputs", async (what, registry) => {
    const entries = await json<
      { id: string; parameters: { name: string }[]; inputs: { name: string; dims: string }[] }[]
    >("list", what);
    expect(entries.map(({ id }) => id)).toEqual(registry.map(({ id }) => id));
    for (const [k, { parameters, inputs }] of entries.entries()) {
      expect(parameters.map(({ name }) => name)).toEqual(Object.keys(registry[k].params));
      for (const name of Object.keys(registry[k].inputs ?? {})) {
        expect(inputs).toContainEqual(expect.objectContaining({ name, dims: expect.any(String) }));
      }
    }
  });

  it("knows the annotations of localisation metrics", async () => {
    const [{ inputs }] = await json<{ inputs: { name: string }[] }[]>("list", "metrics", "pointing-game");
    expect(inputs.map(({ name }) => name)).toEqual(expect.arrayContaining(["mask", "boxes"]));
  });

  it.each(["methods", "metrics", "datasets", "engines", "protocols"])("%s fits 80 columns", async (what) => {
    process.env.COLUMNS = "80";
    try {
      const [all, each] = [await cli("list", what), await cli("list", what, "all")];
      for (const { code, out } of [all, each]) {
        expect(code).toBe(0);
        expect(
          out
            .split("\n")
            .map(displayWidth)
            .filter((w) => w > 80),
        ).toEqual([]);
      }
    } finally {
      delete process.env.COLUMNS;
    }
  });

  it("tells parameters and inputs of one", async () => {
    const { out } = await cli("list", "methods", "integrated-gradients");
    expect(out).toMatch(/--param steps=….+default 50/);
    expect(out).toContain("--with baseline=….npy  [C,H,W]");
    expectRefusal(await cli("list", "methods", "gradcam"), 2, "E_USAGE", /did you mean grad-cam/);
    expectRefusal(await cli("list", "method"), 2, "E_USAGE", /did you mean methods/);
  });
});

describe("doctor", () => {
  it("tries every device, and keeps what native libraries write to itself", () => {
    const { code, out, err } = spawned(["doctor", "--threads", "1", "--json"], { cwd: dir });
    const { devices } = JSON.parse(out) as { devices: { provider: string; ok: boolean }[] };
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(devices.map((d) => d.provider)).toEqual(expect.arrayContaining(["cpu", "wasm", "cuda"]));
    expect(devices.some((d) => d.ok)).toBe(true);
  });

  it("tries one alone, and fails where that does not work", () => {
    const absent = process.platform === "darwin" ? "directml" : "coreml";
    const { code, out } = spawned(["doctor", "--device", absent, "--threads", "1"], { cwd: dir });
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`^${absent} +onnxruntime-node +not here`, "m"));
    expect(out).toContain("nothing of this can compute here");
    expect(spawned(["doctor", "--device", "wasm"], { cwd: dir })).toMatchObject({ code: 0 });
  });

  it.each([
    ["gpu", "did you mean webgpu?"],
    ["cpu:1", "--threads"],
    ["cuda:x", "cuda:0, cuda:1"],
  ])("refuses --device %s", (device, next) => {
    const { code, err } = spawned(["doctor", "--device", device], { cwd: dir });
    expect(code).toBe(2);
    expect(err).toContain(`--device ${device}`);
    expect(err).toContain(next);
  });

  it("fits 80 columns", () => {
    const { code, out } = spawned(["doctor", "--threads", "1"], { cwd: dir, env: { COLUMNS: "80" } });
    expect(code).toBe(0);
    expect(out).toMatch(/^wasm +onnxruntime-web +works/m);
    expect(
      out
        .split("\n")
        .map(displayWidth)
        .filter((w) => w > 80),
    ).toEqual([]);
  });
});

describe("attribute", () => {
  const run = (...args: string[]) =>
    json("attribute", ...cnnModel, ...normalised, ...args, "--out", at("a.npy"));
  const expected = (id: string, probe: Probe, options: object = {}) =>
    attribute(methodOf(id), probe, { rng: unseeded, ...options });

  it("writes what the library computes", async () => {
    const result = await run("--input", at("x.npy"), "--target", "2", "--method", "saliency");
    expect(result).toMatchObject({ method: "saliency", dims: [3, 16, 16], targets: [2], out: at("a.npy") });
    expect(result.assumptions).toEqual(library.prepared.assumptions);
    const { data } = await expected("saliency", createProbe({ model: library, x, target: 2 }));
    expect(largest(array("a.npy").data, data)).toBeLessThan(1e-6);
    expect(Math.max(...data)).toBeGreaterThan(1e-3);
  });

  it("replays a draw and a baseline", async () => {
    await run(
      "--input",
      at("x.npy"),
      "-t",
      "1",
      "--method",
      "smoothgrad",
      "--with",
      `noise=${at("noise.npy")}`,
    );
    const probe = createProbe({ model: library, x, target: 1 });
    const noise = standardNormal("noise", 5, 3, 16, 16);
    expect(
      largest(array("a.npy").data, (await expected("smoothgrad", probe, { given: { noise } })).data),
    ).toBeLessThan(1e-5);
    const path = ["--method", "integrated-gradients", "--param", "steps=64"];
    await run("--input", at("x.npy"), "-t", "1", ...path, "--with", `baseline=${at("baseline.npy")}`);
    const baseline = createProbe({ model: library, x: uniform("baseline", 3, 16, 16), target: 1 });
    const sum = array("a.npy").data.reduce((s, v) => s + v, 0);
    expect(sum).toBeCloseTo((await probe.score()) - (await baseline.score()), 2);
  });

  it("takes several images, a class for each, and an input for each", async () => {
    const result = await run("--input", at("batch.npy"), "--target", "2,0,1", "--method", "saliency");
    expect(result).toMatchObject({ dims: [3, 3, 16, 16], targets: [2, 0, 1] });
    for (const [k, target] of [2, 0, 1].entries()) {
      const { data } = await expected("saliency", createProbe({ model: library, x: image(k), target }));
      expect(largest(array("a.npy").data.subarray(k * 768, (k + 1) * 768), data)).toBeLessThan(1e-6);
    }
    // the image as its own baseline leaves nothing to attribute
    await run(
      "--input",
      at("batch.npy"),
      "--method",
      "input-x-gradient",
      "--with",
      `baseline=${at("batch.npy")}`,
    );
    expect(array("a.npy").data.every((v) => v === 0)).toBe(true);
  });

  it("explains the prediction unless told, and knows classes by name", async () => {
    const names = ["--class-names", "blue,green,red"];
    const { targets } = await run("--input", at("batch.npy"), "--method", "constant");
    for (const k of [0, 1, 2]) {
      const logits = await createProbe({ model: library, x: image(k), target: 0 }).logits();
      expect((targets as number[])[k]).toBe(logits.indexOf(Math.max(...logits)));
    }
    expect(
      await run("--input", at("x.npy"), "--method", "constant", ...names, "--target", "red"),
    ).toMatchObject({ targets: [2] });
  });

  it("--raw is the CAM before ReLU and resizing", async () => {
    const cam = ["--input", at("x.npy"), "-t", "0", "--method", "grad-cam", "--layer", "features"];
    await run(...cam);
    expect(Math.min(...array("a.npy").data)).toBeGreaterThanOrEqual(0);
    await run(...cam, "--raw");
    const raw = array("a.npy");
    expect(raw.dims).toEqual([16, 16]);
    const probe = createProbe({
      model: open({ camLayer: "features", input: { mean: [0.5], std: [0.25] } }),
      x,
      target: 0,
    });
    expect(largest(raw.data, (await expected("grad-cam", probe, { raw: true })).data)).toBeLessThan(1e-6);
  });

  it("--no-preprocess feeds the input as it is", async () => {
    const wild = standardNormal("wild", 3, 16, 16);
    saveArray(at("wild.npy"), wild);
    const { code, err } = await cli(
      ...["attribute", ...cnnModel, ...normalised, "--input", at("wild.npy"), "-t", "1"],
      ...["--method", "input-x-gradient", "--no-preprocess", "--out", at("a.npy")],
    );
    expect(code).toBe(0);
    expect(err).toContain("--mean and --std are not used");
    const probe = createProbe({ model: open({}, false), x: wild, target: 1 });
    const gradient = await probe.gradient();
    const product = wild.data.map((v, i) => v * gradient.data[i]);
    expect(largest(array("a.npy").data, product)).toBeLessThan(1e-6);
  });

  it("works on a transformer", async () => {
    const { dims } = await json(
      ...(["attribute", ...vitModel, "--input", at("batch.npy"), "--method", "grad-cam"] as const),
      ...["--out", at("v.npy"), "--raw"],
    );
    expect(dims).toEqual([3, 4, 4]);
  });

  it("says in one line what it wrote", async () => {
    const ran = await cli(
      ...["attribute", ...cnnModel, "--input", at("x.npy"), "--method", "constant", "--quiet"],
      ...["--out", at("c.npy"), "-t", "2"],
    );
    expect(ran).toEqual({ code: 0, err: "", out: `${at("c.npy")}: float32 [16, 16], explained: class 2\n` });
  });
});

describe("score", () => {
  const base = ["score", ...cnnModel, ...normalised, "--input", at("x.npy"), "-t", "1"];
  const probe = () => createProbe({ model: library, x, target: 1 });
  const scoreOf = async (id: string, attribution: Float32Tensor, options: object = {}) => {
    const result = await score(metricOf(id), probe(), {
      attribution,
      rule: "sum",
      kind: "contribution",
      rng: unseeded,
      randomised: () => library,
      ...options,
    });
    return typeof result === "number" ? result : "value" in result ? result.value : undefined;
  };

  beforeAll(async () => {
    saveArray(at("phi.npy"), (await probe().gradient()) as Float32Tensor);
    saveArray(at("perturbations.npy"), standardNormal("perturbations", 6, 3, 16, 16));
    const mask = new Float32Array(256).fill(1, 0, 128);
    saveArray(at("mask.npy"), float32([16, 16], mask));
    saveArray(at("boxes.npy"), float32([1, 4], [0, 0, 16, 8]));
  });

  it("gives what the library gives", async () => {
    const perturbations = standardNormal("perturbations", 6, 3, 16, 16);
    const { value } = await json<{ value: number }>(
      ...[...base, "-a", at("phi.npy"), "--metric", "infidelity-raw"],
      ...["--with", `perturbations=${at("perturbations.npy")}`],
    );
    const wanted = await scoreOf("infidelity-raw", await probe().gradient(), { given: { perturbations } });
    expect(value).toBeGreaterThan(0);
    expect(Math.abs(value / wanted! - 1)).toBeLessThan(1e-4);
  });

  it("looks at a mask or at boxes", async () => {
    for (const annotation of ["mask", "boxes"]) {
      const { value } = await json<{ value: number }>(
        ...[...base, "-a", at("phi.npy"), "--metric", "relevance-rank-accuracy"],
        ...["--with", `${annotation}=${at(`${annotation}.npy`)}`],
      );
      const mask = new Uint8Array(256).fill(1, 0, 128);
      expect(value).toBeCloseTo(
        (await scoreOf("relevance-rank-accuracy", await probe().gradient(), { mask }))!,
        6,
      );
    }
  });

  it("takes one mask per image", async () => {
    const peaks = new Float32Array(3 * 256);
    for (const k of [0, 1, 2]) peaks[k * 256 + 10 * k] = 1;
    saveArray(at("peaks.npy"), float32([3, 16, 16], peaks));
    const { value, samples } = await json(
      ...["score", ...cnnModel, "--input", at("batch.npy"), "-a", at("peaks.npy")],
      ...["--metric", "pointing-game", "--with", `mask=${at("peaks.npy")}`],
    );
    expect({ value, samples }).toEqual({ value: 1, samples: [{ value: 1 }, { value: 1 }, { value: 1 }] });
  });

  it("runs the method again where the metric asks for it", async () => {
    const { value, params } = await json<{ value: number; params: object }>(
      ...[...base, "-a", at("phi.npy"), "--metric", "max-sensitivity", "--param", "draws=3"],
      ...["--method", "smoothgrad", "--method-param", "draws=2"],
    );
    expect(params).toMatchObject({ draws: 3 });
    expect(value).toBeGreaterThan(0);
  });

  it("prints a number a line, and why there is none", async () => {
    saveArray(at("flat.npy"), float32([16, 16], new Float32Array(256)));
    const { out } = await cli(...base, "-a", at("phi.npy"), "--metric", "sparseness", "--quiet");
    expect(Number(out)).toBeGreaterThan(0);
    const none = await cli(...base, "-a", at("flat.npy"), "--metric", "infidelity-scaled", "--quiet");
    expect(none).toMatchObject({ code: 0, out: expect.stringMatching(/^no score: .+\n$|^[\d.e-]+\n$/) });
  });
});

describe("explain", () => {
  const png = async (path: string) => sharp(path).metadata();

  it("draws a sheet of every method and says what it did", async () => {
    const out = at("sheet.png");
    const ran = await cli("explain", at("picture.png"), ...cnnModel, "--out", out, "--class-names", "a,b,c");
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/^index +class +probability$/m);
    expect(ran.out).toMatch(/^saliency +\d+ +1 +1$/m);
    expect(ran.out).toContain(`picture: ${out}`);
    expect(ran.out).not.toMatch(/centre-gaussian/);
    expect(ran.err).toMatch(/^engine: /m);
    expect((await png(out)).width).toBeGreaterThan(900);
  });

  it("draws one method, with its parameter, for a class of my choice", async () => {
    const out = at("one.png");
    const result = await json(
      ...["explain", at("picture.png"), ...cnnModel, "--method", "integrated-gradients"],
      ...["--param", "steps=4", "--class-names", "a,b,c", "--target", "b", "--out", out],
    );
    expect(result).toMatchObject({ target: 1, class: "b", out: [out] });
    expect(result.predictions).toHaveLength(3);
    expect(result.assumptions).toContain("family cnn (no attention)");
    expect((await png(out)).width).toBeLessThan(600);
  });

  it("draws the overlay alone", async () => {
    const args = [
      "explain",
      at("picture.png"),
      ...cnnModel,
      "--method",
      "grad-cam",
      "--bare",
      "--out",
      at("b.png"),
    ];
    expect(await cli(...args, "--quiet")).toMatchObject({ code: 0, err: "" });
    expect(await png(at("b.png"))).toMatchObject({ width: 224, height: 224 });
  });

  it("takes the controls along when asked for all", async () => {
    const result = await json<{ methods: { method: string; status: string }[] }>(
      ...["explain", at("picture.png"), ...vitModel, "--method", "all", "--out", at("all.png")],
    );
    expect(result.methods.map((m) => m.method)).toEqual(methods.map((m) => m.id));
  });

  it("writes a page and a sheet of the methods named, with scores and the reasons of those that cannot", async () => {
    const { out, err, code } = await cli(
      ...["explain", at("picture.png"), ...cnnModel, "--method", "saliency,gradient-shap,constant"],
      ...[
        "--scores",
        "--quick",
        "--class-names",
        "<b>,b,c",
        "--target",
        "0",
        "--out",
        at("p.html"),
        "--out",
        at("p.png"),
      ],
    );
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringMatching(/^explain: 15\/15 in /m) });
    expect(out).toMatch(
      /^method +ms +forward +backward +deletion-auc ↓ +insertion-auc ↑ +infidelity ↓ +sparseness ↑$/m,
    );
    expect(out).toMatch(/^saliency +\d+ +1 +1 +0\.\d{3} /m);
    expect(out).toMatch(/^not applicable: gradient-shap: it compares with 8 other images, here are 0$/m);
    expect(out).toMatch(/^note: constant: map is the same everywhere$/m);
    expect(out).toContain(`page: ${at("p.html")}\npicture: ${at("p.png")}`);
    const page = readFileSync(at("p.html"), "utf8");
    expect(page).toContain("&lt;b&gt;");
    expect(page).not.toMatch(/<b><bdi><b>|<script/);
    expect(page).toContain("not applicable: it compares with 8 other images");
    expect(page).toMatch(/<dt>infidelity ↓<\/dt><dd>\d\.\d{3}<\/dd>/);
    expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(2);
    expect((await png(at("p.png"))).width).toBeGreaterThan(900);
  });

  it("compares with the other images of a folder", async () => {
    mkdirSync(at("neighbours"));
    for (let k = 0; k < 8; k++) await savePicture(at(`neighbours/${k}.png`), { at: k });
    const result = await json<{ methods: { status: string; passes: object }[] }>(
      ...["explain", at("picture.png"), ...cnnModel, "--method", "gradient-shap", "--param", "draws=2"],
      ...["--others", at("neighbours"), "--out", at("compared.png")],
    );
    expect(result.methods).toMatchObject([{ status: "ok", passes: { forwards: 2, backwards: 2 } }]);
  });

  it("knows sets of methods by a word", async () => {
    const result = await json<{ methods: { method: string; role: string }[] }>(
      ...[
        "explain",
        at("picture.png"),
        ...cnnModel,
        "--method",
        "controls,saliency",
        "--out",
        at("sets.png"),
      ],
    );
    expect(result.methods.map((m) => m.role)).toEqual([
      "control",
      "control",
      "control",
      "control",
      "standard",
    ]);
  });

  it("writes into the current folder, where nothing else was told", () => {
    const cwd = mkdtempSync(at("cwd-"));
    const ran = spawned(["explain", at("picture.png"), ...cnnModel, "--method", "saliency"], { cwd });
    expect(ran.code).toBe(0);
    expect(readdirSync(cwd)).toEqual(["picture.explained.png"]);
    // a pipe is not a terminal: no colours, no cursor
    expect(ran.out + ran.err).not.toContain("\u001b");
  });

  it("goes on without the methods that need a gradient, naming every operator", async () => {
    const args = ["explain", at("picture.png"), "--model", at("odd.onnx"), "--out", at("odd.png")];
    const ran = await cli(...args, "--quiet");
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(new RegExp(`^not applicable: saliency: .*${noGradient}`, "m"));
    expect(ran.out).toMatch(/^occlusion +\d+ +\d+ +0$/m);
    const one = await cli(...args, "--method", "saliency");
    expectRefusal(one, 1, "E_NO_GRADIENT");
    expect(one.err).toMatch(new RegExp(noGradient));
  });
});

describe("evaluate", () => {
  const photos = ["evaluate", ...cnnModel, "--data", `folder:${at("photos")}`, "--protocol", "quick"];
  const few = ["--methods", "saliency,grad-cam,random", "--samples", "3"];

  it("runs the quick protocol on a folder with boxes", async () => {
    const out = at("run");
    const ran = await cli(...photos, "--out", out);
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/^plan: protocol quick, 12 images/m);
    expect(ran.err).toMatch(/^explain: .*(done|in) /m);
    expect(ran.out).toMatch(/^ *n +AUROC/m);
    expect(ran.out).toMatch(/relevance-rank-accuracy ↑/);
    expect(ran.out).toMatch(/^\(random\) /m);
    expect(ran.out).toContain("never ranked");
    const run = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    const rows = await parquetReadObjects({
      file: new Uint8Array(readFileSync(join(out, "scores.parquet"))).buffer,
    });
    expect(run.result).toMatchObject({
      protocol: { id: "quick" },
      selection: { samples: 12 },
      data: { id: "folder", count: 12, ids: "private" },
    });
    const { mean } = run.result.statistics.cells.find(
      (c: { method: string; metric: string }) =>
        c.method === "saliency" && c.metric === "relevance-rank-accuracy",
    );
    const shares = rows
      .filter((r) => r.method === "saliency" && r["relevance-rank-accuracy"] !== null)
      .map((r) => Number(r["relevance-rank-accuracy"]));
    expect(shares).toHaveLength(12);
    expect(mean).toBeCloseTo(shares.reduce((a, b) => a + b, 0) / 12, 9);
    expect(readdirSync(out).sort()).toEqual([
      "curves.json",
      "journal.jsonl",
      "pictures",
      "run.json",
      "scores.parquet",
    ]);
    expect(readdirSync(join(out, "pictures"))).toHaveLength(8);

    const other = [...photos, "--metrics", "cost", "--out", out];
    expectRefusal(await cli(...other), 1, "E_RUN_EXISTS", /metrics: \d+ there, 1 here\n.*--overwrite/s);
    const again = [
      ...photos,
      ...few,
      "--metrics",
      "sparseness",
      "--pictures",
      "1",
      "--out",
      out,
      "--overwrite",
    ];
    expect(await cli(...again, "--quiet")).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(join(out, "pictures"))).toHaveLength(1);
  });

  it("is standard on a set without annotations, whose metrics of them are left out", async () => {
    const { standard, metrics: done } = await json<{ standard: boolean; metrics: { id: string }[] }>(
      ...["evaluate", "--model", at("grey.onnx"), "--data", "medmnist:pneumoniamnist", "--data-dir", dir],
      ...["--protocol", "quick", "--pictures", "0", "--out", at("med-whole")],
    );
    expect(standard).toBe(true);
    expect(done.map((m) => m.id)).not.toContain("relevance-rank-accuracy");
  });

  it("prints JSON alone, on a medmnist file", async () => {
    const result = await json(
      ...["evaluate", "--model", at("grey.onnx"), "--data", "medmnist:pneumoniamnist", "--data-dir", dir],
      ...["--methods", "saliency", "--metrics", "sparseness,cost", "--samples", "4", "--pictures", "0"],
      ...["--out", at("med")],
    );
    expect(result).toMatchObject({
      standard: false,
      selection: { samples: 4 },
      data: { id: "medmnist-pneumoniamnist" },
      statistics: { cells: [{ metric: "sparseness" }, { metric: "cost" }] },
    });
  });

  it("fits 80 columns, and 140", async () => {
    for (const columns of ["80", "140"]) {
      process.env.COLUMNS = columns;
      try {
        const ran = await cli(...photos, ...few, "--pictures", "0", "--out", at(`wide-${columns}`));
        const table = ran.out.split("\n").filter((line) => /^(method|─|saliency|\(random)/.test(line));
        expect(Math.max(...table.map(displayWidth))).toBeLessThanOrEqual(Number(columns));
        expect(table.filter((line) => line.startsWith("method")).length > 1).toBe(columns === "80");
      } finally {
        delete process.env.COLUMNS;
      }
    }
  });

  it("shows its plan and stops", async () => {
    const plan = await json<{ passes: number; methods: { id: string }[] }>(
      ...[...photos, ...few, "--dry-run", "--out", at("never")],
    );
    expect(plan.methods.map((m) => m.id)).toEqual(["saliency", "grad-cam", "random"]);
    expect(plan.passes).toBeGreaterThan(0);
    expect((await cli(...photos, ...few, "--dry-run")).out).toMatch(/^deletion-auc +3 +steps=/m);
    expect(existsSync(at("never"))).toBe(false);
  });

  it("runs what can run without a gradient", async () => {
    const ran = await cli(
      ...["evaluate", "--model", at("odd.onnx"), "--data", `folder:${at("photos")}`, "--protocol", "quick"],
      ...[
        "--methods",
        "saliency,occlusion",
        "--metrics",
        "sparseness",
        "--samples",
        "2",
        "--out",
        at("odd-run"),
      ],
    );
    expect(ran.code).toBe(0);
    for (const said of [ran.err, ran.out]) {
      expect(said).toMatch(new RegExp(`^not applicable: saliency: .*${noGradient}`, "m"));
    }
    expect(ran.out).toMatch(/^saliency +–$/m);
    expect(ran.out).toMatch(/^occlusion +0\.\d+$/m);
  });

  it.skipIf(windows)("ends within two seconds of Ctrl-C, leaving nothing half-written", async () => {
    const out = at("stopped");
    const ran = await interrupted(
      [
        ...["evaluate", ...cnnModel, "--data", `folder:${at("photos")}`, "--samples", "12"],
        ...["--out", out],
      ],
      { cwd: dir, when: /classify: 12\/12/ },
    );
    expect(ran).toMatchObject({ code: 130, out: "" });
    expect(ran.err).toMatch(/^interrupted$/m);
    expect(ran.wait).toBeLessThan(2_000);
    const left = readdirSync(out, { recursive: true }).map(String);
    expect(left.filter((name) => name.endsWith(".json") || name.endsWith(".tmp"))).toEqual([]);
    for (const name of left.filter((n) => n.endsWith(".png"))) await sharp(join(out, name)).stats();
  });
});

describe("what is refused", () => {
  const good = {
    model: at("cnn.onnx"),
    input: at("x.npy"),
    method: "saliency",
    out: at("refused.npy"),
  };
  const attributeWith = (changed: Record<string, string>, ...more: string[]) => [
    "attribute",
    ...Object.entries({ ...good, ...changed }).flatMap(([name, value]) => [`--${name}`, value]),
    ...more,
  ];
  const photos = (...more: string[]) => [
    ...["evaluate", ...cnnModel, "--data", `folder:${at("photos")}`, "--out", at("refused")],
    ...more,
  ];

  beforeAll(() => {
    writeFileSync(at("corrupt.onnx"), "this is no model");
    writeFileSync(at("truncated.onnx"), readFileSync(at("cnn.onnx")).subarray(0, 300));
    writeFileSync(at("text.npy"), "no array");
    writeFileSync(at("broken.png"), readFileSync(at("picture.png")).subarray(0, 60));
    writeFileSync(at("bad.card.json"), '{ "input": { "mean": "grey" } }');
    writeFileSync(at("half.card.json"), "{");
    saveArray(at("small.npy"), uniform("small", 3, 8, 8));
    saveArray(at("nan.npy"), float32([3, 16, 16], new Float32Array(768).fill(Number.NaN)));
    saveArray(at("bytes.npy"), float32([3, 16, 16], new Float32Array(768).fill(200)));
    mkdirSync(at("empty"));
    mkdirSync(at("read-only"));
    chmodSync(at("read-only"), 0o500);
    mkdirSync(at("others", "cat"), { recursive: true });
    writeFileSync(at("others", "cat", "1.png"), readFileSync(at("picture.png")));
    mkdirSync(at("torn", "blue"), { recursive: true });
    writeFileSync(at("torn", "blue", "1.png"), readFileSync(at("broken.png")));
  });

  it.each([
    ["an unknown command", ["evaluat"], /did you mean evaluate/],
    ["an unknown option", ["list", "methods", "--jsn"], /unknown option '--jsn'/],
    ["a misspelt option", ["evaluate", "--modle", "m.onnx"], /did you mean --model/],
    ["a missing option", ["evaluate", "--model", "m.onnx"], /--data/],
    ["a missing argument", ["explain", "--model", "m.onnx"], /image/],
    ["a number that is none", photos("--samples", "many"), /--samples many/],
    ["a choice that is none", photos("--protocol", "quik"), /did you mean quick/],
    ["--param without a value", attributeWith({}, "--param", "steps"), /no "="/],
    ["--with without a value", attributeWith({}, "--with", "noise"), /no "="/],
    ["--mean that is no number", photos("--mean", "half"), /--mean half/],
    ["--mean of 8-bit pixels", photos("--mean", "123.675,116.28,103.53"), /--mean 0\.485,0\.456,0\.406$/m],
    [
      "a parameter for many methods",
      ["explain", at("picture.png"), ...cnnModel, "-p", "steps=2"],
      /one method/,
    ],
    [
      "a metric without its method",
      ["score", ...cnnModel, "-i", at("x.npy"), "-a", at("x.npy"), "--metric", "max-sensitivity"],
      /--method/,
    ],
    [
      "a metric without its mask",
      ["score", ...cnnModel, "-i", at("x.npy"), "-a", at("x.npy"), "--metric", "pointing-game"],
      /--with mask/,
    ],
    [
      "the picture as its own output",
      ["explain", at("picture.png"), ...cnnModel, "-o", at("picture.png")],
      /--out/,
    ],
    [
      "a kind of picture we do not write",
      ["explain", at("picture.png"), ...cnnModel, "-o", at("a.jpg")],
      /\.png/,
    ],
    [
      "a page of an overlay alone",
      ["explain", at("picture.png"), ...cnnModel, "--method", "saliency", "--bare", "-o", at("a.html")],
      /--bare is a picture/,
    ],
  ])("usage: %s", async (_, argv, says) => {
    expectRefusal(await cli(...argv), 2, "E_USAGE", says);
  });

  it.each<[string, string[], string, RegExp?]>([
    ["an unknown method", attributeWith({ method: "gradcam" }), "E_METHOD", /did you mean grad-cam/],
    ["an unknown metric", photos("--metrics", "pointing"), "E_METRIC", /did you mean pointing-game/],
    ["an unknown data set", ["evaluate", ...cnnModel, "--data", "imagenette"], "E_DATASET_SPEC"],
    ["a missing model", attributeWith({ model: at("none.onnx") }), "E_MODEL_FILE", /none\.onnx/],
    ["a folder as model", attributeWith({ model: dir }), "E_MODEL_FILE", /not a file/],
    ["a corrupt model", attributeWith({ model: at("corrupt.onnx") }), "E_ONNX_CORRUPT"],
    ["half a model", attributeWith({ model: at("truncated.onnx") }), "E_ONNX_CORRUPT"],
    ["a missing input", attributeWith({ input: at("none.npy") }), "E_FILE", /none\.npy/],
    ["an input that is no array", attributeWith({ input: at("text.npy") }), "E_NPY"],
    [
      "an input of another size",
      attributeWith({ input: at("small.npy") }),
      "E_INPUT",
      /small\.npy.*\[3, 8, 8\]/,
    ],
    ["an input with NaN", attributeWith({ input: at("nan.npy") }), "E_INPUT", /NaN at element 0/],
    ["8-bit values", attributeWith({ input: at("bytes.npy") }), "E_INPUT", /divide 8-bit values/],
    ["a class there is not", attributeWith({ target: "3" }), "E_TARGET", /from 0 to 2/],
    ["a class that is no number", attributeWith({ target: "-1" }), "E_TARGET"],
    ["too many classes", attributeWith({ target: "1,2" }), "E_TARGET", /2 classes for 1 image/],
    ["a parameter there is not", attributeWith({}, "--param", "steps=3"), "E_PARAM", /absolute/],
    [
      "a parameter out of range",
      attributeWith({ method: "smoothgrad" }, "-p", "draws=0"),
      "E_PARAM",
      /1 to 10000/,
    ],
    [
      "an input name there is not",
      attributeWith({ method: "smoothgrad" }, "--with", `nois=${at("noise.npy")}`),
      "E_INPUT",
      /it takes: noise/,
    ],
    [
      "a draw of another size",
      attributeWith({ method: "smoothgrad" }, "--with", `noise=${at("small.npy")}`),
      "E_INPUT",
      /\[N, 3, 16, 16\]/,
    ],
    [
      "a layer there is not",
      attributeWith({ method: "grad-cam" }, "--layer", "nowhere"),
      "E_CAM_LAYER",
      /nowhere/,
    ],
    ["a missing output folder", attributeWith({ out: at("none", "a.npy") }), "E_WRITE", /mkdir -p/],
    ["a folder as output", attributeWith({ out: dir }), "E_WRITE", /it is a folder/],
    ["an output below a file", photos("--out", at("x.npy", "run")), "E_WRITE"],
    ["a missing card", photos("--card", at("none.json")), "E_CARD"],
    ["a card of another form", photos("--card", at("bad.card.json")), "E_CARD", /\/input\/mean/],
    ["half a card", photos("--card", at("half.card.json")), "E_CARD", /not JSON/],
    ["two means for three channels", photos("--mean", "0.5,0.5"), "E_CARD", /2 values/],
    ["names for another number of classes", attributeWith({}, "--class-names", "a,b"), "E_CARD", /2 classes/],
    ["a picture that is none", ["explain", at("broken.png"), ...cnnModel, "-o", at("r.png")], "E_IMAGE"],
    [
      "a missing picture",
      ["explain", at("none.png"), ...cnnModel, "-o", at("r.png")],
      "E_[A-Z]+",
      /none\.png/,
    ],
    ["an empty folder", ["evaluate", ...cnnModel, "--data", `folder:${at("empty")}`], "E_DATASET_EMPTY"],
    ["a missing folder", ["evaluate", ...cnnModel, "--data", `folder:${at("nowhere")}`], "E_DATASET_[A-Z]+"],
    [
      "an unreadable picture in a folder",
      [
        "evaluate",
        ...cnnModel,
        "--data",
        `folder:${at("torn")}`,
        "--out",
        at("t"),
        "--class-names",
        "blue,green,red",
      ],
      "E_[A-Z_]+",
      /1\.png/,
    ],
    [
      "a data set that is not here",
      ["evaluate", ...cnnModel, "--data", "medmnist:bloodmnist", "--data-dir", dir],
      "E_DATASET_MISSING",
      /bloodmnist\.npz/,
    ],
    [
      "folders that are not the classes",
      [
        "evaluate",
        ...cnnModel,
        "--data",
        `folder:${at("others")}`,
        "--class-names",
        "blue,green,red",
        "--out",
        at("t"),
      ],
      "E_[A-Z_]+",
      /cat/,
    ],
    [
      "grey images for a colour model of other classes",
      ["evaluate", ...cnnModel, "--data", "medmnist:pneumoniamnist", "--data-dir", dir, "--out", at("t")],
      "E_[A-Z_]+",
      /classes/,
    ],
  ])("input: %s", async (_, argv, code, says) => {
    expectRefusal(await cli(...argv), 1, code, says);
  });

  it.skipIf(windows || process.getuid?.() === 0)("input: a read-only folder", async () => {
    expectRefusal(await cli(...attributeWith({ out: at("read-only", "a.npy") })), 1, "E_WRITE", /permission/);
    expectRefusal(await cli(...photos("--out", at("read-only", "run"))), 1, "E_WRITE", /permission/);
  });

  it("writes nothing when it refuses", () => {
    for (const name of ["refused", "refused.npy", "r.png", "t"]) expect(existsSync(at(name))).toBe(false);
  });

  it("tells programs the same as JSON", async () => {
    const { code, out, err } = await cli(...attributeWith({ target: "9" }), "--json", "--quiet");
    expect(code).toBe(1);
    expect(err).toContain("[E_TARGET]");
    expect(JSON.parse(out).error).toMatchObject({ code: "E_TARGET", next: expect.any(String) });
    const usage = await cli("evaluate", "--frob", "--json");
    expect(JSON.parse(usage.out).error.code).toBe("E_USAGE");
  });

  it("shows a stack with --debug, and only then", async () => {
    const argv = attributeWith({ input: at("none.npy") }, "--debug");
    expect((await cli(...argv)).err).toMatch(/^ {2}at .+\.ts:\d+/m);
  });

  it("calls a mistake of ours what it is", async () => {
    const saved = Object.getOwnPropertyDescriptor(process.stdout, "columns");
    Object.defineProperty(process.stdout, "columns", {
      configurable: true,
      get() {
        throw new TypeError("planted");
      },
    });
    try {
      const { code, err } = await cli("list", "methods");
      expect(code).toBe(3);
      expect(err).toMatch(
        /^internal error: TypeError: planted {2}\[E_INTERNAL\]\n {2}next: please report this/,
      );
    } finally {
      Object.defineProperty(
        process.stdout,
        "columns",
        saved ?? { configurable: true, value: undefined, writable: true },
      );
    }
  });

  it("answers the shell", () => {
    const run = (...argv: string[]) => spawned(argv, { cwd: dir }).code;
    expect([
      run("--version"),
      run("list", "methods"),
      run("evaluate", "--frob"),
      run(...attributeWith({ target: "9" })),
    ]).toEqual([0, 0, 2, 1]);
  });
});
