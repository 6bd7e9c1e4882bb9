/** `xai-kit study` from an inputs file to the page: planned, stopped, shared out, and refused. */
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
import { rngOf } from "../src/rng.ts";
import type { Section, Table } from "../src/studies/findings.ts";
import { cli, interrupted, json, type Ran } from "./run-cli.ts";
import { cnn, saveFolder, saveMedmnist, saveModel, vit } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-study-"));
const at = (...names: string[]) => join(dir, ...names);
const read = (...names: string[]) => readFileSync(at(...names), "utf8");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Found {
  readonly cells: readonly { readonly id: string; readonly run: string }[];
  readonly gaps: readonly string[];
  readonly sections: readonly Section[];
}

function expectRefusal(ran: Ran, code: number, kitCode: string, says: RegExp) {
  expect(ran.err).toMatch(new RegExp(`^error: .+  \\[${kitCode}\\]$`, "m"));
  expect(ran.err).toMatch(/^ {2}next: .+$/m);
  expect(ran.err).toMatch(says);
  expect(ran.err).not.toMatch(/^\s+at |\.ts:\d/m);
  expect({ code: ran.code, out: ran.out }).toEqual({ code, out: "" });
}

const inputs = (name: string, study: string, cells: readonly object[], more: object = {}): string => {
  const file = at("in", name);
  writeFileSync(file, JSON.stringify({ study, protocol: "quick", samples: 3, cells, ...more }));
  return file;
};
const data = { data: "medmnist:pneumoniamnist", dataDir: "." };
const controls = ["random", "sobel", "constant", "centre-gaussian"];

/** Two architectures on a drawn set, paths relative to the file. */
const kowsar = (name: string, change: (cells: object[]) => object[] = (cells) => cells) =>
  inputs(
    name,
    "kowsar-2026",
    change(
      ["cnn", "vit"].map((architecture) => ({
        labels: { architecture, domain: "x-rays" },
        model: `../models/${architecture}.onnx`,
        ...data,
      })),
    ),
    {
      methods: ["saliency", "input-x-gradient", "grad-cam", ...controls],
      metrics: ["infidelity", "max-sensitivity"],
    },
  );

beforeAll(async () => {
  mkdirSync(at("in"));
  mkdirSync(at("models"));
  saveModel(at("models", "cnn.onnx"), cnn({ channels: 1, classes: 2, size: 28 }));
  saveModel(at("models", "vit.onnx"), vit({ channels: 1, classes: 2, size: 32 }));
  saveModel(at("models", "four.onnx"), cnn({ channels: 1, classes: 4, size: 28 }));
  saveMedmnist(at("in"));
  await saveFolder(at("in", "photos"));
});

describe("what there is", () => {
  it("is listed", async () => {
    const { studies } = await json<{ studies: { id: string; cells: number }[] }>("study");
    expect(studies.find(({ id }) => id === "kowsar-2026")?.cells).toBe(33);
    expect((await cli("study")).out).toContain("gradfaith-cam");
  });

  it("is known by its id alone", async () => {
    expectRefusal(await cli("study", "kowsar-2025"), 1, "E_STUDY", /there is no study "kowsar-2025"/);
  });

  it("is written down to be filled in, once", async () => {
    const file = at("in", "template.json");
    expect((await cli("study", "gradfaith-cam", "--write-inputs", file)).code).toBe(0);
    expect(JSON.parse(readFileSync(file, "utf8")).cells).toHaveLength(10);
    expectRefusal(
      await cli("study", "gradfaith-cam", "--write-inputs", file),
      1,
      "E_EXISTS",
      /is there already/,
    );
    const ran = await cli("study", "gradfaith-cam", "--inputs", file, "--out", at("nothing"));
    expectRefusal(ran, 1, "E_STUDY_PLAN", /10 of 10 cells cannot be run/);
    expect(ran.err.match(/there is no model/g)).toHaveLength(10);
    expect(existsSync(at("nothing"))).toBe(false);
  });
});

describe("an inputs file is refused, and nothing is written,", () => {
  const refused = async (file: string, code: string, says: RegExp) => {
    expectRefusal(await cli("study", "kowsar-2026", "--inputs", file, "--out", at("refused")), 1, code, says);
    expect(existsSync(at("refused"))).toBe(false);
  };

  it("where there is none", () => refused(at("in", "none.json"), "E_FILE", /cannot read/));

  it("where it is no JSON", async () => {
    writeFileSync(at("in", "broken.json"), "{");
    await refused(at("in", "broken.json"), "E_STUDY_INPUTS", /is not JSON/);
  });

  it("where a model or a data set is missing, another has other classes, and a card is none: all told at once", async () => {
    const cell = (domain: string, more: object) => ({
      labels: { architecture: "cnn", domain },
      model: "../models/cnn.onnx",
      ...data,
      ...more,
    });
    const file = kowsar("bad.json", () => [
      cell("a", { model: "../models/none.onnx" }),
      cell("b", { model: "../models/four.onnx" }),
      cell("c", { dataDir: "nowhere" }),
      cell("d", { card: { family: "cnnn" } }),
      cell("e", {}),
    ]);
    const ran = await cli("study", "kowsar-2026", "--inputs", file, "--out", at("refused"));
    expectRefusal(ran, 1, "E_STUDY_PLAN", /4 of 5 cells cannot be run/);
    for (const says of [
      /cnn-a \(cnn · a\): there is no model/,
      /cnn-b .*: medmnist-pneumoniamnist has 2 classes, the model 4/,
      /cnn-c /,
      /cnn-d .*: the card of cell cnn-d is not a model card/,
    ])
      expect(ran.err).toMatch(says);
    expect(ran.err).not.toContain("cnn-e (");
    expect(existsSync(at("refused"))).toBe(false);
  });

  it("where a label contradicts the card", async () => {
    const file = inputs("seed.json", "gradfaith-cam", [
      {
        labels: { architecture: "cnn", seed: 2 },
        model: "../models/cnn.onnx",
        card: { training: { seed: 1 } },
        ...data,
      },
    ]);
    const ran = await cli("study", "gradfaith-cam", "--inputs", file, "--out", at("refused"));
    expectRefusal(ran, 1, "E_STUDY_PLAN", /its label says seed 2, its card 1/);
  });
});

describe("kowsar-2026", () => {
  const command = (out: string, ...more: string[]) => [
    "study",
    "kowsar-2026",
    "--inputs",
    kowsar("good.json"),
    "--device",
    "wasm",
    "--out",
    at(out),
    ...more,
  ];

  it("shows its plan, and makes nothing", async () => {
    const plan = await json<{
      cells: { passes: number; explained: number }[];
      missing: object[];
      seconds: number;
    }>(...command("planned", "--dry-run"));
    expect(plan.cells.map(({ explained }) => explained)).toEqual([3, 3]);
    expect(plan.cells.every(({ passes }) => passes > 50)).toBe(true);
    expect(plan.missing).toHaveLength(33);
    expect(plan.seconds).toBeGreaterThan(0);
    expect(existsSync(at("planned"))).toBe(false);
  }, 240_000);

  it("ends in numbers and a page, and does nothing again", async () => {
    const ran = await cli(...command("whole"));
    expect(ran, ran.err.slice(-400)).toMatchObject({ code: 0 });
    expect(ran.err).toMatch(/^cell 2 of 2: vit · x-rays$/m);
    expect(ran.err).toMatch(/^not in the inputs: architecture resnet-50: none of its 11 cells$/m);
    expect(readdirSync(at("whole")).sort()).toEqual(["cells.json", "report.html", "runs", "study.json"]);
    const found = JSON.parse(read("whole", "study.json")) as Found;
    expect(found.cells.map(({ id }) => id)).toEqual(["cnn-x-rays", "vit-x-rays"]);
    expect(found.gaps).toEqual(
      ["resnet-50", "vit-b-16", "clip-vit-b-16"].map(
        (id) => `architecture ${id}: none of its 11 cells (not in the inputs)`,
      ),
    );
    const page = read("whole", "report.html");
    for (const text of [
      ...found.cells.map(({ run }) => run.slice(0, 16)),
      "What is missing",
      'class="radar"',
      "Kendall",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toMatch(/<script|https?:\/\/|NaN|undefined/);
    for (const file of ["report.html", "study.json", "cells.json"])
      expect(read("whole", file)).not.toContain(dir);

    const before = [read("whole", "study.json"), page];
    const again = await cli(...command("whole"));
    expect(again.err.match(/this run is finished already/g)).toHaveLength(2);
    rmSync(at("whole", "report.html"));
    const made = await cli("study", "kowsar-2026", "--report", "--out", at("whole"));
    expect(made).toMatchObject({ code: 0 });
    expect([read("whole", "study.json"), read("whole", "report.html")]).toEqual(before);
  }, 240_000);

  it("in shards, in folders put together, is the same as in one", async () => {
    const first = await cli(...command("part-1", "--shard", "1/2"));
    expect(first.out).toMatch(/^1 of 2 cells finished; the report is written when all are in .*runs$/m);
    expect(existsSync(at("part-1", "report.html"))).toBe(false);
    expect(readdirSync(at("part-1", "runs"))).toEqual(["cnn-x-rays"]);
    const partly = await cli("study", "kowsar-2026", "--report", "--out", at("part-1"));
    expect(partly.out).toContain("missing: vit · x-rays: not run yet");
    await cli(...command("part-2", "--shard", "2/2"));
    cpSync(at("part-2", "runs"), at("part-1", "runs"), { recursive: true });
    expect((await cli("study", "kowsar-2026", "--report", "--out", at("part-1"))).code).toBe(0);
    expect(read("part-1", "study.json")).toBe(read("whole", "study.json"));
  }, 240_000);

  it("stopped by Ctrl-C leaves nothing half-written, and goes on", async () => {
    const ran = await interrupted(command("stopped"), { cwd: dir, when: /cell 2 of 2/ });
    expect(ran.code).toBe(130);
    expect(readdirSync(at("stopped")).sort()).toEqual(["cells.json", "runs"]);
    const files = readdirSync(at("stopped"), { recursive: true, encoding: "utf8" });
    expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await cli(...command("stopped"))).code).toBe(0);
    expect(read("stopped", "study.json")).toBe(read("whole", "study.json"));
  }, 240_000);

  it("says which run is not to be believed, and goes without", async () => {
    cpSync(at("whole"), at("changed"), { recursive: true });
    const file = at("changed", "runs", "vit-x-rays", "run.json");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"accuracy":0?\.?\d+/, '"accuracy":0.987'));
    const { gaps, cells } = await json<Found>("study", "kowsar-2026", "--report", "--out", at("changed"));
    expect(cells.map(({ id }) => id)).toEqual(["cnn-x-rays"]);
    expect(gaps[0]).toMatch(/^vit · x-rays: its run is not valid: /);
    // what is said of a sidecar names its file
    writeFileSync(at("changed", "runs", "cnn-x-rays", "scores.parquet"), "PAR1");
    cpSync(at("whole", "runs", "vit-x-rays"), at("changed", "runs", "vit-x-rays"), { recursive: true });
    const other = await json<Found>("study", "kowsar-2026", "--report", "--out", at("changed"));
    expect(other.gaps[0]).toMatch(/^cnn · x-rays: its run is not valid: .*\[E_\w+\]$/);
    for (const name of ["study.json", "report.html"]) expect(read("changed", name)).not.toContain(dir);
  });

  it("says which run is of other inputs than its cell, and goes without", async () => {
    cpSync(at("whole"), at("stale"), { recursive: true });
    const file = at("stale", "cells.json");
    const cells = JSON.parse(readFileSync(file, "utf8"));
    const [cell] = cells.cells;
    expect(cell.inputs).toEqual({
      model: expect.stringMatching(/^[0-9a-f]{64}$/),
      data: "medmnist-pneumoniamnist",
      split: "test",
      splitFile: null,
      available: expect.any(Number),
    });
    const told = async (change: object) => {
      const own = { ...cells, samples: 3, cells: [{ ...cell, ...change }, cells.cells[1]] };
      writeFileSync(file, JSON.stringify(own));
      return (await json<Found>("study", "kowsar-2026", "--report", "--out", at("stale"))).gaps[0];
    };
    const stale = "cnn · x-rays: its run is of other inputs: ";
    expect(await told({ inputs: { ...cell.inputs, model: "0".repeat(64) } })).toBe(`${stale}model`);
    expect(await told({ metrics: ["infidelity"], methods: ["saliency"] })).toBe(`${stale}methods, metrics`);
    expect(await told({ inputs: { ...cell.inputs, available: 2 } })).toBe(`${stale}samples`);
    expect(await told({ inputs: null })).not.toContain("other inputs");
  });

  it("is told from what else is in a folder", async () => {
    const other = inputs("other.json", "gradfaith-cam", [
      { labels: { architecture: "cnn", seed: 1 }, model: "../models/cnn.onnx", ...data },
    ]);
    const ran = await cli("study", "gradfaith-cam", "--inputs", other, "--out", at("whole"));
    expectRefusal(ran, 1, "E_STUDY", /holds another study: kowsar-2026/);
    const none = await cli("study", "kowsar-2026", "--report", "--out", at("empty"));
    expectRefusal(none, 1, "E_STUDY", /no study was begun/);
  });
});

describe("gradfaith-cam", () => {
  /** Private: a folder of one's own; two seeds by their labels alone. */
  const own = () =>
    inputs(
      "ct.json",
      "gradfaith-cam",
      [1, 2].map((seed) => ({
        labels: { architecture: "cnn", seed },
        model: seed === 1 ? "../models/seed-1.onnx" : "../models/seed-2.onnx",
        data: "folder:photos",
      })),
    );

  it("has classification, time, faith, consistency and a montage; ids of a private set nowhere", async () => {
    const classes = readdirSync(at("in", "photos")).filter((name) => !name.endsWith(".json")).length;
    for (const seed of [1, 2]) {
      const graph = cnn({ classes, size: 16 });
      const rng = rngOf("seed", seed);
      for (const tensor of graph.initializers.values()) {
        if (tensor.type === "float32") tensor.data.set(tensor.data.map((v) => v + 0.1 * rng.normal()));
      }
      saveModel(at("models", `seed-${seed}.onnx`), graph);
    }
    const command = ["study", "gradfaith-cam", "--inputs", own(), "--device", "wasm", "--out", at("ct")];
    const ran = await cli(...command);
    expect(ran, ran.err.slice(-600)).toMatchObject({ code: 0 });
    const found = JSON.parse(read("ct", "study.json")) as Found;
    const kinds = found.sections.map(
      ({ id, blocks }) => `${id}: ${blocks.map(({ kind }) => kind).join(", ")}`,
    );
    expect(kinds[0]).toBe("classification: table, confusions");
    expect(kinds).toContain("consistency: table");
    expect(kinds).toContain("montage: ");
    const [consist] = found.sections.find(({ id }) => id === "consistency")!.blocks;
    const [seeds] = (consist as Table).rows;
    expect(seeds.label).toBe("cnn, 2 seeds");
    expect(seeds.values[0]).toMatchObject({ value: expect.any(Number) });
    expect(seeds.values[1]).toMatchObject({ value: 1 }); // random knows no model
    expect(readdirSync(at("ct", "times"))).toHaveLength(2);
    // a time of another model is none
    const time = at("ct", "times", "cnn-1.json");
    const kept = readFileSync(time, "utf8");
    expect(JSON.parse(kept).model).toBe(
      JSON.parse(read("ct", "runs", "cnn-1", "run.json")).result.model.sha256,
    );
    writeFileSync(time, JSON.stringify({ ...JSON.parse(kept), model: "0".repeat(64) }));
    await cli("study", "gradfaith-cam", "--report", "--out", at("ct"));
    const timed = (JSON.parse(read("ct", "study.json")) as { cells: { time?: object }[] }).cells;
    expect(timed.map((cell) => cell.time !== undefined)).toEqual([false, true]);
    writeFileSync(time, kept);
    const regions = at("ct", "runs", "cnn-1", "regions", "000.json");
    const region = readFileSync(regions, "utf8");
    writeFileSync(regions, "{");
    expect((await cli("study", "gradfaith-cam", "--report", "--out", at("ct"))).code).toBe(0);
    expect(read("ct", "study.json")).toContain("cannot be read  [E_REGIONS]");
    expect(read("ct", "study.json")).not.toContain(dir);
    writeFileSync(regions, region);
    expect((await cli("study", "gradfaith-cam", "--report", "--out", at("ct"))).code).toBe(0);
    const page = read("ct", "report.html");
    expect(page.match(/<img class="tile"/g)!.length).toBeGreaterThan(3);
    expect(page).toContain("Not for publication");
    expect(page).toContain("<code>xai-kit study gradfaith-cam --report --public</code>");
    const secret = JSON.parse(read("ct", "runs", "cnn-1", "regions", "000.json")).sample as string;
    for (const file of ["report.html", "study.json", "cells.json"]) {
      expect(read("ct", file)).not.toContain(secret);
      expect(read("ct", file)).not.toContain(dir);
    }
    expect((await cli("study", "gradfaith-cam", "--report", "--public", "--out", at("ct"))).code).toBe(0);
    expect(read("ct", "report.html")).not.toMatch(/<img|Not for publication/);
  }, 240_000);
});
