import { methodOf, metricOf, standardProtocol } from "../protocol/protocol.ts";
import {
  type Agreement,
  drawsOf,
  metricTable,
  pairsOfArchitectures,
  tableOf,
} from "../results/across-agreement.ts";
import { type Field, fieldOf } from "../results/across-field.ts";
import type { Result } from "../results/document.ts";
import { standardMethods } from "../stats/summarise.ts";
import { mean } from "../stats/summary.ts";
import { cellOf, meanOver, none } from "./estimates.ts";
import type { Column, Estimate, Heat, Radars, Row, Scatter, Section, Table } from "./findings.ts";
import { defineStudy, type Found, grid, type Study, type StudyRun, valuesOf } from "./study.ts";

const domains = [
  "imagenet",
  ...["path", "derma", "oct", "pneumonia", "retina", "breast", "blood", "tissue"].map(
    (name) => `${name}mnist`,
  ),
  ...["organa", "organc"].map((name) => `${name}mnist`),
];

/** Kowsar, 2026: does the choice of a method carry over from a CNN to a transformer and a contrastive model, from photographs to medicine? */
export const kowsar2026: Study = defineStudy({
  id: "kowsar-2026",
  title: "Eleven attribution methods over architectures and domains",
  paper: "I. Kowsar, University of California, Davis: poster, 2026",
  question:
    "Can a method be chosen without asking which architecture it explains, and in which domain? And does a method that is faithful also give stable maps?",
  did: "Eleven methods on ResNet-50, ViT-Base and CLIP, over ImageNet and ten medical sets of MedMNIST v2, ranked by six metrics.",
  differs: [
    "The poster names neither its eleven methods nor all of its six metrics: here they are the eleven ranked methods and the six core metrics of the protocol.",
    "Infidelity is scale-free with removal perturbations, from 0 to 1; the poster’s values are on another scale, so orders can be compared and numbers cannot.",
    "The poster does not say which ten of the twelve MedMNIST sets it took; the inputs file names ten that have one label per image.",
    "Controls that cannot know the model are run beside the methods, and every number has an interval.",
  ],
  axes: [
    { id: "architecture", title: "Architecture" },
    { id: "domain", title: "Domain" },
  ],
  wanted: grid({ architecture: ["resnet-50", "vit-b-16", "clip-vit-b-16"], domain: domains }),
  template: ({ architecture, domain }) => ({
    model: `models/${architecture}-${domain}.onnx`,
    data: domain === "imagenet" ? "imagenet" : `medmnist:${domain}@224`,
    dataDir: domain === "imagenet" ? "imagenet" : "medmnist",
  }),
  firstLook: {
    samples: 6,
    cells: grid({
      architecture: ["resnet", "vit", "clip"],
      domain: ["cxr", "histology", "retina", "shapes"],
    }).map(({ architecture, domain }) => ({
      model: `${domain}-${architecture}`,
      labels: { architecture, domain: `phantom-${domain}` },
    })),
  },
  computes: () => ({ methods: standardProtocol.methods, metrics: standardProtocol.metrics }),
  analyse,
});

/** The protocol's radar axes. */
const core = [
  "infidelity",
  "max-sensitivity",
  "deletion-auc",
  "insertion-auc",
  "sparseness",
  "randomisation",
];
const both = ["infidelity", "max-sensitivity"];

/** Runs of one architecture, which is called as the study calls it. */
interface Group {
  readonly architecture: string;
  readonly runs: readonly StudyRun[];
  readonly fields: ReadonlyMap<string, Field>;
}

function analyse({ runs: all }: Found): readonly Section[] {
  const runs = all.map(named);
  const architectures = valuesOf("architecture", runs, kowsar2026);
  const ranked = standardMethods.filter((id) =>
    runs.some(({ result }) => result.methods.some((m) => m.id === id && m.status === "ok")),
  );
  const groups = architectures.map((architecture): Group => {
    const own = runs.filter(({ labels }) => String(labels.architecture) === architecture);
    const fields = core.map(
      (of) =>
        [
          of,
          fieldOf(
            of,
            own.map(({ result }) => result),
          ),
        ] as const,
    );
    return { architecture, runs: own, fields: new Map(fields) };
  });
  return [
    ranksSection(groups, ranked),
    radarSection(groups, ranked),
    domainSection(runs, ranked),
    scatterSection(groups, ranked),
    agreementSection(groups, runs),
  ];
}

/** The run, its architecture being the study's label: what pairs runs of different architectures reads it there. */
const named = (run: StudyRun): StudyRun => ({
  ...run,
  result: { ...run.result, model: { ...run.result.model, architecture: String(run.labels.architecture) } },
});

const titleOf = (method: string): string => methodOf(method).title;

function ranksSection(groups: readonly Group[], ranked: readonly string[]): Section {
  const gaps: string[] = [];
  const tableFor = (metric: string): Table => {
    const { title } = metricOf(metric);
    for (const { architecture, fields } of groups)
      gaps.push(...gapsOf(fields.get(metric)!, `${architecture}, ${title}`));
    const rows = ranked.map((method): Row => {
      const values = groups.map(({ fields }) => meanRank(fields.get(metric)!, method));
      return { label: titleOf(method), values };
    });
    const overall = ({ values }: Row) =>
      mean(values.flatMap((v) => (v as Estimate).value ?? [])) ?? Number.POSITIVE_INFINITY;
    return {
      kind: "table",
      id: `rank-${metric}`,
      title: `By ${title.toLowerCase()}`,
      of: "Method",
      columns: groups.map(({ architecture, fields }): Column => {
        const { blocks, methods } = fields.get(metric)!;
        return {
          id: architecture,
          title: `${architecture} (${blocks.length} data sets, of ${methods.length})`,
          better: "lower",
          decimals: 1,
        };
      }),
      rows: [...rows].sort((a, b) => overall(a) - overall(b)),
    };
  };
  return {
    id: "ranks",
    title: "Mean ranks",
    says: "Rank of each method among those that explain every data set of an architecture, averaged over data sets; 1 is best. Intervals: 95 %, over data sets.",
    blocks: both.map(tableFor),
    gaps,
  };
}

function meanRank({ methods, ranks }: Field, method: string): Estimate {
  const at = methods.indexOf(method);
  if (at < 0) return none("does not explain every data set");
  return meanOver(
    ranks.map((block) => block[at]),
    "data sets",
  );
}

const gapsOf = ({ blocksLeftOut, methodsLeftOut }: Field, where: string): string[] => [
  ...blocksLeftOut.map(({ block, reason }) => `${where}: without ${block}: ${reason}`),
  ...methodsLeftOut.map(({ method, reason }) => `${where}: without ${titleOf(method)}: ${reason}`),
];

/** Mean r̃ over data sets; null where the metric ranks the method on none. */
function standing({ fields }: Group, metric: string, method: string): number | null {
  const { methods, scores } = fields.get(metric)!;
  const at = methods.indexOf(method);
  return at < 0 ? null : mean(scores.map((block) => block[at]));
}

function radarSection(groups: readonly Group[], ranked: readonly string[]): Section {
  const radars: Radars = {
    kind: "radars",
    id: "radars",
    title: "Normalised rank on six metrics",
    of: "Method",
    axes: core.map((id) => metricOf(id).title),
    columns: groups.map(({ architecture }) => architecture),
    rows: ranked.map(titleOf),
    values: ranked.map((method) =>
      groups.map((group) => core.map((metric) => standing(group, metric, method))),
    ),
  };
  return {
    id: "radars",
    title: "Architectures",
    says: "The share of the other methods that a method beats, by each metric, averaged over images and data sets: 1, the outer edge, is best. If the choice carried over, a row would show one shape three times.",
    blocks: [radars],
    gaps: [],
  };
}

function domainSection(runs: readonly StudyRun[], ranked: readonly string[]): Section {
  const found = valuesOf("domain", runs, kowsar2026);
  const cells = found.map((domain) => {
    const own = runs.filter(({ labels }) => String(labels.domain) === domain);
    return ranked.map((method) => {
      const estimate = meanOver(
        own.map(({ result }) => overMetrics(result, method)),
        "architectures",
      );
      return estimate.value === null ? none("no run ranks it by all six metrics") : estimate;
    });
  });
  const values = cells.flat().flatMap(({ value }) => value ?? []);
  const heat: Heat = {
    kind: "heat",
    id: "domains",
    title: "Normalised rank by domain",
    says: "Shaded from the lowest number of the table to the highest.",
    of: "Domain",
    columns: ranked.map(titleOf),
    rows: found,
    domain: values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)],
    decimals: 2,
    cells,
  };
  return {
    id: "domains",
    title: "Domains",
    says: "Mean over the six metrics and the architectures, of runs that rank a method by all six; 1 is best. A column that changes its colour is a method that does not carry over. Intervals, over architectures, need three of them.",
    blocks: [heat],
    gaps: [],
  };
}

/** Null unless all are there: a mean of some of them is not to be compared with a mean of all. */
function overMetrics({ statistics }: Result, method: string): number | null {
  const scores = core.flatMap((metric) => {
    const ranking = statistics.metrics.find(({ of }) => of === metric);
    return ranking?.places.find((place) => place.method === method)?.score ?? [];
  });
  return scores.length === core.length ? mean(scores) : null;
}

function scatterSection(groups: readonly Group[], ranked: readonly string[]): Section {
  const at = ({ runs }: Group, method: string, metric: string) =>
    meanOver(
      runs.map((run) => cellOf(run, method, metric).value),
      "data sets",
    );
  const [x, y] = both.map((id): Column => {
    const { title, better } = metricOf(id);
    return { id, title, better };
  });
  const scatter: Scatter = {
    kind: "scatter",
    id: "scatter",
    title: "Infidelity against sensitivity",
    x,
    y,
    points: ranked.map(titleOf),
    panels: groups.map((group) => ({
      title: group.architecture,
      at: ranked.map((method) => ({ x: at(group, method, both[0]), y: at(group, method, both[1]) })),
    })),
  };
  const spread: Table = {
    kind: "table",
    id: "spread",
    title: "How far methods spread",
    says: "The largest mean of a method over the smallest: the poster found infidelity clustered and sensitivity apart by a factor of about ten.",
    of: "Architecture",
    columns: both.map((id) => ({ id, title: `${metricOf(id).title}: largest / smallest` })),
    rows: groups.map((group) => ({
      label: group.architecture,
      values: both.map((metric): Estimate => {
        const means = ranked.flatMap((method) => at(group, method, metric).value ?? []);
        if (means.length < 2) return none("fewer than two methods");
        const least = Math.min(...means);
        if (!(least > 0)) return { ...none("a method scores 0"), n: means.length };
        return {
          value: Math.max(...means) / least,
          interval: null,
          n: means.length,
          reason: "no interval of a ratio of extremes",
        };
      }),
    })),
    notes: ["n: methods."],
  };
  return {
    id: "scatter",
    title: "Faithfulness and robustness",
    says: "Means over data sets; both are better where they are lower, so the lower left corner is best. If robustness stood for faithfulness, the points would lie on a line.",
    blocks: [scatter, spread],
    gaps: [],
  };
}

function agreementSection(groups: readonly Group[], runs: readonly StudyRun[]): Section {
  const results = runs.map(({ result }) => result);
  const draw = drawsOf("xai-kit/study", 2000);
  const gaps: string[] = [];
  const row = (
    { a, b, tau, interval, reason, dataSets, methods }: Agreement,
    label = `${a} – ${b}`,
  ): Row => ({
    label,
    values: [
      {
        value: tau,
        interval: interval === null ? null : [interval[0], interval[1]],
        n: dataSets,
        ...(reason !== null && { reason }),
      },
      methods,
    ],
  });
  const columns: Column[] = [
    { id: "tau", title: "Kendall’s τ (n: data sets)", better: "higher", decimals: 2 },
    { id: "methods", title: "Methods" },
  ];
  const between = both.map((metric): Table => {
    const field = fieldOf(metric, results);
    gaps.push(
      ...gapsOf(field, metricOf(metric).title).filter((gap) => !gap.includes("not one of the ranked")),
    );
    return {
      kind: "table",
      id: `tau-${metric}`,
      title: `Between architectures, by ${metricOf(metric).title.toLowerCase()}`,
      of: "Architectures",
      columns,
      rows: tableOf(field, pairsOfArchitectures(results), draw)
        .filter(({ a, b }) => a !== b)
        .map((agreement) => row(agreement)),
    };
  });
  const metrics = [{ architecture: "all", runs }, ...groups].map(({ architecture, runs: own }) => {
    const fields = both.map((metric) =>
      fieldOf(
        metric,
        own.map(({ result }) => result),
      ),
    );
    return row(metricTable(fields, draw)[0], architecture);
  });
  return {
    id: "agreement",
    title: "Does an order carry over?",
    says: "Kendall’s τ of two orders of methods: 1 the same, 0 unrelated, −1 turned round. Mean over data sets, with the 95 % interval over data sets where there are three.",
    blocks: [
      ...between,
      {
        kind: "table",
        id: "tau-metrics",
        title: "Between infidelity and sensitivity",
        says: "Of the same run: near 0 where robustness says nothing of faithfulness.",
        of: "Architecture",
        columns,
        rows: metrics,
      },
    ],
    gaps,
  };
}
