import { expect, it } from "vitest";
import { furtherWords, groupsOf, paramWords, type Run, titleIn } from "./run.ts";

const method = (id: string, standard: boolean, more: object = {}) => ({
  id,
  title: id,
  standard,
  control: false,
  ...more,
});
const runOf = (...methods: readonly object[]) => ({ result: { methods, metrics: [] } }) as unknown as Run;
const ids = (methods: readonly { readonly id: string }[]) => methods.map(({ id }) => id);

it("puts standard methods and maps from elsewhere first, folds what is further, and keeps controls apart", () => {
  const run = runOf(
    method("rise", false),
    method("saliency", true),
    method("theirs", false, { external: { source: "https://example.org" } }),
    method("sobel", false, { control: true }),
    method("lrp", false, { status: "not-applicable" }),
  );
  const { first, further, controls } = groupsOf(run);
  expect([first, further, controls].map(ids)).toEqual([["saliency", "theirs"], ["rise", "lrp"], ["sobel"]]);
  expect(furtherWords(further)).toBe("2 further methods");
  expect(furtherWords([0])).toBe("1 further method");
});

it("folds nothing where no method is standard", () => {
  const { first, further } = groupsOf(runOf(method("rise", false), method("lrp", false)));
  expect([first, further].map(ids)).toEqual([["rise", "lrp"], []]);
});

it("names what a run names, and its parameters", () => {
  expect(["saliency", "gone"].map(titleIn(runOf(method("saliency", true))))).toEqual(["saliency", "gone"]);
  expect([paramWords({ draws: 50, sigma: 0.15 }), paramWords({})]).toEqual(["draws = 50, sigma = 0.15", "–"]);
});
