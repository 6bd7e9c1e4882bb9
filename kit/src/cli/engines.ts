/** As many engines as work at once: each has its own sessions over one prepared model. */

import type { Engine } from "../engine/engine.ts";
import { createPool } from "../engine/pool.ts";
import { openRemote } from "../engine/remote.ts";
import { createModel, type Model } from "../model/model.ts";
import { defaultBudget, machineFacts } from "../node.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { memoryOf, memoryOfJob } from "../runner/estimate.ts";
import type { Session } from "./session.ts";

export interface EnginesOptions {
  readonly jobs?: number;
  readonly batch?: number;
  /** bytes of one batch, all engines together */
  readonly memory?: number;
  /** samples there are: more engines would have nothing to do */
  readonly work: number;
}

export interface Engines {
  readonly models: readonly Model[];
  /** bytes, roughly, when all are at work */
  readonly memory: number;
  close(): Promise<void>;
}

/** A batch above this gains nothing on a processor; see model.ts. */
const cacheFriendly = 32e6;

export async function openEngines(session: Session, options: EnginesOptions): Promise<Engines> {
  const { engine, model } = session;
  const { prepared } = model;
  const { info } = engine;
  const { cores, availableMemory } = machineFacts();
  const budget = options.memory ?? defaultBudget();
  const onProcessor = info.provider === "cpu" || info.provider === "wasm";
  const perJob = memoryOfJob(memoryOf(prepared), onProcessor ? Math.min(budget, cacheFriendly) : budget);
  const fitting = Math.floor((0.8 * availableMemory) / perJob);
  // a GPU is one device, however many ask it
  const wanted =
    options.jobs ?? (onProcessor ? Math.min(Math.floor(cores / info.threads), fitting, options.work) : 1);
  const jobs = Math.max(1, wanted);
  const opened: Engine[] = [];
  const candidate = {
    package: info.package === "onnxruntime-web" ? "onnxruntime-web" : "onnxruntime-node",
    provider: info.provider,
    threads: info.threads,
  } as const;
  try {
    // the first has passed its check, and these are like it
    for (let k = 1; k < jobs; k++) opened.push(await openRemote(candidate));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  const shuffled = new Map<string, FoldedGraph>();
  return {
    models: [engine, ...opened].map((own) =>
      createModel(prepared, {
        pool: createPool(own),
        memory: budget / jobs,
        provider: info.provider,
        batch: options.batch,
        shuffled,
      }),
    ),
    memory: perJob * jobs,
    close: () => closeAll(opened),
  };
}

async function closeAll(engines: readonly Engine[]): Promise<void> {
  await Promise.all(engines.map((engine) => engine.close()));
}
