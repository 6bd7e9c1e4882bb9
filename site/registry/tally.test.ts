import { expect, it } from "vitest";
import { type Case, constructedRun } from "../guide/constructed-run.ts";
import { sidesOf, tallyOf } from "./tally.ts";

const infidelity = { id: "infidelity" };
const runs = (...cases: Case[]) =>
  cases.map((given, k) => constructedRun({ data: `set-${k}`, model: `model-${k}`, ...given }));

it("counts leads, last places, ranks and images", () => {
  const tally = tallyOf(
    runs(
      { ranks: { own: 1, tied: 1, other: 3 } },
      { ranks: { own: 3, tied: 1, other: 2 } },
      { ranks: { own: 2, tied: 1, other: 3 } },
    ),
    infidelity,
    "own",
  );
  expect(tally).toMatchObject({ runs: 3, data: 3, models: 3, leads: 1, trails: 1, sound: 3, unsound: 0 });
  expect(tally.ranks).toEqual({ best: 1, worst: 3, field: 3 });
  expect(tally.n).toEqual([256, 256]);
});

it("comes last in no run whose methods are all tied", () => {
  const tally = tallyOf(runs({ ranks: { own: 1, other: 1 } }), infidelity, "own");
  expect(tally).toMatchObject({ leads: 1, trails: 0 });
});

it("leaves out runs without a place, and keeps why", () => {
  const tally = tallyOf(
    runs({ ranks: { own: 0, other: 1 } }, { without: ["infidelity"] }, { ranks: { own: 1, other: 2 } }),
    infidelity,
    "own",
  );
  expect(tally).toMatchObject({ runs: 1, leads: 1 });
  expect(tally.without).toEqual(["no such layer", "not measured in this run"]);
  const nowhere = tallyOf(runs({ without: ["infidelity"] }), infidelity, "own");
  expect(nowhere).toMatchObject({ runs: 0, ranks: undefined, n: undefined });
});

it("names the metrics whose gates are not passed, most often first", () => {
  const tally = tallyOf(runs({ fails: ["best"] }, { fails: ["best"] }, {}), { id: "faithfulness" }, "best");
  expect(tally).toMatchObject({ sound: 1, unsound: 2 });
  expect(tally.failing).toEqual([
    ["infidelity", 2],
    ["deletion-auc", 2],
    ["insertion-auc", 2],
  ]);
});

/** A run in which `placed` is a further method: it has a place and is in no tie group. */
function withPlaced(rank: number, samples: number) {
  const run = constructedRun({ ranks: { a: 1, b: 2, c: 3, placed: rank } });
  for (const ranking of run.result.statistics.metrics) {
    ranking.tieGroups = [["a"], ["b"], ["c"]];
    for (const place of ranking.places) place.standard = place.method !== "placed";
  }
  Object.assign(run.result.methods[3], { standard: false, samples });
  return run;
}

it.each([
  [1, 1, 0],
  [2, 0, 0],
  [3, 0, 1],
  [4, 0, 1],
])("a method that is placed only, at rank %i: leads %i, last %i", (rank, leads, trails) => {
  const tally = tallyOf([withPlaced(rank, 32)], infidelity, "placed");
  expect(tally).toMatchObject({ leads, trails, n: [32, 32] });
  expect(tally.ranks?.field).toBe(3);
});

it("where the leaders' places were taken by an erratum, nobody moves up", () => {
  const run = withPlaced(1, 32);
  for (const ranking of run.result.statistics.metrics) {
    ranking.tieGroups = [[], ["b"], ["c"]];
    ranking.places = ranking.places.filter(({ method }) => method !== "a");
  }
  expect(tallyOf([run], infidelity, "b").leads).toBe(0);
  expect(tallyOf([run], infidelity, "placed").leads).toBe(0);
});

const sides = (...cases: Case[]) => {
  const found = sidesOf(
    ["own", "other"].map((id) => ({ id, tally: tallyOf(runs(...cases), infidelity, id) })),
  );
  const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id);
  const { strong, weak, failing, open } = found;
  return { strong: ids(strong), weak: ids(weak), failing: ids(failing), open: ids(open) };
};
const ahead: Case = { ranks: { own: 1, other: 2 } };

it("is strong where it leads with its gates passed, weak where it comes last", () => {
  expect(sides(ahead, ahead, ahead)).toEqual({ strong: ["own"], weak: ["other"], failing: [], open: [] });
});

it("is not strong with a gate failed in one run; last and failing are both told", () => {
  expect(sides(ahead, ahead, { ...ahead, fails: ["own"] }).strong).toEqual([]);
  const failing = { ...ahead, fails: ["other"] };
  expect(sides(failing, failing)).toMatchObject({ weak: ["other"], failing: ["other"] });
});

it("calls nothing strong or weak on one data set, or one model", () => {
  const same = { ...ahead, data: "same" };
  expect(sides(same, same, same)).toEqual({ strong: [], weak: [], failing: [], open: ["own", "other"] });
  expect(sides({ ...ahead, model: "m" }, { ...ahead, model: "m" }).open).toEqual(["own", "other"]);
});

it("says nothing of a method that has no place anywhere", () => {
  expect(sides({ ranks: { own: 0, other: 1 } }).open).toEqual(["other"]);
});
