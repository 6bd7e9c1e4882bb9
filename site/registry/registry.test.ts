import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { datasets } from "../../kit/src/datasets/index.ts";
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import { architectures } from "../../kit/src/model/architectures.ts";
import { constructedRun } from "../guide/constructed-run.ts";
import type { SiteRun } from "../lib/run.ts";
import { addressOf, hasPage } from "./addresses.ts";
import { architectureEntries, datasetEntries, editionsOf, namesIt, runCounts } from "./entries.ts";
import { beatenBy, gateCount } from "./gates.ts";
import { mostRuns, newestFew, runRows, scopesOf, within } from "./scopes.ts";

const of = (run: SiteRun, model: object, data: object = {}): SiteRun =>
  ({
    ...run,
    result: {
      ...run.result,
      model: { ...run.result.model, ...model },
      data: { ...run.result.data, ...data },
    },
  }) as SiteRun;

it("has an address for the kit's methods and metrics, and for every architecture and data set of a run", () => {
  expect(addressOf("methods", "occlusion")).toBe("/methods/occlusion/");
  expect(addressOf("methods", "their-method")).toBeUndefined();
  expect(addressOf("metrics", "constructor")).toBeUndefined();
  expect(addressOf("architectures", "their-net-7")).toBe("/architectures/their-net-7/");
  for (const id of ["", "../x", "a b", "A", "a--b", "é", "a/b", "x".repeat(81)]) {
    expect(hasPage("datasets", id)).toBe(false);
  }
});

it("every entry lies in the file that its page leads to, and has its page of documentation", () => {
  const paths = [
    ...methods.flatMap(({ id }) => [`src/methods/${id}.ts`, `docs/methods/${id}.md`]),
    ...metrics.flatMap(({ id, family }) => [`src/metrics/${family}/${id}.ts`, `docs/metrics/${id}.md`]),
  ];
  const missing = paths.filter((path) => !existsSync(new URL(`../../kit/${path}`, import.meta.url)));
  expect(missing).toEqual([]);
});

it("has the kit's presets without any run, and architectures that only runs name, by family", () => {
  expect(architectureEntries([]).map(({ id }) => id)).toEqual(
    expect.arrayContaining(architectures.map(({ id }) => id)),
  );
  const run = constructedRun({});
  const entries = architectureEntries([
    of(run, { architecture: "their-net", family: "transformer" }),
    of(run, { architecture: "resnet-50", family: "transformer" }),
    of(run, { architecture: null }),
    of(run, { architecture: "../.." }),
  ]);
  expect(entries).toHaveLength(architectures.length + 1);
  expect(entries.find(({ id }) => id === "their-net")).toMatchObject({
    title: "their-net",
    families: ["transformer"],
    preset: undefined,
  });
  // a stranger's word does not move a preset
  expect(entries.find(({ id }) => id === "resnet-50")).toMatchObject({
    title: "ResNet-50",
    families: ["cnn"],
  });
  const order = entries.map(({ families }) => families[0]);
  expect([...new Set(order)]).toEqual(["cnn", "transformer", "contrastive"]);
  expect(order.lastIndexOf("cnn")).toBeLessThan(order.indexOf("transformer"));
});

it("has every set that the kit reads, by ids that are addresses", () => {
  const entries = datasetEntries([]);
  const ids = entries.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(["phantom-cxr", "medmnist-pathmnist", "chexpert-all-views"]));
  expect(ids.filter((id) => !hasPage("datasets", id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  for (const definition of datasets) {
    const own = entries.filter((entry) => entry.definition === definition);
    expect(own, definition.id).toHaveLength(definition.offers.length);
  }
});

it("adds sizes and sets of runs; what the kit knows of a set it says itself", () => {
  const run = constructedRun({});
  const entries = datasetEntries([
    of(run, {}, { id: "medmnist-pathmnist-64", base: "medmnist-pathmnist", title: "<b>x</b>", track: "ct" }),
    of(run, {}, { id: "their-set", base: "their-set", title: "Theirs", track: "own" }),
  ]);
  const sized = entries.find(({ id }) => id === "medmnist-pathmnist-64");
  expect(sized).toMatchObject({ base: "medmnist-pathmnist", track: "medical" });
  expect(sized?.title).toMatch(/64x64$/);
  expect(entries.find(({ id }) => id === "their-set")).toMatchObject({
    title: "Theirs",
    definition: undefined,
  });
});

it("counts runs by what they name; maps from elsewhere are no method of the kit", () => {
  const run = constructedRun({ ranks: { occlusion: 1, saliency: 2 } });
  const other = constructedRun({ ranks: { occlusion: 1 } });
  Object.assign(other.result.methods[0], { status: "external", external: { source: "https://a.org" } });
  expect(runCounts("methods", [run, other])).toEqual(
    new Map([
      ["occlusion", 1],
      ["saliency", 1],
    ]),
  );
  expect(namesIt("methods", "occlusion")(other)).toBe(false);
  expect(namesIt("architectures", "resnet-50")(run)).toBe(true);
});

it("tells editions of a data set apart, and counts their runs", () => {
  const run = constructedRun({});
  const data = { edition: "1", split: "test", count: 512 };
  const print = (value: string) => of(run, {}, { ...data, fingerprint: { kind: "sha256", value } });
  expect(editionsOf([print("aa"), print("bb"), print("aa")])).toEqual([
    { ...data, fingerprint: "aa", runs: 2 },
    { ...data, fingerprint: "bb", runs: 1 },
  ]);
});

it("counts runs a track at a time, each run that does not count with its reason", () => {
  const runs = [
    constructedRun({ data: "a" }),
    constructedRun({ data: "a", date: "2026-02-01" }),
    constructedRun({ data: "b", tier: "submitted" }),
    constructedRun({ data: "c", standard: false }),
    constructedRun({ data: "d", track: "synthetic", protocol: "2" }),
    constructedRun({ data: "e", track: "own" }),
  ];
  const { scopes, whyNot } = scopesOf(runs);
  expect(scopes.map(({ track, counted }) => [track, counted.runs.map(({ id }) => id)])).toEqual([
    ["natural", ["a/model-a/2026-02-01-1"]],
    ["synthetic", ["d/model-a/2026-01-01-2"]],
  ]);
  expect(Object.fromEntries(whyNot)).toEqual({
    "a/model-a/2026-01-01-1": "superseded by a newer run",
    "b/model-a/2026-01-01-1": "without the scores it was made from",
    "c/model-a/2026-01-01-1": "not the protocol as it stands, so not ranked",
    "e/model-a/2026-01-01-1": "a data set of one’s own, so not ranked",
  });
  const rows = runRows(runs, whyNot);
  expect(rows).toHaveLength(runs.length);
  expect(rows.map(({ why }) => why === undefined)).toEqual([true, true, false, false, false, false]);
  expect(within(scopes, ({ result }) => result.data.id === "d").map(({ track }) => track)).toEqual([
    "synthetic",
  ]);
});

it("shows the newest few of many runs, in the order of their ids", () => {
  const runs = Array.from({ length: mostRuns + 5 }, (_, k) =>
    constructedRun({ data: `set-${k}`, date: k < 5 ? "2025-01-01" : "2026-01-01" }),
  );
  const shown = newestFew(runs);
  expect(shown).toHaveLength(mostRuns);
  expect(shown.some(({ telemetry }) => telemetry.date.startsWith("2025"))).toBe(false);
  expect(shown.map(({ id }) => id)).toEqual(shown.map(({ id }) => id).sort());
});

it("counts gates of standard methods, and whom each control is beaten by", () => {
  const run = constructedRun({ ranks: { a: 1, b: 2, c: 3, further: 4 } });
  const gate = (passed: boolean | null, sobel: number[] | null) => ({
    passed,
    against: { sobel },
    reason: null,
  });
  const said: Readonly<Record<string, ReturnType<typeof gate>>> = {
    a: gate(true, [0.1, 0.2]),
    b: gate(false, [0, 0.1]),
    c: gate(null, null),
    further: gate(true, [1, 2]),
  };
  for (const cell of run.result.statistics.cells) cell.gate = said[cell.method];
  run.result.methods[3].standard = false;
  expect(gateCount([run, run], "infidelity")).toEqual({ passed: 2, failed: 2, unknown: 2 });
  expect(beatenBy([run], "sobel", "infidelity")).toEqual({ beaten: 1, of: 2 });
  expect(beatenBy([run], "constructor", "infidelity")).toEqual({ beaten: 0, of: 0 });
  expect(gateCount([run], "sparseness")).toEqual({ passed: 0, failed: 0, unknown: 0 });
});
