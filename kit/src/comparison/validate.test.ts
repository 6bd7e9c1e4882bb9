import { describe, expect, it } from "vitest";
import {
  disputed,
  fiveRuns,
  lost,
  type MadeComparedRun,
  madeComparison,
} from "../../test/made-comparison.ts";
import { canonicalJson } from "../json.ts";
import { mapsMissing, textOf } from "./document.ts";
import { validateComparison } from "./validate.ts";

const runs = fiveRuns();
const comparison = madeComparison(runs);
const hiddenRuns = fiveRuns("private");
const hidden = madeComparison(hiddenRuns);

type Json = Record<string, unknown> & unknown[];
type Key = string | number;

/** The document with one value changed (`undefined`: the key is gone), in canonical form. */
function forged(path: readonly Key[], value: unknown | ((old: never) => unknown), from = comparison): string {
  const copy = structuredClone(from) as unknown as Json;
  let node = copy;
  for (const key of path.slice(0, -1)) node = node[key as never] as Json;
  const last = path.at(-1)! as never;
  const next = typeof value === "function" ? value(node[last]) : value;
  if (next === undefined) delete node[last];
  else node[last] = next as never;
  return `${canonicalJson(copy)}\n`;
}

const check = (text: string | Uint8Array, of: readonly MadeComparedRun[] = runs, place?: string) =>
  validateComparison({
    name: "set.json",
    text,
    place,
    runOf: (sha256) => of.find((run) => run.sha256 === sha256),
  });
const problemsOf = (text: string, of?: readonly MadeComparedRun[], place?: string) =>
  check(text, of, place).problems.map(({ path, code, message }) => `${path} ${code} ${message}`);

const [{ samples }] = comparison.consistency;
const occlusion = comparison.consistency[0].methods.findIndex((m) => m.method === "occlusion");
const sobel = comparison.consistency[0].methods.findIndex((m) => m.method === "sobel");
const constant = comparison.consistency[0].methods.findIndex((m) => m.method === "constant");
const overlaps = (method: number, pair = 0): Key[] => [
  "consistency",
  0,
  "methods",
  method,
  "pairs",
  pair,
  "overlaps",
];
const at = (sample: string) => samples.indexOf(sample);

describe("a comparison as it was made", () => {
  it.each([
    ["public", comparison, runs],
    ["private", hidden, hiddenRuns],
    ["without maps", madeComparison(runs, { kept: false }), runs],
    ["with another reference and alpha", madeComparison(runs, { reference: 2, alpha: 0.4 }), runs],
    ["of two", madeComparison(runs.slice(0, 2)), runs],
  ] as const)("is believed: %s", (_, made, of) => {
    expect(check(textOf(made), of).problems).toEqual([]);
    expect(check(new TextEncoder().encode(textOf(made)), of, "drawn-32/made-set.json").ok).toBe(true);
  });
});

describe("a number that does not follow", () => {
  const plus = (n: number) => (old: number) => old + n;
  it.each<[string, Key[], unknown, RegExp]>([
    [
      "a UCES",
      ["uces", "methods", 0, "models", 1, "uces"],
      plus(-1e-9),
      /uces E_COMPARISON .* by the runs it names/,
    ],
    ["a rank", ["uces", "methods", 0, "models", 1, "rank"], 1, /rank E_COMPARISON/],
    [
      "an indicator",
      ["uces", "methods", 0, "models", 1, "indicators", 4, "value"],
      0.5,
      /value E_COMPARISON/,
    ],
    ["an indicator left out", ["uces", "methods", 0, "leftOut"], ["entropy"], /leftOut E_COMPARISON/],
    ["alpha alone", ["uces", "alpha"], 0.5, /uces E_COMPARISON/],
    ["a reason for a score there is", ["uces", "methods", 0, "reason"], "the weather", /reason E_COMPARISON/],
    ["no UCES", ["uces"], null, /uces E_COMPARISON/],
    ["a consistency", ["consistency", 0, "methods", 0, "value"], plus(1e-9), /value E_COMPARISON/],
    ["an interval", ["consistency", 0, "methods", 0, "interval", 1], 1, /interval\[1\] E_COMPARISON/],
    ["a count", ["consistency", 0, "methods", 0, "pairs", 0, "n"], 16, /\.n E_COMPARISON/],
    ["another overlap", [...overlaps(0), 0], [1, 400], /mean E_COMPARISON/],
    ["a seed", ["models", 1, "runs", 0, "seed"], 8, /seed E_COMPARISON/],
    ["a model of its own", ["models", 0, "id"], "mine", /id E_COMPARISON/],
    ["an architecture", ["models", 0, "architecture"], "resnet-50", /architecture E_COMPARISON/],
    ["a gap", ["gaps"], [{ metric: "uces", model: null, reason: "see my page" }], /gaps E_COMPARISON/],
    ["a protocol", ["protocol", "sha256"], "a".repeat(64), /sha256 E_COMPARISON/],
    ["a data set", ["data"], "phantom-cxr", /data E_COMPARISON/],
    ["no consistency, and no gap", ["consistency"], [], /gaps E_COMPARISON/],
  ])("%s is found", (_, path, value, says) => {
    expect(problemsOf(forged(path, value)).join("\n")).toMatch(says);
  });

  it("but whether maps were kept is nobody's to prove", () => {
    const made = madeComparison(runs, { kept: false });
    expect(made.gaps[0].reason).toBe(mapsMissing);
    expect(problemsOf(forged(["gaps", 0, "reason"], "no time", made))[0]).toMatch(/reason E_COMPARISON/);
  });
});

describe("overlaps that the scores contradict", () => {
  it.each<[string, Key[], unknown, RegExp]>([
    ["more in both than in either", [...overlaps(0), 0], [5, 4], /5 pixels in both regions, 4 in either/],
    ["more than the image has", [...overlaps(0), 0], [5, 1025], /1025 in either, of 1024/],
    ["a map that failed", [...overlaps(occlusion), at(lost)], [5, 9], /one of the runs has no map here/],
    ["a map that was made", [...overlaps(occlusion), 0], "no-map", /both runs have a map here/],
    ["another class", [...overlaps(0), at(disputed)], [5, 9], /the runs explain different classes here/],
    ["the same class", [...overlaps(0), 0], "other-class", /both runs explain the same class here/],
    ["a flat map", [...overlaps(constant), 0], [5, 9], /has no region/],
    ["flat maps", [...overlaps(constant), 0], [0, 9], /two maps without any difference have no region/],
    ["a control", [...overlaps(sobel), 0], [5, 9], /a control is the same for every model/],
    ["one too few", overlaps(0), (old: unknown[]) => old.slice(1), /15 overlaps of 16 samples/],
    [
      "a pair twice",
      ["consistency", 0, "methods", 0, "pairs"],
      (old: unknown[]) => [...old, old[0]],
      /4 entries where 3/,
    ],
    [
      "a method left out",
      ["consistency", 0, "methods"],
      (old: unknown[]) => old.slice(1),
      /5 entries where 6/,
    ],
    ["a sample of its own", ["consistency", 0, "samples", 0], "mine", /samples\[0\] E_COMPARISON/],
    ["a model without seeds", ["consistency", 0, "model"], "small-vit", /small-vit has no two seeds here/],
    [
      "a reference from elsewhere",
      ["consistency", 0, "reference"],
      runs[1].sha256,
      /this is no run of small-cnn/,
    ],
  ])("%s", (_, path, value, says) => {
    expect(problemsOf(forged(path, value)).join("\n")).toMatch(says);
  });

  it("of private sets are checked by the reference run, whose keyed ids are known", () => {
    const first = hiddenRuns[2].rows.find((row) => row.method === "occlusion")!.sample;
    const k = hidden.consistency[0].samples.indexOf(first);
    expect(problemsOf(forged([...overlaps(occlusion, 2), k], [9, 5], hidden), hiddenRuns).join()).toMatch(
      /9 pixels in both/,
    );
  });
});

describe("what is no comparison", () => {
  it("names each run that is not here, and goes no further", () => {
    const told = problemsOf(textOf(comparison), runs.slice(1));
    expect(told).toEqual([
      expect.stringMatching(
        /^\$\.models\[1\]\.runs\[2\]\.sha256 E_COMPARISON there is no valid run \w{8} of small-cnn-2 here$/,
      ),
    ]);
  });

  it("refuses runs of different protocols, data or of one weight file", () => {
    const other = {
      ...runs[1],
      result: { ...runs[1].result, data: { ...runs[1].result.data, edition: "2" } },
    };
    expect(problemsOf(textOf(comparison), [...runs.filter((r) => r !== runs[1]), other])[0]).toMatch(
      /edition: 1 in the run of/,
    );
  });

  it("has one place", () => {
    expect(problemsOf(textOf(comparison), runs, "drawn-32/other.json")[0]).toMatch(
      /\$\.name E_PLACE .* drawn-32\/made-set\.json/,
    );
  });

  it.each([
    ["no JSON", "{", /E_JSON/],
    ["a key twice", textOf(comparison).replace('{"', '{"kit":"0.1.0","'), /E_JSON/],
    ["an unknown key", forged(["note"], "hello"), /\$\.note E_SCHEMA/],
    ["a name that is a path", forged(["name"], "../x"), /\$\.name E_SCHEMA/],
    ["spaces", JSON.stringify(comparison, null, 2), /E_CANONICAL/],
    ["one run", forged(["models"], comparison.models.slice(2)), /fewer than two runs/],
  ])("%s", (_, text, says) => expect(problemsOf(text).join("\n")).toMatch(says));
});
