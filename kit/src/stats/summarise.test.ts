import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { type Rng, rngOf } from "../rng.ts";
import { controlIds } from "./expectation.ts";
import { type MetricFacts, standardMethods, summarise } from "./summarise.ts";
import { mean, sd } from "./summary.ts";
import { type ScoredRow, tableOf } from "./table.ts";

const metrics: MetricFacts[] = [
  { id: "infidelity", better: "lower", gate: "controls", family: "faithfulness" },
  { id: "max-sensitivity", better: "lower", gate: "none", family: "robustness" },
  { id: "deletion-auc", better: "lower", gate: "controls", family: "faithfulness" },
  { id: "insertion-auc", better: "higher", gate: "controls", family: "faithfulness" },
  { id: "pointing-game", better: "higher", gate: "controls", family: "localisation" },
  { id: "cost", better: "lower", gate: "none", family: "cost" },
];
const further = ["rise", "hires-cam"];
const methods = [...standardMethods.slice(0, 9), ...further, ...controlIds].map((id) => ({
  id,
  control: (controlIds as readonly string[]).includes(id),
}));
/** How good a method is: controls at 0, standard ones from 1 to 3. */
const skill = (id: string): number => {
  const at = standardMethods.indexOf(id);
  return at >= 0 ? 1 + at / 4 : further.includes(id) ? 2 : 0;
};

/** A run as the runner gives it; two images per patient, robustness on the first third of images only. */
function run(samples = 48, change: (row: ScoredRow) => ScoredRow | undefined = (row) => row): ScoredRow[] {
  const rows: ScoredRow[] = [];
  for (let s = 0; s < samples; s++) {
    const image = rngOf("image", s).normal();
    for (const { id } of methods) {
      const rng = rngOf("row", s, id);
      const good = skill(id) + 0.7 * rng.normal() + image;
      const base = { sample: `s${s}`, group: `p${Math.floor(s / 2)}`, method: id, correct: s % 3 > 0 };
      rows.push({
        ...base,
        target: 0,
        targetKind: "predicted",
        scores: {
          infidelity: -good,
          ...(s < samples / 3 ? { "max-sensitivity": Math.exp(-good) } : {}),
          "deletion-auc": -good + rng.normal(),
          "insertion-auc": good + rng.normal(),
          cost: 10,
        },
        skips: {},
      });
      for (const target of [1, 2]) {
        rows.push({
          ...base,
          target,
          targetKind: "annotated",
          scores: { "pointing-game": Number(good + rng.normal() > 1) },
          skips: {},
        });
      }
    }
  }
  return rows.flatMap((row) => change(row) ?? []);
}

const rng = (): Rng => rngOf("summarise");
const all = (rows: readonly ScoredRow[], use = methods) =>
  summarise(rows, { methods: use, metrics, rng: rng(), draws: 400 });
const cell = (s: ReturnType<typeof all>, method: string, metric: string) => {
  const found = s.cells.find((c) => c.method === method && c.metric === metric);
  if (found === undefined) throw new Error(`no cell ${method} ${metric}`);
  return found;
};
const ranking = (s: ReturnType<typeof all>, of: string) =>
  [...s.metrics, ...s.facets, s.overall].find((r) => r.of === of)!;
const shuffled = <T>(list: readonly T[]): T[] =>
  [...rngOf("shuffle").permutation(list.length)].map((i) => list[i]);

const rows = run();
const whole = all(rows);

describe("summarise", () => {
  it("places a further method of the first images on those, and moves nothing by it", () => {
    const short = run(48, (row) =>
      row.method === "rise" && Number(row.sample.slice(1)) >= 16 ? undefined : row,
    );
    const few = all(short);
    for (const { of, places } of [...few.metrics, ...few.facets, few.overall]) {
      const others = (list: typeof places) => list.filter((p) => p.method !== "rise");
      expect(others(places)).toEqual(others(ranking(whole, of).places));
    }
    expect(cell(few, "rise", "infidelity").n).toBe(16);
    expect(cell(few, "rise", "infidelity").worstShare).toBe(0);
    const score = (of: string) => ranking(few, of).places.find((p) => p.method === "rise")!.score;
    // what it would be if the run had these images only
    const first = all(short.filter((row) => Number(row.sample.slice(1)) < 16));
    expect(score("infidelity")).toBeCloseTo(
      ranking(first, "infidelity").places.find((p) => p.method === "rise")!.score,
      12,
    );
    expect(score("overall")).toBeGreaterThan(0);
  });

  it("gives every method × metric, with mean, sd and an interval about the mean", () => {
    expect(whole.cells.map((c) => [c.method, c.metric])).toEqual(
      methods.flatMap((m) => metrics.map((metric) => [m.id, metric.id])),
    );
    expect(whole.groups).toBe(24);
    for (const c of whole.cells) {
      const values = rows
        .filter((r) => r.method === c.method && c.metric in r.scores)
        .map((r) => Math.fround(r.scores[c.metric]));
      expect(c.n).toBe({ "max-sensitivity": 16, "pointing-game": 96 }[c.metric] ?? 48);
      expect(c.n).toBe(values.length);
      expect(c.mean).toBeCloseTo(mean(values)!, 12);
      expect(c.sd).toBeCloseTo(sd(values)!, 12);
      expect(c.correct.n + c.wrong.n).toBe(c.n);
      expect((c.correct.n * c.correct.mean! + c.wrong.n * c.wrong.mean!) / c.n).toBeCloseTo(c.mean!, 12);
      expect(c.interval![0]).toBeLessThanOrEqual(c.mean!);
      expect(c.interval![1]).toBeGreaterThanOrEqual(c.mean!);
    }
  });

  it("ranks by metric, facet and overall: the nine standard methods, the better the higher", () => {
    for (const of of [
      "infidelity",
      "deletion-auc",
      "insertion-auc",
      "faithfulness",
      "robustness",
      "overall",
    ]) {
      const { places, tieGroups, reason } = ranking(whole, of);
      expect(reason).toBeNull();
      const standard = places.filter((p) => p.standard);
      expect(standard.length).toBe(9);
      expect(
        places
          .filter((p) => !p.standard)
          .map((p) => p.method)
          .sort(),
      ).toEqual([...further].sort());
      expect(tieGroups.flat().sort()).toEqual(standard.map((p) => p.method).sort());
      // skills rise with the index
      expect(standardMethods.indexOf(standard[0].method)).toBeGreaterThanOrEqual(6);
      expect(standard[8].method).toBe("saliency");
      expect(mean(standard.map((p) => p.score))).toBeCloseTo(0.5, 12); // r̃ averages ½
      for (const p of places) expect(p.interval[1]).toBeLessThanOrEqual(10);
    }
    expect(ranking(whole, "cost")).toMatchObject({ places: [], reason: "cost is the same for every image" });
  });

  it("takes facets as the mean of their metrics and overall as the mean of facets", () => {
    const of = (id: string, method: string) =>
      ranking(whole, id).places.find((p) => p.method === method)!.score;
    for (const method of standardMethods.slice(0, 9)) {
      const faithfulness =
        (of("infidelity", method) + of("deletion-auc", method) + of("insertion-auc", method)) / 3;
      expect(of("faithfulness", method)).toBeCloseTo(faithfulness, 12);
      expect(of("overall", method)).toBeCloseTo((faithfulness + of("max-sensitivity", method)) / 2, 12);
    }
  });

  it("does not depend on the order of rows or methods", () => {
    expect(all(shuffled(rows))).toEqual(whole);
    const other = all(rows, shuffled(methods));
    expect([other.metrics, other.facets, other.overall]).toEqual([
      whole.metrics,
      whole.facets,
      whole.overall,
    ]);
    for (const c of whole.cells) expect(cell(other, c.method, c.metric)).toEqual(c);
  });

  it("is the same from float32 scores, as the sidecar holds them", () => {
    const narrow = run(48, (row) => ({
      ...row,
      scores: Object.fromEntries(Object.entries(row.scores).map(([id, v]) => [id, Math.fround(v)])),
    }));
    expect(all(narrow)).toEqual(whole);
  });

  it("turns with the direction: values of the other sign, read the other way, rank the same", () => {
    const negated = run(48, (row) => ({
      ...row,
      scores: Object.fromEntries(Object.entries(row.scores).map(([id, v]) => [id, -v])),
    }));
    const turned = summarise(negated, {
      methods,
      metrics: metrics.map((m) => ({ ...m, better: m.better === "lower" ? "higher" : "lower" })),
      rng: rng(),
      draws: 400,
    });
    expect(turned.metrics).toEqual(whole.metrics);
    expect(turned.overall).toEqual(whole.overall);
    expect(turned.cells.map((c) => c.gate)).toEqual(whole.cells.map((c) => c.gate));
  });

  it("does not change ranks when scores bend monotonically", () => {
    const bent = run(48, (row) => ({
      ...row,
      scores: Object.fromEntries(
        Object.entries(row.scores).map(([id, v]) => [id, id === "infidelity" ? Math.fround(v) ** 3 : v]),
      ),
    }));
    expect(ranking(all(bent), "infidelity")).toEqual(ranking(whole, "infidelity"));
  });

  it("moves no standard method when others come or go", () => {
    const without = all(
      rows,
      methods.filter((m) => !further.includes(m.id)),
    );
    for (const r of [...without.metrics, ...without.facets, without.overall]) {
      const { places, tieGroups } = ranking(whole, r.of);
      expect(places.filter((p) => p.standard)).toEqual(r.places);
      expect(tieGroups).toEqual(r.tieGroups);
    }
    for (const c of without.cells) expect(cell(whole, c.method, c.metric)).toEqual(c);
  });

  it("gates against the four controls and lends the gate of faithfulness to metrics without one", () => {
    expect(cell(whole, "occlusion", "infidelity").gate).toMatchObject({ passed: true, reason: null });
    expect(Object.keys(cell(whole, "occlusion", "infidelity").gate!.against)).toEqual(controlIds);
    expect(cell(whole, "occlusion", "max-sensitivity")).toMatchObject({ gate: null, recommendable: true });
    expect(cell(whole, "random", "infidelity")).toMatchObject({ gate: null, recommendable: null });
    const faithless = run(48, (row) => {
      const scores = { ...row.scores };
      const random = rows.find(
        (r) => r.method === "random" && r.sample === row.sample && r.target === row.target,
      )!;
      for (const id of ["infidelity", "deletion-auc", "insertion-auc"]) {
        if (row.method === "occlusion" && id in scores) scores[id] = random.scores[id];
      }
      return { ...row, scores };
    });
    const other = all(faithless);
    expect(cell(other, "occlusion", "infidelity").gate!.reason).toContain("random");
    expect(cell(other, "occlusion", "max-sensitivity").recommendable).toBe(false);
    expect(cell(other, "occlusion", "pointing-game").recommendable).toBe(true);
    const uncontrolled = all(
      rows,
      methods.filter((m) => m.id !== "sobel"),
    );
    expect(cell(uncontrolled, "occlusion", "infidelity")).toMatchObject({
      gate: { passed: null, reason: "no comparison with sobel" },
      recommendable: null,
    });
    expect(cell(uncontrolled, "occlusion", "max-sensitivity").recommendable).toBeNull();
  });

  it("counts worst values and recommends no method that took too many", () => {
    const broken = all(
      run(48, (row) =>
        row.method === "occlusion" && Number(row.sample.slice(1)) % 4 === 0
          ? { ...row, defect: "map is zero" }
          : row,
      ),
    );
    expect(cell(broken, "occlusion", "infidelity").worstShare).toBeCloseTo(0.25, 12);
    expect(cell(broken, "occlusion", "infidelity").recommendable).toBe(false);
    expect(cell(broken, "occlusion", "infidelity").n).toBe(48); // its own values stay in its mean
    expect(cell(broken, "grad-cam", "infidelity")).toEqual(cell(whole, "grad-cam", "infidelity"));
    const at = (s: typeof whole) =>
      ranking(s, "infidelity").places.find((p) => p.method === "occlusion")!.score;
    expect(at(broken)).toBeLessThan(at(whole) - 0.1);
  });

  it("reads a defect off any reason to skip, and lets failing pay no better", () => {
    const hit = (row: ScoredRow) => row.method === "occlusion" && row.sample === "s0";
    const skipped = run(48, (row) => (hit(row) ? { ...row, skips: { sparseness: "map is zero" } } : row));
    const failed = run(48, (row) => (hit(row) ? undefined : row));
    for (const id of ["infidelity", "faithfulness"]) {
      expect(ranking(all(skipped), id).places).toEqual(ranking(all(failed), id).places);
    }
    expect(cell(all(failed), "occlusion", "infidelity")).toMatchObject({ n: 47, worstShare: 1 / 48 });
  });

  it("leaves out images that are undefined for all, and says how many", () => {
    const undefinedFor = run(48, (row) => {
      if (row.sample !== "s5" || row.targetKind === "annotated") return row;
      const { infidelity, ...scores } = row.scores;
      return { ...row, scores, skips: { infidelity: "the score does not react to hiding cells" } };
    });
    const s = all(undefinedFor);
    expect(ranking(s, "infidelity")).toMatchObject({ units: 47, dropped: 1 });
    expect(ranking(s, "deletion-auc")).toMatchObject({ units: 48, dropped: 0 });
    expect(cell(s, "grad-cam", "infidelity")).toMatchObject({
      n: 47,
      worstShare: 0,
      skips: { "the score does not react to hiding cells": 1 },
    });
  });

  it("has no overall below eight standard methods, and no places where nothing can be said", () => {
    const seven = all(
      rows,
      methods.filter((m) => !["occlusion", "score-cam"].includes(m.id)),
    );
    expect(seven.overall).toMatchObject({
      places: [],
      reason: "7 of the 11 standard methods have every facet, 8 are needed",
    });
    expect(ranking(seven, "faithfulness").places.filter((p) => p.standard).length).toBe(7);

    const bare = all(run(48, (row) => ({ ...row, scores: { infidelity: row.scores.infidelity ?? 0 } })));
    expect(ranking(bare, "robustness")).toMatchObject({ places: [], reason: "no ranks by max-sensitivity" });
    expect(ranking(bare, "max-sensitivity").reason).toBe("0 standard methods have scores");
    expect(cell(bare, "grad-cam", "max-sensitivity")).toMatchObject({
      n: 0,
      mean: null,
      sd: null,
      interval: null,
      noInterval: "no scores",
      worstShare: null,
      recommendable: null,
    });

    const patient = all(run(48, (row) => ({ ...row, group: "one" })));
    expect(cell(patient, "grad-cam", "infidelity")).toMatchObject({
      n: 48,
      interval: null,
      noInterval: "one group of images shows no spread",
      gate: { passed: null },
    });
    expect(ranking(patient, "infidelity").reason).toBe("one group of images shows no spread");
    expect(all([]).cells.every((c) => c.n === 0 && c.mean === null)).toBe(true);
  });

  it("says why a method that has no score by a metric has no place in it", () => {
    const without = all(
      run(48, (row) => {
        const { infidelity, ...scores } = row.scores;
        return row.method === "grad-cam" ? { ...row, scores, skips: { infidelity: "not applicable" } } : row;
      }),
    );
    expect(ranking(without, "infidelity").places.map((p) => p.method)).not.toContain("grad-cam");
    expect(ranking(without, "faithfulness").places.map((p) => p.method)).not.toContain("grad-cam");
    expect(ranking(without, "deletion-auc")).toEqual(ranking(whole, "deletion-auc"));
  });

  it("takes 2,000 resamples of 15 methods on 256 images in less than two seconds", () => {
    const many = run(256);
    const start = performance.now();
    summarise(many, { methods, metrics, rng: rng() });
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("tableOf", () => {
  const row = (sample: string, group: string, scores: Record<string, number>, method = "m"): ScoredRow => ({
    sample,
    group,
    method,
    target: 0,
    targetKind: "predicted",
    correct: true,
    scores,
    skips: {},
  });

  it("finds the first samples: those with scores that not all have; their groups come whole", () => {
    const { groups, strata } = tableOf(
      [
        row("d", "z", { a: 1 }),
        row("b", "y", { a: 1, b: 1 }),
        row("c", "y", { a: 1 }),
        row("e", "x", { a: 1 }),
        { ...row("f", "w", { a: 1 }), skips: { b: "no" } },
      ],
      ["m"],
      ["a", "b"],
    );
    expect(groups).toEqual(["w", "x", "y", "z"]);
    expect([...strata]).toEqual([0, 1, 0, 1]);
  });

  it("holds NaN where there is no score, and passes over what was not asked for", () => {
    const { scores } = tableOf(
      [
        row("b", "g", { a: 2 }),
        row("a", "g", { a: 0.1 }),
        row("a", "g", { a: 3 }, "n"),
        row("a", "g", { a: 4 }, "o"),
      ],
      ["m", "n"],
      ["a", "constructor"],
    );
    expect(scores.get("a")!.values.map((v) => [...v])).toEqual([
      [Math.fround(0.1), 2],
      [3, Number.NaN],
    ]);
    expect(scores.get("constructor")!.group.length).toBe(0);
  });

  it("refuses rows that contradict each other", () => {
    const code = (rows: ScoredRow[]) => {
      try {
        tableOf(rows, ["m"], ["a"]);
      } catch (error) {
        return error instanceof KitError ? `${error.code}: ${error.message}` : error;
      }
    };
    expect(code([row("a", "g", {}), row("a", "g", {})])).toBe(
      'E_ROWS: two rows of m on sample "a", predicted class 0',
    );
    expect(code([row("a", "g", {}), row("a", "h", {}, "n")])).toBe(
      'E_ROWS: sample "a" is in two groups, "g" and "h"',
    );
  });
});
