/** A graph made ready for feeds of certain dims: what is known before running is worked out, the rest are kernels in order. */
import { type Graph, labelOf } from "../../onnx/graph.ts";
import { type Info, inferNode } from "../../onnx/infer.ts";
import { type Call, callOf } from "../../onnx/inference/call.ts";
import { sizeOf, type Tensor } from "../../onnx/tensor.ts";
import type { Kernel } from "./kernel.ts";
import { kernels } from "./kernels/index.ts";
import { dtypeOf } from "./types.ts";

export interface Job {
  readonly kernel: Kernel;
  readonly c: Call;
  readonly outputs: readonly Info[];
  /** names that nobody reads after this node */
  readonly done: readonly string[];
}

export interface Plan {
  readonly jobs: readonly Job[];
  readonly infos: ReadonlyMap<string, Info>;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/** Integers up to this many may be axes, sizes or shapes; a scalar may be a bound. */
const fewElements = 64;
const mayBeKnown = (t: Tensor): boolean =>
  t.dims.length === 0 || (sizeOf(t.dims) <= fewElements && !t.type.includes("float"));

/** Feeds of one key get the same plan. */
export const keyOf = (feeds: Feeds, fetches: readonly string[]): string =>
  [
    ...Object.entries(feeds).map(
      ([name, t]) => `${name} [${t.dims}] ${mayBeKnown(t) ? [...(t.data as Iterable<unknown>)] : ""}`,
    ),
    ...fetches,
  ].join("\n");

/**
 * @throws KitError E_ONNX_SHAPE where a size depends on values that only the run knows, E_ENGINE_LOAD for types that TensorFlow.js lacks
 */
export function planOf(graph: Graph, feeds: Feeds, fetches: readonly string[]): Plan {
  const infos = new Map<string, Info>();
  for (const [name, t] of Object.entries(feeds)) {
    infos.set(name, { type: t.type, dims: t.dims, ...(mayBeKnown(t) && { value: t }) });
  }
  for (const [name, value] of graph.initializers) {
    infos.set(name, { type: value.type, dims: value.dims, value });
  }
  const jobs: Job[] = [];
  for (const n of graph.nodes) {
    const inputs = n.inputs.map((name) => infos.get(name));
    const outputs = inferNode(n, inputs);
    for (const [i, made] of outputs.entries()) if (n.outputs[i] !== "") infos.set(n.outputs[i], made);
    if (outputs.every((o, i) => o.value || n.outputs[i] === "")) continue;
    for (const { type } of outputs) dtypeOf(type, n);
    const kernel = kernels.get(n.op);
    if (kernel === undefined) throw new Error(`no kernel for ${n.op} node ${labelOf(n)}`);
    jobs.push({ kernel, c: callOf(n, inputs), outputs, done: [] });
  }
  return { jobs: withLastUses(jobs, new Set(fetches)), infos };
}

function withLastUses(jobs: readonly Job[], fetches: ReadonlySet<string>): readonly Job[] {
  const last = new Map<string, number>();
  for (const [i, { c }] of jobs.entries()) {
    for (const name of [...c.node.outputs, ...c.node.inputs]) last.set(name, i);
  }
  const done = jobs.map((): string[] => []);
  for (const [name, i] of last) if (name !== "" && !fetches.has(name)) done[i].push(name);
  return jobs.map((job, i) => ({ ...job, done: done[i] }));
}
