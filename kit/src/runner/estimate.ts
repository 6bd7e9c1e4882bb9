/** What a run will cost, before it starts: passes by a rehearsal, seconds by a short calibration, memory from the graph. */

import { graphOptionsFor } from "../autodiff/graph-options.ts";
import type { Dataset, Sample } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import type { Cost } from "../methods/method.ts";
import { type Feeds, type Model, type Program, sizesOf, type Wants } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import { shapeAt } from "../onnx/shapes.ts";
import { float32, sizeOf } from "../onnx/tensor.ts";
import { type Rng, rngOf } from "../rng.ts";
import { execute, wantsOf } from "./execute.ts";
import type { Plan } from "./plan.ts";
import { comparedWith } from "./unmet.ts";

/** What samples take; a backward pass counts as a forward one too. */
export interface Effort extends Cost {
  /** milliseconds outside the engines, which all of them share */
  readonly ms: number;
}

export interface SampleEffort {
  /** of one of the samples that every metric scores */
  readonly first: Effort;
  /** of one behind them */
  readonly rest: Effort;
}

/**
 * Passes of one sample as they will be, shared work counted once: the plan is carried out on a model that answers with noise. A sample
 * is taken for predicted rightly, with one annotated class; a wrong prediction costs more where masks are compared.
 */
export async function rehearse(
  plan: Plan,
  model: Model,
  { annotated, now }: { annotated: boolean; now: () => number },
): Promise<SampleEffort> {
  const passes = { forwards: 0, backwards: 0 };
  const stand = standIn(model, passes);
  const { height, width } = model.shape;
  const map = float32([height, width], noise(rngOf("rehearsal", "map"), height * width));
  const of = async (position: number): Promise<Effort> => {
    if (position >= plan.samples) return { forwards: 0, backwards: 0, ms: 0 };
    passes.forwards = 0;
    passes.backwards = 0;
    const selected = Array.from({ length: position + 1 }, (_, k) => `${k}`);
    const start = now();
    await execute({
      model: stand,
      dataset: oneImage(model, annotated),
      plan,
      selected,
      following: Array.from({ length: comparedWith }, (_, k) => `following ${k}`),
      share: (at) => at === position,
      resize: { method: "bilinear" },
      readMap: async () => map,
    });
    return { ...passes, ms: now() - start };
  };
  return { first: await of(0), rest: await of(reachOf(plan)) };
}

/** The first sample that not every metric scores. */
const reachOf = (plan: Plan): number => Math.min(...plan.metrics.map((m) => m.samples), plan.samples);

/** Of the samples at these positions of the selection. */
export function totalEffort({ first, rest }: SampleEffort, positions: readonly number[], plan: Plan): Effort {
  const early = positions.filter((at) => at < reachOf(plan)).length;
  const late = positions.length - early;
  return {
    forwards: early * first.forwards + late * rest.forwards,
    backwards: early * first.backwards + late * rest.backwards,
    ms: early * first.ms + late * rest.ms,
  };
}

/** The model's form without its mathematics: class 0 always wins. */
function standIn(model: Model, passes: { forwards: number; backwards: number }): Model {
  const { shape, classes, cam } = model;
  const rng = rngOf("rehearsal");
  // never twice the same, or maps would be zero and not be asked about further
  const logits = () => {
    const values = noise(rng, classes);
    values[0] = 9 + rng.uniform();
    return values;
  };
  const gradient = noise(rng, shape.channels * shape.height * shape.width);
  const layer = noise(rng, cam ? cam.channels * cam.rows * cam.columns : 0);
  const answer = (wants: Wants) => ({
    logits: logits(),
    gradient: wants.input ? gradient : new Float32Array(0),
    activation: wants.layer ? layer : new Float32Array(0),
    activationGradient: wants.layer ? layer : new Float32Array(0),
  });
  const image = new Float32Array(gradient.length);
  const known = new Map<string, { feeds: Feeds; fetches: readonly Float32Array[] }>();
  const answersOf = (program: Program) => {
    const found = known.get(program.id);
    if (found) return found;
    const { input, ...parts } = model.prepared;
    const sizes = sizesOf(program.build({ ...parts, input: input.name, options: graphOptionsFor("cpu") }));
    const made = {
      feeds: Object.fromEntries(
        Object.entries(sizes.feeds).map(([role, size]) => [role, new Float32Array(size)]),
      ),
      fetches: sizes.fetches.map((size) => noise(rng, size)),
    };
    known.set(program.id, made);
    return made;
  };
  const stand: Model = {
    ...model,
    passes,
    async forward(count, fill, visit) {
      passes.forwards += count;
      for (let k = 0; k < count; k++) {
        fill(k, image);
        visit(k, logits());
      }
    },
    async backward(count, wants, fill, _, visit) {
      passes.forwards += count;
      passes.backwards += count;
      for (let k = 0; k < count; k++) {
        fill(k, image);
        visit(k, answer(wants));
      }
    },
    async run(program, count, fill, visit) {
      passes.forwards += count * program.passes.forwards;
      passes.backwards += count * program.passes.backwards;
      const { feeds, fetches } = answersOf(program);
      for (let k = 0; k < count; k++) {
        fill(k, feeds);
        visit(k, fetches);
      }
    },
    randomised: () => stand,
  };
  return stand;
}

const noise = (rng: Rng, length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());

function oneImage({ shape }: Model, annotated: boolean): Pick<Dataset, "read"> {
  const { height, width } = shape;
  const rng = rngOf("rehearsal", "image");
  return {
    async *read(wanted = []) {
      for (const id of wanted) {
        const data = Uint8Array.from({ length: shape.channels * height * width }, () => rng.integer(256));
        const channels = shape.channels === 1 ? 1 : 3;
        const sample: Sample = {
          id,
          group: id,
          labels: [0],
          image: { channels, height, width, data: data.subarray(0, channels * height * width) },
          ...(annotated && {
            mask: { height, width, data: Uint8Array.from({ length: height * width }, (_, k) => k % 2) },
          }),
          notes: [],
        };
        yield sample;
      }
    },
  };
}

export interface Speed {
  /** milliseconds of one image */
  readonly forward: number;
  /** milliseconds of one image, its forward pass included; undefined where there is no gradient */
  readonly backward: number | undefined;
}

/**
 * Times passes on every engine at once, as the run will use them, after a warm-up that loads the sessions it needs.
 *
 * @param now     milliseconds
 * @param budget  milliseconds, roughly
 * @returns       the time of one engine
 */
export async function calibrate(
  models: readonly Model[],
  { plan, now, budget = 200 }: { plan: Plan; now: () => number; budget?: number },
): Promise<Speed> {
  const fill = () => {};
  const visit = () => {};
  const time = async (run: (model: Model, count: number) => Promise<void>) => {
    const each = async (count: number) => {
      const start = now();
      await Promise.all(models.map((model) => run(model, count)));
      return (now() - start) / count;
    };
    await each(2);
    const rough = await each(2);
    return each(Math.max(2, Math.min(256, Math.floor(budget / 2 / Math.max(rough, 0.01)))));
  };
  const forward = await time((model, count) => model.forward(count, fill, visit));
  const wants = wantsOf(plan);
  const backward = async (all: Wants) =>
    time((model, count) => model.backward(count, all, fill, () => 0, visit));
  if (!wants.input && !wants.layer) return { forward, backward: undefined };
  try {
    return { forward, backward: await backward(wants) };
  } catch (error) {
    // a layer that CAM methods cannot use is told in the run, by them
    if (!(error instanceof KitError) || error.code !== "E_CAM_LAYER") throw error;
    return { forward, backward: wants.input ? await backward({ input: true, layer: false }) : undefined };
  }
}

/** Seconds on `jobs` engines, which compute at the same time, while this thread prepares and scores for all of them. */
export function secondsFor({ forwards, backwards, ms }: Effort, speed: Speed, jobs: number): number {
  const engine = (forwards - backwards) * speed.forward + backwards * (speed.backward ?? speed.forward);
  return Math.max(ms, (ms + engine) / jobs) / 1000;
}

export interface Memory {
  readonly weights: number;
  /** activations of one image, forward */
  readonly image: number;
}

export function memoryOf({ folded }: Prepared): Memory {
  let weights = 0;
  for (const { data } of folded.graph.initializers.values()) {
    weights += ArrayBuffer.isView(data) ? data.byteLength : 0;
  }
  let image = 0;
  for (const node of folded.graph.nodes) {
    for (const output of node.outputs) {
      const shape = folded.shapes.get(output);
      if (shape !== undefined) image += 4 * sizeOf(shapeAt(shape, 1));
    }
  }
  return { weights, image };
}

/** Bytes that all engines share: the process with its code, the weights, and those of the randomised model. */
export const sharedMemory = ({ weights }: Memory): number => 120e6 + 2 * weights;

/** One batch: as many bytes as it may take, or so many images, whatever they take. */
export interface BatchSize {
  readonly budget: number;
  readonly images?: number;
}

/**
 * Sessions an engine keeps. Methods with graphs of their own take one each besides the two that all share, and a graph that is loaded again
 * for every image costs more than it computes; where weights are large two must do.
 */
export const sessionsOf = ({ weights }: Memory, budget: number): number => (20 * weights <= budget ? 8 : 2);

/**
 * Bytes of one engine at work: its sessions, every other with its weights twice, and one that is being loaded; a batch, or the two rows of
 * one image, with gradients beside activations; and the engine itself.
 */
export const memoryOfJob = (
  { weights, image }: Memory,
  { budget, images, sessions = 2 }: BatchSize & { readonly sessions?: number },
): number =>
  60e6 +
  (1.5 * sessions + 1) * weights +
  (images === undefined ? Math.max(budget, 4 * image) : 2 * image * Math.max(images, 2));
