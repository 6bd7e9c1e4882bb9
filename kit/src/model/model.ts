/**
 * A model that can be asked for scores and gradients of any number of images. Batching, sessions and memory are decided here, once; methods and
 * metrics see one image at a time.
 */
import { backward, formatGap, opsWithoutVjp } from "../autodiff/backward.ts";
import { type GraphOptions, graphFor, graphOptionsFor } from "../autodiff/graph-options.ts";
import { inChunks, type Learned } from "../engine/chunk.ts";
import type { Executable, Provider } from "../engine/engine.ts";
import type { SessionPool } from "../engine/pool.ts";
import { KitError } from "../errors.ts";
import type { FoldedGraph } from "../onnx/fold.ts";
import { type Graph, prune } from "../onnx/graph.ts";
import { type Shape, shapeAt } from "../onnx/shapes.ts";
import { type Float32Tensor, float32, sizeOf, toFloat32 } from "../onnx/tensor.ts";
import type { Rng } from "../rng.ts";
import { type CamLayer, onGrid } from "./cam-layer.ts";
import { blurred, constantImage, type ReferenceKind, type Surface } from "./image.ts";
import type { Prepared } from "./prepare.ts";
import { permutedWeights } from "./randomise.ts";

/** Which gradients a pass computes: asking for both at once costs no more than the input's alone. */
export interface Wants {
  readonly input: boolean;
  readonly layer: boolean;
}

/** What one backward pass knows of one image. */
export interface Pass {
  readonly logits: Float32Array;
  /** d(score)/dx, [C·H·W]; empty unless wanted */
  readonly gradient: Float32Array;
  /** activation and d(score)/d(activation) at the CAM layer, [channels, rows·columns] each; empty unless wanted */
  readonly activation: Float32Array;
  readonly activationGradient: Float32Array;
}

/** Writes image `k` into `out` [C·H·W]. */
export type Fill = (k: number, out: Float32Array) => void;

/** The places of item `k` in what the graph is fed, by the program's names for them; all zeros before. */
export type Feeds = Readonly<Record<string, Float32Array>>;

/** What a program starts from. */
export interface Parts extends Pick<Prepared, "folded" | "score" | "cam"> {
  /** name of the image's tensor */
  readonly input: string;
  /** what `backward` should make for the device */
  readonly options: GraphOptions;
}

export interface Built {
  readonly folded: FoldedGraph;
  /** what is fed, by names of the program's own: tensor names of the graph, the first axis the batch */
  readonly feeds: Readonly<Record<string, string>>;
  /** tensors of the graph, the first axis the batch */
  readonly fetches: readonly string[];
}

/** A graph of one's own, made of the model's: for methods that want more of it than scores and gradients. */
export interface Program {
  /** Programs of one name are one graph, and one session. */
  readonly id: string;
  /** of one item, in images */
  readonly passes: { readonly forwards: number; readonly backwards: number };
  /** Pure. Throws KitError where the model does not allow it. */
  readonly build: (parts: Parts) => Built;
}

export interface Model {
  readonly prepared: Prepared;
  readonly shape: Surface;
  readonly classes: number;
  /** undefined where the model has no spatial grid */
  readonly cam: CamLayer | undefined;
  /** passes so far, in images; those of its randomised copies included */
  readonly passes: { forwards: number; backwards: number };
  /** Logits of `count` images, visited in order. */
  forward(count: number, fill: Fill, visit: (k: number, logits: Float32Array) => void): Promise<void>;
  /**
   * Logits and gradients of `count` images; `target(k)` is the class whose score is differentiated.
   *
   * @param others  what other passes of this run want: one graph, hence one session with its weights, then serves all
   */
  backward(
    count: number,
    wants: Wants,
    fill: Fill,
    target: (k: number) => number,
    visit: (k: number, pass: Pass) => void,
    others?: Wants,
  ): Promise<void>;
  /** Runs `count` items through a graph of one's own; what `visit` is given lives as long as the call. */
  run(
    program: Program,
    count: number,
    fill: (k: number, feeds: Feeds) => void,
    visit: (k: number, outputs: readonly Float32Array[]) => void,
  ): Promise<void>;
  /** Logits → probabilities: softmax, or a sigmoid per label. */
  probabilities(logits: Float32Array): Float64Array;
  /** The neutral image that stands for "no information" about `x`. */
  reference(kind: ReferenceKind, x: Float32Tensor): Float32Tensor;
  /** Keeps values where pixels live; does nothing when x is not in pixel space. */
  clip(values: Float32Array): Float32Array;
  /** The same model with every weight tensor permuted. */
  randomised(name: string, rng: Rng): Model;
  /** @throws KitError E_NO_GRADIENT naming every operator without a gradient */
  assertDifferentiable(): void;
}

export interface ModelOptions {
  /** sessions; share one between models, so that few are resident */
  readonly pool: SessionPool;
  /** bytes one batch may take */
  readonly memory: number;
  /** distinguishes this model's sessions in the pool */
  readonly key?: string;
  /** what computes; decides the size of batches and the variant of gradient graphs. Default: cpu */
  readonly provider?: Provider;
  /** the batch, whatever the memory is thought to allow; default: what it allows, and no more than is of use */
  readonly batch?: number;
  /** told when memory ran out: the batch that failed, and the one to go on with */
  readonly onHalved?: (failed: number, next: number) => void;
  /** the same numbers whatever the batch, on the native cpu with one thread; see `slotsOf`. Default: on the cpu */
  readonly exact?: boolean;
  /** randomised copies, shared between models of the same file: the weights are then permuted once */
  readonly shuffled?: Map<string, FoldedGraph>;
}

/** A batch above this gains nothing on any device measured. */
const largestBatch = 64;

/**
 * A processor gains from a batch only until its overhead is shared out, and loses by one that leaves the caches: per image, the gradient
 * of SqueezeNet at 227 is a quarter slower in batches of 16 than alone, that of a 64-pixel ViT a third faster.
 */
const cacheFriendly = 32e6;

/** What a batch may take of the memory there is. */
export const batchBudget = (memory: number, provider: Provider): number =>
  provider === "cpu" || provider === "wasm" ? Math.min(memory, cacheFriendly) : memory;

export function createModel(prepared: Prepared, options: ModelOptions): Model {
  return counted(prepared, options, { forwards: 0, backwards: 0 });
}

/** A model that counts its passes into `passes`. */
function counted(prepared: Prepared, options: ModelOptions, passes: Model["passes"]): Model {
  const { pool, memory, key = "model", provider = "cpu", batch, onHalved } = options;
  const { exact = provider === "cpu", shuffled = new Map() } = options;
  const { input, folded, score, classes, fixedBatch, cam } = prepared;
  const budget = batchBudget(memory, provider);
  const learned = new Map<string, Learned>();
  const purposes = new Map<string, Purpose>();
  const turns = new Map<string, { readonly requests: Request[]; readonly answered: Promise<void> }>();

  const purpose = (id: string, make: () => Purpose): Purpose => {
    const known = purposes.get(id);
    if (known) return known;
    const made = make();
    purposes.set(id, made);
    return made;
  };
  const forwardPurpose = () => purpose("forward", () => forwardOnly(folded, input.name, score, provider));
  const backwardPurpose = ({ input: x, layer }: Wants) => {
    const wrt = [...(x ? [input.name] : []), ...(layer ? [camLayer().name] : [])];
    return purpose(`backward ${wrt.join(" ")}`, () =>
      differentiated(folded, input.name, score, wrt, provider),
    );
  };
  const camLayer = (): CamLayer => {
    if (cam) return cam;
    throw new KitError("E_CAM_LAYER", {
      problem: "this model has no tensor with a spatial grid, so CAM methods cannot run",
      next: "name one with --layer, or use a method that reads the input only",
    });
  };

  /**
   * Runs `count` items through one purpose. Calls made while its session is awaited run as one, so that the few images of many callers fill
   * batches; not where an image must keep its place, from which those before it would move it.
   */
  function sweep(purpose: Purpose, count: number, fill: Request["fill"], visit: Request["visit"]) {
    const request = { count, fill, visit };
    const what = [purpose.id, ...purpose.fetches].join("\n");
    const turn = exact && purpose.slots > 1 ? undefined : turns.get(what);
    if (turn) {
      turn.requests.push(request);
      return turn.answered;
    }
    const requests = [request];
    const load = async () => {
      try {
        return await pool.get(`${key} ${purpose.id}`, purpose.graph, key);
      } finally {
        turns.delete(what); // who comes now takes the next turn
      }
    };
    const answered = load().then((executable) => answer(executable, purpose, requests));
    turns.set(what, { requests, answered });
    return answered;
  }

  /** One request behind the other, chunk by chunk. */
  async function answer(
    executable: Executable,
    { id, bytesPerImage, feeds, fetches, slots }: Purpose,
    requests: readonly Request[],
  ): Promise<void> {
    const items = requests.flatMap(({ count, ...request }) =>
      Array.from({ length: count }, (_, k) => ({ ...request, k })),
    );
    const state = learned.get(id) ?? {};
    learned.set(id, state);
    // where one image runs as two rows, two images cost the same
    const least = exact ? 2 : 1;
    const fitting = batch ?? Math.min(largestBatch, Math.max(least, Math.floor(budget / bytesPerImage)));
    const multiple = exact ? slots : 1;
    // a batch that is fixed costs the same however many of its rows are images
    const max = fixedBatch ?? Math.ceil(fitting / multiple) * multiple;
    const chunks = {
      bytesPerItem: 1,
      budget: Number.POSITIVE_INFINITY,
      max,
      multiple,
      learned: state,
      onHalved,
    };
    await inChunks(items.length, chunks, async (start, size) => {
      // where two rows of one image were too many, one must do
      const rows = fixedBatch ?? (size === 1 && exact && state.limit !== 1 ? 2 : size);
      const fed = feeds.map(({ role, name, shape }) => ({ role, name, tensor: zeros(shapeAt(shape, rows)) }));
      for (let k = 0; k < size; k++) {
        const item = items[start + k];
        item.fill(
          item.k,
          Object.fromEntries(fed.map(({ role, tensor }) => [role, rowOf(tensor.data, k, rows)])),
        );
      }
      const outputs = await executable.run(
        Object.fromEntries(fed.map(({ name, tensor }) => [name, tensor])),
        fetches,
      );
      const data = fetches.map((name) => toFloat32(outputs[name]));
      for (let k = 0; k < size; k++) {
        const item = items[start + k];
        item.visit(
          item.k,
          data.map((d) => rowOf(d, k, rows)),
        );
      }
    });
  }

  const model: Model = {
    prepared,
    shape: surfaceOf(prepared),
    classes,
    cam,
    passes,
    async forward(count, fill, visit) {
      passes.forwards += count;
      await sweep(
        forwardPurpose(),
        count,
        (k, { image }) => fill(k, image),
        (k, [logits]) => visit(k, logits),
      );
    },
    async backward(count, wants, fill, target, visit, others = wants) {
      const whole = backwardPurpose({
        input: wants.input || others.input,
        layer: wants.layer || others.layer,
      });
      const [logit, ...gradients] = whole.fetches;
      // the input's comes before the layer's two
      const fetches = [
        logit,
        ...(wants.input ? gradients.slice(0, 1) : []),
        ...(wants.layer ? gradients.slice(-2) : []),
      ];
      const plan = { ...whole, fetches };
      passes.forwards += count;
      passes.backwards += count;
      const none = new Float32Array(0);
      const filled = (k: number, { image, seed }: Feeds) => {
        fill(k, image);
        seed[checkedClass(target(k), classes)] = 1;
      };
      await sweep(plan, count, filled, (k, [logits, ...rest]) => {
        const gradient = wants.input ? rest.shift()! : none;
        const [activation, activationGradient] = wants.layer ? rest : [none, none];
        if (wants.layer) refuseVanishing(prepared, activationGradient);
        visit(k, {
          logits,
          gradient,
          activation: wants.layer ? onGrid(camLayer(), activation) : none,
          activationGradient: wants.layer ? onGrid(camLayer(), activationGradient) : none,
        });
      });
    },
    async run(program, count, fill, visit) {
      const own = purpose(`program ${program.id}`, () => {
        const options = graphOptionsFor(provider);
        return programmed(program, { folded, score, cam, input: input.name, options }, provider);
      });
      passes.forwards += count * program.passes.forwards;
      passes.backwards += count * program.passes.backwards;
      await sweep(own, count, fill, visit);
    },
    probabilities: (logits) => probabilitiesOf(prepared, logits),
    reference(kind, x) {
      if (kind === "blur") return blurred(x, 0.045 * Math.max(input.height, input.width));
      const colour = kind === "black" ? prepared.meanColour.map(() => 0) : prepared.meanColour;
      return constantImage(input, colour);
    },
    clip(values) {
      if (!prepared.bounded) return values;
      for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i], 0), 1);
      return values;
    },
    randomised(name, rng) {
      const own = `${key} ${name}`;
      const permuted = shuffled.get(own) ?? {
        ...folded,
        graph: permutedWeights(folded.graph, prepared, rng),
      };
      shuffled.set(own, permuted);
      return counted({ ...prepared, folded: permuted }, { ...options, key: own, shuffled }, passes);
    },
    assertDifferentiable() {
      const gaps = opsWithoutVjp(folded, score, [input.name]);
      if (gaps.length === 0) return;
      throw new KitError("E_NO_GRADIENT", {
        problem: "the model has operators without a gradient",
        details: gaps.map(formatGap),
      });
    },
  };
  return model;
}

/** What one item of a program puts in and gets out, in elements. */
export function sizesOf({ folded: { shapes }, feeds, fetches }: Built) {
  const size = (name: string) => sizeOf(shapeAt(shapes.get(name) ?? [], 1));
  return {
    feeds: Object.fromEntries(Object.entries(feeds).map(([role, name]) => [role, size(name)])),
    fetches: fetches.map(size),
  };
}

interface Request {
  readonly count: number;
  readonly fill: (k: number, feeds: Feeds) => void;
  readonly visit: (k: number, outputs: readonly Float32Array[]) => void;
}

interface Purpose {
  readonly id: string;
  readonly graph: () => Graph;
  readonly bytesPerImage: number;
  readonly feeds: readonly { readonly role: string; readonly name: string; readonly shape: Shape }[];
  readonly fetches: readonly string[];
  /** batches begin at multiples of this many images, where numbers are to be exact */
  readonly slots: number;
}

const zeros = (dims: readonly number[]): Float32Tensor => float32(dims, new Float32Array(sizeOf(dims)));

/** The part of item `k`, of `rows` that lie one behind the other. */
const rowOf = (data: Float32Array, k: number, rows: number): Float32Array =>
  data.subarray((k * data.length) / rows, ((k + 1) * data.length) / rows);

const feedsOf = ({ shapes }: FoldedGraph, names: Readonly<Record<string, string>>): Purpose["feeds"] =>
  Object.entries(names).map(([role, name]) => ({ role, name, shape: shapes.get(name)! }));

/**
 * ONNX Runtime's native reductions add the elements of a row in an order that depends on the row's address modulo 16 bytes (Eigen's aligned
 * packets of four). Where an image takes a multiple of four elements every image of a batch lies alike; else only every fourth does, and an
 * image must keep its place modulo four. A batch of one takes another way through some kernels still, so it is run as two rows. Found by
 * comparing bits (kit/test/shards.test.ts does): nothing else depends on the batch with one thread.
 */
function slotsOf({ shapes }: FoldedGraph, graph: Graph): number {
  const odd = graph.nodes.some(({ op, inputs }) => {
    const shape = summing.test(op) ? shapes.get(inputs[0]) : undefined;
    return shape !== undefined && sizeOf(shapeAt(shape, 1)) % 4 !== 0;
  });
  return odd ? 4 : 1;
}

const summing = /^(Reduce|Softmax|LogSoftmax|GlobalAveragePool|GlobalLpPool)|Normalization$/;

function forwardOnly(folded: FoldedGraph, image: string, score: string, provider: Provider): Purpose {
  const graph = withOutputs(folded, [score]);
  return {
    id: "forward",
    graph: () => graphFor(provider, graph, folded.shapes),
    // activations die young in a forward pass: a quarter of them is alive at once, generously
    bytesPerImage: activationBytes(folded, graph) / 4,
    feeds: feedsOf(folded, { image }),
    fetches: [score],
    slots: slotsOf(folded, graph),
  };
}

function differentiated(
  folded: FoldedGraph,
  image: string,
  score: string,
  wrt: readonly string[],
  provider: Provider,
): Purpose {
  const pass = backward(folded, { score, wrt, ...graphOptionsFor(provider) });
  const [first, ...rest] = wrt;
  // the input's gradient is one tensor; a layer's comes with its activation
  const isInput = folded.graph.inputs.some((i) => i.name === first);
  const layers = isInput ? rest : wrt;
  const fetches = [
    score,
    ...(isInput ? [pass.gradients[first]] : []),
    ...layers.flatMap((layer) => [layer, pass.gradients[layer]]),
  ];
  const graph = withOutputs(pass.folded, fetches);
  return {
    id: `backward ${wrt.join(" ")}`,
    graph: () => graphFor(provider, graph, pass.folded.shapes),
    bytesPerImage: activationBytes(pass.folded, graph) / 2,
    feeds: feedsOf(pass.folded, { image, seed: pass.seed }),
    fetches,
    slots: slotsOf(pass.folded, graph),
  };
}

function programmed(program: Program, parts: Parts, provider: Provider): Purpose {
  const { folded, feeds, fetches } = program.build(parts);
  const whole = withOutputs(folded, fetches);
  const read = new Set(whole.nodes.flatMap((n) => n.inputs));
  // what the program cut off is not asked for
  const graph = { ...whole, inputs: whole.inputs.filter((i) => read.has(i.name)) };
  const fed = Object.entries(feeds).filter(([, name]) => graph.inputs.some((i) => i.name === name));
  return {
    id: `program ${program.id}`,
    graph: () => graphFor(provider, graph, folded.shapes),
    bytesPerImage: activationBytes(folded, graph) / 2,
    feeds: feedsOf(folded, Object.fromEntries(fed)),
    fetches,
    slots: slotsOf(folded, graph),
  };
}

function withOutputs({ graph, types, shapes }: FoldedGraph, outputs: readonly string[]): Graph {
  return prune(
    graph,
    outputs.map((name) => ({
      name,
      type: types.get(name) ?? "float32",
      dims: (shapes.get(name) ?? []).map((d) => (typeof d === "number" ? d : d.batch === 1 ? "batch" : "?")),
    })),
  );
}

const surfaceOf = ({ input: { channels, height, width }, cam }: Prepared): Surface => ({
  channels,
  height,
  width,
  cam: cam && { channels: cam.channels, rows: cam.rows, columns: cam.columns },
});

/** An index out of range would fall into the seed of the next image. */
function checkedClass(target: number, classes: number): number {
  if (Number.isInteger(target) && target >= 0 && target < classes) return target;
  throw new KitError("E_TARGET", {
    problem: `class ${target} cannot be explained: the model has ${classes} classes, 0 to ${classes - 1}`,
    next: "name a class the model has",
  });
}

/** Bytes of all activations of one image. */
function activationBytes({ shapes }: FoldedGraph, graph: Graph): number {
  let bytes = 0;
  for (const n of graph.nodes) {
    for (const o of n.outputs) {
      const shape = shapes.get(o);
      if (shape && o !== "") bytes += 4 * sizeOf(shapeAt(shape, 1));
    }
  }
  return bytes;
}

/** A layer behind the last attention has patch gradients that are all exactly 0: nothing could be mapped. */
function refuseVanishing({ cam, camAlternatives }: Prepared, gradient: Float32Array): void {
  if (cam?.kind !== "tokens" || cam.skip === 0) return;
  const extra = cam.skip * cam.channels;
  if (gradient.subarray(extra).some((g) => g !== 0)) return;
  if (!gradient.subarray(0, extra).some((g) => g !== 0)) return; // the whole gradient is 0: not the layer's fault
  throw new KitError("E_CAM_LAYER", {
    problem: `the score does not depend on the patch tokens of "${cam.name}": their gradients are all zero`,
    next: `use a layer before the last attention: ${camAlternatives.map((name) => `--layer ${name}`).join(", ")}`,
  });
}

/** Logits → probabilities: softmax, or a sigmoid per label. */
export const probabilitiesOf = ({ link }: Pick<Prepared, "link">, logits: Float32Array): Float64Array =>
  link === "softmax" ? softmax(logits) : Float64Array.from(logits, sigmoid);

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

function softmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((m, v) => Math.max(m, v), Number.NEGATIVE_INFINITY);
  const odds = Float64Array.from(logits, (v) => Math.exp(v - top));
  const total = odds.reduce((s, v) => s + v, 0);
  return odds.map((v) => v / total);
}
