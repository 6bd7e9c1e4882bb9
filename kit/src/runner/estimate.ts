/** What a run will take, before it starts: seconds by a rehearsal and a short calibration, memory from the graph. */

import { KitError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import { shapeAt } from "../onnx/shapes.ts";
import { sizeOf } from "../onnx/tensor.ts";
import { median } from "../stats/summary.ts";
import type { Effort, Rehearsal, Task, Work } from "./rehearse.ts";

/** Milliseconds of a graph: asked for a single image; for several, of the call and of each image; and of loading it. */
export interface Speed {
  readonly single: number;
  readonly call: number;
  readonly image: number;
  readonly load: number;
}

export interface CalibrateOptions {
  /** milliseconds */
  readonly now: () => number;
  /** milliseconds that every graph is timed for, roughly */
  readonly least?: number;
  /** of what the run would take by that: so long is spent on timing what takes most of it once more */
  readonly share?: number;
  /** milliseconds, at most */
  readonly most?: number;
}

/**
 * Times every graph that the rehearsal asked for, on every engine at once, as the run will use them: asked for one image, for two,
 * and for as many as it will be, if that is not too long. What a run spends minutes on is timed for longer, since memory and code take a second to settle.
 *
 * @returns  the speed of one engine, by the names of tasks
 */
export async function calibrate(
  models: readonly Model[],
  { tasks, work }: Pick<Rehearsal, "tasks" | "work">,
  { now, least = 100, share = 0.02, most = 5000 }: CalibrateOptions,
): Promise<Record<string, Speed>> {
  const speeds: Record<string, Speed> = {};
  const speed = (name: string, budget: number) =>
    speedOf(models, tasks[name], work[name].largest, now, budget);
  for (const name of Object.keys(work)) speeds[name] = await speed(name, least);
  const taken = Object.keys(work).map((name) => ({ name, ms: millisecondsOf(work[name], speeds[name]) }));
  const total = taken.reduce((sum, { ms }) => sum + ms, 0);
  for (const { name, ms } of taken) {
    const own = Math.min(most, share * total) * (ms / total);
    if (own > least) speeds[name] = { ...(await speed(name, own)), load: speeds[name].load };
  }
  return speeds;
}

const millisecondsOf = ({ calls, images, singles }: Work, { single, call, image }: Speed): number =>
  singles * single + (calls - singles) * call + (images - singles) * image;

async function speedOf(
  models: readonly Model[],
  task: Task,
  largest: number,
  now: () => number,
  budget: number,
): Promise<Speed> {
  const each = async (count: number) => {
    const start = now();
    await Promise.all(models.map((model) => task(model, count)));
    return now() - start;
  };
  /** the median of what half the budget allows, without the first time unless that takes it all */
  const settled = async (count: number) => {
    const first = await each(count);
    const times: number[] = [];
    for (let spent = first; spent + first <= budget / 2 && times.length < 64; spent += times.at(-1)!) {
      times.push(await each(count));
    }
    return median(times) ?? first;
  };
  try {
    const first = await each(1);
    const single = await settled(1);
    const load = Math.max(0, first - single);
    if (largest < 2) return { single, call: 0, image: 0, load };
    const two = await settled(2);
    // so many that it can be done three times or so, the first of them aside
    const images = Math.min(largest, Math.max(4, Math.floor(budget / 8 / Math.max(two / 2, 0.01))));
    if (images < 3) return { single, call: two, image: 0, load };
    const image = Math.max(0, (await settled(images)) - two) / (images - 2);
    return { single, call: Math.max(0, two - 2 * image), image, load };
  } catch (error) {
    // a layer that CAM methods cannot use is told in the run, by them
    if (!(error instanceof KitError) || error.code !== "E_CAM_LAYER") throw error;
    return { single: 0, call: 0, image: 0, load: 0 };
  }
}

export interface Engaged {
  /** engines that compute at the same time, while this thread prepares and scores for all of them */
  readonly jobs: number;
  /** this thread has a core of its own, and further samples under way while the engines compute */
  readonly ahead?: boolean;
  /** copies of the model that are loaded one after the other: two with the randomised one */
  readonly copies?: number;
}

/** What the plan takes on these engines. */
export function secondsFor(
  { ms, work }: Pick<Effort, "ms" | "work">,
  speeds: Readonly<Record<string, Speed>>,
  { jobs, ahead = false, copies = 1 }: Engaged,
): number {
  let [engine, loads] = [0, 0];
  for (const [name, asked] of Object.entries(work)) {
    engine += millisecondsOf(asked, speeds[name]);
    loads += copies * speeds[name].load;
  }
  // two stations in a row, each free while the other works: sometimes both are asked at once
  const share = engine / jobs;
  const both = ahead
    ? (ms * ms + ms * share + share * share) / Math.max(ms + share, 1e-9)
    : (ms + engine) / jobs;
  return (Math.max(ms, both) + loads) / 1000;
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
