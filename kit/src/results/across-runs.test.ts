import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import { rngOf } from "../rng.ts";
import { averageRanks, criticalDifference, friedman, rankBlocks } from "../stats/friedman.ts";
import { kendallTau } from "../stats/kendall.ts";
import { type MetricFacts, standardMethods, summarise } from "../stats/summarise.ts";
import { mean } from "../stats/summary.ts";
import type { ScoredRow } from "../stats/table.ts";
import type { Agreement } from "./across-agreement.ts";
import { acrossRuns, type RunSet } from "./across-runs.ts";
import type { Run } from "./document.ts";

type Scores = Readonly<Record<string, number>>;

interface Block {
  readonly data: string;
  readonly base?: string;
  readonly track?: string;
  readonly split?: string;
  readonly model: string;
  readonly architecture?: string | null;
  readonly protocol?: string;
  readonly sha256?: string;
  readonly standard?: boolean;
  /** ranking → method → mean r̃ */
  readonly by: Readonly<Record<string, Scores>>;
  readonly further?: readonly string[];
}

/** No more of a document than is read across runs. */
function runOf({ data, base = data, track = "natural", split = "test", model, by, ...rest }: Block): Run {
  const { architecture = "resnet-50", protocol = "1", sha256 = "p1", standard = true, further = [] } = rest;
  const ranking = (of: string) => ({
    of,
    reason: of in by ? null : `no ranks by ${of}`,
    places: Object.entries(by[of] ?? {}).map(([method, score]) => ({
      method,
      standard: !further.includes(method),
      score,
      rank: 1,
      interval: [1, 2],
    })),
  });
  const composite = ["overall", "faithfulness", "robustness"];
  const metrics = Object.keys(by).filter((of) => !composite.includes(of));
  return {
    result: {
      protocol: { id: protocol, sha256 },
      standard,
      data: { id: data, base, track, split },
      model: { id: model, architecture, sha256: `${data}/${model}` },
      metrics: metrics.map((id) => ({ id, family: "any", better: "higher" })),
      statistics: {
        overall: ranking("overall"),
        facets: composite.slice(1).map(ranking),
        metrics: metrics.map(ranking),
      },
    },
  } as unknown as Run;
}

const methods = standardMethods.slice(0, 6);
/** Mean r̃ with a common part per method, `seed` deciding the rest. */
const scoresOf = (seed: string, common = 1, names: readonly string[] = methods): Scores => {
  const rng = rngOf("across test", seed);
  return Object.fromEntries(
    names.map((method) => [method, common * standardMethods.indexOf(method) + rng.normal()]),
  );
};
const sets = ["a", "b", "c", "d"];
const shuffled = <T>(list: readonly T[]): T[] =>
  [...rngOf("shuffle").permutation(list.length)].map((i) => list[i]);
const quickly = { resamples: 200, weightings: 500 };
const only = async (runs: readonly Run[]): Promise<RunSet> => {
  const { sets: found } = await acrossRuns(runs, quickly);
  expect(found).toHaveLength(1);
  return found[0];
};
const standing = (set: RunSet, of: string) => set.standings.find((s) => s.of === of)!;
const cell = (table: readonly Agreement[], a: string, b: string) =>
  table.find((row) => row.a === a && row.b === b);

describe("standings across runs", () => {
  const runs = sets.map((data) =>
    runOf({ data, model: "m", by: { overall: scoresOf(data), infidelity: scoresOf(data) } }),
  );

  it("are Friedman's test of the order in each run, over the methods by mean rank", async () => {
    const found = standing(await only(runs), "infidelity");
    const ranks = rankBlocks(
      sets.map((data) => methods.map((method) => scoresOf(data)[method])),
      "higher",
    );
    expect(found).toMatchObject({ blocks: 4, dataSets: 4, models: 4, reason: null, kind: "metric" });
    expect(found.friedman).toEqual(await friedman(ranks));
    expect(found.criticalDifferences).toEqual([
      await criticalDifference(6, 4, 0.05),
      await criticalDifference(6, 4, 0.1),
    ]);
    const average = averageRanks(ranks);
    for (const { method, averageRank } of found.methods) {
      expect(averageRank).toBe(average[methods.indexOf(method)]);
    }
    const order = found.methods.map((m) => m.averageRank);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(found.cautions).toEqual([
      "p is an approximation for more than 10 runs and 5 methods, of 4 and 6 here",
    ]);
  });

  it("look at pairs only where the test rejects", async () => {
    const clear = await only(
      sets.map((data) => runOf({ data, model: "m", by: { overall: scoresOf(data, 10) } })),
    );
    const unclear = await only(
      sets.map((data) => runOf({ data, model: "m", by: { overall: scoresOf(data, 0) } })),
    );
    expect(standing(clear, "overall").friedman!.f).toBeNull(); // the same order everywhere
    expect(standing(clear, "overall").groups.length).toBeGreaterThan(1);
    expect(standing(unclear, "overall").friedman!.fP).toBeGreaterThan(0.05);
    expect(standing(unclear, "overall").groups).toEqual([
      standing(unclear, "overall").methods.map((m) => m.method),
    ]);
  });

  it("name runs and methods that are left out", async () => {
    const [first, ...others] = methods;
    const set = await only([
      ...runs,
      runOf({ data: "e", model: "m", by: { infidelity: scoresOf("e", 1, others) } }),
      runOf({
        data: "f",
        model: "m",
        by: { infidelity: { ...scoresOf("f"), rise: 0.5 } },
        further: ["rise"],
      }),
    ]);
    const found = standing(set, "infidelity");
    expect(found.methods.map((m) => m.method).sort()).toEqual([...others].sort());
    expect(found.methodsLeftOut).toEqual(
      [
        { method: first, reason: "no place in 1 of 6, first e/m" },
        { method: "rise", reason: "not one of the ranked methods" },
      ].sort((a, b) => (a.method < b.method ? -1 : 1)),
    );
    expect(standing(set, "overall").blocks).toBe(4);
    expect(standing(set, "overall").blocksLeftOut).toEqual([
      { block: "e/m", reason: "no ranks by overall" },
      { block: "f/m", reason: "no ranks by overall" },
    ]);
  });

  it("take means of the same ranks for equal though their last bits differ", async () => {
    const near = sets.map((data) =>
      runOf({ data, model: "m", by: { overall: { saliency: 0.1 + 0.2, lime: 0.3, occlusion: 0.9 } } }),
    );
    const ranks = standing(await only(near), "overall").methods;
    expect(ranks.map((m) => m.averageRank)).toEqual([1, 2.5, 2.5]);
  });

  it("say nothing of fewer than three runs or methods, and why", async () => {
    const two = await only(runs.slice(0, 2));
    for (const found of two.standings) {
      expect(found).toMatchObject({ friedman: null, methods: [], groups: [], criticalDifferences: [] });
    }
    expect(standing(two, "overall").reason).toBe("2 runs, 3 are needed");
    expect(standing(two, "robustness").reason).toBe("0 runs, 3 are needed");
    expect(two.betweenArchitectures).toEqual([]);
    expect(two.weights[0]).toMatchObject({ reason: "0 runs, 3 are needed", methods: [], weightings: 0 });
    const pair = sets.map((data) =>
      runOf({ data, model: "m", by: { overall: scoresOf(data, 1, methods.slice(0, 2)) } }),
    );
    expect(standing(await only(pair), "overall").reason).toBe("2 methods common to all runs, 3 are needed");
    const equal = sets.map((data) =>
      runOf({ data, model: "m", by: { overall: { lime: 1, saliency: 1, occlusion: 1 } } }),
    );
    expect(standing(await only(equal), "overall").reason).toBe("every run has all methods equal");
  });

  it("warn of runs that share data sets or models", async () => {
    const shared = sets.flatMap((data) =>
      ["m", "n"].map((model) => runOf({ data, model, by: { overall: scoresOf(data + model) } })),
    );
    const { cautions } = standing(await only(shared), "overall");
    expect(cautions).toContain("runs share data sets (4 for 8), so that they are not independent");
    expect(cautions.join()).not.toContain("share models");
  });
});

describe("which runs are compared", () => {
  const by = { overall: scoresOf("x") };
  const blocks = (more: Partial<Block>) => sets.map((data) => runOf({ data, model: "m", by, ...more }));

  it("never mixes drawn pictures, drafts or changed definitions with others", async () => {
    const drawn = sets.map((data) => runOf({ data: `phantom-${data}`, model: "m", track: "synthetic", by }));
    const { sets: found, runsLeftOut } = await acrossRuns(
      [
        ...blocks({}),
        ...blocks({ sha256: "p2" }),
        ...blocks({ protocol: "2-draft" }),
        ...drawn,
        ...blocks({ track: "synthetic", protocol: "2-draft", model: "n" }),
      ],
      quickly,
    );
    expect(
      found.map((s) => [s.protocol.id, s.protocol.sha256, s.synthetic, s.draft, s.blocks.length]),
    ).toEqual([
      ["1", "p1", false, false, 4],
      ["1", "p1", true, false, 4],
      ["1", "p2", false, false, 4],
      ["2-draft", "p1", false, true, 4],
      ["2-draft", "p1", true, true, 4],
    ]);
    for (const set of found) expect(set.synthetic).toBe(set.tracks.includes("synthetic"));
    expect(runsLeftOut).toEqual([]);
  });

  it("leaves out what is not ranked, and says why", async () => {
    const { sets: found, runsLeftOut } = await acrossRuns(
      [
        runOf({ data: "q", model: "m", by, protocol: "quick" }),
        runOf({ data: "s", model: "m", by, standard: false }),
        runOf({ data: "o", model: "m", by, track: "own" }),
        runOf({ data: "u", model: "m", by, split: "unknown" }),
      ],
      quickly,
    );
    expect(found).toEqual([]);
    expect(Object.fromEntries(runsLeftOut.map(({ block, reason }) => [block, reason]))).toEqual({
      "q/m": "quick runs are never ranked",
      "s/m": "not the protocol as it stands, so not ranked",
      "o/m": "a data set of one’s own, so not ranked",
      "u/m": "no official test split, so not ranked",
    });
  });

  it("refuses two runs of one data set and model", async () => {
    const error = await acrossRuns([...blocks({}), ...blocks({})]).catch((e) => e);
    expect(error).toBeInstanceOf(KitError);
    expect(error).toMatchObject({ code: "E_RUNS", next: "give the newest of them" });
    expect(error.message).toBe("two runs of a/m under protocol 1");
  });

  it("has no sets without runs", async () => {
    expect(await acrossRuns([])).toMatchObject({ sets: [], runsLeftOut: [] });
  });
});

describe("agreement of rankings", () => {
  const architectures = ["resnet-50", "vit-b-16"];
  const score = (data: string, architecture: string) => ({ overall: scoresOf(`${data} ${architecture}`) });
  const runs = sets.flatMap((data) =>
    architectures.map((architecture) =>
      runOf({
        data,
        model: architecture,
        architecture,
        by: score(data, architecture),
        track: data < "c" ? "natural" : "cxr",
      }),
    ),
  );
  const tauOf = (a: Scores, b: Scores) =>
    kendallTau(
      methods.map((m) => a[m]),
      methods.map((m) => b[m]),
    )!;
  const architectureTable = (set: RunSet) =>
    set.betweenArchitectures.find(({ of }) => of === "overall")!.table;
  const trackTable = (set: RunSet) => set.betweenTracks.find(({ of }) => of === "overall")!.table;

  it("between architectures is the mean over data sets that have both", async () => {
    const lonely = runOf({ data: "e", model: "vit", architecture: "vit-b-16", by: score("e", "vit-b-16") });
    const table = architectureTable(await only([...runs, lonely]));
    const taus = sets.map((d) => tauOf(score(d, "resnet-50").overall, score(d, "vit-b-16").overall));
    const found = cell(table, "resnet-50", "vit-b-16")!;
    expect(table).toHaveLength(1); // one model of each: none to compare with its like
    expect(found).toMatchObject({ pairs: 4, dataSets: 4, methods: 6, reason: null });
    expect(found.tau).toBeCloseTo(mean(taus)!, 14);
    expect(found.interval![0]).toBeGreaterThanOrEqual(Math.min(...taus));
    expect(found.interval![1]).toBeLessThanOrEqual(Math.max(...taus));
    expect(found.interval![0]).toBeLessThan(found.tau!);
    expect(found.interval![1]).toBeGreaterThan(found.tau!);
  });

  it("of an architecture with itself is of other models, and sizes of a data set are one", async () => {
    const more = sets.map((data) =>
      runOf({
        data: `${data}-64`,
        base: data,
        model: "again",
        architecture: "resnet-50",
        by: score(data, "again"),
      }),
    );
    const seeds = sets
      .slice(0, 2)
      .map((data) => runOf({ data, model: "seed-2", architecture: "resnet-50", by: score(data, "seed-2") }));
    const table = architectureTable(await only([...runs, ...more, ...seeds]));
    const own = cell(table, "resnet-50", "resnet-50")!;
    expect(own).toMatchObject({ pairs: 2, dataSets: 2, interval: null });
    expect(own.reason).toBe("no interval: 2 data sets, 3 are needed");
    expect(own.tau).toBeCloseTo(
      mean(sets.slice(0, 2).map((d) => tauOf(score(d, "resnet-50").overall, score(d, "seed-2").overall)))!,
      14,
    );
    expect(cell(table, "resnet-50", "vit-b-16")!.pairs).toBe(6);
  });

  it("between architectures that share no data set is not known", async () => {
    const apart = ["a", "b", "c"].map((data, i) =>
      runOf({ data, model: data, architecture: ["x", "y", null][i], by: { overall: scoresOf(data) } }),
    );
    expect(architectureTable(await only(apart))).toEqual([
      {
        ...{ a: "x", b: "y", tau: null, interval: null, reason: "no data set has a run of both" },
        ...{ pairs: 0, dataSets: 0, methods: 6 },
      },
    ]);
  });

  it("between tracks is of the same architecture, drawn within each track", async () => {
    const pair = (x: string, y: string, architecture: string) =>
      tauOf(score(x, architecture).overall, score(y, architecture).overall);
    const table = trackTable(await only(runs));
    const across = ["a", "b"].flatMap((x) =>
      ["c", "d"].flatMap((y) => architectures.map((a) => pair(x, y, a))),
    );
    expect(cell(table, "cxr", "natural")).toMatchObject({ pairs: 8, dataSets: 4, interval: null });
    expect(cell(table, "cxr", "natural")!.reason).toBe(
      "no interval: 2 data sets of each track, 3 are needed",
    );
    expect(cell(table, "cxr", "natural")!.tau).toBeCloseTo(mean(across)!, 14);
    expect(cell(table, "cxr", "cxr")!.tau).toBeCloseTo(
      mean(architectures.map((a) => pair("c", "d", a)))!,
      14,
    );
    const six = ["a", "b", "c", "d", "e", "f"].map((data, i) =>
      runOf({ data, model: "m", track: i < 3 ? "natural" : "cxr", by: score(data, "m") }),
    );
    const found = cell(trackTable(await only(six)), "cxr", "natural")!;
    expect(found).toMatchObject({ pairs: 9, dataSets: 6, reason: null });
    expect(found.interval![0]).toBeLessThan(found.interval![1]);
  });

  it("between metrics is of the same run, over the methods both rank", async () => {
    const by = (data: string) => ({
      infidelity: scoresOf(`${data} i`),
      sparseness: scoresOf(`${data} s`, 1, methods.slice(1)),
    });
    const set = await only([
      ...sets.map((data) => runOf({ data, model: "m", by: by(data) })),
      runOf({ data: "e", model: "m", by: { infidelity: scoresOf("e") } }),
    ]);
    const taus = sets.map((data) =>
      kendallTau(
        methods.slice(1).map((m) => by(data).infidelity[m]),
        methods.slice(1).map((m) => by(data).sparseness[m]),
      ),
    );
    expect(set.betweenMetrics).toHaveLength(1);
    expect(set.betweenMetrics[0]).toMatchObject({
      a: "infidelity",
      b: "sparseness",
      pairs: 4,
      methods: 5,
      reason: null,
    });
    expect(set.betweenMetrics[0].tau).toBeCloseTo(mean(taus as number[])!, 14);
  });
});

describe("weight shares", () => {
  it("are over runs with every component, and know who leads under equal weights", async () => {
    const facet = (f: number, r: number, o: number) => ({ saliency: f, lime: r, occlusion: o });
    const by = {
      faithfulness: facet(1, 0, 0.6),
      robustness: facet(0, 1, 0.6),
    };
    const set = await only([
      ...sets.map((data) => runOf({ data, model: "m", by })),
      runOf({ data: "e", model: "m", by: { faithfulness: facet(0, 9, 0) } }),
    ]);
    const [facets, metrics] = set.weights;
    expect(facets).toMatchObject({
      over: "facets",
      components: ["faithfulness", "robustness"],
      blocks: 4,
      weightings: 500,
    });
    const share = Object.fromEntries(facets.methods.map((m) => [m.method, m]));
    for (const [method, want] of [
      ["saliency", 0.4],
      ["lime", 0.4],
      ["occlusion", 0.2],
    ] as const) {
      expect(Math.abs(share[method].share - want)).toBeLessThan(4 * share[method].error);
    }
    expect(share.occlusion.equal).toBeCloseTo(0.6, 14);
    expect(metrics).toMatchObject({ over: "metrics", reason: "0 runs, 3 are needed", methods: [] });
  });
});

/** A run of real statistics; `turned` metrics have the other sign, and the other direction with it unless that is forgotten. */
function summarised(data: string, model: string, turned: readonly string[], forgotten = false): Run {
  const facts: MetricFacts[] = [
    { id: "infidelity", better: "lower", gate: "none", family: "faithfulness" },
    { id: "deletion-auc", better: "lower", gate: "none", family: "faithfulness" },
    { id: "insertion-auc", better: "higher", gate: "none", family: "faithfulness" },
    { id: "max-sensitivity", better: "lower", gate: "none", family: "robustness" },
  ];
  const used = standardMethods.slice(0, 9);
  const rows = used.flatMap((method, m) =>
    Array.from({ length: 12 }, (_, s): ScoredRow => {
      const rng = rngOf("turned", data, model, method, s);
      const values = facts.map(({ id }) => [id, 0.2 * m + rng.normal()] as const);
      const scores = Object.fromEntries(values.map(([id, v]) => [id, turned.includes(id) ? -v : v]));
      const base = {
        sample: `s${s}`,
        group: `s${s}`,
        target: 0,
        targetKind: "predicted" as const,
        correct: true,
      };
      return { ...base, method, scores, skips: {} };
    }),
  );
  const metrics = facts.map((fact) =>
    turned.includes(fact.id) && !forgotten
      ? { ...fact, better: fact.better === "lower" ? "higher" : "lower" }
      : fact,
  ) as MetricFacts[];
  const statistics = summarise(rows, {
    methods: used.map((id) => ({ id })),
    metrics,
    rng: rngOf("s"),
    draws: 50,
  });
  const { result } = runOf({ data, model, architecture: model, by: {} });
  return { result: { ...result, metrics, statistics } } as unknown as Run;
}

describe("acrossRuns", () => {
  const all = (turned: readonly string[], forgotten = false) =>
    sets.flatMap((data) => ["m", "n"].map((model) => summarised(data, model, turned, forgotten)));

  it("does not change when a metric's direction and sign turn round", async () => {
    const found = await acrossRuns(all([]), quickly);
    expect(standing(found.sets[0], "overall").friedman).not.toBeNull();
    for (const turned of [["infidelity"], ["insertion-auc", "max-sensitivity"]]) {
      expect(await acrossRuns(all(turned), quickly)).toEqual(found);
    }
    const wrong = (await acrossRuns(all(["infidelity"], true), quickly)).sets[0];
    const rankOf = (set: RunSet) =>
      new Map(standing(set, "infidelity").methods.map((m) => [m.method, m.averageRank]));
    for (const [method, rank] of rankOf(found.sets[0])) expect(rankOf(wrong).get(method)).toBe(10 - rank);
  });

  it("does not depend on the order of runs, and is JSON", async () => {
    const found = await acrossRuns(all([]), quickly);
    expect(await acrossRuns(shuffled(all([])), quickly)).toEqual(found);
    expect(JSON.parse(canonicalJson(found))).toEqual(found);
  });
});
