/** PyTorch eager, in a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { KitError } from "../src/errors.ts";

export const torchScript = fileURLToPath(new URL("eager.py", import.meta.url));

export interface TorchRequest {
  readonly model: string;
  readonly kind: "forward" | "gradient" | "passes";
  readonly batch: number;
  readonly forwards?: number;
  readonly backwards?: number;
}

export interface Torch {
  readonly version: string;
  readonly gigaflops: number;
  knows(model: string): boolean;
  /** milliseconds */
  time(request: TorchRequest): Promise<number>;
  stop(): void;
}

/** A Python process that answers one line of JSON with one line of JSON. */
export async function startTorch(python: string, threads: number, device: string): Promise<Torch> {
  const child = spawn(python, [torchScript, String(threads), "--device", device], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const gone = once(child, "error").then(([error]) => ({ done: true, value: String(error) }) as const);
  async function answer<T>(): Promise<T> {
    const line = await Promise.race([lines.next(), gone]);
    if (!line.done) return JSON.parse(line.value) as T;
    throw new KitError("E_BENCH_TORCH", {
      problem: `${python} does not answer`,
      details: line.value === undefined ? [] : [line.value],
      next: "--torch needs a Python with torch and torchvision; name it with --python",
    });
  }
  const hello = await answer<{ version: string; gigaflops: number; models: string[] }>();
  const known = new Set(hello.models);
  return {
    ...hello,
    knows: (model) => known.has(model),
    async time(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { ms, error } = await answer<{ ms: number; error?: string }>();
      if (error !== undefined) throw new KitError("E_BENCH_TORCH", { problem: error });
      return ms;
    },
    stop: () => child.stdin.end(),
  };
}
