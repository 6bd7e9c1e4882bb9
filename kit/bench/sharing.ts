/**
 * What an evaluation saves by sharing: the runner, against each metric run on its own on maps that are there, against one method and metric
 * at a time. A pass is an image that goes through the model, once for its score and once more for a gradient.
 */
import { performance } from "node:perf_hooks";
import type { Sample } from "../src/datasets/dataset.ts";
import type { Engine } from "../src/engine/engine.ts";
import { createPool } from "../src/engine/pool.ts";
import { referenceOf } from "../src/methods/baseline.ts";
import { type AttributeOptions, attribute } from "../src/methods/method.ts";
import { asksRandomised, type Family, score } from "../src/metrics/metric.ts";
import { createModel, type Model } from "../src/model/model.ts";
import { prepare } from "../src/model/prepare.ts";
import { createProbe } from "../src/model/probe.ts";
import type { Float32Tensor } from "../src/onnx/tensor.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { type Rng, rngOf } from "../src/rng.ts";
import { execute, explainedClass, wantsOf } from "../src/runner/execute.ts";
import { pixelsOf } from "../src/runner/pixels.ts";
import { type Plan, type PlannedMethod, type PlannedMetric, plan } from "../src/runner/plan.ts";
import { comparedWith, unmetNeeds } from "../src/runner/unmet.ts";
import { standardMethods } from "../src/stats/summarise.ts";
import type { Source } from "./graphs.ts";

export const coreSix = [
  "infidelity",
  "max-sensitivity",
  "deletion-auc",
  "insertion-auc",
  "sparseness",
  "randomisation",
] as const;

export const budgets = { standard: "1", quick: "quick" } as const;
export type Budget = keyof typeof budgets;

/** The attributions themselves, or a family of metrics. */
export type Part = "maps" | Family;

export interface Tally {
  readonly passes: number;
  readonly milliseconds: number;
}

export type Tallies = Readonly<Partial<Record<Part, Tally>>>;

export interface Sharing {
  readonly model: string;
  readonly budget: Budget;
  readonly images: number;
  readonly methods: readonly string[];
  readonly metrics: readonly string[];
  readonly notApplicable: Readonly<Record<string, string>>;
  /** the runner */
  readonly shared: Tallies;
  /** every map once, then every metric on it with nothing known; draws one after the other */
  readonly metricByMetric: Tallies;
  /** the same with the map computed again for every metric: added up from the former, where nothing is shared either */
  readonly cellByCell: Tallies;
}

export interface SharingOptions {
  readonly memory: number;
  readonly budget: Budget;
  readonly images: number;
  readonly metrics: readonly string[];
}

const resize = { method: "bilinear" } as const;

/** @throws KitError where the model, or an id, is none */
export async function sharing(engine: Engine, source: Source, options: SharingOptions): Promise<Sharing> {
  const { memory, budget, images, metrics } = options;
  const model = createModel(prepare(source.read(), { preprocess: false }), {
    pool: createPool(engine),
    memory,
    provider: engine.info.provider,
  });
  const all = standardMethods.map(methodOf);
  const work = plan({
    protocol: protocolOf(budgets[budget]),
    methods: all,
    metrics: metrics.map(metricOf),
    shape: model.shape,
    available: images,
    annotated: false,
    unmet: unmetNeeds(model, all, comparedWith),
  });
  // sessions load, and graphs are made, before the clock runs
  const none = () => {};
  await model.forward(2, none, none);
  const wants = wantsOf(work);
  if (wants.input || wants.layer) {
    await model.backward(
      2,
      wants,
      (_, out) => out.set(pixelsOf(pictureOf("0", model), model.shape, resize).data),
      () => 0,
      none,
    );
  }
  const shared = await runnerTallies(model, work);
  const { maps, scores } = await separateTallies(oneByOne(model), work);
  return {
    model: source.name,
    budget,
    images: work.samples,
    methods: work.methods.filter((m) => m.notApplicable === undefined).map((m) => m.method.id),
    metrics: work.metrics.map((m) => m.metric.id),
    notApplicable: Object.fromEntries(
      work.methods.flatMap((m) => (m.notApplicable === undefined ? [] : [[m.method.id, m.notApplicable]])),
    ),
    shared,
    metricByMetric: { maps, ...scores },
    cellByCell: {
      maps: {
        passes: maps.passes * work.metrics.length,
        milliseconds: maps.milliseconds * work.metrics.length,
      },
      ...scores,
    },
  };
}

/** Adds up what each part takes. What runs inside something measured belongs to that. */
function meter(model: Model) {
  const found: Partial<Record<Part, { passes: number; milliseconds: number }>> = {};
  let open = false;
  const passes = () => model.passes.forwards + model.passes.backwards;
  return {
    found,
    async of<T>(part: Part, work: () => Promise<T>): Promise<T> {
      if (open) return work();
      open = true;
      const before = passes();
      const start = performance.now();
      try {
        return await work();
      } finally {
        open = false;
        found[part] ??= { passes: 0, milliseconds: 0 };
        found[part].passes += passes() - before;
        found[part].milliseconds += performance.now() - start;
      }
    },
  };
}

/** The plan as `evaluate` carries it out. */
async function runnerTallies(model: Model, work: Plan): Promise<Tallies> {
  const { of, found } = meter(model);
  const measured: Plan = {
    ...work,
    methods: work.methods.map((planned) => ({
      ...planned,
      method: {
        ...planned.method,
        attribute: (context) => of("maps", () => planned.method.attribute(context)),
      },
    })),
    metrics: work.metrics.map((planned) => ({
      ...planned,
      metric: {
        ...planned.metric,
        score: (context) => of(planned.metric.family, () => planned.metric.score(context)),
      },
    })),
  };
  await execute({
    model,
    dataset: { read: (ids = []) => pictures(ids, model) },
    plan: measured,
    selected: idsOf(0, work.samples),
    following: idsOf(work.samples, comparedWith),
    resize,
    failFast: true,
  });
  return found;
}

/** Every map once; then every metric on every map, at a probe that knows nothing. The randomised model is made once. */
async function separateTallies(
  model: Model,
  work: Plan,
): Promise<{ readonly maps: Tally; readonly scores: Tallies }> {
  const { of, found } = meter(model);
  const wants = wantsOf(work);
  const { seed } = work.protocol;
  const runnable = work.methods.filter((m) => m.notApplicable === undefined);
  const xs = idsOf(0, work.samples + comparedWith).map((id) =>
    pixelsOf(pictureOf(id, model), model.shape, resize),
  );
  const made = new Map<number, Model>();
  const randomised = (draw: number): Model => {
    const known =
      made.get(draw) ?? model.randomised(`randomised ${draw}`, rngOf(seed, "randomised weights", draw));
    made.set(draw, known);
    return known;
  };
  for (const [image, x] of xs.slice(0, work.samples).entries()) {
    const streams =
      (owner: string) =>
      (purpose: string): Rng =>
        rngOf(seed, `${image}`, owner, purpose);
    const options = ({ method, params }: PlannedMethod): AttributeOptions => ({
      params,
      rng: streams(method.id),
      others: async () => xs.slice(image + 1, image + 1 + comparedWith),
    });
    const target = explainedClass(model, await createProbe({ model, x, target: 0 }).logits());
    const fresh = () => createProbe({ model, x, target, wants });
    const maps = new Map<PlannedMethod, Float32Tensor>();
    for (const planned of runnable) {
      maps.set(planned, await of("maps", () => attribute(planned.method, fresh(), options(planned))));
    }
    // the randomised model last, so that no session is loaded twice
    const rank = ({ metric }: PlannedMetric) => Number(asksRandomised(metric));
    for (const { metric, params } of work.metrics.toSorted((a, b) => rank(a) - rank(b))) {
      for (const [planned, attribution] of maps) {
        const { method } = planned;
        await of(metric.family, () =>
          score(metric, fresh(), {
            params,
            attribution,
            rule: method.map,
            kind: method.kind,
            reference: referenceOf(method, planned.params),
            rng: streams("metric"),
            explain: (probe) => attribute(method, probe, options(planned)),
            randomised,
            cost: method.cost(planned.params, model.shape),
          }),
        );
      }
    }
  }
  const { maps = { passes: 0, milliseconds: 0 }, ...scores } = found;
  return { maps, scores };
}

/** A model that answers one call after the other, so that no batch holds images of two. */
function oneByOne(model: Model): Model {
  let last: Promise<unknown> = Promise.resolve();
  const queued =
    <A extends unknown[]>(call: (...args: A) => Promise<void>) =>
    (...args: A): Promise<void> => {
      const next = last.then(() => call(...args));
      last = next.catch(() => {});
      return next;
    };
  return {
    ...model,
    forward: queued(model.forward),
    backward: queued(model.backward),
    run: queued(model.run),
    randomised: (...args) => oneByOne(model.randomised(...args)),
  };
}

const idsOf = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, k) => `${from + k}`);

async function* pictures(ids: readonly string[], model: Model): AsyncGenerator<Sample> {
  for (const id of ids) yield { id, group: id, labels: [0], image: pictureOf(id, model), notes: [] };
}

/** Waves in two directions, others for every id. */
function pictureOf(id: string, { shape: { channels: all, height, width } }: Model): Sample["image"] {
  const channels = all === 1 ? 1 : 3;
  const k = Number(id) + 1;
  const data = Uint8Array.from({ length: channels * height * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width) / height, (i % width) / width];
    return 127.5 + 127 * Math.sin(9 * k * row) * Math.cos(7 * column + k);
  });
  return { channels, height, width, data };
}

const sumOf = (tallies: Tallies): Tally => {
  const all = Object.values(tallies);
  return {
    passes: all.reduce((sum, t) => sum + t.passes, 0),
    milliseconds: all.reduce((sum, t) => sum + t.milliseconds, 0),
  };
};

/** A line for each part: passes and seconds of the runner, and how many times as much the two others take. */
export function sharingText(row: Sharing): string {
  const { model, budget, images, methods, metrics, notApplicable } = row;
  const parts = [...new Set([row.shared, row.metricByMetric].flatMap(Object.keys))] as Part[];
  const cell = (tally: Tally | undefined, own: Tally | undefined): string => {
    const { passes, milliseconds } = tally ?? { passes: 0, milliseconds: 0 };
    const times = (of: number, to: number) => (to > 0 ? `${(of / to).toFixed(2)}×` : "");
    const against = own ? [times(passes, own.passes), times(milliseconds, own.milliseconds)] : ["", ""];
    return [
      `${passes}`.padStart(9),
      against[0].padStart(7),
      (milliseconds / 1000).toFixed(1).padStart(9),
      against[1].padStart(7),
    ].join("");
  };
  const line = (name: string, [shared, separate, cells]: readonly (Tally | undefined)[]) =>
    `  ${name.padEnd(14)}${cell(shared, undefined)}${cell(separate, shared)}${cell(cells, shared)}`;
  const width = 32;
  return [
    `${model}, ${methods.length} methods × ${metrics.length} metrics, ${images} image${images > 1 ? "s" : ""}, budget ${budget}`,
    `  ${"".padEnd(14)}${["shared", "metric by metric", "cell by cell"].map((t) => t.padStart(width)).join("")}`,
    `  ${"".padEnd(14)}${"   passes              s       ".padEnd(width).repeat(3)}`.trimEnd(),
    ...parts.map((part) => line(part, [row.shared[part], row.metricByMetric[part], row.cellByCell[part]])),
    line("all", [row.shared, row.metricByMetric, row.cellByCell].map(sumOf)),
    ...Object.entries(notApplicable).map(([id, why]) => `  ${id}: not applicable: ${why}`),
  ].join("\n");
}
