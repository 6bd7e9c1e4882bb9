import { describe, expect, it } from "vitest";
import {
  disputed,
  fiveRuns,
  lost,
  type MadeComparedRun,
  madeComparison,
  madeSeed,
  ucesMetrics,
} from "../../test/made-comparison.ts";
import { KitError } from "../errors.ts";
import { validateRun } from "../results/validate.ts";
import { type Comparison, mapsMissing, textOf } from "./document.ts";
import { indicators, uces, type Values } from "./uces.ts";

const runs = fiveRuns();
const seeds = [2, 0, 4]
  .map((i) => runs[i])
  .sort((a, b) => (a.composed.run.result.model.id < b.composed.run.result.model.id ? -1 : 1));

const composed = (
  given: readonly MadeComparedRun[] = runs,
  options?: Parameters<typeof madeComparison>[1],
): Comparison => madeComparison(given, options);

/** Eq. 6 restated on sets of pixels. */
function literal(method: string, reference: MadeComparedRun, others: readonly MadeComparedRun[]): number {
  const pixels = (run: MadeComparedRun, sample: string) => {
    const bytes = run.kept.get(sample)?.regions.get(method);
    return (
      bytes &&
      new Set(Array.from({ length: 1024 }, (_, i) => i).filter((i) => (bytes[i >> 3] >> (7 - (i % 8))) & 1))
    );
  };
  const means = others.map((run) => {
    const ious: number[] = [];
    for (const sample of reference.kept.keys()) {
      if (reference.kept.get(sample)!.target !== run.kept.get(sample)!.target) continue;
      const [a, b] = [pixels(reference, sample), pixels(run, sample)];
      if (a === undefined || b === undefined) continue;
      const either = new Set([...a, ...b]).size;
      if (either > 0) ious.push([...a].filter((i) => b.has(i)).length / either);
    }
    return ious.reduce((x, y) => x + y) / ious.length;
  });
  return means.reduce((x, y) => x + y) / means.length;
}

it("the made runs are valid", () => {
  for (const {
    composed: { text, sidecar },
  } of runs)
    expect(validateRun({ name: "run.json", text, sidecar }).problems).toEqual([]);
});

describe("models", () => {
  it("are architectures with their seeds, or runs by themselves", () => {
    expect(composed().models.map(({ id, runs: own }) => [id, own.map((r) => r.seed)])).toEqual([
      ["small-clip-4", [4]],
      ["small-cnn", [0, 1, 2]],
      ["small-vit", [null]],
    ]);
  });

  it.each([
    [
      "the same seed twice",
      { seed: 7 },
      {
        seed: 7,
        change: (o: never) => ({ ...(o as object), modelId: "other", modelSha256: "e".repeat(64) }) as never,
      },
    ],
    ["no architecture", { architecture: undefined, seed: 1 }, { architecture: undefined, seed: 2 }],
    [
      "no seed",
      { architecture: "a" },
      {
        architecture: "b",
        change: (o: never) => ({ ...(o as object), card: { id: "b", architecture: "a" } }) as never,
      },
    ],
  ])("stay apart with %s", (_, a, b) => {
    const two = [a, b].map((own) => madeSeed({ architecture: "small-cnn", ...own }));
    const { models, consistency, gaps } = composed(two);
    expect(models).toHaveLength(2);
    expect(consistency).toEqual([]);
    expect(gaps.map((g) => [g.metric, g.model])).toEqual([
      ["consistency", null],
      ["uces", null],
    ]);
  });
});

describe("consistency", () => {
  const [{ samples, reference, methods }] = composed().consistency;

  it.each(["saliency", "occlusion"])("of %s is the literal mean IoU with the reference seed", (method) => {
    const own = methods.find((m) => m.method === method)!;
    expect(reference).toBe(seeds[0].sha256);
    expect(own.value).toBeCloseTo(literal(method, seeds[0], seeds.slice(1)), 12);
    const all = [
      [0, 1],
      [0, 2],
      [1, 2],
    ].map(([a, b]) => literal(method, seeds[a], [seeds[b]]));
    expect(own.pairs.map((p) => p.mean)).toEqual(all.map((v) => expect.closeTo(v, 12)));
    expect(own.allPairs).toBeCloseTo(all.reduce((x, y) => x + y) / 3, 12);
    expect(own.interval![0]).toBeLessThan(own.value!);
    expect(own.interval![1]).toBeGreaterThan(own.value!);
  });

  it("follows the reference that is asked for", () => {
    const [{ methods: others }] = composed(runs, { reference: 1 }).consistency;
    expect(others[0].value).toBeCloseTo(literal("saliency", seeds[1], [seeds[0], seeds[2]]), 12);
    expect(others[0].allPairs).toBe(methods[0].allPairs);
  });

  it("of a control is 1, of a flat map nothing", () => {
    for (const { method, control, value, pairs } of methods) {
      if (!control) continue;
      expect([method, value]).toEqual([method, method === "constant" ? null : 1]);
      if (method === "constant") expect(pairs[0]).toMatchObject({ n: 0, skips: { "no-region": 15 } });
    }
  });

  it("leaves out and counts other classes and missing maps", () => {
    const [first, second, third] = methods.find((m) => m.method === "occlusion")!.pairs;
    const at = (sample: string) => samples.indexOf(sample);
    expect(first.skips).toEqual({ "other-class": 1, "no-map": 1, "no-region": 0 });
    expect([first.overlaps[at(disputed)], first.overlaps[at(lost)]]).toEqual(["other-class", "no-map"]);
    expect(second.skips).toEqual({ "other-class": 0, "no-map": 0, "no-region": 0 });
    expect([first.n, second.n, third.n]).toEqual([14, 16, 14]);
  });

  it("is a gap where maps were not kept", () => {
    const { consistency, gaps } = composed(runs, { kept: false });
    expect(consistency).toEqual([]);
    expect(gaps).toContainEqual({ metric: "consistency", model: "small-cnn", reason: mapsMissing });
  });

  it("matches samples by their own ids where what is published is keyed by another secret in every run", () => {
    const [hidden] = composed(fiveRuns("private")).consistency;
    expect(hidden.samples.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
    expect(hidden.methods[0].value).toBeCloseTo(methods[0].value!, 12);
  });
});

describe("uces", () => {
  const { uces: found } = composed();

  it("has the quality and the cells of the runs, as means over seeds", () => {
    const cell = ({ result }: MadeComparedRun, metric: string) =>
      result.statistics.cells.find((c) => c.method === "saliency" && c.metric === metric)!.mean!;
    const own = found!.methods.find((m) => m.method === "saliency")!;
    const valuesOf = (own: readonly MadeComparedRun[]): Values => {
      const average = (of: (run: MadeComparedRun) => number) =>
        own.reduce((s, run) => s + of(run), 0) / own.length;
      return Object.fromEntries([
        ["auroc", average((r) => r.result.quality.auroc!)],
        ["average-precision", average((r) => r.result.quality.averagePrecision!)],
        ["macro-f1", average((r) => r.result.quality.macroF1!)],
        ["micro-f1", average((r) => r.result.quality.microF1!)],
        ...ucesMetrics.map((id) => [id, average((r) => cell(r, id))]),
      ]) as Values;
    };
    const scores = uces([valuesOf([runs[3]]), valuesOf(seeds), valuesOf([runs[1]])], 0.7);
    if ("reason" in scores) throw new Error(scores.reason);
    for (const [i, id] of ["small-clip-4", "small-cnn", "small-vit"].entries()) {
      const standing = own.models.find((m) => m.model === id)!;
      expect(standing.uces).toBeCloseTo(scores.models[i].uces, 12);
      expect(standing.rank).toBe(scores.models[i].rank);
      expect(standing.indicators.map((x) => x.id)).toEqual(indicators.map((x) => x.id));
    }
    expect(own.models.map((m) => m.rank)).toEqual([1, 2, 3]);
  });

  it("is of methods, not of controls", () => {
    expect(found!.methods.map((m) => m.method)).toEqual(["saliency", "occlusion"]);
  });

  it("takes alpha", () => {
    const [{ models }] = composed(runs, { alpha: 1 }).uces!.methods;
    for (const { uces: score, classification } of models) expect(score).toBe(classification);
  });

  it("names the run that lacks a metric", () => {
    const without = madeSeed({
      architecture: "small-vit",
      metrics: ucesMetrics.filter((id) => id !== "entropy"),
    });
    const { methods } = composed([runs[0], without, runs[3]]).uces!;
    expect(methods[0]).toEqual({
      method: "saliency",
      reason: "entropy: not measured in the run of small-vit",
      leftOut: [],
      models: [],
    });
  });

  it("needs maps of one size", () => {
    const larger = madeSeed({
      architecture: "small-vit",
      change: (o) => ({ ...o, model: { ...o.model, shape: { channels: 3, height: 64, width: 32 } } }),
    });
    const { uces: none, gaps } = composed([runs[0], larger, runs[3]]);
    expect(none).toBeNull();
    expect(gaps.at(-1)!.reason).toMatch(/^entropy grows with the image: small-clip-4 has 32×32 pixels/);
  });
});

it("is the same whatever the order of the runs", () => {
  expect(textOf(composed([...runs].reverse()))).toBe(textOf(composed()));
});

describe("runs that cannot be compared", () => {
  const refusal = (given: readonly MadeComparedRun[]): readonly string[] => {
    try {
      composed(given);
    } catch (error) {
      if (error instanceof KitError && error.code === "E_COMPARE") return error.details;
      throw error;
    }
    return [];
  };
  const vit = (change: Parameters<typeof madeSeed>[0]["change"]) =>
    madeSeed({ architecture: "small-vit", change });

  it("one alone", () => expect(refusal([runs[0]])).toEqual(["fewer than two runs"]));
  it("a run twice", () => expect(refusal([runs[0], runs[0]])[0]).toBe("the run of small-cnn-2 twice"));
  it("weights twice", () => {
    const copy = madeSeed({ architecture: "small-cnn", seed: 2, change: (o) => ({ ...o, modelId: "copy" }) });
    expect(refusal([runs[0], copy])[0]).toBe("two runs of the same weights, copy");
  });
  it("models of one name", () => {
    const other = vit((o) => ({ ...o, modelId: "small-cnn" }));
    expect(refusal([...seeds, other])).toEqual(["two models would be called small-cnn"]);
  });
  it.each([
    [
      "data set",
      vit((o) => ({ ...o, dataset: { ...o.dataset, id: "drawn-64" } })),
      /^data set: drawn-32 in the run of small-cnn-2, drawn-64 in/,
    ],
    [
      "copy of it",
      vit((o) => ({ ...o, fingerprint: { kind: "sha256", value: "2".repeat(64) } })),
      /^fingerprint: 111/,
    ],
    ["split", vit((o) => ({ ...o, dataset: { ...o.dataset, split: "val" } })), /^split: test in/],
  ])("another %s", (_, other, says) => expect(refusal([runs[0], other])[0]).toMatch(says));
});
