import { differing } from "../comparison/models.ts";
import { interval, number } from "../format.ts";
import { methodOf, metricOf } from "../protocol/protocol.ts";
import { controlIds } from "../stats/expectation.ts";
import { mean } from "../stats/summary.ts";
import { boxOf } from "./box.ts";
import { meanOver, none } from "./estimates.ts";
import {
  type Check,
  checksOf,
  claims,
  losses,
  type Measure,
  margin,
  measures,
  notOurs,
  type Point,
  verdictOf,
} from "./explanation-aware-claims.ts";
import type { Boxes, Estimate, Montage, Row, Scatter, Section, Table } from "./findings.ts";
import { defineStudy, type Found, grid, type Labels, type Study, type StudyRun, valuesOf } from "./study.ts";

const explainers = ["grad-cam", "saliency"] as const;
const explained = measures.filter((measure) => measure !== "accuracy");
const images = 4;

const diseases = [
  "Cardiomegaly",
  "Pleural effusion",
  "Lung opacity",
  "Aortic enlargement",
  "Atelectasis",
  "Consolidation",
  "Pleural thickening",
];
const weights = [0.25, 0.5, 0.75, 1];
const architecture = "densenet-121";

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** Faruqui and Dubey, 2026: what does a model learn that is told in training where to look? */
export const explanationAware: Study = defineStudy({
  id: "explanation-aware",
  title: "Models that were told in training where to look",
  paper: "arXiv:2605.10054",
  question:
    "Does a loss on explanations bring maps onto the annotation, at what cost in accuracy, and how does that change with its weight α and its formulation?",
  did: "DenseNet-121 on seven diseases of VinDr-CXR, each a task of its own: cross-entropy alone, and seven losses on Grad-CAM with four weights each; accuracy, annotation coverage, top and all saliency precision.",
  differs: [
    "Models are explained here, not trained: bring ONNX files of models that were trained so. The labels of a cell say with which loss and weight.",
    "The paper prints its results as figures alone. There is no number to compare with; what it says of its figures is tested on these runs.",
    "Such a test compares the same diseases on both sides and resamples diseases. It says “holds” or “does not hold” only where the 95 % interval lies on one side, and “cannot be told” otherwise; seven diseases rarely decide a small effect.",
    `Accuracies are alike where the interval of their difference lies within ±${margin}: the paper calls about one per cent alike, and names no margin.`,
    "The paper thins out the negative images to the number of the positive ones. Here the split decides: give a file with the ids of yours.",
    "The four models of cross-entropy alone that the paper has of a disease differ by chance only; here it is one.",
    "A model of several classes gives a point for each of them. Where it has to choose one, its accuracy is one number, without an interval: of a class against the rest it would be higher the more classes there are.",
    "Of a map that is half empty the threshold of eq. 5 selects every pixel; here a pixel without relevance is never salient.",
    "Plain gradients are scored beside Grad-CAM, by which the paper trains and measures alike, and controls that cannot know the model beside both.",
  ],
  axes: [
    { id: "architecture", title: "Architecture" },
    { id: "loss", title: "Loss" },
    { id: "alpha", title: "α" },
    { id: "disease", title: "Disease" },
  ],
  wanted: [
    ...grid({ architecture: [architecture], loss: ["none"], alpha: [0], disease: diseases }),
    ...grid({ architecture: [architecture], loss: losses, alpha: weights, disease: diseases }),
  ],
  template: ({ loss, alpha, disease }) => ({
    model: `models/${loss}${loss === "none" ? "" : `-alpha-${alpha}`}-${slug(String(disease))}.onnx`,
    data: "vindr-cxr",
    dataDir: "vindr-cxr",
    split: `${slug(String(disease))}-test.txt`,
  }),
  firstLook: {
    samples: 32,
    cells: [
      { loss: "none", alpha: 0 },
      { loss: "input-gradient", alpha: 1 },
    ].map(({ loss, alpha }) => ({
      model: `cxr-resnet-alpha-${alpha}`,
      labels: { architecture: "resnet", loss, alpha, disease: "all" },
    })),
  },
  computes: () => ({ methods: [...explainers, ...controlIds], metrics: explained, pictures: images }),
  analyse,
});

/** Models of all diseases with one architecture, loss and weight. */
interface Group {
  readonly name: string;
  readonly architecture: string;
  readonly loss: string;
  readonly alpha: number;
  readonly runs: readonly StudyRun[];
}

function analyse(found: Found): readonly Section[] {
  const architectures = valuesOf("architecture", found.runs, explanationAware);
  const called = found.runs.map(({ labels }) => ({ labels: { loss: taughtBy(labels).loss } }));
  const order = ["none", ...valuesOf("loss", called, explanationAware)];
  const trained = found.runs.map((run) => ({ run, ...taughtBy(run.labels) }));
  const weightsThere = [...new Set(trained.map(({ alpha }) => alpha))].sort((a, b) => a - b);
  const groups = grid({
    architecture: architectures,
    loss: [...new Set(order)],
    alpha: weightsThere,
  }).flatMap(({ architecture: own, loss, alpha }): Group[] => {
    const runs = trained.flatMap(({ run, ...by }) =>
      String(run.labels.architecture) === own && by.loss === loss && by.alpha === alpha ? [run] : [],
    );
    const training = { loss: String(loss), alpha: Number(alpha) };
    const name = [...(architectures.length > 1 ? [own] : []), lossName(training.loss, training.alpha)].join(
      ", ",
    );
    return runs.length === 0 ? [] : [{ name, architecture: String(own), ...training, runs }];
  });
  const pointsOf = (method: string) =>
    new Map(groups.map((group) => [group, pointsIn(group, method)] as const));
  const [cam, gradient] = explainers.map(pointsOf);
  return [
    boxesSection("boxes", "Over diseases", "grad-cam", cam, ["accuracy", ...explained]),
    tradeOffSection(groups, [cam, gradient]),
    boxesSection("gradients", "Another explanation", "saliency", gradient, explained),
    claimsSection([...cam.values()].flat()),
    ...montage(groups),
  ];
}

/** A weight of 0 is no loss, whatever it is called. */
function taughtBy({ loss, alpha }: Labels): { readonly loss: string; readonly alpha: number } {
  const weight = Number(alpha);
  const own = slug(String(loss));
  return weight > 0 && own !== "none" ? { loss: own, alpha: weight } : { loss: "none", alpha: 0 };
}

const lossName = (loss: string, alpha: number): string =>
  loss === "none" ? "cross-entropy alone" : `${loss}, α ${alpha}`;

const titleOf = (measure: Measure): string => (measure === "accuracy" ? "Accuracy" : metricOf(measure).title);

interface RunPoint extends Point {
  readonly run: StudyRun;
}

/** The classes that are diseases: of two that exclude each other, the second is the first's absence. */
function diseasesOf({ quality }: StudyRun["result"]): readonly number[] {
  const { perClass, confusion } = quality;
  return perClass.length === 2 && confusion !== null ? [1] : [...perClass.keys()];
}

/** Does the model choose one of several diseases? */
const choosesOne = ({ result }: StudyRun): boolean =>
  result.quality.confusion !== null && diseasesOf(result).length > 1;

/** Its classes have no names by which another model's could be found. */
const isNameless = ({ result }: StudyRun): boolean =>
  result.data.classNames === null && diseasesOf(result).length > 1;

/** Of a model of one disease that disease, of another each of its classes. */
function pointsIn(
  { runs, ...group }: Pick<Group, "runs" | "architecture" | "loss" | "alpha">,
  method: string,
): RunPoint[] {
  return runs.flatMap((run) => {
    const { labels, result, rows } = run;
    const { perClass } = result.quality;
    const own = diseasesOf(result);
    const oneOfSeveral = choosesOne(run);
    return own.map((c): RunPoint => {
      const scores = (metric: string) =>
        mean(
          rows.flatMap((row) =>
            row.method === method && row.targetKind === "annotated" && row.target === c
              ? (row.scores[metric] ?? [])
              : [],
          ),
        );
      return {
        ...{ architecture: group.architecture, loss: group.loss, alpha: group.alpha },
        run,
        oneOfSeveral,
        // a name that no other model's class has, where it has none
        disease:
          own.length > 1
            ? (result.data.classNames?.[c] ?? `class ${c} of ${run.id}`)
            : String(labels.disease),
        values: {
          accuracy: oneOfSeveral ? null : perClass[c].accuracy,
          "annotation-coverage": scores("annotation-coverage"),
          "top-saliency-precision": scores("top-saliency-precision"),
          "all-saliency-precision": scores("all-saliency-precision"),
        },
      };
    });
  });
}

type Points = ReadonlyMap<Group, readonly RunPoint[]>;

interface Known {
  readonly disease: string;
  readonly value: number | null;
}

/** Of each disease; the accuracy of a model that chooses one of several is that of all its classes together. */
function valuesIn(points: readonly RunPoint[], measure: Measure): Known[] {
  const own = points.filter(({ oneOfSeveral }) => measure !== "accuracy" || !oneOfSeveral);
  const together = new Set(points.filter((point) => !own.includes(point)).map(({ run }) => run));
  return [
    ...own.map(({ disease, values }) => ({ disease, value: values[measure] })),
    ...[...together].map(({ labels, result }) => ({
      disease: String(labels.disease),
      value: result.quality.accuracy,
    })),
  ];
}

function boxesSection(
  id: string,
  title: string,
  method: string,
  points: Points,
  shown: readonly Measure[],
): Section {
  const gaps: string[] = [];
  const blocks = shown.map((measure): Boxes => {
    const better = measure === "accuracy" ? "higher" : metricOf(measure).better;
    const rows = [...points].map(([{ name }, own]) => {
      const values = valuesIn(own, measure);
      const known = values.flatMap(({ disease, value }) =>
        value === null ? [] : [{ label: disease, value }],
      );
      const open = values.filter(({ value }) => value === null).map(({ disease }) => disease);
      if (open.length > 0) gaps.push(`${titleOf(measure)}: none of ${name} on ${open.join(", ")}`);
      return { label: name, points: known, box: boxOf(known.map(({ value }) => value)) };
    });
    return {
      kind: "boxes",
      id: `${id}-${measure}`,
      title: measure === "accuracy" ? "Accuracy" : `${titleOf(measure)}, ${methodOf(method).title}`,
      ...(measure !== "accuracy" && { says: metricOf(measure).limits }),
      of: "Model",
      over: "diseases",
      x: { id: measure, title: titleOf(measure), better, decimals: 3 },
      rows: measure === "accuracy" ? rows : [...rows, ...controlRows(points, measure)],
    };
  });
  return {
    id,
    title,
    says:
      id === "boxes"
        ? "A box for each model, a point for each disease: the box holds the middle half, the line in it is the median, the cross the mean; whiskers reach to the farthest point within one and a half boxes."
        : "The same by the gradient at the pixels. The paper’s losses train Grad-CAM; that of the first look trains this. Where guiding brings one kind of map onto the annotation and not another, it has changed that map rather than what the model looks at.",
    blocks,
    gaps,
  };
}

/** Each disease averaged over models: a control does not ask them. */
function controlRows(points: Points, measure: Measure): Boxes["rows"] {
  return controlIds.flatMap((id) => {
    const own = [...points.keys()].flatMap((group) => pointsIn(group, id));
    const known = [...new Set(own.map(({ disease }) => disease))].flatMap((disease) => {
      const value = mean(
        own.flatMap((point) => (point.disease === disease ? (point.values[measure] ?? []) : [])),
      );
      return value === null ? [] : [{ label: disease, value }];
    });
    // a map that the metric never scores has no row
    if (known.length === 0) return [];
    return [
      {
        label: methodOf(id).title,
        note: "control",
        points: known,
        box: boxOf(known.map(({ value }) => value)),
      },
    ];
  });
}

function overDiseases(points: readonly RunPoint[], measure: Measure): Estimate {
  const values = valuesIn(points, measure).map(({ value }) => value);
  const estimate = meanOver(values, "diseases");
  return measure === "accuracy" && estimate.value !== null && points.some(({ oneOfSeveral }) => oneOfSeveral)
    ? { ...estimate, interval: null, reason: "no interval: the classes are one model’s on the same images" }
    : estimate;
}

/** A panel for each loss, so that its weights are a line; all of a measure on the same axes. */
function tradeOffSection(groups: readonly Group[], byExplainer: readonly Points[]): Section {
  const architectures = [...new Set(groups.map((group) => group.architecture))];
  const guided = [...new Set(groups.flatMap(({ loss }) => (loss === "none" ? [] : [loss])))];
  const alphas = [...new Set(groups.map(({ alpha }) => alpha))].sort((a, b) => a - b);
  const at = (own: string, loss: string) =>
    alphas.map((alpha) =>
      groups.find(
        (g) => g.architecture === own && g.alpha === alpha && g.loss === (alpha === 0 ? "none" : loss),
      ),
    );
  const lines = architectures.flatMap((own) =>
    guided.map((loss) => ({
      name: [...(architectures.length > 1 ? [own] : []), loss].join(", "),
      models: at(own, loss),
    })),
  );
  const missing = none("no such model");
  const scatters = explained.map((measure): Scatter => {
    const { title, better } = metricOf(measure);
    return {
      kind: "scatter",
      id: `trade-off-${measure}`,
      title: `Accuracy against ${title.toLowerCase()}`,
      x: { id: measure, title, better, decimals: 3 },
      y: { id: "accuracy", title: "Accuracy", better: "higher", decimals: 3 },
      points: alphas.map((alpha) => (alpha === 0 ? "cross-entropy alone" : `α ${alpha}`)),
      joined: true,
      panels: byExplainer.flatMap((points, e) =>
        lines.map(({ name, models }) => ({
          title: `${name}, ${methodOf(explainers[e]).title}`,
          at: models.map((group) =>
            group === undefined
              ? { x: missing, y: missing }
              : {
                  x: overDiseases(points.get(group)!, measure),
                  y: overDiseases(points.get(group)!, "accuracy"),
                },
          ),
        })),
      ),
    };
  });
  return {
    id: "trade-off",
    title: "Trade-off",
    says: "Means over diseases; the upper right corner is best. A line begins at cross-entropy alone, where that is there, and goes through the weights of one loss. Bars: 95 % intervals, over diseases, of three or more.",
    blocks: guided.length === 0 ? [] : scatters,
    gaps: [
      ...(guided.length === 0 ? ["no guided model is there"] : []),
      ...lines.flatMap(({ name, models }) =>
        models.filter((group) => group !== undefined).length === 1
          ? [`${name}: no line through one weight`]
          : [],
      ),
    ],
  };
}

/** The numbers that were decided by, or why there are none. */
function whyOf(checks: readonly Check[]): string {
  const reasons = [...new Set(checks.flatMap(({ difference: { reason } }) => reason ?? []))];
  if (reasons.length > 0) return reasons.join("; ");
  return checks
    .map(({ measure, words, difference: { value, interval: range, n } }) =>
      [
        `${titleOf(measure).toLowerCase()}, ${words}: ${number(value, 3)}`,
        ...(range === null ? [] : [interval(range, 3)]),
        `n ${n}`,
      ].join(" "),
    )
    .join("; ");
}

const wants = { above: "above 0", below: "below 0", near: `within ±${margin}` };

/** What can be set beside each other: of each disease, models of the same images. */
function comparable(points: readonly RunPoint[]): {
  readonly points: readonly RunPoint[];
  readonly gaps: readonly string[];
} {
  const gaps: string[] = [];
  const nameless = new Set(points.filter(({ run }) => isNameless(run)).map(({ run }) => run.id));
  for (const id of nameless)
    gaps.push(`${id}: the data is private, so its classes have no names to find them by in another model`);
  const named = points.filter(({ run }) => !nameless.has(run.id));
  const keyOf = ({ architecture, disease }: RunPoint) => JSON.stringify([architecture, disease]);
  const kept = [...new Set(named.map(keyOf))].flatMap((key) => {
    const own = named.filter((point) => keyOf(point) === key);
    const differences = differing(own.map(({ run }) => run));
    if (differences.length === 0) return own;
    gaps.push(`${own[0].disease}: left out, since its runs are not of the same: ${differences.join("; ")}`);
    return [];
  });
  return { points: kept, gaps };
}

function claimsSection(all: readonly RunPoint[]): Section {
  const { points, gaps } = comparable(all);
  // what is decided first, the rest as the paper has it
  const tested = claims
    .map((claim) => ({ claim, checks: checksOf(claim, points) }))
    .map((own) => ({ ...own, verdict: verdictOf(own.checks) }))
    .sort((a, b) => Number(a.verdict === "cannot be told") - Number(b.verdict === "cannot be told"));
  const verdicts: Table = {
    kind: "table",
    id: "verdicts",
    title: "What the paper says, and these runs",
    of: "Claim",
    columns: [
      { id: "verdict", title: "Here" },
      { id: "why", title: "Because" },
    ],
    rows: [
      ...tested.map(
        ({ claim: { text, where }, checks, verdict }): Row => ({
          label: text,
          note: where,
          values: [verdict, whyOf(checks)],
        }),
      ),
      ...notOurs.map(({ text, reason }): Row => ({ label: text, values: ["cannot be told", reason] })),
    ],
  };
  const known = tested.flatMap(({ claim, checks }) =>
    checks.flatMap((check) => (check.difference.value === null ? [] : [{ claim, check }])),
  );
  const numbers: Table = {
    kind: "table",
    id: "compared",
    title: "The numbers behind",
    says: "Differences between the same diseases; n and intervals: diseases. A claim holds where each of its differences does, and does not where one is against it.",
    of: "Claim",
    columns: [
      { id: "measure", title: "Measure" },
      { id: "words", title: "Difference of" },
      { id: "difference", title: "Difference", decimals: 3 },
      { id: "wants", title: "Claimed" },
      { id: "verdict", title: "Here" },
    ],
    rows: known.map(({ claim, check }) => ({
      label: claim.id,
      values: [titleOf(check.measure), check.words, check.difference, wants[check.wants], check.verdict],
    })),
  };
  return {
    id: "claims",
    title: "Do the paper’s findings hold here?",
    says: "By Grad-CAM, as in the paper. What is claimed of numbers that are not there cannot be told. Intervals are over diseases: of few of them they are too narrow.",
    blocks: known.length === 0 ? [verdicts] : [verdicts, numbers],
    gaps,
  };
}

/** Of one disease, as far as models fit beside each other: the same images, through cross-entropy alone and the largest weights. */
function montage(groups: readonly Group[]): Section[] {
  const most = 6;
  const disease = groups[0]?.runs[0]?.labels.disease;
  const shown = groups
    .flatMap(({ name, runs, ...group }) =>
      runs
        .filter(({ labels, sheets }) => labels.disease === disease && sheets.length > 0)
        .slice(0, 1)
        .map(({ sheets }) => ({ ...group, name, sheets })),
    )
    .filter(({ loss, alpha }, _, all) => all.every((other) => other.loss !== loss || other.alpha <= alpha))
    .slice(0, most);
  if (shown.length === 0) return [];
  const columns = shown.flatMap(({ name, sheets }) =>
    explainers.map((method) => ({ title: `${name}: ${methodOf(method).title}`, method, sheets })),
  );
  const block: Montage = {
    kind: "montage",
    id: "maps",
    title: "Maps side by side",
    says: "Stronger colour for more relevance, each map on its own scale. Under each: the class predicted, which is the one explained, and its probability.",
    columns: columns.map(({ title }) => title),
    rows: shown[0].sheets.slice(0, images).map(({ sample, annotated, input }, k) => ({
      label: `Image ${k + 1}, annotated ${annotated}`,
      input,
      tiles: columns.map(
        ({ method, sheets }) => sheets.find((sheet) => sheet.sample === sample)?.maps.get(method) ?? null,
      ),
    })),
  };
  return [
    {
      id: "montage",
      title: "Montage",
      says: "What the paper’s figure 3 shows of one disease. Pictures convince; the numbers above decide.",
      blocks: [block],
      gaps: [],
    },
  ];
}
