import { methodOf, metricOf } from "../protocol/protocol.ts";
import { controlIds } from "../stats/expectation.ts";
import { type ClassScore, classEstimates, classScores } from "./confusion.ts";
import { cellOf, meanOver, none } from "./estimates.ts";
import type { Column, Confusions, Estimate, Montage, Section, Table, Value } from "./findings.ts";
import { defineStudy, type Found, grid, type Study, type StudyRun, valuesOf } from "./study.ts";

const method = "grad-cam";
const images = 5;
const architectures = ["resnet-50", "resnet-101", "densenet-161", "efficientnet-b0", "vit-b-16"];

/** Panboonyuen, 2026: does Grad-CAM show what decides, in five architectures on one set of lung CT? */
export const gradfaithCam: Study = defineStudy({
  id: "gradfaith-cam",
  title: "Grad-CAM’s faithfulness on lung cancer CT",
  paper: "arXiv:2601.12826",
  question:
    "Does Grad-CAM show what a model decides by: does it fall on the lesion, does the prediction fall with what it marks, and does another training seed give the same map?",
  did: "ResNet-50, ResNet-101, DenseNet-161, EfficientNet-B0 and ViT-Base-Patch16-224, trained on IQ-OTH/NCCD with a 60:20:20 split; classification, Grad-CAM pictures, and three measures: LocAcc, Faith, Consist.",
  differs: [
    "The paper defines LocAcc, Faith and Consist and prints no value of them: there are none to compare with.",
    "The public copy has 1,097 slices where the paper has 1,190, no masks, no official split and no patient of a slice: LocAcc needs masks of your own, and slices of one patient may be on both sides of any split.",
    "Removed pixels take the mean colour of the model’s card; the paper multiplies by 0, which is black (eq. 5).",
    "Of a transformer, Grad-CAM reads the tokens before the last block, laid on their grid; the paper does not say which layer it took.",
    "Consist compares maps of the same class alone, and needs two seeds of an architecture.",
    "Controls that cannot know the model are run beside Grad-CAM: a map that does not beat them is marked.",
    "Inference time is that of one image alone in its batch, on the machine that ran the study.",
  ],
  axes: [
    { id: "architecture", title: "Architecture" },
    { id: "seed", title: "Seed" },
  ],
  // the paper names no seeds; two of each are what Consist needs
  wanted: grid({ architecture: architectures }),
  offered: grid({ architecture: architectures, seed: [1, 2] }),
  template: ({ architecture, seed }) => ({
    model: `models/${architecture}-seed-${seed}.onnx`,
    data: "iq-othnccd",
    dataDir: "iq-othnccd",
    split: "iq-othnccd-test.txt",
  }),
  firstLook: {
    samples: 8,
    cells: ["resnet", "densenet", "vit", "clip"].map((architecture) => ({
      model: `cxr-${architecture}`,
      labels: { architecture, seed: 0 },
    })),
  },
  computes: () => ({
    methods: [method, ...controlIds],
    metrics: ["faith", "loc-acc"],
    pictures: images,
    regions: true,
  }),
  times: true,
  compares: true,
  analyse,
});

/** An architecture with its seeds, the lowest first. */
interface Group {
  readonly architecture: string;
  readonly runs: readonly StudyRun[];
}

function analyse(found: Found): readonly Section[] {
  const groups = valuesOf("architecture", found.runs, gradfaithCam).map((architecture): Group => {
    const own = found.runs.filter(({ labels }) => String(labels.architecture) === architecture);
    const seedOf = ({ labels }: StudyRun) => Number(labels.seed ?? 0);
    return { architecture, runs: [...own].sort((a, b) => seedOf(a) - seedOf(b)) };
  });
  return [classification(groups), faithfulness(groups), consistency(groups, found), ...montage(groups)];
}

/** One seed as it is, its interval over images; several as their mean, its interval over seeds. */
const overSeeds = (values: readonly Estimate[]): Estimate =>
  values.length === 1
    ? values[0]
    : meanOver(
        values.map(({ value }) => value),
        "seeds",
      );

const ofN = "n and intervals: images, where an architecture has one seed; seeds, where it has several.";

const nameOf = ({ architecture, runs }: Group): string =>
  runs.length > 1 ? `${architecture}, ${runs.length} seeds` : architecture;

const titles: Readonly<Record<ClassScore, string>> = {
  sensitivity: "Sensitivity (recall)",
  specificity: "Specificity",
  precision: "Precision",
  macroF1: "F1-score",
  accuracy: "Accuracy",
};

function classification(groups: readonly Group[]): Section {
  const estimates = new Map<StudyRun, ReturnType<typeof classEstimates>>();
  const gaps: string[] = [];
  for (const run of groups.flatMap(({ runs }) => runs)) {
    const { confusion } = run.result.quality;
    if (confusion === null) gaps.push(`${run.id}: a multi-label model has no confusion matrix`);
    else estimates.set(run, classEstimates(confusion));
  }
  const timed = groups.flatMap(({ runs }) => runs.flatMap(({ time }) => time ?? []));
  const table: Table = {
    kind: "table",
    id: "quality",
    title: "Scores",
    says: "Macro averages over the classes, on every image of the split. Of two classes, sensitivity, specificity and precision are class 1’s.",
    of: "Architecture",
    columns: [
      ...classScores.map((id): Column => ({ id, title: titles[id], better: "higher", decimals: 3 })),
      { id: "ms", title: "Inference, ms per image", better: "lower" },
    ],
    rows: groups.map((group) => ({
      label: nameOf(group),
      values: [
        ...classScores.map((score): Estimate => {
          const own = group.runs.flatMap((run) => estimates.get(run)?.[score] ?? []);
          return own.length === 0 ? none("multi-label") : overSeeds(own);
        }),
        timeOf(group),
      ],
    })),
    notes: [
      ofN,
      ...(timed.length > 0
        ? [
            `Inference: median of ${timed[0].passes} passes of one image, with their middle 95 %, on ${[...new Set(timed.map(({ device }) => device))].join("; ")}.`,
          ]
        : []),
    ],
  };
  const matrices: Confusions = {
    kind: "confusions",
    id: "confusion",
    title: "Confusion matrices",
    says: "Images of each true class (rows) by the class predicted, darker for a larger share of the row; seeds added up.",
    panels: groups.flatMap((group) => {
      const own = group.runs.flatMap(({ result }) =>
        result.quality.confusion === null ? [] : [result.quality.confusion],
      );
      const [{ result }] = group.runs;
      if (own.length === 0) return [];
      return [
        {
          title: nameOf(group),
          classes: own[0].map((_, c) => result.data.classNames?.[c] ?? `class ${c}`),
          counts: own[0].map((row, r) =>
            row.map((_, c) => own.reduce((sum, counts) => sum + counts[r][c], 0)),
          ),
        },
      ];
    }),
  };
  return {
    id: "classification",
    title: "Classification",
    says: "How good the models are whose maps are looked at. Slices of one patient are taken for independent, so that intervals are too narrow where they are not.",
    blocks: [table, matrices],
    gaps,
  };
}

function timeOf({ runs }: Group): Estimate {
  const times = runs.flatMap(({ time }) => time ?? []);
  if (times.length === 0) return none("not measured");
  const [{ ms, low, high, passes }] = times;
  return times.length === 1
    ? { value: ms, interval: [low, high], n: passes }
    : meanOver(
        times.map((time) => time.ms),
        "seeds",
      );
}

function faithfulness(groups: readonly Group[]): Section {
  const metrics = ["loc-acc", "faith"];
  const table = (metric: string): Table => {
    const { title, better, limits } = metricOf(metric);
    const estimate = (group: Group, id: string) =>
      overSeeds(group.runs.map((run) => cellOf(run, id, metric)));
    return {
      kind: "table",
      id: metric,
      title,
      says: limits,
      of: "Architecture",
      columns: [
        { id: method, title: methodOf(method).title, better, decimals: 3 },
        { id: "gate", title: "Beats every control" },
        ...controlIds.map((id): Column => ({ id, title: methodOf(id).title, better, decimals: 3 })),
      ],
      rows: groups.map((group) => ({
        label: nameOf(group),
        values: [
          estimate(group, method),
          gateOf(group, metric),
          ...controlIds.map((id) => estimate(group, id)),
        ],
      })),
      notes: [ofN],
    };
  };
  return {
    id: "faithfulness",
    title: "Localisation and faithfulness",
    says: "LocAcc: the share of the lesion under the map, where there are masks. Faith: how far the probability falls when what the map marks is removed.",
    blocks: metrics.filter((metric) => groups.some((group) => measures(group, metric))).map(table),
    gaps: groups.flatMap((group) =>
      metrics
        .filter((metric) => !measures(group, metric))
        .map(
          (metric) =>
            `${group.architecture}: no ${metricOf(metric).title}${metric === "loc-acc" ? ": the data has no masks, or it was not asked for" : ": it was not asked for"}`,
        ),
    ),
  };
}

const measures = ({ runs }: Group, metric: string): boolean =>
  runs.some(({ result }) => result.metrics.some(({ id }) => id === metric));

function gateOf({ runs }: Group, metric: string): Value {
  const gates = runs.flatMap(
    ({ result }) =>
      result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric)?.gate ?? [],
  );
  if (gates.length === 0 || gates.some(({ passed }) => passed === null)) return "not known";
  const passed = gates.filter((gate) => gate.passed).length;
  if (gates.length > 1 && passed > 0 && passed < gates.length) return `${passed} of ${gates.length} seeds`;
  return passed > 0 ? "yes" : "no";
}

function consistency(groups: readonly Group[], { comparisons, notCompared }: Found): Section {
  const found = comparisons.flatMap((comparison) =>
    comparison.consistency.map((entry) => {
      const runs = comparison.models.find(({ id }) => id === entry.model)!.runs.map(({ sha256 }) => sha256);
      return { runs, entry };
    }),
  );
  const reasons = comparisons.flatMap((comparison) =>
    comparison.gaps.flatMap(({ metric, model, reason }) =>
      metric === "consistency" && model !== null ? [`${model}: ${reason}`] : [],
    ),
  );
  const gaps = [...reasons];
  const estimateOf = ({ architecture, runs }: Group, id: string): Estimate => {
    if (runs.length < 2) return none("needs two seeds");
    const own = found.find((entry) => runs.every(({ sha256 }) => entry.runs.includes(sha256)));
    const scores = own?.entry.methods.find((m) => m.method === id);
    if (scores === undefined) return none("its seeds could not be compared");
    if (scores.value === null) return none("no image has two maps of one class");
    const n = Math.min(...scores.pairs.map((pair) => pair.n));
    const range = scores.interval;
    return {
      value: scores.value,
      interval: range === null ? null : [range[0], range[1]],
      n,
      ...(range === null && { reason: `${architecture}: too few images` }),
    };
  };
  for (const group of groups) {
    const { value, reason } = estimateOf(group, method);
    if (value === null)
      gaps.push(
        `${group.architecture}: ${reason}${group.runs.length < 2 ? `, and has ${group.runs.length}` : ""}`,
      );
  }
  const several = groups.some(({ runs }) => runs.length > 1);
  const shown = [method, ...controlIds];
  return {
    id: "consistency",
    title: "Consistency over seeds",
    says: "Consist: mean overlap (IoU) of the regions of two training seeds, where relevance is at least 0.5, on images of which both predict the same class. A map that ignores the model is perfectly consistent, so the controls stand beside it.",
    blocks: several
      ? [
          {
            kind: "table",
            id: "consist",
            title: "Consist",
            of: "Architecture",
            columns: shown.map(
              (id): Column => ({ id, title: methodOf(id).title, better: "higher", decimals: 3 }),
            ),
            rows: groups.map((group) => ({
              label: nameOf(group),
              values: shown.map((id) => estimateOf(group, id)),
            })),
            notes: ["n: images, of the pair of seeds that has the fewest; intervals over groups of images."],
          },
        ]
      : [],
    gaps: [...gaps, ...(several ? notCompared : [])],
  };
}

/** The lowest seed of each architecture, on the images that the first of them shows. */
function montage(groups: readonly Group[]): Section[] {
  const shown = groups.filter(({ runs }) => runs[0].sheets.length > 0);
  if (shown.length === 0) return [];
  const columns = shown.map(({ architecture, runs }) => ({ architecture, sheets: runs[0].sheets }));
  const block: Montage = {
    kind: "montage",
    id: "maps",
    title: "Grad-CAM side by side",
    says: "Stronger colour for more relevance, each map on its own scale. Under each: the class predicted, which is the one explained, and its probability.",
    columns: columns.map(({ architecture }) => architecture),
    rows: columns[0].sheets.slice(0, images).map(({ sample, annotated, input }, k) => ({
      label: `Image ${k + 1}, annotated ${annotated}`,
      input,
      tiles: columns.map(
        ({ sheets }) => sheets.find((sheet) => sheet.sample === sample)?.maps.get(method) ?? null,
      ),
    })),
  };
  return [
    {
      id: "montage",
      title: "Montage",
      says: "The same images through every model: what the paper shows in its figures 2 and 3. Pictures convince; the numbers above decide.",
      blocks: [block],
      gaps: [],
    },
  ];
}
