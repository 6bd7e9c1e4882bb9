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
