import { expect, it } from "vitest";
import { constructedRun } from "./constructed-run.ts";
import type { Advice } from "./guide.ts";
import { guideOf, tracks } from "./guide.ts";
import { rules, type Verdict } from "./rules.ts";
import { asideWords, basisWords, countedWords, headline, scopeWords, verdictOrder } from "./words.ts";

const say = (...advice: readonly (readonly [title: string, verdict: Verdict])[]) =>
  headline({ advice: advice.map(([title, verdict]) => ({ title, verdict }) as Advice) });

it("answers in a line, with no more than the rules gave", () => {
  expect(say()).toBe("Not enough evidence.");
  expect(say(["A", "unknown"])).toBe("Not enough evidence.");
  expect(say(["A", "use"], ["B", "maybe"])).toBe("Use A.");
  expect(say(["A", "use"], ["B", "use"], ["C", "use"])).toBe("Use A, B or C.");
  expect(say(["A", "maybe"], ["B", "avoid"])).toBe("Maybe A: one run short of a recommendation.");
  expect(say(["A", "avoid"], ["B", "unknown"])).toBe("No method can be recommended.");
  expect(say(["A", "neither"])).toBe("No method can be recommended.");
});

it("a limit of cost leaves out what costs more, and says how much that is", () => {
  const advice = [
    { title: "A", verdict: "use", passes: 500 },
    { title: "B", verdict: "maybe", passes: 100 },
    { title: "C", verdict: "avoid", passes: null },
  ] as const;
  expect(headline({ advice }, 1000)).toBe("Use A.");
  expect(headline({ advice }, 499)).toBe(
    "Maybe B: one run short of a recommendation. 1 method takes more than 499 passes.",
  );
  // cost that nobody knows sets nothing aside
  expect(headline({ advice }, 99)).toBe("No method can be recommended. 2 methods take more than 99 passes.");
  expect(headline({ advice: advice.slice(0, 2) }, 10)).toBe(
    "None within the limit: 2 methods take more than 10 passes.",
  );
});

it("shows verdicts in the order of their rules", () => {
  expect(verdictOrder).toEqual([...new Set(rules.map((rule) => rule.verdict))]);
});

it("has words for every family and track", () => {
  const scopes = guideOf([]).map(scopeWords);
  expect(scopes).toContain("Transformers on chest X-rays");
  for (const track of tracks.filter((id) => id !== "ct"))
    expect(scopes.join()).not.toMatch(RegExp(`on ${track}\\b,`));
});

it("says what the answer rests on", () => {
  const [{ counted }] = guideOf([
    constructedRun({ data: "set-a", model: "model-a" }),
    constructedRun({ data: "set-a", model: "model-b", weights: "model-a" }),
    constructedRun({ data: "set-b", tier: "submitted" }),
  ]);
  expect(countedWords(counted)).toBe("2 runs on 1 data set with 1 model");
  expect(basisWords(counted)).toBe("protocol 1, tier recomputed");
  expect(asideWords(counted.aside)).toBe("without the scores it was made from (1)");
});
