/**
 * TensorFlow.js behind the Engine interface: an interpreter of graphs. Shapes and integers are worked out before a run, for the sizes at
 * hand, so that kernels compute with numbers and never with shapes.
 *
 * The module is handed in, since all TensorFlow.js packages share one API; `open.ts` says which one it is and what it runs on.
 */
import { KitError } from "../../errors.ts";
import { type Graph, labelOf } from "../../onnx/graph.ts";
import { readOnnx } from "../../onnx/read.ts";
import type { Tensor } from "../../onnx/tensor.ts";
import type { EngineInfo, Executable } from "../engine.ts";
import { engineError, nameOf, type OrtEngine } from "../onnxruntime.ts";
import { lastOrder, type Made, plainOrder, type Step, type Tf, type TfTensor } from "./kernel.ts";
import { gapOf } from "./kernels/index.ts";
import { turned } from "./moves.ts";
import { type Feeds, type Job, keyOf, type Plan, planOf } from "./plan.ts";
import { download, dtypeOf, upload } from "./types.ts";

/** Plans kept: one per batch size in use. */
const mostPlans = 8;

export function createTfjs(tf: Tf, info: EngineInfo): OrtEngine {
  const open = new Set<Executable>();

  async function load(graph: Graph): Promise<Executable> {
    refuseGaps(graph, info);
    const label = graph.name || "without a name";
    const weights = weightsOf(tf, graph);
    const plans = new Map<string, Plan>();

    function planFor(feeds: Feeds, fetches: readonly string[]): Plan {
      const key = keyOf(feeds, fetches);
      const plan = plans.get(key) ?? planOf(graph, feeds, fetches);
      plans.delete(key);
      plans.set(key, plan); // now the most recently used
      for (const old of [...plans.keys()].slice(0, -mostPlans)) plans.delete(old);
      return plan;
    }

    const executable: Executable = {
      async run(feeds, fetches) {
        try {
          return await runPlan(tf, planFor(feeds, fetches), weights, feeds, fetches);
        } catch (error) {
          throw engineError("E_ENGINE_RUN", `${nameOf(info)} could not run the graph ${label}`, error);
        }
      },
      async release() {
        if (open.delete(executable)) weights.release();
      },
    };
    open.add(executable);
    return executable;
  }

  return {
    info,
    load,
    loadBytes: (bytes, label) => load(readOnnx(bytes, { name: label })),
    async close() {
      for (const executable of open) await executable.release();
    },
  };
}

/** Every operator without a kernel at once, and types there are no tensors for. */
function refuseGaps(graph: Graph, info: EngineInfo): void {
  const gaps = new Map<string, { count: number; first: string }>();
  for (const n of graph.nodes) {
    const gap = gapOf(n);
    if (gap === undefined) continue;
    const known = gaps.get(gap) ?? { count: 0, first: labelOf(n) };
    gaps.set(gap, { ...known, count: known.count + 1 });
  }
  if (gaps.size > 0) {
    throw new KitError("E_ENGINE_LOAD", {
      problem: `${nameOf(info)} lacks operators of the graph ${graph.name || "without a name"}`,
      details: [...gaps].map(
        ([gap, { count, first }]) => `${gap}: ${count} ${count === 1 ? "node" : "nodes"}, first ${first}`,
      ),
      next: "use --engine onnxruntime",
    });
  }
  for (const { type } of [...graph.inputs, ...graph.initializers.values()]) dtypeOf(type);
}

/** A tensor on the device, in one order of axes or in both. */
interface Held {
  readonly dims: readonly number[];
  plain?: TfTensor;
  last?: TfTensor;
}

function dispose(held: Held): void {
  held.plain?.dispose();
  held.last?.dispose();
  held.plain = undefined;
  held.last = undefined;
}

/** The tensor in the order of axes asked for, made from the other one where need be; it lives until `dispose`. */
function inOrder(tf: Tf, held: Held, order: "plain" | "last"): TfTensor {
  const rank = held.dims.length;
  if (order === "plain") held.plain ??= tf.keep(turned(tf, held.last as TfTensor, plainOrder(rank)));
  else held.last ??= tf.keep(turned(tf, held.plain as TfTensor, lastOrder(rank)));
  return held[order] as TfTensor;
}

interface Weights {
  has(name: string): boolean;
  /** undefined where the name is not that of a weight */
  get(name: string): Held | undefined;
  /** Inside a tidy. */
  prepared(name: string, what: string, make: (weight: TfTensor) => TfTensor): TfTensor;
  release(): void;
}

/** Weights come to the device when they are first read, and stay. */
function weightsOf(tf: Tf, graph: Graph): Weights {
  const held = new Map<string, Held>();
  const made = new Map<string, TfTensor>();
  return {
    has: (name) => graph.initializers.has(name),
    get(name) {
      const tensor = graph.initializers.get(name);
      if (tensor === undefined) return undefined;
      const found = held.get(name) ?? { dims: tensor.dims, plain: tf.keep(upload(tf, tensor)) };
      held.set(name, found);
      return found;
    },
    prepared(name, what, make) {
      const key = `${name}\n${what}`;
      // only what is made of it stays: a second copy of all weights would be dear
      const weight = () => held.get(name)?.plain ?? upload(tf, graph.initializers.get(name) as Tensor);
      const found = made.get(key) ?? tf.keep(tf.clone(make(weight())));
      made.set(key, found);
      return found;
    },
    release() {
      for (const weight of held.values()) dispose(weight);
      for (const tensor of made.values()) tensor.dispose();
      held.clear();
      made.clear();
    },
  };
}

async function runPlan(
  tf: Tf,
  { jobs, infos }: Plan,
  weights: Weights,
  feeds: Feeds,
  fetches: readonly string[],
): Promise<Record<string, Tensor>> {
  const tensors = new Map<string, Held>();
  const held = (name: string): Held => {
    const found = tensors.get(name) ?? weights.get(name);
    if (found) return found;
    const value = feeds[name] ?? infos.get(name)?.value;
    if (value === undefined) throw new Error(`nothing made ${name}`);
    const made: Held = { dims: value.dims, plain: tf.keep(upload(tf, value)) };
    tensors.set(name, made);
    return made;
  };
  try {
    for (const job of jobs) {
      const { node } = job.c;
      tf.tidy(() => {
        for (const [i, made] of madeBy(job, stepOf(tf, job, held, weights)).entries()) {
          const { dims } = job.outputs[i];
          if (node.outputs[i] === "") continue;
          // a clone, since a kernel may hand an input through, which is disposed of on its own
          if ("last" in made) tensors.set(node.outputs[i], { dims, last: tf.keep(tf.clone(made.last)) });
          else tensors.set(node.outputs[i], { dims, plain: tf.keep(tf.clone(made)) });
        }
      });
      for (const name of job.done) {
        const over = tensors.get(name);
        if (over) dispose(over);
        tensors.delete(name);
      }
    }
    const results: Record<string, Tensor> = {};
    for (const name of fetches) {
      const known = infos.get(name)?.value;
      results[name] = known
        ? ({ ...known, data: known.data.slice() } as Tensor) // the receiver may move it away
        : await download(inOrder(tf, held(name), "plain"), infos.get(name)?.type ?? "float32");
    }
    return results;
  } finally {
    for (const left of tensors.values()) dispose(left);
  }
}

function madeBy({ kernel, c, outputs }: Job, step: Step): readonly Made[] {
  const made = kernel(step);
  const list = Array.isArray(made) ? (made as readonly Made[]) : [made as Made];
  return list.slice(0, c.node.outputs.length).slice(0, outputs.length);
}

function stepOf(tf: Tf, { c, outputs }: Job, held: (name: string) => Held, weights: Weights): Step {
  const { inputs } = c.node;
  const x = (i: number) => inOrder(tf, held(inputs[i]), "plain");
  return {
    tf,
    c,
    outputs,
    x,
    last(i, rank) {
      const own = held(inputs[i]);
      const { length } = own.dims;
      if (length === (rank ?? length)) return inOrder(tf, own, "last");
      if (length === 0) return x(i);
      const wide = [...new Array((rank as number) - length).fill(1), ...own.dims];
      return turned(tf, tf.reshape(x(i), wide), lastOrder(wide.length));
    },
    held(i) {
      const { plain, last } = held(inputs[i]);
      return { plain: plain !== undefined, last: last !== undefined };
    },
    prepared(i, what, make) {
      const name = inputs[i];
      return weights.has(name) ? weights.prepared(name, what, make) : make(x(i));
    },
  };
}
