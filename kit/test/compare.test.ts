/** `compare` and `evaluate --models`: from models to a comparison that can be checked, with maps that never leave the run folders. */
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
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Comparison, textOf } from "../src/comparison/document.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { float32 } from "../src/onnx/tensor.ts";
import { placeOf } from "../src/results/validate.ts";
import { rngOf } from "../src/rng.ts";
import { fiveRuns, type MadeComparedRun, madeComparison, madeSeed } from "./made-comparison.ts";
import { cli, json, type Ran } from "./run-cli.ts";
import { cnn, saveModel, vit } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-compare-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const read = (path: string): Comparison => JSON.parse(readFileSync(path, "utf8"));
const metrics = "average-drop,relative-confidence-gain,entropy,sparsity,deletion-auc,insertion-auc";

/** The same network with weights of another seed. */
function seeded(graph: Graph, seed: number): Graph {
  const initializers = new Map(graph.initializers);
  for (const [name, tensor] of initializers) {
    if (tensor.type !== "float32") continue;
    const rng = rngOf("training", seed, name);
    initializers.set(
      name,
      float32(
        tensor.dims,
        tensor.data.map((v) => v + 0.3 * rng.normal()),
      ),
    );
  }
  return { ...graph, initializers };
}

function save(name: string, graph: Graph, card: object): void {
  saveModel(at(`${name}.onnx`), graph);
  writeFileSync(at(`${name}.card.json`), JSON.stringify({ id: name, ...card }));
}

const seedNames = ["cnn-1", "cnn-2", "cnn-3"];
beforeAll(() => {
  for (const [k, name] of seedNames.entries())
    save(name, seeded(cnn({ classes: 4, size: 32 }), k + 1), {
      architecture: "tiny-cnn",
      training: { seed: k + 1, data: "nothing" },
    });
  save("vit", vit({ classes: 4, size: 32 }), { architecture: "tiny-vit" });
  save("other", seeded(cnn({ classes: 4, size: 32 }), 9), { architecture: "tiny-other" });
});

const options = [
  ...["--data", "phantom-shapes", "--protocol", "quick", "--samples", "6", "--pictures", "0"],
  ...["--methods", "saliency,grad-cam,random,sobel,constant,centre-gaussian", "--metrics", metrics],
];

function expectRefusal(ran: Ran, code: number, kitCode: string, says: RegExp) {
  expect(ran.err).toMatch(new RegExp(`^error: .+  \\[${kitCode}\\]$`, "m"));
  expect(ran.err).toMatch(/^ {2}next: .+$/m);
  expect(ran.err).toMatch(says);
  expect({ code: ran.code, out: ran.out }).toEqual({ code, out: "" });
}

describe("evaluate --models", () => {
  const all = [...seedNames, "vit", "other"];
  const command = [
    ...["evaluate", "--models", ...all.map((name) => at(`${name}.onnx`)), "--name", "tiny-set"],
    ...[...options, "--out", at("set")],
  ];

  it("evaluates each in its own folder, compares them, and is resumed by the same command", async () => {
    const first = await cli(...command);
    expect(first, first.err.slice(-400)).toMatchObject({ code: 0 });
    expect(first.out).toMatch(/^consistency of tiny-cnn: seed 1 with 2, 3, 6 images$/m);
    expect(first.out).toMatch(/^saliency +0\.\d{3} +0\.\d{3} – 0\.\d{3} +0\.\d{3} +\d$/m);
    expect(first.out).toMatch(/^UCES ↑ inside this set, .*: 0\.7 × classification \+ 0\.3 × explanation$/m);
    expect(first.out).toMatch(/^comparison: .*comparison\.json$/m);
    expect(readdirSync(at("set")).sort()).toEqual([...all, "comparison.json"].sort());
    const made = read(at("set", "comparison.json"));
    expect(made.models.map(({ id }) => id)).toEqual(["other", "tiny-cnn", "vit"]);

    const text = readFileSync(at("set", "comparison.json"), "utf8");
    rmSync(at("set", "vit", "run.json"));
    rmSync(at("set", "comparison.json"));
    const again = await cli(...command);
    expect(again).toMatchObject({ code: 0 });
    expect(again.err.match(/this run is finished already/g)).toHaveLength(4);
    expect(readFileSync(at("set", "comparison.json"), "utf8")).toBe(text);
  }, 120_000);

  it("keeps regions of every image and method, and compare makes the same document of them", async () => {
    const names = readdirSync(at("set", "cnn-1", "regions"));
    expect(names).toEqual(Array.from({ length: 6 }, (_, k) => `00${k}.json`));
    const kept = JSON.parse(readFileSync(at("set", "cnn-1", "regions", "000.json"), "utf8"));
    expect(Object.keys(kept).sort()).toEqual(["regions", "sample", "target"]);
    expect(Object.keys(kept.regions)).toHaveLength(6);
    const out = at("again.json");
    const ran = await cli("compare", at("set"), "--name", "tiny-set", "--out", out);
    expect(ran).toMatchObject({ code: 0 });
    expect(readFileSync(out, "utf8")).toBe(readFileSync(at("set", "comparison.json"), "utf8"));
    expect((await cli("compare", at("set"), "--name", "tiny-set", "--out", out)).code).toBe(0);
    const other = ["compare", at("set"), "--name", "tiny-set", "--alpha", "0.5", "--out", out];
    expectRefusal(await cli(...other), 1, "E_EXISTS", /holds another comparison/);
    const answer = await json<{ comparison: Comparison }>(...other, "--overwrite", "--reference", "2");
    const [{ reference }] = answer.comparison.consistency;
    const cnnRuns = answer.comparison.models.find((m) => m.id === "tiny-cnn")!.runs;
    expect([answer.comparison.uces!.alpha, cnnRuns.find((r) => r.sha256 === reference)!.seed]).toEqual([
      0.5, 2,
    ]);
  });

  it("takes the regions of shards together", async () => {
    const half = (k: number) =>
      cli(
        ...["evaluate", "--model", at("cnn-2.onnx"), ...options, "--keep-regions", "--quiet"],
        ...["--shard", `${k}/2`, "--out", at(`half-${k}`)],
      );
    expect((await half(1)).code).toBe(0);
    expect((await half(2)).code).toBe(0);
    expect((await cli("merge", at("half-1"), at("half-2"), "--out", at("merged"), "--quiet")).code).toBe(0);
    for (const name of readdirSync(at("set", "cnn-2", "regions")))
      expect(readFileSync(at("merged", "regions", name), "utf8")).toBe(
        readFileSync(at("set", "cnn-2", "regions", name), "utf8"),
      );
  }, 120_000);

  it("says what cannot be told later: maps of images explained before are gone", async () => {
    const own = ["evaluate", "--model", at("cnn-1.onnx"), ...options, "--out", at("unkept")];
    expect((await cli(...own, "--quiet")).code).toBe(0);
    expect(existsSync(at("unkept", "regions"))).toBe(false);
    expect((await cli(...own, "--keep-regions")).err).toMatch(
      /^note: 6 images explained before without --keep-regions; consistency needs all: --overwrite$/m,
    );
    const ran = await cli(
      ...["compare", at("unkept"), at("set", "cnn-2"), "--name", "two", "--out", at("two.json")],
    );
    expect(ran.err).toMatch(/^no consistency of tiny-cnn: .*unkept: evaluated without --keep-regions$/m);
    expect(read(at("two.json")).gaps).toContainEqual({
      metric: "consistency",
      model: "tiny-cnn",
      reason: "the maps of its runs were not kept",
    });
    // an overwritten run does not keep the maps of the one before
    expect((await cli(...own, "--keep-regions", "--overwrite", "--quiet")).code).toBe(0);
    expect(readdirSync(at("unkept", "regions"))).toHaveLength(6);
    expect((await cli(...own, "--overwrite", "--samples", "5", "--quiet")).code).toBe(0);
    expect(existsSync(at("unkept", "regions"))).toBe(false);
  }, 120_000);

  it.each<[string, string[], RegExp]>([
    [
      "one model",
      ["--models", "a.onnx", "--name", "x", "--data", "phantom-shapes"],
      /--models with one file/,
    ],
    ["no name", ["--models", "a.onnx", "b.onnx", "--data", "phantom-shapes"], /--models without --name/],
    ["no data", ["--models", "a.onnx", "b.onnx", "--name", "x"], /--models without --data/],
    [
      "--model too",
      ["--models", "a.onnx", "b.onnx", "--model", "c.onnx", "--name", "x", "--data", "phantom-shapes"],
      /give one of them/,
    ],
    [
      "one card",
      ["--models", "a.onnx", "b.onnx", "--card", "c.json", "--name", "x", "--data", "phantom-shapes"],
      /--card belongs to one model/,
    ],
    [
      "shards",
      ["--models", "a.onnx", "b.onnx", "--shard", "1/2", "--name", "x", "--data", "phantom-shapes"],
      /--shard belongs to one model/,
    ],
    [
      "one folder",
      ["--models", "1/a.onnx", "2/a.onnx", "--name", "x", "--data", "phantom-shapes"],
      /two files called a/,
    ],
    ["a name alone", ["--name", "x"], /--name without --models/],
    [
      "a name that is none",
      ["--models", "a.onnx", "b.onnx", "--name", "Mine", "--data", "phantom-shapes"],
      /--name Mine is no id/,
    ],
  ])("refuses %s", async (_, args, says) => {
    expectRefusal(await cli("evaluate", ...args), 2, "E_USAGE", says);
  });
});

describe("compare", () => {
  const write = (folder: string, { composed: { text, sidecar } }: MadeComparedRun): string => {
    mkdirSync(at(folder), { recursive: true });
    writeFileSync(at(folder, "run.json"), text);
    writeFileSync(at(folder, "scores.parquet"), sidecar);
    return at(folder);
  };
  const runs = fiveRuns();
  const folders: string[] = [];
  beforeAll(() => {
    for (const [i, run] of runs.entries()) folders.push(write(`made-${i}`, run));
  });

  it("needs no maps for UCES, and names what is missing", async () => {
    const { code, out, err } = await cli(
      "compare",
      ...folders,
      "--name",
      "made-set",
      "--out",
      at("made.json"),
    );
    expect(code).toBe(0);
    expect(err).toMatch(/no consistency of small-cnn: .*: evaluated without --keep-regions/);
    expect(out).toMatch(/^no consistency of small-cnn: the maps of its runs were not kept$/m);
    const expected = madeComparison(runs, { kept: false });
    expect(read(at("made.json"))).toEqual({ ...expected, kit: expect.any(String) });
  });

  it.each<[string, () => string[], number, string, RegExp]>([
    [
      "runs of two data sets",
      () => [
        folders[0],
        write(
          "elsewhere",
          madeSeed({
            architecture: "b",
            change: (o) => ({ ...o, dataset: { ...o.dataset, id: "drawn-64" } }),
          }),
        ),
      ],
      1,
      "E_COMPARE",
      /data set: drawn-32 in the run of small-cnn-2, drawn-64/,
    ],
    ["one run", () => [folders[0]], 1, "E_COMPARE", /fewer than two runs/],
    ["a folder without a run", () => [folders[0], at("nowhere")], 1, "E_RUN", /there is no run in/],
    [
      "a reference that is no seed",
      () => [...folders, "--reference", "7"],
      1,
      "E_COMPARE",
      /no run of small-cnn has the training seed 7 .*\n {2}next: --reference takes one of 0, 1, 2/,
    ],
    [
      "an alpha that is no share",
      () => [...folders, "--alpha", "1.5"],
      2,
      "E_USAGE",
      /--alpha 1.5 is no number from 0 to 1/,
    ],
  ])("refuses %s", async (_, given, code, kitCode, says) => {
    expectRefusal(
      await cli("compare", ...given(), "--name", "x", "--out", at("x.json")),
      code,
      kitCode,
      says,
    );
    expect(existsSync(at("x.json"))).toBe(false);
  });

  it("refuses a run whose numbers do not follow from its scores", async () => {
    const broken = at("broken");
    cpSync(folders[1], broken, { recursive: true });
    const text = runs[1].composed.text.replace(/"auroc":0\.\d+/, '"auroc":0.5');
    writeFileSync(join(broken, "run.json"), text);
    expectRefusal(
      await cli("compare", folders[0], broken, "--name", "x", "--out", at("x.json")),
      1,
      "E_COMPARE",
      /broken.run\.json is no valid run/,
    );
    rmSync(join(broken, "scores.parquet"));
    writeFileSync(join(broken, "run.json"), runs[1].composed.text);
    expectRefusal(
      await cli("compare", folders[0], broken, "--name", "x", "--out", at("x.json")),
      1,
      "E_COMPARE",
      /there is no .*scores\.parquet/,
    );
  });

  it("refuses regions that are not whole, and does not use those of other scores", async () => {
    for (const k of [1, 2]) cpSync(at("set", `cnn-${k}`), at(`spoiled-${k}`), { recursive: true });
    const file = at("spoiled-1", "regions", "002.json");
    const good = readFileSync(file, "utf8");
    const compared = () =>
      cli(
        "compare",
        at("spoiled-1"),
        at("spoiled-2"),
        "--name",
        "x",
        "--overwrite",
        "--out",
        at("spoiled.json"),
      );
    writeFileSync(file, good.slice(0, -20));
    expectRefusal(await compared(), 1, "E_REGIONS", /002\.json holds no regions of maps/);
    const stored = JSON.parse(good);
    writeFileSync(file, JSON.stringify({ ...stored, target: (stored.target + 1) % 4 }));
    expect((await compared()).err).toMatch(
      /no consistency of tiny-cnn: .*maps of .* explain class \d, its scores class \d/,
    );
    rmSync(file);
    expect((await compared()).err).toMatch(
      /no consistency of tiny-cnn: .*spoiled-1: no maps of test-\d+, and 5 more/,
    );
  });
});

describe("validate", () => {
  const runs = fiveRuns();
  const text = textOf(madeComparison(runs));
  const root = at("repository", "results");
  const file = join(root, "comparisons", "drawn-32", "made-set.json");
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  };
  beforeAll(() => {
    for (const { composed } of runs) {
      put(join(root, "runs", placeOf(composed.run), "run.json"), composed.text);
      put(join(root, "runs", placeOf(composed.run), "scores.parquet"), composed.sidecar);
    }
    put(file, text);
  });

  it("computes a comparison again from the runs beside it", async () => {
    for (const path of [file, join(root, "comparisons"), at("repository")]) {
      const { code, out } = await cli("validate", path);
      expect(code).toBe(0);
      expect(out).toMatch(/made-set\.json +valid +recomputed/);
    }
    expect(await json("validate", root)).toMatchObject({
      ok: true,
      runs: { length: 5 },
      comparisons: [{ file, ok: true, problems: [] }],
    });
  });

  it("or from runs that are named too", async () => {
    const alone = at("alone.json");
    writeFileSync(alone, text);
    const without = await cli("validate", alone);
    expect(without.code).toBe(1);
    expect(without.out).toMatch(
      /there is no valid run \w{8} of small-clip-4 here +\[E_COMPARISON\]\n {2}next: /,
    );
    expect((await cli("validate", alone, join(root, "runs"))).code).toBe(0);
  });

  it("refuses a number that does not follow, and another place", async () => {
    const forged = text.replace(/"rank":1/, '"rank":2');
    put(file, forged);
    const { code, out } = await cli("validate", file);
    expect(code).toBe(1);
    expect(out).toMatch(/made-set\.json +REFUSED/);
    expect(out).toMatch(/\$\.uces\.methods\[0\]\.models\[0\]\.rank: 2 where 1 is expected by the runs/);
    rmSync(file);
    put(join(root, "comparisons", "drawn-32", "mine.json"), text);
    expect((await cli("validate", join(root, "comparisons"))).out).toContain("[E_PLACE]");
  });
});
