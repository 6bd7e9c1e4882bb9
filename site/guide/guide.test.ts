import { describe, expect, it } from "vitest";
import type { SiteRun } from "../lib/run.ts";
import { type Case, constructedRun } from "./constructed-run.ts";
import { guideOf } from "./guide.ts";

const answerOf = (runs: readonly SiteRun[], concern = "faithfulness", track = "natural", family = "cnn") =>
  guideOf(runs).find((a) => a.concern === concern && a.track === track && a.family === family)!;
const adviceOf = (cases: readonly Case[], method = "best", concern = "faithfulness") =>
  answerOf(cases.map(constructedRun), concern).advice.find((a) => a.method === method)!;
const ruleOf = (...given: Parameters<typeof adviceOf>) => adviceOf(...given)?.rule;

/** Two data sets, two models: as little as `use` needs. */
const pair: readonly Case[] = [
  { data: "set-a", model: "model-a" },
  { data: "set-b", model: "model-b" },
];
const pairWith = (change: Case): Case[] => pair.map((one) => ({ ...one, ...change }));

it("answers every family, track and concern once, also without runs", () => {
  const answers = guideOf([]);
  expect(answers).toHaveLength(3 * 5 * 4);
  expect(new Set(answers.map((a) => `${a.family} ${a.track} ${a.concern}`)).size).toBe(60);
  expect(answers.every((a) => a.advice.length === 0 && a.wanted !== undefined)).toBe(true);
});

it("recommends what leads with two models on two data sets, and shows the runs", () => {
  const answer = answerOf(pair.map(constructedRun));
  expect(answer.advice.map((a) => [a.method, a.verdict])).toEqual([
    ["best", "use"],
    ["other", "avoid"],
  ]);
  expect(answer.wanted).toBeUndefined();
  expect(answer.counted.protocol).toBe("1");
  expect(answer.advice[0].evidence[1]).toEqual({
    run: "set-b/model-b/2026-01-01-1",
    data: { id: "set-b", base: "set-b", title: "set-b" },
    model: { id: "model-b", title: "ResNet-50", sha256: "model-b" },
    n: 256,
    place: { rank: 1, interval: [1, 2], field: 2 },
    why: null,
    leads: true,
    trails: false,
    sound: true,
    metrics: [],
    reasons: [],
  });
});

it("a method costs what its dearest counted run took", () => {
  const [cheap, dear] = pair.map((one, k) => ({ ...one, passes: { best: k === 0 ? 10 : 70 } }));
  expect(adviceOf([cheap, dear]).passes).toBe(70);
  expect(adviceOf([cheap]).passes).toBe(10);
});

describe("ties", () => {
  it("a shared lead is a lead, for all who share it", () => {
    const ranks = { best: 1, other: 1, third: 3 };
    expect(ruleOf(pairWith({ ranks }))).toBe("leads-and-passes");
    expect(ruleOf(pairWith({ ranks }), "other")).toBe("leads-and-passes");
  });
  it("where all are tied nobody is last", () => {
    const { evidence } = adviceOf(pairWith({ ranks: { best: 1, other: 1 } }), "other");
    expect(evidence.map((e) => [e.leads, e.trails])).toEqual([
      [true, false],
      [true, false],
    ]);
  });
});

describe("gaps", () => {
  it("a run without the method says nothing for or against it", () => {
    const cases = [...pair, { data: "set-c", model: "model-c", ranks: { other: 1, third: 2 } }];
    const { rule, evidence } = adviceOf(cases);
    expect(rule).toBe("leads-and-passes");
    expect(evidence[2]).toMatchObject({ place: null, why: "method not run", leads: false, trails: false });
  });
  it("nor one in which it cannot run, and the reason is kept", () => {
    const { rule, evidence } = adviceOf([
      ...pair,
      { data: "set-c", model: "m", ranks: { best: 0, other: 1 } },
    ]);
    expect(rule).toBe("leads-and-passes");
    expect(evidence[2]).toMatchObject({ place: null, why: "no such layer" });
  });
  it("nor one without the ranking", () => {
    const cases = [pair[0], { ...pair[1], without: ["relevance-rank-accuracy"] }];
    const { rule, evidence } = adviceOf(cases, "best", "localisation");
    expect(rule).toBe("one-run-short");
    expect(evidence[1]).toMatchObject({ place: null, why: "not measured in this run" });
  });
  it("gates that are not known are not passed", () => {
    expect(ruleOf([pair[0], { ...pair[1], open: ["best"] }])).toBe("no-clear-answer");
  });
});

describe("contradictions", () => {
  const cases = (worse: Case): Case[] => [
    ...pair,
    { data: "set-c", model: "model-c", ...worse },
    { data: "set-d", model: "model-d", ...worse },
  ];
  it("the lead in one half and the last place in the other is no recommendation", () => {
    const { rule, reason } = adviceOf(cases({ ranks: { best: 2, other: 1 } }));
    expect(rule).toBe("no-clear-answer");
    expect(reason).toBe(
      "Leads in 2 of 4 runs, comes last in 2, passes its gates in all (4 data sets, 4 models).",
    );
  });
  it("nor is the lead everywhere with gates failed in one half", () => {
    const { rule, reason } = adviceOf(cases({ fails: ["best"] }));
    expect(rule).toBe("no-clear-answer");
    expect(reason).toBe("Leads in 4 of 4 runs, fails its gates in 2 (4 data sets, 4 models).");
  });
  it("reasons of failed gates stay with their run", () => {
    const [first, , third] = adviceOf(cases({ fails: ["best"] })).evidence;
    expect(first).toMatchObject({ sound: true, reasons: [] });
    expect(third).toMatchObject({ sound: false, metrics: ["infidelity", "deletion-auc", "insertion-auc"] });
    expect(third.reasons).toContain("infidelity: does not beat sobel");
  });
});

describe("independence", () => {
  it("one run is one run short", () => {
    expect(ruleOf([pair[0]])).toBe("one-run-short");
    expect(ruleOf([{ ...pair[0], fails: ["best"] }])).toBe("too-little");
  });
  it("the same model on two data sets is one model", () => {
    expect(ruleOf([pair[0], { ...pair[1], model: "model-a" }])).toBe("one-run-short");
  });
  it("the same weights under two names are one model", () => {
    expect(ruleOf(pairWith({ weights: "same" }))).toBe("one-run-short");
  });
  it("two exports under one name are one model", () => {
    expect(
      ruleOf([
        { data: "set-a", model: "model-a", weights: "first" },
        { data: "set-b", model: "model-a", weights: "second" },
      ]),
    ).toBe("one-run-short");
  });
  it("two sizes of one data set are one data set", () => {
    expect(
      ruleOf([
        { data: "set-64", base: "set", model: "model-a" },
        { data: "set-224", base: "set", model: "model-b" },
      ]),
    ).toBe("one-run-short");
  });
});

describe("what does not count", () => {
  const none = (cases: readonly Case[]) => {
    const { advice, counted, wanted } = answerOf(cases.map(constructedRun));
    expect(advice).toEqual([]);
    expect(wanted?.missing).toMatch(/^No run counts here yet\./);
    return counted.aside;
  };
  it("quick runs", () => {
    expect(none(pairWith({ protocol: "quick" }))).toEqual([{ reason: "quick runs are never ranked", n: 2 }]);
  });
  it("runs that departed from their protocol", () => {
    expect(none(pairWith({ standard: false }))).toEqual([
      { reason: "not the protocol as it stands, so not ranked", n: 2 },
    ]);
  });
  it("runs without their scores", () => {
    expect(none(pairWith({ tier: "submitted" }))).toEqual([
      { reason: "without the scores it was made from", n: 2 },
    ]);
  });
  it("older runs of the same model, and only then", () => {
    const older = { ...pair[0], date: "2025-01-01", ranks: { best: 2, other: 1 } };
    const counted = answerOf([...pair, older].map(constructedRun));
    expect(counted.advice[0]).toMatchObject({ method: "best", rule: "leads-and-passes" });
    expect(counted.counted.aside).toEqual([{ reason: "superseded by a newer run", n: 1 }]);
    // a newer run that cannot count hides nothing
    const newer = {
      ...pair[0],
      date: "2026-02-01",
      tier: "submitted",
      ranks: { best: 2, other: 1 },
    } as const;
    expect(ruleOf([...pair, newer])).toBe("leads-and-passes");
  });
  it("runs of another protocol: released ones speak before drafts", () => {
    const draft = { data: "set-c", model: "model-c", protocol: "2-draft", ranks: { best: 2, other: 1 } };
    const answer = answerOf([...pair, draft].map(constructedRun));
    expect(answer.counted).toMatchObject({ protocol: "1", aside: [{ reason: "of another protocol", n: 1 }] });
    expect(answer.advice[0]).toMatchObject({ method: "best", rule: "leads-and-passes" });
    expect(answer.advice[0].evidence).toHaveLength(2);
    // one of each: too few of either
    expect(ruleOf([pair[0], { ...pair[1], protocol: "2-draft" }])).toBe("one-run-short");
  });
  it("runs of another track or family; synthetic ones answer only for themselves", () => {
    const synthetic = pairWith({ track: "synthetic" }).map(constructedRun);
    for (const answer of guideOf(synthetic)) {
      const own = answer.track === "synthetic" && answer.family === "cnn";
      expect(answer.advice.length).toBe(own ? 2 : 0);
    }
    expect(ruleOf([pair[0], { ...pair[1], track: "synthetic" }])).toBe("one-run-short");
    expect(ruleOf([pair[0], { ...pair[1], family: "transformer" }])).toBe("one-run-short");
  });
});

describe("cost", () => {
  const ranks = { cheap: 3, middle: 2, dear: 1 };
  const passes = { cheap: 2, middle: 50, dear: 145 };
  it("ranks by passes, exactly", () => {
    const cases = pairWith({ ranks, passes });
    expect(ruleOf(cases, "cheap", "cost")).toBe("leads-and-passes");
    expect(ruleOf(cases, "dear", "cost")).toBe("comes-last");
    const [{ place }] = adviceOf(cases, "middle", "cost").evidence;
    expect(place).toEqual({ rank: 2, interval: null, field: 3 });
  });
  it("a cheap method that fails its gates makes nobody expensive and leads nowhere", () => {
    const cases = pairWith({ ranks, passes, fails: ["cheap"] });
    expect(ruleOf(cases, "middle", "cost")).toBe("leads-and-passes");
    expect(adviceOf(cases, "cheap", "cost")).toMatchObject({ rule: "fails-the-gates" });
    expect(adviceOf(cases, "cheap", "cost").evidence[0]).toMatchObject({
      place: { rank: 1 },
      leads: false,
    });
  });
  it("equal passes share a rank, and a method that cannot run has none", () => {
    const cases = pairWith({ ranks: { ...ranks, absent: 0 }, passes: { cheap: 2, middle: 2, dear: 2 } });
    for (const method of ["cheap", "middle", "dear"]) {
      expect(ruleOf(cases, method, "cost")).toBe("leads-and-passes");
    }
    const [{ place, why }] = adviceOf(cases, "absent", "cost").evidence;
    expect([place, why]).toEqual([null, "no such layer"]);
  });
});

it("n is that of the scarcest metric behind the rank", () => {
  expect(adviceOf(pair, "best", "robustness").evidence[0].n).toBe(32);
  expect(adviceOf(pair, "best", "localisation").evidence[0].n).toBe(256);
});

it("the order of runs changes nothing", () => {
  const runs = [
    ...pair,
    { data: "set-c", model: "model-c", ranks: { best: 2, other: 1, third: 1 }, fails: ["best"] },
    { data: "set-a", model: "model-a", date: "2025-06-01" },
    { data: "set-d", model: "model-d", protocol: "quick" },
    { data: "set-e", model: "model-e", track: "synthetic" },
  ].map(constructedRun);
  const expected = guideOf(runs);
  for (let turn = 1; turn < runs.length; turn++) {
    const turned = [...runs.slice(turn), ...runs.slice(0, turn)];
    expect(guideOf(turned)).toEqual(expected);
    expect(guideOf(turned.toReversed())).toEqual(expected);
  }
});
