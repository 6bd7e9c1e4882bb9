/**
 * Peak memory of a process that does nothing but run one graph, ours or PyTorch's. As a program: prints its own.
 *
 *   node kit/bench/peak.ts model.onnx gradient 8 2     file, kind, batch, threads → {"bytes"}
 */
import { execFileSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Engine } from "../src/engine/engine.ts";
import { openEngine } from "../src/engine/node.ts";
import { type Kind, measuredGraph, sources } from "./graphs.ts";
import { rssOf } from "./rss.ts";
import { torchScript } from "./torch.ts";

const self = fileURLToPath(import.meta.url);
const bytesFrom = (said: string): number => (JSON.parse(said) as { bytes: number }).bytes;

export interface PeakRequest {
  readonly kind: Kind;
  readonly batch: number;
  readonly threads: number;
}

/** Bytes; the process's whole life, so reading, writing and optimising the model count. */
export const peakOfOurs = (file: string, { kind, batch, threads }: PeakRequest): number =>
  bytesFrom(
    execFileSync(process.execPath, [self, file, kind, `${batch}`, `${threads}`], { encoding: "utf8" }),
  );

export const peakOfTorch = (python: string, model: string, { kind, batch, threads }: PeakRequest): number =>
  bytesFrom(
    execFileSync(python, [torchScript, `${threads}`, "--peak", model, kind, `${batch}`], {
      encoding: "utf8",
    }),
  );

/** Once it is loaded nothing of the model is held here: the engine has what it needs. */
async function load(engine: Engine, file: string, kind: Kind, batch: number) {
  const { graph, fetches, feeds } = measuredGraph(sources([file])[1], kind, "cpu");
  const tensors = feeds(batch);
  return { executable: await engine.load(graph), fetches, feeds: () => structuredClone(tensors) };
}

if (process.argv[1] === self) {
  const [file, kind, batch, threads] = process.argv.slice(2);
  const { engine } = await openEngine({ device: "cpu", threads: Number(threads) });
  const { executable, fetches, feeds } = await load(engine, file, kind as Kind, Number(batch));
  await collectGarbage();
  for (let i = 0; i < 2; i++) await executable.run(feeds(), fetches);
  await engine.close();
  // not `resourceUsage().maxRSS`: Linux counts there what the parent had when it made this process
  console.log(JSON.stringify({ bytes: rssOf(process.pid)?.peak ?? process.resourceUsage().maxRSS * 1024 }));
}

/** A process that goes on allocating would come to it by itself. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await setTimeout(20);
  }
}
