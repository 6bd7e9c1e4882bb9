/**
 * Proof of a rule by numbers: the gradient graph of one node against central differences of the node itself.
 *
 * Platform-free: a function that runs graphs and a source of uniform numbers are handed in.
 */
import { describe } from "../onnx/fold.ts";
import { attr, canonicalOpset, type Graph, node, type ValueInfo } from "../onnx/graph.ts";
import { float32, int64, sizeOf, type Tensor } from "../onnx/tensor.ts";
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

/** One node; all outputs that count are joined into the score, so that a rule sees all its dys. */
function caseOf(
  options: Pick<GradcheckOptions, "op" | "domain" | "sample">,
  values: readonly Float32Array[],
  free: boolean,
): Case {
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
  const graph: Graph = {
    name: op,
    opsets: { "": canonicalOpset, ...(domain && { [domain]: 1 }) },
    inputs,
    outputs: [],
    nodes: [node(op, inputNames, outputs, sample.attributes, op, domain)],
    initializers,
  };
  const scored = (sample.score ?? outputs.map((_, i) => i)).map((i) => outputs[i]);
  return { graph: joinedAs(graph, scored, "score"), inputs: differentiated };
}

/** The operators that the gradient graph of a sample has beside the node itself and what joins its outputs. */
export function gradientOps(op: string, sample: Sample, rules?: RuleTable): readonly string[] {
  const zeros = sample.shapes.map((shape) => new Float32Array(sizeOf(shape)));
  const { graph, inputs } = caseOf({ op, sample }, zeros, false);
  const wrt = inputs.map((i) => i.name);
  const { folded } = backward(describe(graph, undefined), { score: "score", wrt, rules });
  const before = new Set(graph.nodes.map((n) => n.outputs[0]));
  return folded.graph.nodes.filter((n) => !before.has(n.outputs[0])).map((n) => n.op);
}

/** The graph with one output: `parts` as float32, flattened and put end to end. */
function joinedAs(graph: Graph, parts: readonly string[], name: string): Graph {
  const nodes = parts.flatMap((part, i) => [
    node("Cast", [part], [`${name}/float${i}`], { to: attr.int(1) }),
    node("Reshape", [`${name}/float${i}`, `${name}/all`], [`${name}/flat${i}`]),
  ]);
  const flat = parts.map((_, i) => `${name}/flat${i}`);
  return {
    ...graph,
    outputs: [{ name, type: "float32", dims: ["?"] }],
    nodes: [...graph.nodes, ...nodes, node("Concat", flat, [name], { axis: attr.int(0) })],
    initializers: new Map([...graph.initializers, [`${name}/all`, int64([1], [-1])]]),
  };
}

/** What a check works on: the drawn inputs, the seed and the step that keeps away from kinks. */
interface Trial {
  readonly values: readonly Float32Array[];
  readonly step: number;
  readonly case: Case;
  readonly seed: Float32Array;
  feeds(current?: readonly Float32Array[]): Record<string, Tensor>;
  score(current: readonly Float32Array[]): Promise<Float32Array>;
}

async function trialOf(options: GradcheckOptions): Promise<Trial> {
  const { sample, run, uniform } = options;
  const { values, step } = draw(sample, uniform);
  const made = caseOf(options, values, false);
  const feeds = (current: readonly Float32Array[] = values): Record<string, Tensor> =>
    Object.fromEntries(
      made.inputs.map(({ name, index }) => [name, float32(sample.shapes[index], current[index].slice())]),
    );
  const score = async (current: readonly Float32Array[]): Promise<Float32Array> =>
    floats((await run(made.graph, feeds(current))).score);
  const { length } = await score(values);
  const seed = Float32Array.from({ length }, () => (sample.gradient ? 1 : 2 * uniform() - 1));
  return { values, step, case: made, seed, feeds, score };
}

/** Central differences at two steps, extrapolated to step 0 (Richardson). */
async function slopeAt(difference: (h: number) => Promise<number>, step: number): Promise<number> {
  return (4 * (await difference(step)) - (await difference(2 * step))) / 3;
}

/** The score's slope along each element of input `index`; summed in double precision. */
async function differences({ values, step, seed, score }: Trial, index: number): Promise<Float32Array> {
  const slopes = new Float32Array(values[index].length);
  for (const i of slopes.keys()) {
    slopes[i] = await slopeAt(async (h) => {
      const [up, down] = [h, -h].map((d) => values.map((v, k) => (k === index ? v.with(i, v[i] + d) : v)));
      const [above, below] = [await score(up), await score(down)];
      // divided by the step that float32 really took
      return dot(seed, above, below) / (up[index][i] - down[index][i]);
    }, step);
  }
  return slopes;
}

/**
 * @returns errors relative to the largest gradient element; a right rule is near 1e-4 (float32 differences), one that is
 *          piecewise linear near 1e-5
 */
export async function gradcheck(options: GradcheckOptions): Promise<Gradcheck> {
  const { sample, run, rules } = options;
  const trial = await trialOf(options);

  async function gradientsOf({ graph, inputs }: Case, batch: string | undefined): Promise<Float32Array[]> {
    const wrt = inputs.map((i) => i.name);
    const made = backward(describe(graph, batch), { score: "score", wrt, rules });
    const { seed } = trial;
    const results = await run(made.folded.graph, {
      ...trial.feeds(),
      [made.seed]: float32([seed.length], seed.slice()),
    });
    return wrt.map((name) => floats(results[made.gradients[name]]));
  }

  const expected: Float32Array[] = [];
  for (const { index } of trial.case.inputs) {
    const exact = sample.gradient?.[index];
    expected.push(exact ? Float32Array.from(exact) : await differences(trial, index));
  }
  const got = await gradientsOf(trial.case, undefined);
  const scale = Math.max(...expected.map(largest)) || 1;
  const error = distance(got, expected) / scale;
  if (!sample.batch) return { error, batchError: 0 };
  const free = await gradientsOf(caseOf(options, trial.values, true), "batch");
  return { error, batchError: distance(free, got) / scale };
}

/**
 * The rules of the rules: the gradient graph is differentiated again, with respect to the inputs and the seed, and
 * compared with differences of the gradient along one random direction.
 *
 * @returns |gradient − difference| over the sum of the magnitudes that make up the difference; near 1e-4
 */
export async function gradcheckTwice(options: GradcheckOptions): Promise<number> {
  const { run, uniform, rules } = options;
  const { values, step, case: made, seed, feeds } = await trialOf(options);
  const names = made.inputs.map((i) => i.name);
  const once = backward(describe(made.graph, undefined), { score: "score", wrt: names, rules });
  const joined = describe(
    joinedAs(
      once.folded.graph,
      names.map((n) => once.gradients[n]),
      "gradient",
    ),
    undefined,
  );
  const wrt = [...names, once.seed];
  const twice = backward(joined, { score: "gradient", wrt, rules });

  const uniforms = (length: number) => Float32Array.from({ length }, () => 2 * uniform() - 1);
  const directions = values.map((v) => uniforms(v.length));
  const seedDirection = uniforms(seed.length);
  const moved = (h: number): Record<string, Tensor> => ({
    ...feeds(values.map((v, i) => v.map((x, k) => x + h * directions[i][k]))),
    [once.seed]: float32(
      [seed.length],
      seed.map((s, k) => s + h * seedDirection[k]),
    ),
  });
  const gradientAt = async (h: number) => floats((await run(joined.graph, moved(h))).gradient);
  const weights = uniforms((await gradientAt(0)).length);

  let scale = 0;
  const slope = await slopeAt(async (h) => {
    const [above, below] = [await gradientAt(h), await gradientAt(-h)];
    scale = weights.reduce((sum, w, k) => sum + Math.abs(w * (above[k] - below[k])), 0) / (2 * h);
    return dot(weights, above, below) / (2 * h);
  }, step);
  const results = await run(twice.folded.graph, {
    ...moved(0),
    [twice.seed]: float32([weights.length], weights.slice()),
  });
  const along = [...made.inputs.map(({ index }) => directions[index]), seedDirection];
  const got = wrt.reduce((sum, name, i) => {
    const gradient = floats(results[twice.gradients[name]]);
    return sum + gradient.reduce((s, g, k) => s + g * along[i][k], 0);
  }, 0);
  return Math.abs(got - slope) / (scale || 1);
}

const floats = (t: Tensor): Float32Array => Float32Array.from(t.data as ArrayLike<number>);

/** Σ weight · (a − b), in double precision. */
const dot = (weights: Float32Array, a: Float32Array, b: Float32Array): number =>
  weights.reduce((sum, w, k) => sum + w * (a[k] - b[k]), 0);

/** Largest magnitude; NaN if there is one. */
const largest = (v: Float32Array): number => v.reduce((m, x) => (Math.abs(x) <= m ? m : Math.abs(x)), 0);

const distance = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(
    ...a.map((v, i) => (v.length === b[i].length ? largest(v.map((x, k) => x - b[i][k])) : Number.NaN)),
  );
