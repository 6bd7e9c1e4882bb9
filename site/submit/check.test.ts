import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, type Rolldown } from "vite";
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../kit/src/json.ts";
import { decodeSidecar, encodeSidecar } from "../../kit/src/results/sidecar.ts";
import { validateRun } from "../../kit/src/results/validate.ts";
import { madeRun } from "../../kit/test/made-run.ts";
import { type CheckOptions, checkRun, type Report, type Stage } from "./check.ts";
import { checks } from "./checks.ts";
import { compiledSchemas } from "./compiled-schemas.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const utf8 = (text: string) => new TextEncoder().encode(text);
const made = madeRun({ protocol: "1", count: 32 });
const quick = madeRun();

const latest = "2026-12-31T00:00:00.000Z";
const options = (
  text: string | Uint8Array = made.text,
  sidecar: Uint8Array | undefined = made.sidecar,
  more: Partial<CheckOptions> = {},
): CheckOptions => ({
  document: { path: "run.json", bytes: typeof text === "string" ? utf8(text) : text },
  sidecar: sidecar && { path: "scores.parquet", bytes: sidecar },
  place: undefined,
  latest,
  ...more,
});

type Json = { [key: string]: Json };

/** The document with something changed, in canonical form. */
function forged(change: (run: Json) => void, from = made): string {
  const run = structuredClone(from.run) as unknown as Json;
  change(run);
  return `${canonicalJson(run)}\n`;
}
const put = (node: Json, key: string | number, value: unknown) => Object.assign(node, { [key]: value });

/** The scores with the first of one metric changed; the document says that they are its own. */
function tampered(): CheckOptions {
  const { metrics, rows } = decodeSidecar(made.sidecar);
  const changed = rows.map((row) => ({ ...row, scores: { ...row.scores } }));
  changed.find(({ scores }) => "sparseness" in scores)!.scores.sparseness = 0.25;
  const sidecar = encodeSidecar(changed, metrics);
  return options(made.text, sidecar);
}

const examples = ["valid", "invalid"].flatMap((kind) =>
  readdirSync(`${root}schemas/run/${kind}`)
    .filter((name) => name.endsWith(".json"))
    .map((name): [string, CheckOptions] => [
      `${kind}/${name}`,
      options(
        readFileSync(`${root}schemas/run/${kind}/${name}`),
        kind === "valid" ? readFileSync(`${root}schemas/run/valid/tiny.parquet`) : made.sidecar,
      ),
    ]),
);
const deep = `${"[".repeat(100_000)}`;
const cases: [string, CheckOptions][] = [
  ...examples,
  ["a run as it was made", options()],
  ["without scores", { ...options(), sidecar: undefined }],
  ["scores changed", tampered()],
  ["scores of another run", options(made.text, quick.sidecar)],
  ["no Parquet", options(made.text, utf8("PAR1 not at all PAR1"))],
  ["a mean changed", options(forged(({ result }) => put(result.statistics.cells[0], "mean", 0.5)))],
  ["everything wrong", options(forged(({ result }) => put(result, "methods", Array(200).fill({}))))],
  [
    "a long document",
    options(forged(({ result }) => put(result.data, "notes", Array(99).fill("x".repeat(4000))))),
  ],
  ["NaN", options(made.text.replace(/"mean":[\d.]+/, '"mean":NaN'))],
  ["deeply nested", options(deep)],
  ["too long", options("x".repeat(5 * 2 ** 20))],
  ["not UTF-8", options(new Uint8Array([0xff, 0xfe, 0x00]))],
  ["empty", options("")],
];

describe("the worker's code", () => {
  let code = "";
  let inBrowser: (options: CheckOptions) => Report;
  beforeAll(async () => {
    const built = (await build({
      root,
      configFile: false,
      logLevel: "silent",
      plugins: [compiledSchemas()],
      build: { write: false, lib: { entry: "site/submit/check.ts", formats: ["es"] } },
    })) as Rolldown.RolldownOutput[];
    code = built[0].output[0].code;
    ({ checkRun: inBrowser } = await import(
      /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`
    ));
  });

  it("is in one piece, and makes no code at run time", () => {
    expect(code).not.toMatch(/^\s*import\b|\bimport\(|\brequire\(/m);
    expect(code).not.toMatch(/\beval\(|\bnew Function\b|\bFunction\(/);
  });

  it.each(cases)("says of %s what Node says", (_, given) => {
    const report = inBrowser(given);
    expect(report).toEqual(checkRun(given));
    const { document, sidecar, place } = given;
    const { problems, tier, identity } = validateRun({
      name: document.path,
      text: document.bytes,
      sidecar: sidecar?.bytes,
      place,
    });
    const said = report.outcomes.flatMap(({ faults }) => faults);
    for (const problem of problems) expect(said).toContainEqual(problem);
    expect(report).toMatchObject({ tier, identity });
    if (problems.length > 0) expect(report.ok).toBe(false);
  });
});

/** "✓", "✕" and "–", in the order of the checks. */
const marks = ({ outcomes }: Report) =>
  outcomes.map(({ passed }) => (passed === null ? "–" : passed ? "✓" : "✕")).join("");
const of = (report: Report, id: string) => report.outcomes.find((outcome) => outcome.id === id)!;

describe("each check has its own answer", () => {
  it("names them in the order of the page", () => {
    expect(checkRun(options()).outcomes.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
  });

  it("passes a run as it was made, and leaves open what only the repository knows", () => {
    const report = checkRun(options());
    expect(report).toMatchObject({ ok: true, tier: "recomputed", identity: made.identity });
    expect(marks(report)).toBe("✓✓✓✓✓✓–✓");
    expect(of(report, "place").open).toBe(
      "only the pull request’s check can tell whether the run is there already",
    );
    expect(of(report, "names").open).toMatch(/^only the pull request’s check can tell/);
  });

  it("computes nothing again without scores, and says so", () => {
    const report = checkRun({ ...options(), sidecar: undefined });
    expect(report).toMatchObject({ ok: true, tier: "submitted" });
    expect(marks(report)).toBe("–✓✓––✓–✓");
    expect(of(report, "numbers").open).toBe(
      "without its sidecar nothing can be recomputed: put scores.parquet beside it",
    );
  });

  it.each<[string, CheckOptions, string]>([
    ["scores", tampered(), "✓✓✓✕✓✓–✓"],
    ["a mean", cases.find(([name]) => name === "a mean changed")![1], "✓✓✓✕✓✓–✓"],
    ["a method", options(forged(({ result }) => put(result.methods[0], "id", "magic"))), "✓✓✕––✓–✓"],
    [
      "an address",
      options(forged(({ result }) => put(result.data, "title", "by ada@example.org"))),
      "✓✕✓✓✓✓–✓",
    ],
    ["the form", options("{"), "–✕––––––"],
    ["the day", options(undefined, undefined, { latest: "2025-01-01T00:00:00.000Z" }), "✓✓✓✓✓✕–✓"],
    ["the protocol", options(quick.text, quick.sidecar), "✓✓✓✓✓✓–✕"],
    ["a name", { ...options(), document: { path: "run (1).json", bytes: utf8(made.text) } }, "✕✓✓✓✓✓–✓"],
    ["the folder", options(undefined, undefined, { place: "a/b/2026-01-01-00000000" }), "✓✓✓✓✓✕–✓"],
    [
      "a folder no system has",
      options(undefined, undefined, { place: "con/b/2026-01-01-00000000" }),
      "✕✓✓✓✓✕–✓",
    ],
  ])("%s changed", (_, given, expected) => {
    expect(marks(checkRun(given))).toBe(expected);
  });

  it("does not call passed what so many problems come before that it has no place in the list", () => {
    const cell = { method: "saliency", metric: "sparseness" };
    const report = checkRun(
      options(
        forged(({ result }) =>
          put(
            result.statistics,
            "cells",
            Array.from({ length: 150 }, () =>
              structuredClone({ ...made.run.result.statistics.cells[0], ...cell }),
            ),
          ),
        ),
      ),
    );
    expect(of(report, "registry").passed).toBe(false);
    expect(of(report, "numbers").passed).not.toBe(true);
  });

  it("knows a comparison from a run", () => {
    const document = { path: "seeds.json", bytes: utf8('{"schema":"xai-kit/comparison/1"}\n') };
    expect(of(checkRun({ ...options(), document }), "form").faults).toEqual([
      expect.objectContaining({ message: "a comparison of runs, and no run" }),
    ]);
  });

  it("tells where it is", () => {
    const stages: Stage[] = [];
    checkRun(options(undefined, undefined, { onStage: (stage) => stages.push(stage) }));
    const { statistics, sidecar } = made.run.result;
    expect(stages).toEqual([
      { part: "form" },
      { part: "meaning" },
      { part: "scores", cells: statistics.cells.length, rows: sidecar.rows },
    ]);
  });
});
