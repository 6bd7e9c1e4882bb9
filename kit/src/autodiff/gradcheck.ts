/**
 * Proof of a rule by numbers: the gradient graph of one node against central differences of the node itself.
 *
 * Platform-free: a function that runs graphs and a source of uniform numbers are handed in.
 */
import { describe } from "../onnx/fold.ts";
import { canonicalOpset, type Graph, type Node, node, type ValueInfo } from "../onnx/graph.ts";
import { float32, sizeOf, type Tensor } from "../onnx/tensor.ts";
import { backward } from "./backward.ts";
import type { RuleTable, Sample } from "./vjp.ts";

export type Run = (
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
) => Promise<Readonly<Record<string, Tensor>>>;

export interface GradcheckOptions {
  readonly op: string;
  readonly domain?: string;
  readonly sample: Sample;
  readonly run: Run;
  /** uniform in [0, 1) */
  readonly uniform: () => number;
  readonly rules?: RuleTable;
}

export interface Gradcheck {
  /** largest |gradient − difference| over the largest |difference| (or exact gradient) */
  readonly error: number;
  /** largest |gradient with a free batch − gradient|, on the same scale; 0 where the sample has no batch */
  readonly batchError: number;
}

const isFixed = (s: Sample, i: number): boolean =>
  s.constants?.[i] !== undefined || (s.frozen?.includes(i) ?? false) || (s.absent?.includes(i) ?? false);

/**
 * Inputs spread so that piecewise rules can be differenced: all elements lie apart from each other, so that no maximum
 * changes hands, and apart from the kinks. Returns them with the step that respects the distance.
 */
function draw(sample: Sample, uniform: () => number): { values: Float32Array[]; step: number } {
  const [low, high] = sample.range ?? [-1, 1];
  const sizes = sample.shapes.map(sizeOf);
  const total = sizes.reduce((a, b) => a + b, 0);
  // an even number of cells keeps the middle of the range, the usual kink, on a border
  const cells = total + (total % 2);
  const cell = (high - low) / cells;
  const step = Math.min(0.04, cell / 6);
  const order = Array.from({ length: cells }, (_, i) => i);
  for (let i = cells - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  const kinks = sample.kinks ?? [0];
  const all = order.map((k) => {
    const x = low + (k + 0.5) * cell;
    const near = kinks.find((kink) => Math.abs(x - kink) < 2.5 * step);
    return near === undefined ? x : near + (x < near ? -2.5 : 2.5) * step;
  });
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const values = sizes.map((n, i) =>
    Float32Array.from(sample.at?.[i] ?? all.slice(starts[i], starts[i] + n)),
  );
  return { values, step };
}

interface Case {
  readonly graph: Graph;
  readonly inputs: readonly { readonly name: string; readonly index: number }[];
}

/** One node; every output that counts is flattened and joined into the score, so that a rule sees all its dys. */
function caseOf(options: GradcheckOptions, values: readonly Float32Array[], free: boolean): Case {
  const { op, domain = "", sample } = options;
  const inputs: ValueInfo[] = [];
  const differentiated: { name: string; index: number }[] = [];
  const initializers = new Map<string, Tensor>();
  const inputNames = sample.shapes.map((shape, i) => {
    if (sample.absent?.includes(i)) return "";
    const name = `x${i}`;
    if (isFixed(sample, i)) initializers.set(name, sample.constants?.[i] ?? float32(shape, values[i]));
    else {
      const dims = free && sample.batch?.includes(i) ? ["batch", ...shape.slice(1)] : shape;
      inputs.push({ name, type: "float32", dims });
      differentiated.push({ name, index: i });
    }
    return name;
  });
  const count = sample.outputs ?? 1;
  const outputs = Array.from({ length: count }, (_, i) => `y${i}`);
  const tested: Node[] = [node(op, inputNames, outputs, sample.attributes, op, domain)];
  const scored = (sample.score ?? outputs.map((_, i) => i)).map((i) => outputs[i]);
  initializers.set("flat", { type: "int64", dims: [1], data: BigInt64Array.of(-1n) });
  const flat = scored.map((y) => {
    tested.push(node("Cast", [y], [`${y}/float`], { to: { type: "int", value: 1 } }));
    tested.push(node("Reshape", [`${y}/float`, "flat"], [`${y}/flat`]));
    return `${y}/flat`;
  });
  tested.push(node("Concat", flat, ["score"], { axis: { type: "int", value: 0 } }));
  return {
    inputs: differentiated,
    graph: {
      name: op,
      opsets: { "": canonicalOpset, ...(domain && { [domain]: 1 }) },
      inputs,
      outputs: [{ name: "score", type: "float32", dims: ["?"] }],
      nodes: tested,
      initializers,
    },
  };
}

/**
 * @returns errors relative to the largest gradient element; a right rule is near 1e-4 (float32 differences), exactly
 *          piecewise linear ones near 1e-5
 */
export async function gradcheck(options: GradcheckOptions): Promise<Gradcheck> {
  const { sample, run, uniform, rules } = options;
  const { values, step } = draw(sample, uniform);
  const feedsOf = (current: readonly Float32Array[], { inputs }: Case): Record<string, Tensor> =>
    Object.fromEntries(
      inputs.map(({ name, index }) => [name, float32(sample.shapes[index], current[index].slice())]),
    );

  const fixed = caseOf(options, values, false);
  const scoreAt = async (current: readonly Float32Array[]): Promise<Float32Array> =>
    (await run(fixed.graph, feedsOf(current, fixed))).score.data as Float32Array;
  const length = (await scoreAt(values)).length;
  const seed = Float32Array.from({ length }, () => (sample.gradient ? 1 : 2 * uniform() - 1));

  async function gradientsOf(c: Case, free: boolean): Promise<Float32Array[]> {
    const wrt = c.inputs.map((i) => i.name);
    const made = backward(describe(c.graph, free ? "batch" : undefined), { score: "score", wrt, rules });
    const feeds = { ...feedsOf(values, c), [made.seed]: float32([length], seed.slice()) };
    const results = await run(made.folded.graph, feeds);
    return wrt.map((name) => results[made.gradients[name]].data as Float32Array);
  }

  const expected: Float32Array[] = [];
  for (const { index } of fixed.inputs) {
    const exact = sample.gradient?.[index];
    expected.push(exact ? Float32Array.from(exact) : await differences(index));
  }

  /** Central differences at two steps, extrapolated to step 0 (Richardson); summed in double precision. */
  async function differences(index: number): Promise<Float32Array> {
    const slopes = new Float32Array(values[index].length);
    for (const i of slopes.keys()) {
      const slope = async (h: number): Promise<number> => {
        const [up, down] = [values, values].map((list) => list.map((v) => v.slice()));
        up[index][i] += h;
        down[index][i] -= h;
        const [above, below] = [await scoreAt(up), await scoreAt(down)];
        // the step that float32 really took
        const taken = up[index][i] - down[index][i];
        return seed.reduce((sum, s, k) => sum + s * (above[k] - below[k]), 0) / taken;
      };
      slopes[i] = (4 * (await slope(step)) - (await slope(2 * step))) / 3;
    }
    return slopes;
  }

  const got = await gradientsOf(fixed, false);
  const scale = Math.max(...expected.map(largest), Number.MIN_VALUE);
  const distance = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
    Math.max(
      ...a.map((v, i) => (v.length === b[i].length ? largest(v.map((x, k) => x - b[i][k])) : Number.NaN)),
    );
  const error = scale > 1e-30 ? distance(got, expected) / scale : distance(got, expected);
  if (!sample.batch) return { error, batchError: 0 };
  const withBatch = await gradientsOf(caseOf(options, values, true), true);
  return { error, batchError: distance(withBatch, got) / (scale > 1e-30 ? scale : 1) };
}

/** Largest magnitude; NaN if there is one. */
const largest = (v: Float32Array): number => v.reduce((m, x) => (Math.abs(x) <= m ? m : Math.abs(x)), 0);
