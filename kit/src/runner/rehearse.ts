/** A plan carried out without its model: the passes a run will take, shared work counted once, and the graphs it will ask for. */

import { graphOptionsFor } from "../autodiff/graph-options.ts";
import type { Dataset, Sample } from "../datasets/dataset.ts";
import type { Cost } from "../methods/method.ts";
import { type Feeds, type Model, type Program, sizesOf, type Wants } from "../model/model.ts";
import { float32 } from "../onnx/tensor.ts";
import { type Rng, rngOf } from "../rng.ts";
import { median } from "../stats/summary.ts";
import { block } from "./classify.ts";
import { execute, explainedClass } from "./execute.ts";
import { annotationOf, pixelsOf, type Resize } from "./pixels.ts";
import type { Plan } from "./plan.ts";
import { comparedWith } from "./unmet.ts";

/** How often a graph is asked. */
export interface Work {
  readonly images: number;
  readonly calls: number;
  /** calls for a single image, which may run as two rows of a batch */
  readonly singles: number;
  /** images of the largest call */
  readonly largest: number;
}

/** What samples take; a backward pass counts as a forward one too. */
export interface Effort extends Cost {
  /** milliseconds outside the engines, which all of them share */
  readonly ms: number;
  /** by the names of tasks */
  readonly work: Readonly<Record<string, Work>>;
}

/** A graph of the model, as the run asks for it: the scores, gradients, or a method's own. */
export type Task = (model: Model, count: number) => Promise<void>;

export interface Rehearsal extends Effort {
  readonly tasks: Readonly<Record<string, Task>>;
}

/** A sample's place in the selection, and which of its annotated classes are explained beside the predicted one. */
export interface Asked {
  readonly position: number;
  /** the predicted class is annotated: its attributions are known */
  readonly known: boolean;
  /** annotated classes but the predicted one: they are explained too */
  readonly others: number;
  /** one of these is the next most probable class, which some metrics explain anyway */
  readonly second: boolean;
}

type Kind = Omit<Asked, "position">;
const plain: Kind = { known: false, others: 0, second: false };

/** What the samples at these positions are taken for where nothing is compared with an annotation. */
export const unannotated = (positions: readonly number[]): Asked[] =>
  positions.map((position) => ({ position, ...plain }));

export const comparesMasks = ({ metrics }: Plan): boolean =>
  metrics.some(({ metric }) => metric.needs.includes("mask"));

export interface SurveyOptions {
  readonly model: Model;
  readonly dataset: Pick<Dataset, "read">;
  readonly plan: Plan;
  readonly selected: readonly string[];
  readonly positions: readonly number[];
  readonly resize: Resize;
  /** milliseconds */
  readonly now: () => number;
}

/** Samples that are read where only the time of reading is of interest. */
const fewSamples = 16;

/**
 * Which classes of the samples will be explained: a wrong prediction costs more where masks are compared, since the annotated class is
 * then another. Takes a forward pass of each sample where that matters.
 *
 * @returns  `ms`: of reading one image, as a rule
 */
export async function survey({
  model,
  dataset,
  plan,
  selected,
  positions,
  resize,
  now,
}: SurveyOptions): Promise<{ readonly asked: Asked[]; readonly ms: number }> {
  const { shape } = model;
  const matters = comparesMasks(plan);
  const wanted = matters ? positions : positions.slice(0, fewSamples);
  const found = new Map<string, Kind>();
  const times: number[] = [];
  let start = now();
  for await (const sample of dataset.read(wanted.map((at) => selected[at]))) {
    const x = pixelsOf(sample.image, shape, resize);
    times.push(now() - start);
    if (matters) {
      const annotated = sample.labels.filter((label) => annotationOf(sample, label, shape, resize));
      await model.forward(
        1,
        (_, out) => out.set(x.data),
        (_, logits) => {
          const predicted = explainedClass(model, logits);
          const others = annotated.filter((label) => label !== predicted);
          const second = others.includes(runnerUp(logits, predicted) ?? -1);
          found.set(sample.id, { known: others.length < annotated.length, others: others.length, second });
        },
      );
    }
    start = now();
  }
  const asked = positions.map((position) => ({
    position,
    ...(found.get(selected[position]) ?? plain),
  }));
  return { asked, ms: median(times) ?? 0 };
}

/**
 * Passes as they will be: the plan is carried out on a model that answers with noise, once for each kind of sample there is. What only real
 * maps can tell is not known: a map that is zero is not asked about further, and where a randomised model's is, another is drawn.
 *
 * @param now  milliseconds
 */
export async function rehearse(
  plan: Plan,
  model: Model,
  asked: readonly Asked[],
  now: () => number,
): Promise<Rehearsal> {
  const stage = stageOf(plan, model, now);
  const reach = reachOf(plan);
  const rehearsed = new Map<string, Effort>();
  const effortOf = async (late: boolean, kind: Kind): Promise<Effort> => {
    const key = JSON.stringify([late, kind]);
    const made = rehearsed.get(key) ?? (await stage.sample(late ? reach : 0, kind));
    rehearsed.set(key, made);
    return made;
  };
  let total = nothing;
  for (const { position, known, others, second } of asked) {
    const late = position >= reach;
    total = plus(total, await effortOf(late, { known, others: Math.min(others, 1), second }));
    if (others < 2) continue;
    // each further class is explained as one that nothing else asks for
    const none = await effortOf(late, { known, others: 0, second: false });
    const one = await effortOf(late, { known, others: 1, second: false });
    total = plus(total, minus(one, none), others - 1);
  }
  return { ...total, tasks: stage.tasks };
}

/** The first sample that not every metric scores, or not every method explains. */
const reachOf = ({ methods, metrics, samples }: Plan): number =>
  Math.min(...[...methods, ...metrics].map((m) => m.samples), samples);

const nothing: Effort = { forwards: 0, backwards: 0, ms: 0, work: {} };
const noWork: Work = { images: 0, calls: 0, singles: 0, largest: 0 };

/** a + times · b */
export function plus(a: Effort, b: Effort, times = 1): Effort {
  const names = new Set([...Object.keys(a.work), ...Object.keys(b.work)]);
  const both = (name: string): Work => {
    const [x, y] = [a.work[name] ?? noWork, b.work[name] ?? noWork];
    return {
      images: x.images + times * y.images,
      calls: x.calls + times * y.calls,
      singles: x.singles + times * y.singles,
      largest: Math.max(x.largest, y.largest),
    };
  };
  return {
    forwards: a.forwards + times * b.forwards,
    backwards: a.backwards + times * b.backwards,
    ms: a.ms + times * b.ms,
    work: Object.fromEntries([...names].map((name) => [name, both(name)])),
  };
}
const minus = (a: Effort, b: Effort): Effort => plus(a, b, -1);

/** What it takes to classify so many images. @param ms  of reading one */
export const classifying = (images: number, ms: number): Effort => ({
  forwards: images,
  backwards: 0,
  ms: images * ms,
  work: {
    forward: {
      images,
      calls: Math.ceil(images / block),
      singles: Number(images % block === 1),
      largest: Math.min(images, block),
    },
  },
});

/** Milliseconds below which it is done thrice and the best counts: code that runs for the first time is slow. */
const cold = 1000;

/** A model without its mathematics, and samples to carry out the plan on. */
function stageOf(plan: Plan, model: Model, now: () => number) {
  const tasks: Record<string, Task> = { forward };
  const spent = { forwards: 0, backwards: 0 };
  let work: Record<string, Work> = {};
  let building = 0;
  const count = (name: string, images: number, task: Task) => {
    tasks[name] ??= task;
    const { images: before, calls, singles, largest } = work[name] ?? noWork;
    work[name] = {
      images: before + images,
      calls: calls + 1,
      singles: singles + Number(images === 1),
      largest: Math.max(largest, images),
    };
  };
  const build = <T>(make: () => T): T => {
    const start = now();
    const made = make();
    building += now() - start;
    return made;
  };
  const stand = standIn(model, spent, count, build);
  const { height, width } = model.shape;
  const map = float32([height, width], noise(rngOf("rehearsal", "map"), height * width));

  async function once(position: number, kind: Kind): Promise<Effort> {
    Object.assign(spent, { forwards: 0, backwards: 0 });
    work = {};
    building = 0;
    const start = now();
    await execute({
      model: stand,
      dataset: oneImage(model, kind),
      plan,
      selected: Array.from({ length: position + 1 }, (_, k) => `${k}`),
      following: Array.from({ length: comparedWith }, (_, k) => `following ${k}`),
      share: (at) => at === position,
      resize: { method: "bilinear" },
      readMap: async () => map,
    });
    return { ...spent, ms: now() - start - building, work };
  }
  return {
    tasks,
    async sample(position: number, kind: Kind): Promise<Effort> {
      let best = await once(position, kind);
      for (let k = 1; k < 3 && best.ms < cold; k++) {
        const again = await once(position, kind);
        if (again.ms < best.ms) best = again;
      }
      return best;
    },
  };
}

const ignore = () => {};
const forward: Task = (real, n) => real.forward(n, ignore, ignore);

/** Class 0 always wins, class 1 comes next. No answer is ever given twice, or maps would be zero and not be asked about further. */
function standIn(
  model: Model,
  spent: { forwards: number; backwards: number },
  count: (name: string, images: number, task: Task) => void,
  build: <T>(make: () => T) => T,
): Model {
  const { shape, classes, cam } = model;
  const rng = rngOf("rehearsal");
  /** windows of one noise, as long as asked */
  const source = (length: number) => {
    const shifts = 997;
    const whole = noise(rng, length === 0 ? 0 : length + shifts);
    return () => (length === 0 ? whole : whole.subarray(rng.integer(shifts)).subarray(0, length));
  };
  const scores = source(classes);
  const logits = () => {
    const values = scores().map((v) => -1 - Math.abs(v));
    for (let k = Math.min(2, classes) - 1; k >= 0; k--) values[k] = 1 - k + rng.uniform();
    return values;
  };
  const gradient = source(shape.channels * shape.height * shape.width);
  const layer = source(cam ? cam.channels * cam.rows * cam.columns : 0);
  const none = new Float32Array(0);
  const image = new Float32Array(shape.channels * shape.height * shape.width);
  const known = new Map<string, { feeds: Feeds; fetches: readonly (() => Float32Array)[] }>();
  const answersOf = (program: Program) => {
    const found = known.get(program.id);
    if (found) return found;
    const { input, ...parts } = model.prepared;
    const sizes = sizesOf(
      build(() => program.build({ ...parts, input: input.name, options: graphOptionsFor("cpu") })),
    );
    const made = {
      feeds: Object.fromEntries(
        Object.entries(sizes.feeds).map(([role, size]) => [role, new Float32Array(size)]),
      ),
      fetches: sizes.fetches.map(source),
    };
    known.set(program.id, made);
    return made;
  };
  const stand: Model = {
    ...model,
    passes: spent,
    async forward(images, fill, visit) {
      spent.forwards += images;
      count("forward", images, forward);
      for (let k = 0; k < images; k++) {
        fill(k, image);
        visit(k, logits());
      }
    },
    async backward(images, wants, fill, _, visit, others = wants) {
      spent.forwards += images;
      spent.backwards += images;
      const names = (w: Wants) => `${w.input ? "input " : ""}${w.layer ? "layer " : ""}`;
      const task: Task = (real, n) => real.backward(n, wants, ignore, () => 0, ignore, others);
      count(`gradient ${names(wants)}of ${names(others)}`, images, task);
      for (let k = 0; k < images; k++) {
        fill(k, image);
        visit(k, {
          logits: logits(),
          gradient: wants.input ? gradient() : none,
          activation: wants.layer ? layer() : none,
          activationGradient: wants.layer ? layer() : none,
        });
      }
    },
    async run(program, images, fill, visit) {
      spent.forwards += images * program.passes.forwards;
      spent.backwards += images * program.passes.backwards;
      count(`program ${program.id}`, images, (real, n) => real.run(program, n, ignore, ignore));
      const { feeds, fetches } = answersOf(program);
      for (let k = 0; k < images; k++) {
        fill(k, feeds);
        visit(
          k,
          fetches.map((fetch) => fetch()),
        );
      }
    },
    randomised: () => stand,
  };
  return stand;
}

/** The most probable class but one; undefined where there is none. */
function runnerUp(logits: Float32Array, best: number): number | undefined {
  let found: number | undefined;
  for (let k = 0; k < logits.length; k++) {
    if (k !== best && (found === undefined || logits[k] > logits[found])) found = k;
  }
  return found;
}

const noise = (rng: Rng, length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());

/** Annotated: class 0, which is predicted, if `known`, and as many others; with class 1, which comes next, or without. */
function oneImage({ shape }: Model, { known, others, second }: Kind): Pick<Dataset, "read"> {
  const { channels, height, width } = shape;
  const rng = rngOf("rehearsal", "image");
  const labels = [...(known ? [0] : []), ...Array.from({ length: others }, (_, k) => k + (second ? 1 : 2))];
  return {
    async *read(wanted = []) {
      for (const id of wanted) {
        const planes = channels === 1 ? 1 : 3;
        const sample: Sample = {
          id,
          group: id,
          labels,
          image: {
            channels: planes,
            height,
            width,
            data: Uint8Array.from({ length: planes * height * width }, () => rng.integer(256)),
          },
          ...(labels.length > 0 && {
            masks: [{ height, width, data: Uint8Array.from({ length: height * width }, (_, k) => k % 2) }],
          }),
          notes: [],
        };
        yield sample;
      }
    },
  };
}
