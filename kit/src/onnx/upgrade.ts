/**
 * Old operator versions → the ones of `canonicalOpset`. What changed is a table; one driver applies it.
 * Source: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
import { KitError } from "../errors.ts";
import {
  attr,
  canonicalOpset,
  consumers,
  type Graph,
  intOf,
  intsOf,
  labelOf,
  type Node,
  names,
  node,
  stringOf,
} from "./graph.ts";
import { invalid, plain, unsupported } from "./read-errors.ts";
import { int64, type Tensor } from "./tensor.ts";

/** Opset 11 brought the last breaking changes of Clip, Pad and Resize; before it, TensorFlow and torch differ. */
export const oldestOpset = 11;
/** After `canonicalOpset` operators gained element types, and new operators came, which `contrib` writes in older ones. */
export const newestOpset = 24;

interface Context {
  /** A fresh tensor name that begins with `base`. */
  fresh(base: string): string;
  /** The name of a new int64 vector. */
  ints(values: readonly number[], base: string): string;
  /** The initializer of that name. */
  weight(name: string): Tensor | undefined;
  /** Whether a node or a graph output reads the name. */
  isRead(name: string): boolean;
  /** Whether it depends on what the model is fed. */
  isFed(name: string): boolean;
  training(n: Node, what: string): KitError;
  refuse(n: Node, what: string): KitError;
}

type Rewrite = (n: Node, context: Context) => readonly Node[];

const without = (n: Node, ...keys: string[]): Node["attributes"] =>
  Object.fromEntries(Object.entries(n.attributes).filter(([key]) => !keys.includes(key)));

/** An integer-list attribute that became the second input; absent stays absent. */
const toInput =
  (key: string): Rewrite =>
  (n, { ints }) => {
    const values = intsOf(n, key) ?? [];
    const inputs = values.length === 0 ? n.inputs.slice(0, 1) : [n.inputs[0], ints(values, key)];
    return [{ ...n, inputs, attributes: without(n, key) }];
  };

/** Up to opset 12 the input was flattened to 2-D at `axis` (default 1), and the rows were normalised. */
const flattened: Rewrite = (n, { fresh }) => {
  const axis = intOf(n, "axis", 1);
  const last = { axis: attr.int(-1) };
  const [x] = n.inputs;
  const [y] = n.outputs;
  // Flattened at the last dim, a row is the last dim.
  if (axis === -1) return [{ ...n, attributes: last }];
  const [rows, normalised, shape] = ["rows", "normalised", "shape"].map((part) => fresh(`${y}_${part}`));
  return [
    node("Flatten", [x], [rows], { axis: attr.int(axis) }),
    { ...n, inputs: [rows], outputs: [normalised], attributes: last },
    node("Shape", [x], [shape]),
    node("Reshape", [normalised, shape], [y]),
  ];
};

/**
 * Scale and bias were per group, now they are per channel. With each group flattened into one channel, the two are the same.
 */
const groupNormalization: Rewrite = (n, { fresh, ints }) => {
  const [x, scale, bias] = n.inputs;
  const [y] = n.outputs;
  const groups = intOf(n, "num_groups", 1);
  const [grouped, normalised, shape] = ["grouped", "normalised", "shape"].map((part) =>
    fresh(`${y}_${part}`),
  );
  return [
    node("Reshape", [x, ints([0, groups, -1], `${y}_groups`)], [grouped]),
    { ...n, inputs: [grouped, scale, bias], outputs: [normalised] },
    node("Shape", [x], [shape]),
    node("Reshape", [normalised, shape], [y]),
  ];
};

/** tf_half_pixel_for_nn is gone; with `floor` the same pixels are picked by half_pixel and rounding half up. */
const resizeTf: Rewrite = (n, { refuse }) => {
  if (stringOf(n, "coordinate_transformation_mode", "half_pixel") !== "tf_half_pixel_for_nn") return [n];
  if (stringOf(n, "mode", "nearest") !== "nearest" || stringOf(n, "nearest_mode", "") !== "floor") {
    throw refuse(n, "its tf_half_pixel_for_nn has no successor");
  }
  const attributes = {
    ...n.attributes,
    coordinate_transformation_mode: attr.string("half_pixel"),
    nearest_mode: attr.string("round_prefer_ceil"),
  };
  return [{ ...n, attributes }];
};

/** A new attribute whose default is not what the operator did before. */
const withDefault =
  (key: string, value: string): Rewrite =>
  (n) => [{ ...n, attributes: { [key]: attr.string(value), ...n.attributes } }];

const gridSample: Rewrite = (n) => {
  const now: Record<string, string> = { bilinear: "linear", bicubic: "cubic" };
  const mode = stringOf(n, "mode", "bilinear");
  return [{ ...n, attributes: { ...n.attributes, mode: attr.string(now[mode] ?? mode) } }];
};

/** Equal parts: their number was implied by the outputs, now it is said. */
const splitParts: Rewrite = (n) =>
  n.inputs[1] ? [n] : [{ ...n, attributes: { ...n.attributes, num_outputs: attr.int(n.outputs.length) } }];

const noSuccessor: Rewrite = (n, { refuse }) => {
  throw refuse(n, "this old form is not translated");
};

/** Operator → since which opset it differs → how an older node is written in that opset. */
export const changes: readonly (readonly [op: string, since: number, rewrite: Rewrite])[] = [
  ["Softmax", 13, flattened],
  ["LogSoftmax", 13, flattened],
  ["Hardmax", 13, flattened],
  ["Squeeze", 13, toInput("axes")],
  ["Unsqueeze", 13, toInput("axes")],
  ["ReduceSum", 13, toInput("axes")],
  ["Split", 13, toInput("split")],
  ["Resize", 13, resizeTf],
  ["RoiAlign", 16, withDefault("coordinate_transformation_mode", "output_half_pixel")],
  ["Split", 18, splitParts],
  ["ReduceL1", 18, toInput("axes")],
  ["ReduceL2", 18, toInput("axes")],
  ["ReduceLogSum", 18, toInput("axes")],
  ["ReduceLogSumExp", 18, toInput("axes")],
  ["ReduceMax", 18, toInput("axes")],
  ["ReduceMean", 18, toInput("axes")],
  ["ReduceMin", 18, toInput("axes")],
  ["ReduceProd", 18, toInput("axes")],
  ["ReduceSumSquare", 18, toInput("axes")],
  ["GridSample", 20, gridSample],
  ["DFT", 20, noSuccessor],
  ["GroupNormalization", 21, groupNormalization],
];

/**
 * In inference Dropout copies its input; so it does in training at ratio 0, as torchvision's Swin has it. The mask would be all
 * true; nothing but training reads it.
 */
const dropout: Rewrite = (n, { weight, isRead, training }) => {
  const [, ratio = "", mode = ""] = n.inputs;
  const drops = mode !== "" && weight(mode)?.data[0] !== 0 && weight(ratio)?.data[0] !== 0;
  if (drops) throw training(n, "it is in training mode");
  if (n.outputs.slice(1).some(isRead)) throw training(n, "its mask is read");
  return [node("Identity", n.inputs.slice(0, 1), n.outputs.slice(0, 1), {}, n.name)];
};

/**
 * Up to opset 13 the outputs beyond the first meant training, later `training_mode` says so. Of weights it is none: networks that
 * standardise their weights (BiT, NFNet) are exported so.
 */
const batchNormalization: Rewrite = (n, context) => {
  const { isRead, isFed, training } = context;
  const trains = intOf(n, "training_mode", 0) !== 0;
  if (trains && isFed(n.inputs[0])) throw training(n, "it is in training mode");
  if (n.outputs.slice(1).some(isRead)) throw training(n, "its running statistics are read");
  if (trains) return standardised(n, context);
  return [{ ...n, outputs: n.outputs.slice(0, 1), attributes: without(n, "training_mode") }];
};

/** Each channel [N, C, …] with its own mean and variance: that of an instance with one image. */
function standardised(n: Node, { fresh, ints }: Context): readonly Node[] {
  const [x, scale, bias] = n.inputs;
  const [y] = n.outputs;
  const nodes: Node[] = [];
  const made = (op: string, inputs: readonly string[], attributes: Node["attributes"] = {}): string => {
    const output = fresh(`${y}_${op}`);
    nodes.push(node(op, inputs, [output], attributes));
    return output;
  };
  const swap = { perm: attr.ints([1, 0, 2]) };
  const turned = made("Transpose", [made("Reshape", [x, ints([0, 0, -1], `${y}_planes`)])], swap);
  const rows = made("Reshape", [turned, ints([0, -1], `${y}_rows`)]);
  const one = ints([0], `${y}_image`);
  const epsilon = { epsilon: n.attributes.epsilon ?? attr.float(1e-5) };
  const normal = made("InstanceNormalization", [made("Unsqueeze", [rows, one]), scale, bias], epsilon);
  const back = made("Transpose", [made("Reshape", [normal, made("Shape", [turned])])], swap);
  const shape = made("Shape", [x]);
  return [...nodes, node("Reshape", [back, shape], [y], {}, n.name)];
}

/** An empty roi, scales or sizes means an absent one. */
const resize: Rewrite = (n, { weight }) => [
  { ...n, inputs: n.inputs.map((name, i) => (i > 0 && weight(name)?.dims.includes(0) ? "" : name)) },
];

/** For every opset: one spelling where ONNX has two, and nothing that only training needs. */
const always: ReadonlyMap<string, Rewrite> = new Map([
  ["Dropout", dropout],
  ["BatchNormalization", batchNormalization],
  ["Resize", resize],
]);

/**
 * The graph at `canonicalOpset`, for inference; `graph.opsets[""]` says where it comes from (11 to 24).
 *
 * @param file  what error messages call the model
 * @throws KitError E_ONNX_TRAINING (a node in training mode), E_ONNX_UNSUPPORTED (an old form without a successor)
 */
export function upgrade(graph: Graph, file = "the model"): Graph {
  const used = names(graph);
  const read = consumers(graph);
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const initializers = new Map(graph.initializers);
  const fed = new Set(graph.inputs.map((i) => i.name));
  for (const n of graph.nodes) if (n.inputs.some((i) => fed.has(i))) for (const o of n.outputs) fed.add(o);
  const fresh = (base: string): string => {
    let name = base;
    for (let i = 1; used.has(name); i++) name = `${base}_${i}`;
    used.add(name);
    return name;
  };
  const context: Context = {
    fresh,
    ints(values, base) {
      const name = fresh(base);
      initializers.set(name, int64([values.length], values));
      return name;
    },
    weight: (name) => initializers.get(name),
    isRead: (name) => read.has(name) || outputs.has(name),
    isFed: (name) => fed.has(name),
    training: (n, what) =>
      new KitError("E_ONNX_TRAINING", {
        problem: plain(`${file} was exported for training: see ${n.op} ${labelOf(n)}`),
        details: [what],
        next: "export the model in eval mode: model.eval(), training=TrainingMode.EVAL",
      }),
    refuse: (n, what) =>
      unsupported(
        file,
        `${n.op} of opset ${graph.opsets[""]}`,
        `${n.op} ${labelOf(n)}: ${what}`,
        "export the model again with opset_version=20 or higher",
      ),
  };
  const rewriteWith = (nodes: readonly Node[], rules: ReadonlyMap<string, Rewrite>) =>
    nodes.flatMap((n) => {
      const rewrite = n.domain === "" ? rules.get(n.op) : undefined;
      if (rewrite === undefined) return n;
      if (!n.inputs[0] || !n.outputs[0]) {
        throw invalid(file, "a node has no input or no output", `${n.op} ${labelOf(n)}`);
      }
      return rewrite(n, context);
    });

  let nodes = rewriteWith(graph.nodes, always);
  // what is newer differs in nothing that is read here
  for (let opset = graph.opsets[""] + 1; opset <= canonicalOpset; opset++) {
    const due = changes.filter(([, since]) => since === opset);
    nodes = rewriteWith(nodes, new Map(due.map(([op, , rewrite]) => [op, rewrite])));
  }
  return { ...graph, opsets: { ...graph.opsets, "": canonicalOpset }, nodes, initializers };
}
