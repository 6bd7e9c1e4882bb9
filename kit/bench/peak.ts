/**
 * Peak memory of a process that does nothing but run one graph, ours or PyTorch's. As a program: prints its own.
 *
 *   node kit/bench/peak.ts model.onnx gradient 8 2     file, kind, batch, threads → {"bytes"}
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openEngine } from "../src/engine/node.ts";
import { type Kind, measuredGraph, sources } from "./graphs.ts";
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

if (process.argv[1] === self) {
  const [file, kind, batch, threads] = process.argv.slice(2);
  const { engine } = await openEngine({ device: "cpu", threads: Number(threads) });
  const source = sources([file])[1];
  const { graph, fetches, feeds } = measuredGraph(source, kind as Kind);
  const executable = await engine.load(graph);
  for (let i = 0; i < 2; i++) await executable.run(feeds(Number(batch)), fetches);
  await engine.close();
  console.log(JSON.stringify({ bytes: process.resourceUsage().maxRSS * 1024 }));
}
