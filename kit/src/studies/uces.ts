import { methodGap, metricGap } from "../comparison/document.ts";
import { incomparable } from "../comparison/models.ts";
import {
  defaultAlpha,
  fewestModels,
  type IndicatorId,
  indicators,
  type UcesStanding,
  uces as ucesOf,
  type Values,
} from "../comparison/uces.ts";
import { inSpace } from "../datasets/shared/chest-labels.ts";
import { methodOf, metricOf } from "../protocol/protocol.ts";
import type { Result } from "../results/document.ts";
import { controlIds } from "../stats/expectation.ts";
import { mean, sd } from "../stats/summary.ts";
import { cellOf, none } from "./estimates.ts";
import type { Block, Column, Estimate, Heat, Row, Section, Table, Value } from "./findings.ts";
import { defineStudy, type Found, grid, isAt, type Study, type StudyRun, valuesOf } from "./study.ts";

const parts = ["in-domain", "out-of-domain", "explanations"] as const;
type Part = (typeof parts)[number];

/** The data of the paper, by the ids that the kit knows it by. */
const paperData: Readonly<Record<Part, string>> = {
  "in-domain": "chexpert",
  "out-of-domain": "nih-cxr14",
  explanations: "chexlocalize",
};

const explaining = indicators.flatMap(({ id, part }) => (part === "explanation" ? [id] : []));

/** Shaik and Yashaswini: which architecture both classifies chest radiographs well and is explained well? */
export const uces: Study = defineStudy({
  id: "uces",
  title: "One score for classification and explanation of chest X-rays",
  paper:
    "R. A. Shaik, K. Yashaswini: Comparative Evaluation of AI Models for Robust and Explainable Chest X-ray Analysis",
  question:
    "Which architecture both classifies chest X-rays well and is explained well, does that hold over training seeds, and how much of the answer is the weight that was chosen?",
  did: "ResNet-50, DenseNet-121, ViT-B/16 and ConvNeXt-Tiny, three seeds each, trained on eight labels of CheXpert; tested there and on NIH ChestX-ray14; six measures of Grad-CAM on CheXlocalize; and UCES, which joins both, α = 0.7.",
  differs: [
    "The paper’s maps are said to be those that come with CheXlocalize, which are not of the models that it tests; here Grad-CAM is computed from each model, and maps of your own are scored beside it.",
    "“Increase in confidence” is a share by the paper’s words and 1.089 in its table: here it is the relative gain in confidence.",
    "What a map hides turns to the protocol’s reference image; the paper multiplies by the map, so that it turns to 0.",
    "Areas under deletion and insertion are divided by the number of steps, from 0 to 1; the paper’s are 4 to 9.",
    "From which probability a label counts as predicted, the base of entropy and the bound of sparsity are not told in the paper. So its values of AUROC and average precision alone stand beside these, and only where the data is the same.",
    "Of the merges into eight labels the paper gives one example, “Lung Opacity” into “Consolidation”, and that one is done.",
    "An indicator that is equal for all models is left out of UCES: scaling it would divide by zero.",
    "Controls that cannot know the model are run beside Grad-CAM, and UCES is shown for every weight and every seed.",
  ],
  axes: [
    { id: "architecture", title: "Architecture" },
    { id: "seed", title: "Seed" },
    { id: "part", title: "Part" },
  ],
  wanted: grid({
    architecture: ["resnet-50", "densenet-121", "vit-b-16", "convnext-tiny"],
    seed: [42, 123, 999],
    part: parts,
  }),
  template: ({ architecture, seed, part }) => ({
    model: `models/${architecture}-seed-${seed}.onnx`,
    data: paperData[part as Part],
    // the test pictures of CheXpert and their labels come with CheXlocalize
    dataDir: part === "out-of-domain" ? "nih-cxr14" : "chexlocalize",
    labelSpace: "uces8",
  }),
  firstLook: {
    samples: 8,
    cells: grid({
      architecture: ["resnet", "densenet", "vit", "clip"],
      seed: [0],
      part: ["in-domain", "explanations"],
    }).map((labels) => ({ model: `cxr-${labels.architecture}`, labels })),
  },
  // an evaluation explains something: where only the classification counts, what costs no pass
  computes: ({ part }) =>
    part === "explanations"
      ? { methods: ["grad-cam", ...controlIds], metrics: explaining }
      : { methods: ["random"], metrics: ["entropy"] },
  analyse,
});

/** An architecture with its seeds, in the order of the paper's. */
interface Group {
  readonly architecture: string;
  readonly runs: readonly StudyRun[];
}

function analyse({ runs }: Found): readonly Section[] {
  const groups = {
    "in-domain": groupsOf(runs, "in-domain"),
    "out-of-domain": groupsOf(runs, "out-of-domain"),
    explanations: groupsOf(runs, "explanations"),
  };
  const methods = methodsOf(groups.explanations);
  const strangers = runs.filter(({ labels }) => !parts.some((part) => labels.part === part));
  const classified = classification(groups["in-domain"], "in-domain");
  return [
    {
      ...classified,
      gaps: [
        ...classified.gaps,
        ...strangers.map(
          ({ id, labels }) => `${id}: its part, ${labels.part}, is none of ${parts.join(", ")}`,
        ),
      ],
    },
    outside(groups["out-of-domain"], runs),
    explanations(groups.explanations, methods),
    unified(groups, methods),
  ];
}

function groupsOf(runs: readonly StudyRun[], part: Part): Group[] {
  const own = runs.filter(({ labels }) => labels.part === part);
  const seeds = valuesOf("seed", own, uces);
  return valuesOf("architecture", own, uces).map((architecture) => ({
    architecture,
    runs: own
      .filter((run) => isAt(run.labels, { architecture }))
      .sort((a, b) => seeds.indexOf(seedOf(a)) - seeds.indexOf(seedOf(b))),
  }));
}

const seedOf = ({ labels }: StudyRun): string => String(labels.seed);

/** What explains the models: no controls, maps from elsewhere among them. */
function methodsOf(groups: readonly Group[]): string[] {
  const used = groups.flatMap(({ runs }) => runs.flatMap(({ result }) => result.methods));
  return [...new Set(used.filter(({ control }) => !control).map(({ id }) => id))];
}

const isExternal = (groups: readonly Group[], method: string): boolean =>
  groups.some(({ runs }) =>
    runs.some(({ result }) => result.methods.some(({ id, external }) => id === method && external)),
  );

const nameOf = (groups: readonly Group[], method: string): string =>
  isExternal(groups, method) ? `${method}, maps computed elsewhere` : methodOf(method).title;

type Classified = "auroc" | "average-precision" | "macro-f1" | "micro-f1";

const qualities: Readonly<
  Record<Classified, { title: string; of: (quality: Result["quality"]) => number | null }>
> = {
  auroc: { title: "AUROC", of: ({ auroc }) => auroc },
  "average-precision": { title: "AP", of: ({ averagePrecision }) => averagePrecision },
  "macro-f1": { title: "Macro F1", of: ({ macroF1 }) => macroF1 },
  "micro-f1": { title: "Micro F1", of: ({ microF1 }) => microF1 },
};
const classified = Object.keys(qualities) as Classified[];

/** Of one run, by itself. */
function indicatorOf(run: StudyRun, id: IndicatorId, method: string): Estimate {
  if (!isClassified(id)) return cellOf(run, method, id);
  const value = qualities[id].of(run.result.quality);
  return value === null ? none("no class is both present and absent") : { value, interval: null, n: null };
}

const isClassified = (id: IndicatorId): id is Classified => id in qualities;

/** Mean over seeds with a sample's standard deviation, which one seed does not have. */
function summary(values: readonly Estimate[]): Estimate {
  const known = values.flatMap(({ value }) => value ?? []);
  if (known.length < values.length || known.length === 0)
    return values.find(({ value }) => value === null) ?? none("no run");
  const n = known.length;
  const spread = sd(known);
  return {
    value: mean(known)!,
    interval: null,
    n,
    ...(spread === null ? { reason: "one seed has no standard deviation" } : { sd: spread }),
  };
}

const decimals: Readonly<Partial<Record<IndicatorId, number>>> = {
  "average-drop": 4,
  "relative-confidence-gain": 4,
  entropy: 2,
};

const columnOf = (id: IndicatorId): Column => ({
  id,
  title: isClassified(id) ? qualities[id].title : metricOf(id).title,
  better: indicators.find((own) => own.id === id)!.better,
  decimals: decimals[id] ?? 3,
});

/** A row for each seed, as in the paper's tables I, III and V. */
const bySeed = (groups: readonly Group[], ids: readonly IndicatorId[], method = ""): Row[] =>
  groups.flatMap(({ architecture, runs }) =>
    runs.map((run) => ({
      label: architecture,
      values: [seedOf(run), ...ids.map((id) => indicatorOf(run, id, method))],
    })),
  );

const overSeeds = ({ runs }: Group, id: IndicatorId, method = ""): Estimate =>
  summary(runs.map((run) => indicatorOf(run, id, method)));

/** Under a table of means: what n is, and of what there is no standard deviation. */
function spreadNotes(groups: readonly Group[]): string[] {
  const single = groups.filter(({ runs }) => runs.length === 1).map(({ architecture }) => architecture);
  return [
    "n: training seeds. ±: standard deviation of a sample (n − 1).",
    ...(single.length > 0 ? [`One seed has none: ${single.join(", ")}.`] : []),
  ];
}

const dataWords = (groups: readonly Group[]): string => {
  const said = groups.flatMap(({ runs }) =>
    runs.map(({ result: { data } }) => `${data.title}, ${data.count.toLocaleString("en-GB")} images`),
  );
  return `${[...new Set(said)].join("; ")}.`;
};

/** As tables II and IV print them; only what may stand beside ours (literature/comparability.ts). */
export const printed: Readonly<
  Record<string, Readonly<Partial<Record<Part, readonly [auroc: string, averagePrecision: string]>>>>
> = {
  "resnet-50": {
    "in-domain": ["0.819 ± 0.007", "0.561 ± 0.011"],
    "out-of-domain": ["0.759 ± 0.019", "0.244 ± 0.017"],
  },
  "densenet-121": {
    "in-domain": ["0.821 ± 0.012", "0.543 ± 0.011"],
    "out-of-domain": ["0.779 ± 0.026", "0.257 ± 0.011"],
  },
  "vit-b-16": {
    "in-domain": ["0.785 ± 0.012", "0.515 ± 0.015"],
    "out-of-domain": ["0.746 ± 0.042", "0.223 ± 0.037"],
  },
  "convnext-tiny": {
    "in-domain": ["0.831 ± 0.008", "0.559 ± 0.023"],
    "out-of-domain": ["0.784 ± 0.020", "0.274 ± 0.009"],
  },
};

/** The paper's own, where this is its architecture, and its test split with its labels. */
function printedOf({ architecture, runs }: Group, part: Part): readonly Estimate[] | undefined {
  const same = runs.every(
    ({ result: { data } }) =>
      data.base === paperData[part] && data.split === "test" && data.edition.endsWith(inSpace("uces8")),
  );
  if (!same) return undefined;
  return printed[architecture]?.[part]?.map((text) => {
    const [value, spread] = text.split(" ± ").map(Number);
    return { value, sd: spread, interval: null, n: null };
  });
}

const texts = {
  "in-domain": { title: "Classification, in domain", tables: ["I", "II"], where: "in domain" },
  "out-of-domain": { title: "Classification, out of domain", tables: ["III", "IV"], where: "out of domain" },
} as const;

function classification(groups: readonly Group[], part: keyof typeof texts): Section {
  const { title, tables, where } = texts[part];
  const beside = groups.map((group) => printedOf(group, part));
  const shown = beside.some((own) => own !== undefined);
  const columns = classified.map(columnOf);
  const each: Table = {
    kind: "table",
    id: `${part}-seeds`,
    title: `${tables[0]}: each seed`,
    of: "Architecture",
    columns: [{ id: "seed", title: "Seed" }, ...columns.map((c) => ({ ...c, title: meanTitle(c) }))],
    rows: bySeed(groups, classified),
    notes: [dataWords(groups)],
  };
  const means: Table = {
    kind: "table",
    id: `${part}-means`,
    title: `${tables[1]}: over seeds`,
    of: "Architecture",
    columns: [
      ...columns,
      ...(shown
        ? columns.slice(0, 2).map(({ id, title: t }) => ({ id: `${id}-paper`, title: `${t}, paper` }))
        : []),
    ],
    rows: groups.map((group, k) => ({
      label: group.architecture,
      values: [
        ...classified.map((id) => overSeeds(group, id)),
        ...(shown ? (beside[k] ?? [null, null]) : []),
      ],
    })),
    notes: [
      ...spreadNotes(groups),
      ...(shown
        ? [
            "Paper: as it prints them, of models of its own, mean and standard deviation of 3 seeds. Its F1 do not stand beside: from which probability a label counts as predicted is not told.",
          ]
        : []),
    ],
  };
  return {
    id: part,
    title,
    says: `How well the models do ${where}: means over the classes, on every image of the split.`,
    blocks: groups.length === 0 ? [] : [each, means],
    gaps:
      groups.length === 0
        ? [
            `no run ${where}, and so no tables ${tables.join(" and ")}: cells with the label part "${part}" make them`,
          ]
        : incomparable(named(groups)),
  };
}

/** Drawn sets have nothing out of domain: no two of them share classes. */
function outside(groups: readonly Group[], runs: readonly StudyRun[]): Section {
  const section = classification(groups, "out-of-domain");
  const drawn = groups.length === 0 && runs.every(({ result }) => result.data.track === "synthetic");
  return drawn
    ? { ...section, gaps: ["no tables III and IV: no two sets of drawn pictures share their classes"] }
    : section;
}

const meanTitle = ({ id, title }: Column): string => (/f1$/.test(id) ? title : `Mean ${title}`);

/** Each run as a model by itself, called as its cell: what makes runs unlike is named by that. */
const named = (groups: readonly Group[]) =>
  groups.flatMap(({ runs }) =>
    runs.map(({ id, sha256, result }) => ({
      sha256,
      result: { ...result, model: { ...result.model, id, architecture: null } },
    })),
  );

function explanations(groups: readonly Group[], methods: readonly string[]): Section {
  const columns = explaining.map(columnOf);
  const tablesOf = (method: string, k: number): Table[] => {
    const own = nameOf(groups, method);
    const after = k === 0 ? "" : `-${method}`;
    return [
      {
        kind: "table",
        id: `explanations-seeds${after}`,
        title: `V: each seed, ${own}`,
        of: "Architecture",
        columns: [{ id: "seed", title: "Seed" }, ...columns],
        rows: bySeed(groups, explaining, method),
        notes: [`n and intervals: images, 95 %. ${dataWords(groups)}`],
      },
      {
        kind: "table",
        id: `explanations-means${after}`,
        title: `VI: over seeds, ${own}`,
        of: "Architecture",
        columns,
        rows: groups.map((group) => ({
          label: group.architecture,
          values: explaining.map((id) => overSeeds(group, id, method)),
        })),
        notes: spreadNotes(groups),
      },
      {
        kind: "table",
        id: `explanations-controls${after}`,
        title: `Does ${own} beat every control?`,
        says: "Random, constant, centred and edge maps, which cannot know the model. Entropy and sparsity have no such test: a map may be small and wrong.",
        of: "Architecture",
        columns: gated.map((id) => ({ id, title: metricOf(id).title })),
        rows: groups.map((group) => ({
          label: group.architecture,
          values: gated.map((id) => gateOf(group, method, id)),
        })),
      },
    ];
  };
  return {
    id: "explanations",
    title: "Explanations",
    says: "How faithful and how compact the maps of the class predicted are.",
    blocks: groups.length === 0 ? [] : methods.flatMap(tablesOf),
    gaps:
      groups.length === 0
        ? ['no run has explanations: cells with the label part "explanations" make tables V to VII']
        : incomparable(named(groups)),
  };
}

const gated = explaining.filter((id) => metricOf(id).gate === "controls");

function gateOf({ runs }: Group, method: string, metric: string): Value {
  const passed = runs.map(
    ({ result }) =>
      result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric)?.gate
        ?.passed ?? null,
  );
  if (passed.some((own) => own === null)) return "not known";
  const n = passed.filter(Boolean).length;
  if (n > 0 && n < passed.length) return `${n} of ${passed.length} seeds`;
  return n > 0 ? "yes" : "no";
}

/** A model of the set: classified in domain, explained, each over its seeds. */
interface Pair {
  readonly architecture: string;
  readonly classified: Group;
  readonly explained: Group;
}

const alphas = Array.from({ length: 11 }, (_, k) => k / 10);

function unified(all: Readonly<Record<Part, readonly Group[]>>, methods: readonly string[]): Section {
  const [inside, explained] = [all["in-domain"], all.explanations];
  const architectures = [...new Set([...inside, ...explained].map(({ architecture }) => architecture))];
  const gaps: string[] = [];
  const pairs = architectures.flatMap((architecture): Pair[] => {
    const of = (groups: readonly Group[]) => groups.find((group) => group.architecture === architecture);
    const [own, maps] = [of(inside), of(explained)];
    if (own === undefined || maps === undefined) {
      gaps.push(
        `${architecture}: not in the set: no run ${own === undefined ? "in domain" : "has explanations"}`,
      );
      return [];
    }
    return [{ architecture, classified: own, explained: maps }];
  });
  for (const { architecture, classified: own, explained: maps } of pairs) {
    const [a, b] = [own, maps].map(({ runs }) => runs.map(seedOf).join(", "));
    if (a !== b) gaps.push(`${architecture}: seeds ${a} in domain, and ${b} explained`);
  }
  const problems = unlike(pairs);
  const blocks =
    problems.length > 0
      ? []
      : methods.flatMap((method, k) => {
          const { tables, reasons } = scored(
            pairs,
            method,
            k === 0 ? "" : `-${method}`,
            nameOf(explained, method),
          );
          gaps.push(...reasons);
          return tables;
        });
  if (methods.length === 0 && problems.length === 0) gaps.push("no method explains these models");
  const set = pairs.map(({ architecture }) => architecture);
  return {
    id: "uces",
    title: "UCES",
    says: `α × classification (C, of table II) + (1 − α) × explanation (E, of table VI), inside this set of ${set.length}: ${set.join(", ") || "none"}. Every indicator is scaled from the worst of the set, 0, to the best, 1. So a number says nothing outside of the set, and one model more or less can turn the order of the others.`,
    blocks,
    gaps: [...problems, ...gaps],
  };
}

/** Why these cannot be scaled together. */
function unlike(pairs: readonly Pair[]): string[] {
  if (pairs.length < fewestModels)
    return [
      `no UCES: ${pairs.length} architectures are both classified and explained, and ${fewestModels} are the fewest that can be scaled`,
    ];
  const explained = pairs.map((pair) => pair.explained);
  const problems = [
    ...incomparable(named(pairs.map((pair) => pair.classified))),
    ...incomparable(named(explained)),
  ];
  for (const { architecture, classified: own, explained: maps } of pairs) {
    for (const run of maps.runs) {
      const other = own.runs.find((r) => seedOf(r) === seedOf(run));
      if (other !== undefined && other.result.model.sha256 !== run.result.model.sha256)
        problems.push(
          `${architecture}, seed ${seedOf(run)}: the weights explained are not those classified with`,
        );
    }
  }
  const runs = named(explained);
  const missing = metricGap(runs);
  if (missing !== undefined) problems.push(missing);
  const sizes = runs.map(({ result: { model, preprocessing: p } }) => ({
    id: model.id,
    size: `${p.height}×${p.width}`,
  }));
  const other = sizes.find(({ size }) => size !== sizes[0].size);
  if (other !== undefined)
    problems.push(
      `entropy grows with the image: ${sizes[0].id} has ${sizes[0].size} pixels, ${other.id} ${other.size}`,
    );
  return problems.map((problem) => `no UCES: ${problem}`);
}

interface Scored {
  readonly tables: readonly Block[];
  readonly reasons: readonly string[];
}

function scored(pairs: readonly Pair[], method: string, after: string, title: string): Scored {
  const none = (reason: string): Scored => ({ tables: [], reasons: [`no UCES by ${method}: ${reason}`] });
  const explained = pairs.map((pair) => pair.explained);
  const missing = isExternal(explained, method) ? undefined : methodGap(method, named(explained));
  if (missing !== undefined) return none(missing);
  const values = valuesIn(pairs, method);
  if (typeof values === "string") return none(values);
  const found = ucesOf(values, defaultAlpha);
  if ("reason" in found) return none(found.reason);
  const names = pairs.map(({ architecture }) => architecture);
  const models = found.models.map((standing, k) => ({ name: names[k], standing }));
  const ordered = [...models].sort((a, b) => a.standing.rank - b.standing.rank);
  const three = (id: string, text: string): Column => ({ id, title: text, better: "higher", decimals: 3 });
  const left = found.leftOut.map((id) => columnOf(id).title);
  const seven: Table = {
    kind: "table",
    id: `uces-ranks${after}`,
    title: `VII: UCES, α = ${defaultAlpha}, by ${title}`,
    of: "Architecture",
    columns: [
      three("classification", "Normalised C"),
      three("explanation", "Normalised E"),
      three("uces", "UCES"),
      { id: "rank", title: "Rank", better: "lower" },
    ],
    rows: ordered.map(({ name, standing: { classification: c, explanation: e, uces: score, rank } }) => ({
      label: name,
      values: [c, e, score, rank],
    })),
    ...(left.length > 0 && { notes: [`Left out, equal for all models: ${left.join(", ")}.`] }),
  };
  const scaled: Heat = {
    kind: "heat",
    id: `uces-indicators${after}`,
    title: "What it is made of",
    says: `The ten indicators, each scaled inside the set: 1 is the best of these, not good. The first ${classified.length} make C, the others E.`,
    of: "Architecture",
    columns: indicators.map(({ id }) => columnOf(id).title),
    rows: ordered.map(({ name }) => name),
    domain: [0, 1],
    decimals: 2,
    cells: ordered.map(({ standing }) =>
      indicators.map(({ id }) => ({
        value: standing.scaled[id],
        interval: null,
        n: null,
        ...(standing.scaled[id] === null && { reason: "equal for all" }),
      })),
    ),
  };
  return {
    tables: [seven, scaled, ...sweep(ordered, after), ...eachSeed(pairs, method, after)],
    reasons: [],
  };
}

/** The indicators of each model, over its seeds; or why there are none. */
function valuesIn(pairs: readonly Pair[], method: string): Values[] | string {
  const values: Values[] = [];
  for (const { architecture, classified: own, explained } of pairs) {
    const found = indicators.map(
      ({ id }) => [id, overSeeds(isClassified(id) ? own : explained, id, method)] as const,
    );
    const lost = found.find(([, { value }]) => value === null);
    if (lost !== undefined) return `${architecture} has no ${columnOf(lost[0]).title}: ${lost[1].reason}`;
    values.push(Object.fromEntries(found.map(([id, { value }]) => [id, value])) as Values);
  }
  return values;
}

interface Model {
  readonly name: string;
  readonly standing: Pick<UcesStanding, "classification" | "explanation">;
}

const scoreAt = (alpha: number, { standing: { classification: c, explanation: e } }: Model): number =>
  Math.min(1, alpha * c + (1 - alpha) * e);

/** The scaled parts do not depend on α, so that each score is a line over it. */
function sweep(models: readonly Model[], after: string): Block[] {
  const at = (alpha: number) => models.map((model) => scoreAt(alpha, model));
  const columns = alphas.map((alpha) => `${alpha === defaultAlpha ? "α = " : ""}${alpha.toFixed(1)}`);
  const heat: Heat = {
    kind: "heat",
    id: `uces-alpha${after}`,
    title: "UCES by α",
    says: `From explanation alone, 0, to classification alone, 1; the paper chose ${defaultAlpha}.`,
    of: "Architecture",
    columns,
    rows: models.map(({ name }) => name),
    domain: [0, 1],
    decimals: 2,
    cells: models.map((model) =>
      alphas.map((alpha) => ({ value: scoreAt(alpha, model), interval: null, n: null })),
    ),
  };
  const table: Table = {
    kind: "table",
    id: `uces-alpha-ranks${after}`,
    title: "Rank by α",
    of: "Architecture",
    columns: columns.map((title, k) => ({ id: `alpha-${k}`, title })),
    rows: models.map((model) => ({
      label: model.name,
      values: alphas.map((alpha) => 1 + at(alpha).filter((score) => score > scoreAt(alpha, model)).length),
    })),
    notes: [
      `First: ${firsts(models)
        .map(({ name, from, to }) => `${name}, α from ${shown(from)} to ${shown(to)}`)
        .join("; ")}.`,
    ],
  };
  return [heat, table];
}

const shown = (alpha: number): string => `${Number(alpha.toFixed(3))}`;

/** Who is first, from which α to which: the upper edge of the lines, exactly. */
export function firsts(
  models: readonly Model[],
): { readonly name: string; readonly from: number; readonly to: number }[] {
  const slope = ({ standing: { classification: c, explanation: e } }: Model) => c - e;
  const crossings = models.flatMap((a, i) =>
    models.slice(i + 1).map((b) => (b.standing.explanation - a.standing.explanation) / (slope(a) - slope(b))),
  );
  const bounds = [...crossings.filter((alpha) => alpha > 0 && alpha < 1), 0, 1].sort((a, b) => a - b);
  const found: { name: string; from: number; to: number }[] = [];
  for (const [k, to] of bounds.entries()) {
    const from = bounds[k - 1];
    if (k === 0 || to === from) continue;
    const middle = (from + to) / 2;
    const best = models.reduce((a, b) => (scoreAt(middle, b) > scoreAt(middle, a) ? b : a));
    const last = found.at(-1);
    if (last?.name === best.name) last.to = to;
    else found.push({ name: best.name, from, to });
  }
  return found;
}

/** The same inside each seed: the paper says that its winner wins in every one, and prints none. */
function eachSeed(pairs: readonly Pair[], method: string, after: string): Table[] {
  const runs = pairs.flatMap(({ classified: own }) => own.runs);
  const seeds = valuesOf("seed", runs, uces).flatMap((seed) => {
    const only = ({ architecture, runs: all }: Group): Group => ({
      architecture,
      runs: all.filter((run) => seedOf(run) === seed),
    });
    const own = pairs.map((pair) => ({
      ...pair,
      classified: only(pair.classified),
      explained: only(pair.explained),
    }));
    if (own.some(({ classified: a, explained: b }) => a.runs.length === 0 || b.runs.length === 0)) return [];
    const values = valuesIn(own, method);
    const found = typeof values === "string" ? undefined : ucesOf(values, defaultAlpha);
    return found === undefined || "reason" in found ? [] : [{ seed, models: found.models }];
  });
  // of one seed, and no more, it is table VII again
  if (seeds.length === 0 || pairs.every(({ classified: own }) => own.runs.length === 1)) return [];
  return [
    {
      kind: "table",
      id: `uces-seeds${after}`,
      title: "UCES of each seed",
      says: "Scaled anew inside each seed.",
      of: "Architecture",
      columns: seeds.map(
        ({ seed }): Column => ({ id: `seed-${seed}`, title: `Seed ${seed}`, better: "higher", decimals: 3 }),
      ),
      rows: pairs.map(({ architecture }, k) => ({
        label: architecture,
        values: seeds.map(({ models }) => models[k].uces),
      })),
      notes: [
        `First: ${seeds
          .map(({ seed, models }) => {
            const best = pairs.filter((_, k) => models[k].rank === 1).map(({ architecture }) => architecture);
            return `seed ${seed}, ${best.join(" and ")}`;
          })
          .join("; ")}.`,
      ],
    },
  ];
}
