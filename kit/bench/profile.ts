/**
 * Where the time of one graph goes, operator by operator, as ONNX Runtime measures it: the least of several runs for each node.
 *
 *   node kit/bench/profile.ts model.onnx gradient 2 1     file, kind, batch, threads → JSON
 *
 * In a process of its own, since the runtime writes a file where it stands.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "../src/onnx/tensor.ts";
import { writeOnnx } from "../src/onnx/write.ts";
import { type Kind, measuredGraph, sources } from "./graphs.ts";

export interface Profile {
  readonly kind: Kind;
  readonly batch: number;
  /** sum over nodes, milliseconds */
  readonly total: number;
  /** nodes after the runtime's own fusions */
  readonly nodes: number;
  /** the dearest first */
  readonly operators: readonly { readonly op: string; readonly count: number; readonly ms: number }[];
}

const self = fileURLToPath(import.meta.url);

export const profileOf = (file: string, kind: Kind, batch: number, threads: number): Profile =>
  JSON.parse(
    execFileSync(process.execPath, [self, file, kind, `${batch}`, `${threads}`], { encoding: "utf8" }),
  ) as Profile;

interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

if (process.argv[1] === self) {
  const [file, kind, batch, threads] = process.argv.slice(2);
  console.log(JSON.stringify(await measure(file, kind as Kind, Number(batch), Number(threads))));
}

async function measure(file: string, kind: Kind, batch: number, threads: number): Promise<Profile> {
  const ort = await import("onnxruntime-node");
  const { graph, fetches, feeds } = measuredGraph(sources([file])[1], kind, "cpu");
  const folder = mkdtempSync(join(tmpdir(), "xai-kit-profile-"));
  try {
    const session = await ort.InferenceSession.create(writeOnnx(graph), {
      executionProviders: ["cpu"],
      enableMemPattern: false,
      intraOpNumThreads: threads,
      logSeverityLevel: 4,
      enableProfiling: true,
      profileFilePrefix: join(folder, "p"),
      extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "50" } } },
    });
    const tensors = Object.entries(feeds(batch)).map(([name, t]: [string, Tensor]) => {
      return [name, new ort.Tensor("float32", t.data as Float32Array, t.dims)] as const;
    });
    for (let i = 0; i < 10; i++) await session.run(Object.fromEntries(tensors), fetches);
    session.endProfiling();
    const [written] = readdirSync(folder);
    return summed(JSON.parse(readFileSync(join(folder, written), "utf8")) as Event[], kind, batch);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function summed(events: readonly Event[], kind: Kind, batch: number): Profile {
  const least = new Map<string, { op: string; ms: number }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const ms = dur / 1000;
    const before = least.get(name);
    if (before === undefined || ms < before.ms) least.set(name, { op: args.op_name ?? "?", ms });
  }
  const operators = new Map<string, { op: string; count: number; ms: number }>();
  for (const { op, ms } of least.values()) {
    const sum = operators.get(op) ?? { op, count: 0, ms: 0 };
    operators.set(op, { op, count: sum.count + 1, ms: sum.ms + ms });
  }
  const round = (ms: number) => Math.round(ms * 100) / 100;
  return {
    kind,
    batch,
    total: round([...least.values()].reduce((sum, { ms }) => sum + ms, 0)),
    nodes: least.size,
    operators: [...operators.values()]
      .toSorted((a, b) => b.ms - a.ms)
      .map((o) => ({ ...o, ms: round(o.ms) })),
  };
}
