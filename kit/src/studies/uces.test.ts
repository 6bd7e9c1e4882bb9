import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { madeSeed } from "../../test/made-comparison.ts";
import { type IndicatorId, indicators } from "../comparison/uces.ts";
import { comparability } from "../literature/comparability.ts";
import { readLiterature } from "../literature/document.ts";
import type { Result } from "../results/document.ts";
import { mean, sd } from "../stats/summary.ts";
import type { Block, Estimate, Heat, Section, Table } from "./findings.ts";
import type { StudyRun } from "./study.ts";
import { firsts, printed, uces } from "./uces.ts";

const path = "results/literature/uces.json";
const paper = readLiterature(readFileSync(new URL(`../../../${path}`, import.meta.url)), path).literature!;
const slugs = {
  "ResNet-50": "resnet-50",
  "DenseNet-121": "densenet-121",
  "ViT-B/16": "vit-b-16",
  "ConvNeXt-Tiny": "convnext-tiny",
} as const;
const nameOf = (slug: string) => Object.entries(slugs).find(([, own]) => own === slug)![0];
const tableOf = (id: string) => paper.tables.find((table) => table.id === id)!;
const cellsOf = (table: string, slug: string, seed?: number) => {
  const { cells } = tableOf(table).rows.find((r) => r.model === nameOf(slug) && r.seed === seed)!;
  return (column: string) => cells.find((cell) => cell.column === column)!;
};
const explaining = indicators.flatMap(({ id, part }) => (part === "explanation" ? [id] : []));

// composing one takes a second, so that all are this one with other numbers
const base = madeSeed({ architecture: "a", seed: 1 });
type Part = "in-domain" | "out-of-domain" | "explanations";
const sources = {
  "in-domain": { table: "I", means: "II", data: "chexpert" },
  "out-of-domain": { table: "III", means: "IV", data: "nih-cxr14" },
  explanations: { table: "V", means: "VI", data: "chexlocalize" },
} as const;

type Change = (result: Result) => Result;

/** A run that finds what the paper prints of it; of seed 0, its means. */
function made(architecture: string, seed: number, part: Part, change: Change = (result) => result): StudyRun {
  const { table, means, data } = sources[part];
  const own = seed === 0 ? cellsOf(means, architecture) : cellsOf(table, architecture, seed);
  const value = (column: string) => own(column)?.value ?? null;
  const { result } = base;
  const id = `${architecture}-${seed}-${part}`;
  return {
    id,
    labels: { architecture, seed, part },
    sha256: id,
    rows: [],
    time: undefined,
    sheets: [],
    result: change({
      ...result,
      model: { ...result.model, id, sha256: `${architecture}-${seed}` },
      data: {
        ...result.data,
        ...{ id: data, base: data, title: data, edition: "as published; labels of uces8", split: "test" },
        count: { chexpert: 518, "nih-cxr14": 25_596, chexlocalize: 499 }[data],
      },
      quality: {
        ...result.quality,
        ...{ auroc: value("auroc"), averagePrecision: value("average-precision") },
        ...{ macroF1: value("macro-f1"), microF1: value("micro-f1") },
      },
      methods: result.methods
        .filter(({ id: method }) => method !== "occlusion")
        .map((own) => (own.id === "saliency" ? { ...own, id: "grad-cam" } : own)),
      statistics: {
        ...result.statistics,
        cells: result.statistics.cells.flatMap((cell) =>
          cell.method === "saliency"
            ? [{ ...cell, method: "grad-cam", mean: value(cell.metric), gate: gate(seed === 42) }]
            : cell.method === "occlusion"
              ? []
              : [cell],
        ),
      },
    }),
  };
}

const gate = (passed: boolean) => ({ ...base.result.statistics.cells[0].gate!, passed });

const whole = uces.wanted.map(({ architecture, seed, part }) =>
  made(String(architecture), Number(seed), part as Part),
);
const analysed = (runs: readonly StudyRun[]) =>
  uces.analyse({ runs, comparisons: [], notCompared: [] }) as readonly Section[];
const blocksOf = (sections: readonly Section[]) => sections.flatMap(({ blocks }) => blocks);
const find = <B extends Block = Table>(sections: readonly Section[], id: string): B =>
  blocksOf(sections).find((own) => own.id === id) as B;
const gapsOf = (sections: readonly Section[], id: string) => sections.find((own) => own.id === id)!.gaps;
const inOut = whole.filter(({ labels }) => labels.part !== "out-of-domain");

describe("with what the paper prints of every seed", () => {
  const sections = analysed(whole);

  it.each([
    ["I", "in-domain-seeds"],
    ["III", "out-of-domain-seeds"],
    ["V", "explanations-seeds"],
  ])("table %s has its rows and columns", (table, id) => {
    const { columns, rows } = find(sections, id);
    expect(rows.map(({ label, values }) => [nameOf(label), values[0]])).toEqual(
      tableOf(table).rows.map(({ model, seed }) => [model, `${seed}`]),
    );
    expect(columns.slice(1).map((c) => [c.id, c.better])).toEqual(
      tableOf(table).columns.map((c) => [c.id, c.better]),
    );
    for (const [k, { values }] of rows.entries()) {
      const own = tableOf(table).rows[k].cells;
      expect(values.slice(1).map((v) => (v as Estimate).value)).toEqual(own.map(({ value }) => value));
    }
  });

  it.each([
    ["II", "I", "in-domain-means"],
    ["IV", "III", "out-of-domain-means"],
    ["VI", "V", "explanations-means"],
  ])("table %s is the mean and a sample’s standard deviation of table %s", (table, from, id) => {
    const { columns, rows } = find(sections, id);
    for (const { label, values } of rows) {
      for (const [k, { id: column }] of tableOf(table).columns.entries()) {
        const all = [42, 123, 999].map((seed) => cellsOf(from, label, seed)(column).value);
        const average = all.reduce((a, b) => a + b) / 3;
        const spread = Math.sqrt(all.reduce((sum, x) => sum + (x - average) ** 2, 0) / 2);
        expect(columns[k].id).toBe(column);
        expect(values[k]).toMatchObject({
          value: expect.closeTo(average, 9),
          sd: expect.closeTo(spread, 9),
          n: 3,
        });
      }
    }
  });

  it("table VII is the paper’s: from its printed means as it is, from its seeds in the same order", () => {
    const ofMeans = Object.values(slugs).flatMap((slug) =>
      (["in-domain", "explanations"] as const).map((part) => made(slug, 0, part)),
    );
    const { rows } = find(analysed(ofMeans), "uces-ranks");
    expect(rows.map(({ label }) => nameOf(label))).toEqual(tableOf("VII").models);
    for (const { label, values } of rows) {
      const own = cellsOf("VII", label);
      for (const [k, column] of ["classification", "explanation", "uces", "rank"].entries())
        expect(Math.abs((values[k] as number) - own(column).value), `${label} ${column}`).toBeLessThan(1e-3);
    }
    const order = ({ label, values }: Table["rows"][number]) => [label, values[3]];
    expect(find(sections, "uces-ranks").rows.map(order)).toEqual(rows.map(order));
  });

  it("has the winner in every seed, which the paper claims and does not print", () => {
    const { columns, rows, notes } = find(sections, "uces-seeds");
    expect(columns.map(({ id }) => id)).toEqual(["seed-42", "seed-123", "seed-999"]);
    const convnext = rows.find(({ label }) => label === "convnext-tiny")!.values as number[];
    expect(convnext.map((v) => v.toFixed(3))).toEqual(["0.814", "0.814", "0.809"]);
    expect(notes).toEqual([
      "First: seed 42, convnext-tiny; seed 123, convnext-tiny; seed 999, convnext-tiny.",
    ]);
  });

  it("sweeps α as UCES is defined", () => {
    const heat = find<Heat>(sections, "uces-alpha");
    const ranks = find(sections, "uces-alpha-ranks");
    // § IV-A, word for word
    const means = heat.rows.map((slug) =>
      indicators.map(({ id, part }) => {
        const table = part === "classification" ? "I" : "V";
        return mean([42, 123, 999].map((seed) => cellsOf(table, slug, seed)(id).value))!;
      }),
    );
    const scaled = means.map((own) =>
      own.map((x, i) => {
        const all = means.map((other) => other[i]);
        const [low, high] = [Math.min(...all), Math.max(...all)];
        return indicators[i].better === "higher" ? (x - low) / (high - low) : (high - x) / (high - low);
      }),
    );
    for (let k = 0; k <= 10; k++) {
      const scores = scaled.map((own) => {
        const c = (own[0] + own[1] + own[2] + own[3]) / 4;
        const e = (own[4] + own[5] + own[6] + own[7] + own[8] + own[9]) / 6;
        return (k / 10) * c + (1 - k / 10) * e;
      });
      const order = [...scores].sort((a, b) => b - a);
      expect(heat.cells.map((row) => row[k].value)).toEqual(scores.map((score) => expect.closeTo(score, 9)));
      expect(ranks.rows.map(({ values }) => values[k])).toEqual(
        scores.map((score) => order.indexOf(score) + 1),
      );
    }
    expect(ranks.columns[7].title).toBe("α = 0.7");
  });

  it("shows the paper’s values beside, where they may stand there, and no others", () => {
    for (const [table, part] of [
      ["II", "in-domain"],
      ["IV", "out-of-domain"],
    ] as const) {
      const { columns, rows } = find(sections, `${part}-means`);
      const may = tableOf(table).columns.filter(
        (c) => comparability(tableOf(table), c.id, c.quantity.ours!).comparable,
      );
      expect(columns.slice(4).map(({ id }) => id)).toEqual(may.map(({ id }) => `${id}-paper`));
      for (const { label, values } of rows) {
        const own = may.map(({ id }) => cellsOf(table, label)(id));
        expect(values.slice(4)).toEqual(
          own.map((cell) => ({ value: cell.value, sd: cell.sd, interval: null, n: null })),
        );
        expect(printed[label][part]).toEqual(own.map((cell) => cell.printed));
      }
    }
    for (const { id, quantity } of tableOf("VI").columns)
      expect(comparability(tableOf("VI"), id, quantity.ours!).comparable, id).toBe(false);
    expect(find(sections, "explanations-means").columns).toHaveLength(6);
    expect(find(sections, "uces-ranks").columns).toHaveLength(4);
  });

  it("counts the seeds that beat every control", () => {
    const { columns, rows } = find(sections, "explanations-controls");
    expect(columns.map(({ id }) => id)).not.toContain("entropy");
    expect(rows.every(({ values }) => values.every((v) => v === "1 of 3 seeds"))).toBe(true);
  });

  it("has no gap", () => expect(sections.flatMap(({ gaps }) => gaps)).toEqual([]));
});

describe("the paper’s values are not beside", () => {
  const beside = (change: Change) => {
    const own = inOut.map((run) => ({ ...run, result: change(run.result) }));
    return find(analysed(own), "in-domain-means").columns.length > 4;
  };
  const data =
    (more: Partial<Result["data"]>): Change =>
    (result) => ({
      ...result,
      data: { ...result.data, ...more } as Result["data"],
    });

  it.each([
    ["nothing", {}, true],
    ["other data", { base: "phantom-cxr" }, false],
    ["another split", { split: "val" }, false],
    ["other labels", { edition: "as published" }, false],
  ] as const)("where the runs are of %s, unless that is nothing", (_, more, expected) =>
    expect(beside(data(more))).toBe(expected),
  );

  it("those of an architecture that it does not have", () => {
    const more = { ...whole[0], labels: { ...whole[0].labels, architecture: "swin-t" } };
    const { rows } = find(analysed([...inOut, more]), "in-domain-means");
    expect(rows.at(-1)).toMatchObject({ label: "swin-t", values: expect.arrayContaining([null, null]) });
  });
});

describe("gaps", () => {
  const without = (where: Readonly<Record<string, string | number>>) =>
    analysed(inOut.filter(({ labels }) => Object.entries(where).some(([axis, v]) => labels[axis] !== v)));

  it("a seed that is missing is counted, and where the parts differ, named", () => {
    const sections = without({ architecture: "resnet-50", seed: 999, part: "explanations" });
    const [resnet] = find(sections, "explanations-means").rows;
    const drops = [0.0513, 0.1925];
    expect(resnet.values[0]).toMatchObject({
      value: expect.closeTo(mean(drops)!, 9),
      sd: expect.closeTo(sd(drops)!, 9),
      n: 2,
    });
    expect(gapsOf(sections, "uces")).toEqual([
      "resnet-50: seeds 42, 123, 999 in domain, and 42, 123 explained",
    ]);
    expect(find(sections, "uces-seeds").columns.map(({ id }) => id)).toEqual(["seed-42", "seed-123"]);
  });

  it("of one seed there is no standard deviation, and that is said", () => {
    const sections = analysed(inOut.filter(({ labels }) => labels.seed === 42));
    const { rows, notes } = find(sections, "in-domain-means");
    expect(rows[0].values[0]).toEqual({
      value: 0.814,
      interval: null,
      n: 1,
      reason: "one seed has no standard deviation",
    });
    expect(notes?.[1]).toBe("One seed has none: resnet-50, densenet-121, vit-b-16, convnext-tiny.");
    expect(find(sections, "uces-seeds")).toBeUndefined();
  });

  it("an architecture that was not explained is not in the set", () => {
    const sections = without({ architecture: "vit-b-16", part: "explanations" });
    expect(gapsOf(sections, "uces")).toEqual(["vit-b-16: not in the set: no run has explanations"]);
    expect(find(sections, "uces-ranks").rows).toHaveLength(3);
    expect(sections.at(-1)!.says).toContain("this set of 3: resnet-50, densenet-121, convnext-tiny.");
  });

  it("two architectures are no set", () => {
    const two = inOut.filter(({ labels }) => /^(resnet|vit)/.test(String(labels.architecture)));
    const section = analysed(two).at(-1)!;
    expect(section.blocks).toEqual([]);
    expect(section.gaps).toEqual([
      "no UCES: 2 architectures are both classified and explained, and 3 are the fewest that can be scaled",
    ]);
  });

  it("parts that nobody ran have no tables", () => {
    const sections = analysed(whole.filter(({ labels }) => labels.part === "out-of-domain"));
    expect(gapsOf(sections, "in-domain")[0]).toMatch(/^no run in domain, and so no tables I and II/);
    expect(gapsOf(sections, "explanations")[0]).toMatch(/^no run has explanations/);
    expect(blocksOf(sections).map(({ id }) => id)).toEqual(["out-of-domain-seeds", "out-of-domain-means"]);
    expect(gapsOf(analysed(inOut), "out-of-domain")).toEqual([
      "no tables III and IV: no two sets of drawn pictures share their classes",
    ]);
  });

  it("a part that is none is named", () => {
    const odd = { ...whole[0], id: "odd", labels: { ...whole[0].labels, part: "ood" } };
    expect(gapsOf(analysed([...inOut, odd]), "in-domain")).toEqual([
      "odd: its part, ood, is none of in-domain, out-of-domain, explanations",
    ]);
  });
});

describe("UCES is refused, with the reason,", () => {
  const changed = (change: Change) => {
    const of = ({ id }: StudyRun) => id === "vit-b-16-123-explanations";
    const sections = analysed(inOut.map((run) => (of(run) ? { ...run, result: change(run.result) } : run)));
    return { sections, gaps: gapsOf(sections, "uces") };
  };

  it.each<[string, Change, RegExp]>([
    [
      "for other weights than were classified with",
      (r) => ({ ...r, model: { ...r.model, sha256: "other" } }),
      /^no UCES: vit-b-16, seed 123: the weights explained are not those classified with$/,
    ],
    [
      "for images of other sizes",
      (r) => ({ ...r, preprocessing: { ...r.preprocessing, width: 64 } }),
      /entropy grows with the image: .* 32×32 pixels, vit-b-16-123-explanations 32×64$/,
    ],
    [
      "for other data",
      (r) => ({ ...r, data: { ...r.data, id: "other" } }),
      /data set: chexlocalize in the run of resnet-50-42-explanations, other in the run of vit-b-16-123-expl/,
    ],
    [
      "for a metric that was not measured",
      (r) => ({ ...r, metrics: r.metrics.filter(({ id }) => id !== "entropy") }),
      /^no UCES: entropy: not measured in the run of vit-b-16-123-explanations$/,
    ],
    [
      "for a method that did not run",
      (r) => ({ ...r, methods: r.methods.filter(({ id }) => id !== "grad-cam") }),
      /^no UCES by grad-cam: grad-cam: not run in the run of vit-b-16-123-explanations$/,
    ],
    [
      "for an indicator without a value",
      (r) => ({ ...r, statistics: { ...r.statistics, cells: without(r, "average-drop") } }),
      /^no UCES by grad-cam: vit-b-16 has no Average drop: /,
    ],
  ])("%s", (_, change, says) => {
    const { sections, gaps } = changed(change);
    expect(sections.at(-1)!.blocks).toEqual([]);
    expect(gaps).toEqual([expect.stringMatching(says)]);
  });

  const without = (result: Result, metric: IndicatorId) =>
    result.statistics.cells.filter((cell) => cell.method !== "grad-cam" || cell.metric !== metric);
});

it("leaves out what is equal for all, and says so", () => {
  const flat = inOut.map((run) => ({
    ...run,
    result: {
      ...run.result,
      statistics: {
        ...run.result.statistics,
        cells: run.result.statistics.cells.map((c) => (c.metric === "sparsity" ? { ...c, mean: 0.3 } : c)),
      },
    },
  }));
  const sections = analysed(flat);
  expect(find(sections, "uces-ranks").notes).toEqual(["Left out, equal for all models: Sparsity."]);
  const { columns, cells } = find<Heat>(sections, "uces-indicators");
  expect(cells.map((row) => row[columns.indexOf("Sparsity")].value)).toEqual([null, null, null, null]);
});

it("scores maps from elsewhere beside those computed, in tables of their own", () => {
  const both = inOut.map((run) => {
    const { methods, statistics } = run.result;
    const own = methods.find(({ id }) => id === "grad-cam")!;
    const external = {
      map: "sum",
      source: "https://example.org",
      files: 16,
      sha256: "0",
      classesChecked: true,
    };
    const more = { ...own, id: "theirs", status: "external", external: { ...external, annotated: false } };
    const cells = statistics.cells.filter(({ method }) => method === "grad-cam");
    return {
      ...run,
      result: {
        ...run.result,
        methods: [...methods, more] as unknown as Result["methods"],
        statistics: {
          ...statistics,
          cells: [...statistics.cells, ...cells.map((c) => ({ ...c, method: "theirs" }))],
        },
      },
    };
  });
  const sections = analysed(both);
  expect(gapsOf(sections, "uces")).toEqual([]);
  expect(find(sections, "uces-ranks-theirs")).toMatchObject({
    title: "VII: UCES, α = 0.7, by theirs, maps computed elsewhere",
    rows: find(sections, "uces-ranks").rows,
  });
  const ids = blocksOf(sections).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

describe("who is first", () => {
  const model = (name: string, classification: number, explanation: number) => ({
    name,
    standing: { classification, explanation },
  });

  it("changes where the lines cross, and not where they cross below", () => {
    // a and b: α = 0.8 − 0.8α, so α = 4/9; c is under both
    const models = [model("a", 1, 0), model("b", 0, 0.8), model("c", 0.3, 0.1)];
    expect(firsts(models)).toEqual([
      { name: "b", from: 0, to: expect.closeTo(4 / 9, 12) },
      { name: "a", from: expect.closeTo(4 / 9, 12), to: 1 },
    ]);
  });

  it("is one alone, where nothing crosses", () => {
    expect(firsts([model("a", 0.9, 0.5), model("b", 0.4, 0)])).toEqual([{ name: "a", from: 0, to: 1 }]);
  });
});

it("asks for what UCES is made of, and where only classification counts, for no pass", () => {
  const { methods, metrics } = uces.computes({ part: "explanations" });
  expect(methods[0]).toBe("grad-cam");
  expect(metrics).toEqual(explaining);
  expect(uces.computes({ part: "out-of-domain" })).toEqual({ methods: ["random"], metrics: ["entropy"] });
  expect(uces.wanted).toHaveLength(4 * 3 * 3);
  expect(uces.template({ architecture: "vit-b-16", seed: 42, part: "in-domain" })).toEqual({
    model: "models/vit-b-16-seed-42.onnx",
    ...{ data: "chexpert", dataDir: "chexlocalize", labelSpace: "uces8" },
  });
});
