/** Comparisons in pull requests: new files, each computed again from runs that came with it or are on main. */
import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { textOf } from "../../kit/src/comparison/document.ts";
import { jsonLimits } from "../../kit/src/results/strict-json.ts";
import { placeOf } from "../../kit/src/results/validate.ts";
import { type MadeComparedRun, madeComparison, madeSeed } from "../../kit/test/made-comparison.ts";
import { textOf as said } from "../check-submission.ts";
import { checkSubmission, type Verdict } from "./check.ts";
import { commentOf } from "./comment.ts";
import { type Content, type Files, TestRepo } from "./test-repo.ts";

const repo = new TestRepo();
afterAll(() => rmSync(repo.folder, { recursive: true }));

const shapes = { id: "phantom-shapes", base: "phantom-shapes", title: "Coloured shapes on clutter, drawn" };
const seeds = [
  ["small-cnn", 2],
  ["small-vit", 5],
  ["small-cnn", 0],
  ["small-clip", 4],
] as const;
const runs = seeds.map(([architecture, seed]) =>
  madeSeed({
    architecture,
    seed,
    protocol: "1",
    change: (made) => ({ ...made, dataset: { ...made.dataset, ...shapes } }),
  }),
);
const filesOf = (...own: readonly MadeComparedRun[]): Files =>
  Object.fromEntries(
    own.flatMap(({ composed }): [string, Content][] => {
      const folder = `results/runs/${placeOf(composed.run)}`;
      return [
        [`${folder}/run.json`, composed.text],
        [`${folder}/scores.parquet`, composed.sidecar],
      ];
    }),
  );
const file = "results/comparisons/phantom-shapes/made-set.json";
const text = textOf(madeComparison(runs));
const main = repo.commit([], { ...filesOf(...runs), "README.md": "Read me.\n" });
repo.git(["branch", "main", main]);

const judged = (files: Files, parent = main): Verdict =>
  checkSubmission({
    folder: repo.folder,
    base: parent,
    head: repo.commit([parent], files),
    fromFork: true,
    now: new Date("2026-02-01T00:00:00Z"),
  });
const told = ({ problems }: Verdict) => problems.map((p) => `${p.file}: ${p.path}: ${p.message}`).join("\n");
const refused = (files: Files, says: RegExp, parent = main) => {
  const verdict = judged(files, parent);
  expect(verdict).toMatchObject({ kind: "refused", admitted: false, broken: false });
  expect(told(verdict)).toMatch(says);
  expect(verdict.problems.every(({ next }) => next !== "")).toBe(true);
};

describe("a comparison of runs on main", () => {
  const verdict = judged({ [file]: text });

  it("is admitted, and said so", () => {
    expect(verdict).toMatchObject({
      kind: "submission",
      admitted: true,
      problems: [],
      runs: [],
      comparisons: [{ place: "phantom-shapes/made-set.json", notes: [] }],
      movement: { runs: [], guide: [] },
    });
    expect(commentOf(verdict)).toContain("## Admitted: 1 comparison\n");
    expect(commentOf(verdict)).toContain("- comparison `phantom-shapes/made-set.json`");
    expect(said(verdict)).toMatch(
      /comparison phantom-shapes\/made-set\.json\nadmitted, runs: 0, comparisons: 1$/,
    );
  });

  it("says what is not in it", () => {
    const without = textOf(madeComparison(runs, { kept: false }));
    expect(judged({ [file]: without }).comparisons[0].notes).toEqual([
      "no consistency of small-cnn: the maps of its runs were not kept",
    ]);
  });
});

it("may come with the runs it names", () => {
  const base = repo.commit([], { ...filesOf(runs[0]), "README.md": "Read me.\n" });
  const verdict = judged({ ...filesOf(...runs.slice(1)), [file]: text }, base);
  expect(verdict).toMatchObject({ admitted: true, runs: { length: 3 }, comparisons: { length: 1 } });
  expect(commentOf(verdict)).toContain("## Admitted: 3 runs, 1 comparison\n");
  refused(
    { ...filesOf(...runs.slice(2)), [file]: text },
    /there is no valid run \w{8} of small-vit-5 here/,
    base,
  );
});

describe("is refused:", () => {
  it.each<[string, Files, RegExp]>([
    [
      "a number that does not follow",
      { [file]: text.replace('"rank":1', '"rank":2') },
      /made-set\.json: \$\.uces.*rank: 2 where 1/,
    ],
    [
      "a run that nobody has",
      { [file]: text.replaceAll(runs[0].sha256, "a".repeat(64)) },
      /there is no valid run aaaaaaaa of small-cnn-2/,
    ],
    [
      "another name than its file's",
      { "results/comparisons/phantom-shapes/mine.json": text },
      /\$\.name: the place of this comparison is phantom-shapes\/made-set\.json/,
    ],
    [
      "another data set than its folder's",
      { "results/comparisons/phantom-cxr/made-set.json": text },
      /\$\.name/,
    ],
    [
      "a weight of one's own",
      { [file]: textOf(madeComparison(runs, { alpha: 0.2 })) },
      /\$\.uces\.alpha: 0\.2, where all sets are compared with 0\.7/,
    ],
    ["nothing in it", { [file]: textOf(madeComparison(runs.slice(0, 2))) }, /neither consistency nor UCES/],
    ["no JSON", { [file]: "{" }, /\$: line 1/],
    ["too large", { [file]: " ".repeat(jsonLimits.bytes + 1) }, /has \d+ bytes; at most 4194304 are read/],
    ["a link", { [file]: { mode: "120000", data: "../../secret" } }, /is a symbolic link/],
    ["executable", { [file]: { mode: "100755", data: text } }, /has the mode 100755/],
    [
      "a folder deeper",
      { "results/comparisons/phantom-shapes/a/made-set.json": text },
      /has no place in results/,
    ],
    [
      "another extension",
      { "results/comparisons/phantom-shapes/made-set.js": text },
      /has no place in results/,
    ],
    ["capitals", { "results/Comparisons/phantom-shapes/made-set.json": text }, /has no place in results/],
    [
      "a device of Windows",
      { "results/comparisons/phantom-shapes/con.json": text },
      /Windows cannot have a file con/,
    ],
    ["code beside it", { [file]: text, "kit/src/a.ts": "1" }, /changes results and other files as well/],
    [
      "too many",
      Object.fromEntries(
        Array.from({ length: 21 }, (_, k) => [`results/comparisons/phantom-shapes/s-${k}.json`, text]),
      ),
      /21 changes in results\/comparisons\//,
    ],
  ])("%s", (_, files, says) => refused(files, says));

  it("a name that is given", () => {
    const given = repo.commit([main], { [file]: text });
    refused(
      { [file]: textOf(madeComparison(runs.slice(1))) },
      /is changed: results are only added to/,
      given,
    );
    refused({ [file]: null }, /is deleted/, given);
  });

  it("a name that was given since", () => {
    const verdict = checkSubmission({
      folder: repo.folder,
      base: repo.commit([main], { [file]: text }),
      head: repo.commit([main], { [file]: textOf(madeComparison(runs.slice(1))) }),
      fromFork: true,
      now: new Date("2026-02-01T00:00:00Z"),
    });
    expect(told(verdict)).toMatch(/is on main by now/);
  });
});
