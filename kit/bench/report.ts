/** What the benchmark says, and how it looks as text. */
import { formatBytes } from "../src/engine/chunk.ts";
import { machineFacts } from "../src/engine/node.ts";
import type { Kind } from "./graphs.ts";

export interface Ratio {
  readonly of: string;
  readonly to: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Row {
  readonly model: string;
  /** "forward and gradient", or the method */
  readonly what: string;
  readonly batch: number;
  readonly rounds: number;
  /** load of the machine before and after, which includes ours */
  readonly load: readonly [number, number];
  /** medians */
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly ratios: readonly Ratio[];
  /** contenders that could not run, and why */
  readonly failed: Readonly<Record<string, string>>;
}

export interface Peak {
  readonly model: string;
  readonly kind: Kind;
  readonly batch: number;
  readonly native: number;
  readonly torch: number | undefined;
}

export interface Contest {
  readonly threads: number;
  /** PyTorch's version, where it takes part */
  readonly torch: string | undefined;
  /** speed of one matrix product */
  readonly gigaflops: { readonly native: number; readonly torch: number | undefined };
}

export function contestText({ threads, torch, gigaflops }: Contest): string {
  const { cpu, cores, memory, platform, arch, node } = machineFacts();
  const gib = Math.round(memory / 2 ** 30);
  const lines = [
    `${cpu}, ${cores} cores, ${gib} GiB, ${platform} ${arch}, Node ${node}; ${threads} threads each`,
  ];
  if (gigaflops.torch !== undefined) {
    const [mine, theirs] = [gigaflops.native.toFixed(0), gigaflops.torch.toFixed(0)];
    lines.push(
      `PyTorch ${torch}, eager, parameters frozen`,
      `matrix product: ONNX Runtime ${mine} GFLOP/s, PyTorch ${theirs} GFLOP/s`,
    );
    if (gigaflops.torch < gigaflops.native / 10) {
      lines.push(
        "WARNING: this PyTorch has a slow BLAS; ratios to it say little. Debian: libopenblas0-pthread",
      );
    }
  }
  lines.push("ratio of times in one round: median [quartiles]; above 1 the first is slower\n");
  return lines.join("\n");
}

export function rowText({ model, what, batch, rounds, load, milliseconds, ratios, failed }: Row): string {
  const each = Object.entries(milliseconds).map(([name, ms]) => `${name} ${ms.toFixed(1)}`);
  return [
    `${model}, ${what}, batch ${batch}, ${rounds} rounds, load ${load.map((l) => l.toFixed(1)).join(" to ")}`,
    `  ms: ${each.join(", ")}`,
    ...ratios.map(({ of, to, median, low, high }) => {
      const spread = `[${low.toFixed(2)} ${high.toFixed(2)}]`;
      return `  ${`${of} / ${to}`.padEnd(34)} ${median.toFixed(2).padStart(6)}  ${spread}`;
    }),
    ...Object.entries(failed).map(([name, reason]) => `  ${name}: did not run: ${reason}`),
  ].join("\n");
}

export function peakText({ native, torch, batch }: Peak): string {
  const against =
    torch === undefined ? "" : `, PyTorch ${formatBytes(torch)}: ${(native / torch).toFixed(2)}`;
  return `  peak memory of a gradient at batch ${batch}: ${formatBytes(native)}${against}`;
}
