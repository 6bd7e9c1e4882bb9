/**
 * Fuzzing a reader of foreign bytes: each case runs in a child process, so that a hang, a crash or a flood of memory is
 * seen, named and survived. The only good answers are a result and a KitError.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Limits {
  /** Longest time for one case. */
  readonly ms: number;
  /** Largest resident memory of the child, its own runtime (about 60 MB) included. */
  readonly megabytes: number;
}

export interface Fault {
  readonly name: string;
  readonly kind: "crash" | "hang" | "memory" | "stack-trace";
  readonly message: string;
}

export interface Report {
  readonly accepted: number;
  readonly rejected: number;
  readonly faults: readonly Fault[];
}

/** What the child says about one case. */
export type Answer =
  | { readonly outcome: "accepted" | "rejected"; readonly peakMegabytes: number }
  | { readonly outcome: "fault"; readonly message: string; readonly peakMegabytes: number };

/**
 * Runs every case, one after the other.
 *
 * @param target  a module that exports `run(bytes: Uint8Array): unknown`, also async
 */
export async function fuzz(
  target: URL,
  cases: Iterable<Case>,
  limits: Limits = { ms: 20_000, megabytes: 512 },
): Promise<Report> {
  let accepted = 0;
  let rejected = 0;
  const faults: Fault[] = [];
  let child: ChildProcess | undefined;
  for (const one of cases) {
    child ??= await start(target);
    const answer = await ask(child, one, limits.ms);
    if ("kind" in answer) {
      faults.push({ name: one.name, ...answer });
      child = undefined;
      continue;
    }
    if (answer.peakMegabytes > limits.megabytes) {
      const message = `${Math.round(answer.peakMegabytes)} MB, ${limits.megabytes} MB allowed`;
      faults.push({ name: one.name, kind: "memory", message });
      // The peak is the process's, so the next case needs a new one.
      child.kill("SIGKILL");
      child = undefined;
    } else if (answer.outcome === "fault") {
      faults.push({ name: one.name, kind: "stack-trace", message: answer.message });
    } else if (answer.outcome === "accepted") accepted++;
    else rejected++;
  }
  child?.kill("SIGKILL");
  return { accepted, rejected, faults };
}

/** Resolves when the child has loaded the target, so that loading is not charged to a case. */
function start(target: URL): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("child.ts", import.meta.url)), [target.href], {
    serialization: "advanced",
    execArgv: ["--max-old-space-size=1024", "--expose-gc"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("message", () => {
      child.removeAllListeners("exit");
      resolve(child);
    });
    child.once("exit", () => reject(new Error(`${target.href} cannot be loaded: ${said}`)));
  });
}

type Dead = { readonly kind: "crash" | "hang"; readonly message: string };

function ask(child: ChildProcess, { bytes }: Case, ms: number): Promise<Answer | Dead> {
  return new Promise((resolve) => {
    const finish = (answer: Answer | Dead) => {
      clearTimeout(timer);
      child.removeAllListeners("message");
      child.removeAllListeners("exit");
      resolve(answer);
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      finish({ kind: "hang", message: `no answer within ${ms} ms` });
    }, ms);
    child.once("message", (answer: Answer) => finish(answer));
    child.once("exit", (code, signal) => finish({ kind: "crash", message: `exit ${signal ?? code}` }));
    child.send(bytes);
  });
}

/** A whole number in [0, below). */
export type Random = (below: number) => number;

export function random(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  return (below) => Math.floor(((generator.next() >>> 0) / 2 ** 32) * below);
}

type Mutation = (bytes: Uint8Array, pick: Random) => Uint8Array;

export const joinBytes = (...parts: Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

const noise = (length: number, pick: Random): Uint8Array => Uint8Array.from({ length }, () => pick(256));

/** Byte values at which lengths and signs turn over. */
const edges = [0, 1, 127, 128, 254, 255];

const mutations: readonly Mutation[] = [
  function flip(bytes, pick) {
    const out = bytes.slice();
    for (let i = pick(8); i >= 0; i--) out[pick(out.length)] ^= 1 << pick(8);
    return out;
  },
  function edge(bytes, pick) {
    const out = bytes.slice();
    for (let i = pick(4); i >= 0; i--) out[pick(out.length)] = edges[pick(edges.length)];
    return out;
  },
  function truncate(bytes, pick) {
    return bytes.slice(0, pick(bytes.length));
  },
  function insert(bytes, pick) {
    const at = pick(bytes.length);
    return joinBytes(bytes.slice(0, at), noise(1 + pick(16), pick), bytes.slice(at));
  },
  function remove(bytes, pick) {
    const at = pick(bytes.length);
    return joinBytes(bytes.slice(0, at), bytes.slice(at + 1 + pick(16)));
  },
  function splice(bytes, pick) {
    const from = pick(bytes.length);
    const chunk = bytes.slice(from, from + 1 + pick(64));
    const at = pick(bytes.length);
    return joinBytes(bytes.slice(0, at), chunk, bytes.slice(at));
  },
];

/** `bytes` damaged in one of the usual ways, the same for the same seed. */
export function mutateBytes(bytes: Uint8Array, seed: number): Uint8Array {
  const pick = random(seed);
  return mutations[pick(mutations.length)](bytes, pick);
}
