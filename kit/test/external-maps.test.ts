/** Maps computed elsewhere: written to a folder, scored like a method's own, and never taken for what they are not. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
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
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../src/datasets/dataset.ts";
import { openDataset } from "../src/datasets/open.ts";
import { attribute } from "../src/methods/method.ts";
import { createProbe } from "../src/model/probe.ts";
import { openModel } from "../src/node.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { methodOf } from "../src/protocol/protocol.ts";
import type { Run } from "../src/results/document.ts";
import { rngOf } from "../src/rng.ts";
import { explainedClass } from "../src/runner/execute.ts";
import { mapName } from "../src/runner/maps.ts";
import { defaultResize, pixelsOf } from "../src/runner/pixels.ts";
import { cli, json } from "./run-cli.ts";
import { commandsIn, fences } from "./shell.ts";
import { classNames, cnn, saveArray, saveFolder, saveMedmnist, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-external-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const source = "https://example.org/their-method";
const once = (folder: string, id: string) => [
  ...["--maps", at(folder), "--as", id, "--map", "abs-sum", "--source", source],
];
const theirs = once("maps", "theirs");
const controls = "random,constant,sobel,centre-gaussian";
const drawn = (out: string, ...more: string[]) => [
  ...["evaluate", "--model", at("shapes.onnx"), "--data", "phantom-shapes", "--device", "wasm"],
  ...["--samples", "6", "--pictures", "0", "--jobs", "1", "--out", at(out)],
  ...["--methods", `saliency,input-x-gradient,${controls}`, ...more],
];
/** Private ids with slashes, boxes, and little to classify. */
const photos = (out: string, ...more: string[]) => [
  ...["evaluate", "--model", at("tiny.onnx"), "--data", `folder:${at("photos")}`, "--device", "wasm"],
  ...["--boxes", at("photos", "annotations.json"), "--samples", "6", "--pictures", "0", "--jobs", "1"],
  ...["--methods", "saliency,random", "--metrics", "sparseness,deletion-auc,randomisation,pointing-game"],
  ...["--out", at(out), ...more],
];
const runOf = (out: string): Run => JSON.parse(readFileSync(at(out, "run.json"), "utf8"));
const resultText = (out: string) => {
  const text = readFileSync(at(out, "run.json"), "utf8");
  return text.slice(0, text.indexOf(',"telemetry":'));
};
const cellsOf = ({ result }: Run, method: string) =>
  new Map(result.statistics.cells.filter((c) => c.method === method).map((c) => [c.metric, c]));

/** Writes saliency's own attributions of these samples, those of annotated classes too; answers the classes predicted and annotated. */
async function saveSaliency(
  folder: string,
  {
    model: file,
    dataset,
    selected,
  }: { model: string; dataset: Pick<Dataset, "read">; selected: readonly string[] },
): Promise<{ predicted: Record<string, number>; annotated: Record<string, number> }> {
  const [predicted, annotated]: Record<string, number>[] = [{}, {}];
  mkdirSync(at(folder), { recursive: true });
  const { model, close } = await openModel(at(file), { card: {}, device: "wasm", threads: 1 });
  for await (const { id, image, labels } of dataset.read(selected)) {
    const x = pixelsOf(image, model.shape, defaultResize);
    const probe = createProbe({ model, x, target: 0 });
    predicted[id] = explainedClass(model, await probe.logits());
    [annotated[id]] = labels;
    const rng = () => rngOf("saliency draws nothing");
    const of = (target: number) => attribute(methodOf("saliency"), probe.explaining(target), { rng });
    saveArray(at(folder, `${mapName(id)}.npy`), await of(predicted[id]));
    saveArray(at(folder, `${mapName(id)}@${annotated[id]}.npy`), await of(annotated[id]));
  }
  await close();
  return { predicted, annotated };
}

const selectedBy = async (argv: string[]) =>
  (await json<{ selected: string[] }>(...argv, "--dry-run")).selected;

describe("saliency's maps of drawn pictures", () => {
  beforeAll(async () => {
    saveModel(at("shapes.onnx"), cnn({ classes: 4 }));
    const selected = await selectedBy(drawn("dry"));
    const dataset = await openDataset("phantom-shapes", {});
    const { predicted, annotated } = await saveSaliency("drawn-maps", {
      model: "shapes.onnx",
      dataset,
      selected,
    });
    expect(selected.some((id) => predicted[id] !== annotated[id])).toBe(true);
    expect(await cli(...drawn("with", ...once("drawn-maps", "theirs")))).toMatchObject({ code: 0 });
  }, 180_000);

  it("score as saliency does, by every metric that needs one map", () => {
    const run = runOf("with");
    const [own, their] = [cellsOf(run, "saliency"), cellsOf(run, "theirs")];
    const shared = [...own.keys()].filter((id) => !["max-sensitivity", "randomisation", "cost"].includes(id));
    expect(shared).toEqual(
      expect.arrayContaining(["infidelity", "deletion-auc", "sparseness", "relevance-rank-accuracy"]),
    );
    for (const metric of shared) {
      const cell = own.get(metric)!;
      expect(cell.n).toBe(6);
      expect(their.get(metric)).toEqual({ ...cell, method: "theirs" });
    }
  });

  it("have no score by the others, and the reason", () => {
    const their = cellsOf(runOf("with"), "theirs");
    const rerun = "the method cannot be re-run";
    expect(their.get("max-sensitivity")).toMatchObject({ n: 0, mean: null, skips: { [rerun]: 6 } });
    expect(their.get("randomisation")).toMatchObject({ n: 0, mean: null, skips: { [rerun]: 6 } });
    expect(their.get("cost")).toMatchObject({ n: 0, mean: null, skips: { "a map from elsewhere": 6 } });
  });

  it("stand behind the methods of the run, and are said not to be ours", () => {
    const { result, telemetry } = runOf("with");
    expect(result.methods.at(-1)).toMatchObject({
      id: "theirs",
      status: "external",
      standard: false,
      cost: null,
      external: { source, map: "abs-sum", classesChecked: false, annotated: true },
    });
    expect(result.methods.at(-1)!.external!.files).toBe(12);
    expect(telemetry.msPerAttribution).not.toHaveProperty("theirs");
  });

  it("move nothing of the others", async () => {
    expect(await cli(...drawn("without"))).toMatchObject({ code: 0 });
    const [bare, all] = [runOf("without").result, runOf("with").result];
    expect(all.methods.slice(0, -1)).toEqual(bare.methods);
    const others = <T extends { method: string }>(list: readonly T[]) =>
      list.filter(({ method }) => method !== "theirs");
    expect(others(all.statistics.cells)).toEqual(bare.statistics.cells);
    for (const [k, ranking] of all.statistics.metrics.entries()) {
      expect(others(ranking.places)).toEqual(bare.statistics.metrics[k].places);
      expect(ranking.tieGroups).toEqual(bare.statistics.metrics[k].tieGroups);
    }
  });

  it("are validated, and shown before they are handed in", async () => {
    expect(await cli("validate", at("with"))).toMatchObject({ code: 0 });
    const { code, out, err } = await cli("submit", at("with"), "--dry-run", "--repo", dir);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out.replaceAll(/\s+/g, " ")).toMatch(
      /theirs annotated=true .* source=https:\/\/example\.org\/their-method external: maps computed elsewhere/,
    );
  });

  it("are told apart in the table", async () => {
    const { out, err } = await cli(...drawn("with", ...once("drawn-maps", "theirs")));
    expect(out).toMatch(/^theirs \* +0\.\d+/m);
    expect(out).toMatch(/^\* theirs: maps computed elsewhere/m);
    expect(err).toMatch(/^maps of theirs: 12 files of .*not computed here/m);
    expect(err).toMatch(/^assumed: the maps of theirs explain the class that the model predicts/m);
  });
});

/** Of the photographs: the samples that are explained, and the class predicted for each. */
let selected: string[];
let predictions: Record<string, number>;

beforeAll(async () => {
  saveModel(at("tiny.onnx"), cnn());
  await saveFolder(at("photos"));
  selected = await selectedBy(photos("dry"));
  const dataset = await openDataset(`folder:${at("photos")}`, { classes: [...classNames] });
  ({ predicted: predictions } = await saveSaliency("maps", { model: "tiny.onnx", dataset, selected }));
}, 180_000);

describe("a run with maps", () => {
  it("goes on where it stopped, and only with the same maps", async () => {
    cpSync(at("maps"), at("moved"), { recursive: true });
    const argv = photos("resumed", ...once("moved", "theirs"));
    expect(await cli(...argv)).toMatchObject({ code: 0 });
    const before = resultText("resumed");
    const journal = at("resumed", "journal.jsonl");
    const cut = () =>
      writeFileSync(journal, `${readFileSync(journal, "utf8").split("\n").slice(0, 8).join("\n")}\n`);
    cut();
    expect((await cli(...argv)).err).toMatch(/^resumed: \d of 6 samples already done/m);
    expect(resultText("resumed") === before).toBe(true);
    cut();
    saveArray(at("moved", `${mapName(selected[5])}.npy`), float32([16, 16], new Float32Array(256).fill(1)));
    const other = await cli(...argv);
    expect(other.code).toBe(1);
    expect(other.err).toMatch(/holds the beginning of another run {2}\[E_RUN_EXISTS\]/);
    expect(other.err).toMatch(/external\[0\]\.sha256: "/);
    expect(existsSync(journal)).toBe(true);
  });

  it("tells nothing of private ids", () => {
    expect(resultText("resumed")).toContain('"ids":"private"');
    expect(/green|photos|moved/.exec(resultText("resumed"))?.[0]).toBeUndefined();
  });

  it("is the same from shards", async () => {
    expect(await cli(...photos("whole", ...theirs))).toMatchObject({ code: 0 });
    for (const k of [1, 2]) {
      const argv = photos(`part-${k}`, ...theirs, "--shard", `${k}/2`);
      expect(await cli(...argv)).toMatchObject({ code: 0 });
    }
    expect(await cli("merge", at("part-2"), at("part-1"), "--out", at("merged"))).toMatchObject({ code: 0 });
    const [merged, whole] = ["merged", "whole"].map((out) => runOf(out).result);
    expect(merged.methods).toEqual(whole.methods);
    // private ids have another key in each run, and resampling goes by them
    const scores = ({ statistics }: Run["result"]) =>
      statistics.cells.map(({ method, metric, n, mean, skips }) => ({ method, metric, n, mean, skips }));
    expect(scores(merged)).toEqual(scores(whole));
    // shards of other maps are of another run
    cpSync(at("maps"), at("shifted"), { recursive: true });
    cpSync(at("maps", `${mapName(selected[0])}.npy`), at("shifted", `${mapName(selected[1])}.npy`));
    const argv = photos("part-other", ...once("shifted", "theirs"), "--shard", "2/2");
    expect(await cli(...argv)).toMatchObject({ code: 0 });
    const { code, err } = await cli("merge", at("part-1"), at("part-other"), "--out", at("no"));
    expect(code).toBe(1);
    expect(err).toMatch(/are not shards of one run {2}\[E_MERGE\]/);
    expect(err).toMatch(/external\[0\]\.sha256/);
  });

  it("may hold several folders", async () => {
    mkdirSync(at("plain"));
    for (const id of selected) cpSync(at("maps", `${mapName(id)}.npy`), at("plain", `${mapName(id)}.npy`));
    writeFileSync(at("plain", "index.json"), JSON.stringify(predictions));
    writeFileSync(at("plain", "other.npy"), "of no image");
    const { code, err } = await cli(...photos("two", ...theirs, ...once("plain", "others")));
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(err).toMatch(/^note: 1 other \.npy file of .*plain is of no image explained here, and not used$/m);
    const run = runOf("two");
    expect(run.result.methods.slice(-2).map((m) => m.id)).toEqual(["theirs", "others"]);
    expect(run.result.methods.at(-1)!.external).toMatchObject({
      files: 6,
      classesChecked: true,
      annotated: false,
    });
    const [a, b] = [cellsOf(run, "theirs"), cellsOf(run, "others")];
    expect(b.get("deletion-auc")!.mean).toBe(a.get("deletion-auc")!.mean);
    expect(b.get("pointing-game")).toMatchObject({ n: 0, skips: { "no map of the annotated class": 6 } });
  });

  it("is planned with them, and nothing is written", async () => {
    const found = await json<{ methods: { id: string; external?: object }[] }>(
      ...photos("never", "--dry-run", ...theirs),
    );
    expect(found.methods.at(-1)).toMatchObject({ id: "theirs", external: { source, files: 12 } });
    expect((await cli(...photos("never", "--dry-run", ...theirs))).out).toMatch(
      /^theirs +maps from https:\/\/example\.org/m,
    );
    expect(existsSync(at("never"))).toBe(false);
  });

  it("draws them beside the others", async () => {
    const argv = photos("drawn", ...theirs, "--pictures", "1");
    expect(await cli(...argv)).toMatchObject({ code: 0 });
    expect(readdirSync(at("drawn", "pictures"))).toHaveLength(1);
  });
});

describe("refuses", () => {
  const refused = async (code: number, kit: string, says: RegExp, ...argv: string[]) => {
    const { code: found, err, out } = await cli(...photos("refused", ...argv));
    expect({ found, out, err }).toMatchObject({ found: code, out: "" });
    expect(err).toMatch(new RegExp(`^error: .+  \\[${kit}\\]$`, "m"));
    expect(err).toMatch(/^ {2}next: .+$/m);
    expect(err).toMatch(says);
    expect(err).not.toMatch(/^classify/m);
    expect(existsSync(at("refused"))).toBe(false);
  };
  const flags = (changes: Readonly<Record<string, string>>) =>
    Object.entries({
      "--maps": at("maps"),
      "--as": "theirs",
      "--map": "sum",
      "--source": source,
      ...changes,
    }).flat();

  it.each<[string, RegExp, Record<string, string>]>([
    ["a method's own id", /--as saliency: that is a method of the kit/, { "--as": "saliency" }],
    ["what is no id", /--as Their_Method is no id/, { "--as": "Their_Method" }],
    ["a rule there is not", /--map max is neither sum nor abs-sum/, { "--map": "max" }],
    [
      "a script for an address",
      /--source javascript:x is no public http or https/,
      { "--source": "javascript:x" },
    ],
  ])("%s", (_, says, changes) => refused(2, "E_USAGE", says, ...flags(changes)));

  it("flags that do not make whole folders", async () => {
    await refused(
      2,
      "E_USAGE",
      /--maps 1 time, --as 1 time, --map 1 time, --source 0 times/,
      ...theirs.slice(0, 6),
    );
    await refused(2, "E_USAGE", /--as theirs is given twice/, ...theirs, ...theirs);
    const { code, err } = await cli("evaluate", ...theirs);
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining("--maps without --model and --data"),
    });
  });

  it("a folder that is not there, or lacks a map", async () => {
    await refused(1, "E_MAPS", /there is no such folder/, ...once("gone", "theirs"));
    mkdirSync(at("empty"), { recursive: true });
    await refused(1, "E_MAPS", /lacks 6 of the 6 maps that --as theirs needs/, ...once("empty", "theirs"));
  });

  it("a map of another class, naming the image and both classes", async () => {
    cpSync(at("maps"), at("turned"), { recursive: true });
    const [sample] = selected;
    const other = (predictions[sample] + 1) % 3;
    writeFileSync(at("turned", "index.json"), JSON.stringify({ ...predictions, [sample]: other }));
    await refused(
      1,
      "E_MAPS",
      new RegExp(
        `^ {2}${sample}: class ${other} \\(\\w+\\) in index.json, the model predicts class ${predictions[sample]} \\(\\w+\\)$`,
        "m",
      ),
      ...once("turned", "theirs"),
    );
  });
});

describe("docs/external-maps.md", () => {
  const text = readFileSync(fileURLToPath(new URL("../docs/external-maps.md", import.meta.url)), "utf8");
  const [writes, gradients] = fences(text, "python");
  const python = (...args: string[]) =>
    spawnSync("/usr/bin/python3", args, { cwd: at("python"), encoding: "utf8" });
  const has = (module: string) => spawnSync("/usr/bin/python3", ["-c", `import ${module}`]).status === 0;
  const [planned, one] = fences(text, "sh").flatMap(commandsIn);
  const here = (argv: readonly string[]) =>
    argv.map((word) => (/^(net\.onnx|gradients|edges)$/.test(word) ? at("python", word) : word));
  const small = [
    ...["--data-dir", at("python"), "--device", "wasm", "--samples", "5"],
    ...["--methods", "saliency,random", "--metrics", "deletion-auc,sparseness,infidelity"],
  ];

  beforeAll(() => {
    mkdirSync(at("python"));
    saveMedmnist(at("python"));
    writeFileSync(at("python", "write_maps.py"), writes);
    writeFileSync(at("python", "gradients.py"), gradients);
  });

  it("its numpy writes a folder that is scored", async ({ skip }) => {
    if (!has("numpy")) skip("needs /usr/bin/python3 with numpy");
    saveModel(at("python", "net.onnx"), cnn({ channels: 1, size: 28, classes: 2 }));
    const plan = await json(...here(planned).filter((word) => word !== "--json"), ...small);
    writeFileSync(at("python", "plan.json"), JSON.stringify(plan));
    expect(python("write_maps.py")).toMatchObject({ status: 0, stderr: "" });
    const argv = [
      ...here(one).map((word) => (word === at("python", "gradients") ? at("python", "edges") : word)),
      ...small,
    ];
    const { code, err } = await cli(...argv, "--pictures", "0", "--out", at("edges-run"));
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(cellsOf(runOf("edges-run"), "my-gradients").get("sparseness")).toMatchObject({ n: 5 });
  });

  it("its PyTorch writes gradients that score as saliency's", async ({ skip }) => {
    if (!has("torch, onnx")) skip("needs /usr/bin/python3 with torch and onnx");
    const made = python(
      "-c",
      `
import torch
torch.manual_seed(1)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 5, 2), torch.nn.Softplus(), torch.nn.Conv2d(8, 8, 3, 2), torch.nn.Softplus(),
    torch.nn.Flatten(), torch.nn.Linear(200, 2)).eval()
example = torch.zeros(1, 1, 28, 28)
torch.jit.trace(net, example).save("net.pt")
torch.onnx.export(net, example, "net.onnx", input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
`,
    );
    expect(made.status, made.stderr).toBe(0);
    const plan = await json(...here(planned).filter((word) => word !== "--json"), ...small);
    writeFileSync(at("python", "plan.json"), JSON.stringify(plan));
    const ran = python("gradients.py");
    expect(ran.status, ran.stderr).toBe(0);
    const { code, err } = await cli(...here(one), ...small, "--pictures", "0", "--out", at("torch-run"));
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(err).not.toContain("no index.json");
    const run = runOf("torch-run");
    const [own, their] = [cellsOf(run, "saliency"), cellsOf(run, "my-gradients")];
    for (const metric of ["sparseness", "infidelity", "deletion-auc"]) {
      expect(their.get(metric)!.n).toBe(5);
      expect(their.get(metric)!.mean).toBeCloseTo(own.get(metric)!.mean!, 4);
    }
  });
});
