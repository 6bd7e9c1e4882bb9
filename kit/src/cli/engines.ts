/** As many engines as work at once: each has its own sessions over one prepared model. */

import type { Candidate } from "../engine/channel.ts";
import { onProcessor } from "../engine/device.ts";
import type { Engine, EngineTime } from "../engine/engine.ts";
import { createPool } from "../engine/pool.ts";
import { openRemote } from "../engine/remote.ts";
import { batchBudget, createModel, type Model } from "../model/model.ts";
import { defaultBudget, machineFacts } from "../node.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { memoryOf, memoryOfJob, sessionsOf, sharedMemory } from "../runner/estimate.ts";
import type { OnHalved, Session } from "./session.ts";

export interface EnginesOptions {
  readonly jobs?: number;
  readonly batch?: number;
  readonly onHalved?: OnHalved;
  /** bytes of one batch, all engines together */
  readonly memory?: number;
  /** samples there are: more engines would have nothing to do */
  readonly work: number;
}

export interface Engines {
  /** as many samples are worked on at once: the first `jobs` have an engine each, the others share them */
  readonly models: readonly Model[];
  readonly jobs: number;
  /** bytes, roughly, when all are at work */
  readonly memory: number;
  /** what all engines have spent so far, in milliseconds */
  spent(): EngineTime;
  close(): Promise<void>;
}

const isTensorFlow = (name: string): boolean => name.startsWith("@tensorflow/tfjs-node");

/** What an evaluation may take unless --jobs says more: a quarter of what is free, or 4 GiB where there is that much. */
export const allowance = (available: number): number =>
  Math.max(available / 4, Math.min(2 ** 32, 0.8 * available));

export async function openEngines(session: Session, options: EnginesOptions): Promise<Engines> {
  const { engine, model } = session;
  const { prepared } = model;
  const { info } = engine;
  const { cores, availableMemory } = machineFacts();
  const budget = options.memory ?? defaultBudget();
  const inProcessor = onProcessor(info.provider);
  const needs = memoryOf(prepared);
  const shared = sharedMemory(needs);
  const sessions = sessionsOf(needs, budget);
  const perJob = memoryOfJob(needs, {
    budget: batchBudget(budget, info.provider),
    images: options.batch,
    sessions,
  });
  const fitting = Math.floor((allowance(availableMemory) - shared) / perJob);
  // a GPU is one device, however many ask it
  const wanted =
    options.jobs ?? (inProcessor ? Math.min(Math.floor(cores / info.threads), fitting, options.work) : 1);
  // TensorFlow's own library takes every core for one graph, and was never tried in two threads at once
  const jobs = isTensorFlow(info.package) ? 1 : Math.max(1, wanted);
  const opened: Engine[] = [];
  const candidate = {
    package: info.package as Candidate["package"],
    provider: info.provider,
    deviceId: info.deviceId,
    threads: info.threads,
  };
  try {
    // the first has passed its check, and these are like it
    for (let k = 1; k < jobs; k++) opened.push(await openRemote(candidate));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  const shuffled = new Map<string, FoldedGraph>();
  // where cores are left, the next sample is prepared and the last one scored while an engine computes
  const inFlight = jobs * info.threads < cores ? 2 : 1;
  const pools = [engine, ...opened].map((own) => createPool(own, sessions));
  return {
    jobs,
    models: Array.from({ length: inFlight }, () => pools)
      .flat()
      .map((pool) =>
        createModel(prepared, {
          pool,
          memory: budget / jobs,
          provider: info.provider,
          batch: options.batch,
          onHalved: options.onHalved,
          shuffled,
        }),
      ),
    memory: shared + perJob * jobs,
    spent() {
      const times = [engine, ...opened].map(({ time }) => time ?? { runs: 0, loads: 0 });
      const sum = (of: keyof EngineTime) => times.reduce((total, time) => total + time[of], 0);
      return { runs: sum("runs"), loads: sum("loads") };
    },
    close: () => closeAll(opened),
  };
}

async function closeAll(engines: readonly Engine[]): Promise<void> {
  await Promise.all(engines.map((engine) => engine.close()));
}
