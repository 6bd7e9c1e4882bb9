import { describe, expect, it } from "vitest";
import { type Facts, ruleFor, rules, thresholds } from "./rules.ts";

/** Wide enough, all gates passed, never first or last. */
const facts = (changes: Partial<Facts> & { readonly runs: number }): Facts => ({
  data: 2,
  models: 2,
  leads: 0,
  trails: 0,
  unsound: 0,
  sound: changes.runs - (changes.unsound ?? 0),
  ...changes,
});
const ruleOf = (changes: Partial<Facts> & { readonly runs: number }) => ruleFor(facts(changes)).id;

it("the thresholds are those of the site's promise", () => {
  expect(thresholds).toEqual({ data: 2, models: 2, share: { part: 2, of: 3 } });
});

it("rules have ids of their own, and say their thresholds", () => {
  expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length);
  expect(rules[0].says).toContain("2 data sets and 2 independently trained models");
  expect(rules[0].says).toContain("2/3 of the runs");
});

describe("use", () => {
  it("wants the lead in two thirds of the runs, exactly", () => {
    expect(ruleOf({ runs: 3, leads: 2 })).toBe("leads-and-passes");
    expect(ruleOf({ runs: 6, leads: 4 })).toBe("leads-and-passes");
    expect(ruleOf({ runs: 300, leads: 200 })).toBe("leads-and-passes");
    expect(ruleOf({ runs: 300, leads: 198 })).toBe("no-clear-answer");
  });
  it("wants two data sets and two models", () => {
    expect(ruleOf({ runs: 2, leads: 2 })).toBe("leads-and-passes");
    expect(ruleOf({ runs: 2, leads: 2, data: 1 })).not.toBe("leads-and-passes");
    expect(ruleOf({ runs: 2, leads: 2, models: 1 })).not.toBe("leads-and-passes");
  });
  it("wants the gates passed in every run, and known", () => {
    expect(ruleOf({ runs: 10, leads: 10, unsound: 1 })).toBe("no-clear-answer");
    expect(ruleOf({ runs: 10, leads: 10, sound: 9 })).toBe("no-clear-answer");
  });
});

describe("maybe is one run short of use, and no more", () => {
  it("of a data set, of a model, or of both", () => {
    expect(ruleOf({ runs: 1, leads: 1, data: 1, models: 1 })).toBe("one-run-short");
    expect(ruleOf({ runs: 2, leads: 2, data: 1 })).toBe("one-run-short");
    expect(ruleOf({ runs: 2, leads: 2, models: 1 })).toBe("one-run-short");
    expect(ruleOf({ runs: 0, data: 0, models: 0 })).toBe("too-little");
  });
  it("of a lead", () => {
    expect(ruleOf({ runs: 2, leads: 1 })).toBe("one-run-short"); // 2 of 3
    expect(ruleOf({ runs: 5, leads: 3 })).toBe("one-run-short"); // 4 of 6
    expect(ruleOf({ runs: 4, leads: 2 })).toBe("no-clear-answer"); // 3 of 5
    expect(ruleOf({ runs: 1, data: 1, models: 1 })).toBe("too-little"); // 1 of 2
  });
  it("never of a gate: one more run does not undo a failure", () => {
    expect(ruleOf({ runs: 2, leads: 2, models: 1, unsound: 1 })).toBe("too-little");
  });
});

describe("avoid", () => {
  it("for gates failed in two thirds of the runs, whoever leads", () => {
    expect(ruleOf({ runs: 3, leads: 3, unsound: 2 })).toBe("fails-the-gates");
    expect(ruleOf({ runs: 3, leads: 3, unsound: 1 })).toBe("no-clear-answer");
  });
  it("for the last place in two thirds of the runs", () => {
    expect(ruleOf({ runs: 3, trails: 2 })).toBe("comes-last");
    expect(ruleOf({ runs: 3, trails: 1 })).toBe("no-clear-answer");
  });
  it("wants the breadth of use", () => {
    expect(ruleOf({ runs: 3, trails: 3, models: 1 })).toBe("too-little");
    expect(ruleOf({ runs: 3, unsound: 3, data: 1 })).toBe("too-little");
  });
});

describe("the reason states figures", () => {
  const reason = (changes: Partial<Facts> & { readonly runs: number }) =>
    ruleFor(facts(changes)).because(facts(changes));
  it.each([
    [{ runs: 3, leads: 2 }, "Leads in 2 of 3 runs, passes its gates in all (2 data sets, 2 models)."],
    [
      { runs: 1, leads: 1, data: 1, models: 1 },
      "Leads in 1 of 1 run, passes its gates in all (1 data set, 1 model); one more such run would make it “use”.",
    ],
    [
      { runs: 4, leads: 1, unsound: 3 },
      "Fails its gates in 3 of 4 runs, though it leads in 1 (2 data sets, 2 models).",
    ],
    [{ runs: 4, trails: 4 }, "Comes last in 4 of 4 runs (2 data sets, 2 models)."],
    [
      { runs: 4, leads: 2, trails: 1, unsound: 2 },
      "Leads in 2 of 4 runs, comes last in 1, fails its gates in 2 (2 data sets, 2 models).",
    ],
    [
      { runs: 4, leads: 0, sound: 1 },
      "Leads in none of 4 runs, gates not known in 3 (2 data sets, 2 models).",
    ],
    [{ runs: 0, data: 0, models: 0 }, "No counted run gives it a rank."],
    [
      { runs: 1, data: 1, models: 1 },
      "Leads in none of 1 run, passes its gates in all; too few so far (1 data set, 1 model).",
    ],
  ])("%o", (changes, text) => {
    expect(reason(changes)).toBe(text);
  });
});
