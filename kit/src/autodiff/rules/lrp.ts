/**
 * Layer-wise relevance propagation: what flows back is relevance R, shares of the score, not a derivative. Every affine operator z = Σ a·w + b
 * shares the relevance of z among its inputs, each rule by another notion of a share; the rest passes on what it gets.
 *
 * The ordinary gradient rules do the sharing: with s = R / z, a ⊙ Jᵀs is the sum over all z of a·w / z · R, for any J. So a rule is the choice
 * of the a and w that count, and of the denominator.
 */
import type { FoldedGraph } from "../../onnx/fold.ts";
import { consumers, type Node } from "../../onnx/graph.ts";
import { equalShapes, isStatic } from "../../onnx/shapes.ts";
import { derived } from "../../onnx/tensor.ts";
import type { GraphOptions } from "../graph-options.ts";
import { floatsOf, type Ops } from "../ops.ts";
import { noGradient, type RuleTable, type Value, type Vjp, type VjpContext } from "../vjp.ts";
import { vjps } from "../vjps/index.ts";
import { maxPoolByMask } from "../vjps/pool.ts";
import { between, isMove } from "./linear.ts";

export const convolutionRules = ["z-plus", "alpha2-beta1", "gamma", "epsilon"] as const;

export interface LrpOptions extends GraphOptions {
  /** the rule of convolutions; products with a matrix have epsilon */
  readonly convolution: (typeof convolutionRules)[number];
  /** the layers that read the image share evenly among the places they look at */
  readonly flatFirst: boolean;
  /** ε of the epsilon rule */
  readonly epsilon: number;
  /** ε of every other denominator */
  readonly stabiliser: number;
  /** γ of the gamma rule */
  readonly gamma: number;
  /** normalisations and maxima have the epsilon rule too, in place of passing on */
  readonly everyLayer: boolean;
}

/** Functions of one value: what reaches them stands for what they made of it. */
const activations = new Set(["Clip", "LeakyRelu", "Relu"]);
/** The winner takes all. */
const maxima = new Set(["GlobalMaxPool", "MaxPool"]);

/** Besides linear operators: ReLUs and maxima. */
export const passesOn = ({ op, domain }: Node): boolean =>
  domain === "" && (activations.has(op) || maxima.has(op));

const convolutions = new Set(["Conv", "ConvTranspose"]);
const layers = new Set([...convolutions, "Gemm", "MatMul"]);
/** One value in, one value out, besides constants; `Add` and `Sub` where only one side moves. */
const elementwise = new Set(["Add", "BatchNormalization", "Div", "Mean", "Mul", "Neg", "Sub", "Sum"]);

/** A factor for what lies above 0 and one for what lies below. */
interface Slopes {
  readonly above: number;
  readonly below: number;
}

/** What of a layer counts: the weights for inputs above 0, and those for inputs below. */
interface Counted {
  readonly above: Slopes;
  readonly below: Slopes;
}

const swapped = ({ above, below }: Counted): Counted => ({ above: below, below: above });
/** Contributions above 0: a⁺w⁺ + a⁻w⁻ + b⁺. */
const raising: Counted = { above: { above: 1, below: 0 }, below: { above: 0, below: 1 } };
/** All contributions, those above 0 more: a⁺(w + γw⁺) + a⁻(w + γw⁻) + b + γb⁺. */
const favouring = (gamma: number): Counted => ({
  above: { above: 1 + gamma, below: 1 },
  below: { above: 1, below: 1 + gamma },
});

/** The rules of every operator between `input` and `score`, which must be linear or pass on. */
export function lrpRules(folded: FoldedGraph, input: string, score: string, options: LrpOptions): RuleTable {
  const { flatFirst, epsilon, stabiliser, gamma, everyLayer, pool } = options;
  const survey = surveyed(folded, input, score);

  /** All contributions count. */
  const byContribution = (layer: Layer, ε: number, z = layer.output) => {
    const { ops, dy: R, inputs } = layer;
    return pulledBack(layer, ops.div(R, stabilised(ops, z, ε))).map((g, i) => g && ops.mul(inputs[i], g));
  };

  /** Places count, whatever stands there: a = w = 1. */
  const flat = (layer: Layer) => {
    const { ops, dy: R, node, inputs } = layer;
    const ones = inputs
      .slice(0, 2)
      .map(({ shape }) => (isStatic(shape) ? ops.filled(shape, 1) : ops.full(shape, 1)));
    const z = ops.op(node.op, ones, node.attributes);
    return pulledBack(layer, ops.div(R, stabilised(ops, z, stabiliser)), ones);
  };

  /** Some contributions count more than others; a bias counts as an input of 1. */
  const among = (layer: Layer, R: Value, counted: Counted): Value => {
    const { ops, node, inputs } = layer;
    const [a, w, inner] = inputs;
    const outer = survey.biasOf(node)?.bias;
    const terms = [
      ...(survey.nonNegative.has(a.name)
        ? [{ part: a, slopes: counted.above }]
        : [
            { part: ops.op("Relu", [a]), slopes: counted.above },
            { part: belowZero(ops, a), slopes: counted.below },
          ]),
    ].map(({ part, slopes }, i) => {
      const bias = i === 0 && inner ? [bent(ops, inner, counted.above)] : [];
      return { part, inputs: [part, bent(ops, w, slopes), ...bias] };
    });
    const products = terms.map((term) => ops.op(node.op, term.inputs, node.attributes));
    if (outer) products.push(bent(ops, outer, counted.above));
    const s = ops.div(R, stabilised(ops, products.reduce(ops.add), stabiliser));
    return terms.map((term) => ops.mul(term.part, pulledBack(layer, s, term.inputs)[0]!)).reduce(ops.add);
  };

  const convolution = (layer: Layer): readonly (Value | null)[] => {
    const { ops, dy: R, node, output } = layer;
    switch (options.convolution) {
      case "z-plus":
        return [among(layer, R, raising)];
      case "alpha2-beta1":
        return [ops.sub(among(layer, ops.mul(R, 2), raising), among(layer, R, swapped(raising)))];
      case "gamma": {
        // a sum above 0 favours what raised it, one below 0 what lowered it
        const z = survey.biasOf(node)?.sum ?? output;
        const favoured = favouring(gamma);
        const above = ops.mul(R, ops.step(z));
        const below = ops.mul(R, ops.step(ops.neg(z)));
        return [ops.add(among(layer, above, favoured), among(layer, below, swapped(favoured)))];
      }
      case "epsilon":
        return byContribution(layer, epsilon, survey.biasOf(node)?.sum);
    }
  };

  const share = (layer: Layer): readonly (Value | null)[] => {
    const { node, dy: R, need } = layer;
    if (isMove(node)) return layer.gradient(layer);
    if (layers.has(node.op)) {
      if (flatFirst && survey.first.has(node)) return flat(layer);
      if (convolutions.has(node.op) && need[0]) return convolution(layer);
      return byContribution(layer, epsilon, survey.biasOf(node)?.sum);
    }
    if (elementwise.has(node.op) && need.filter(Boolean).length === 1) {
      const own = everyLayer && node.op === "BatchNormalization" && !survey.preprocessing.has(node);
      return own ? byContribution(layer, epsilon) : need.map((yes) => (yes ? R : null));
    }
    return byContribution(layer, stabiliser);
  };

  const ruleOf = (op: string, gradient: Vjp["rule"]): Vjp["rule"] => {
    if (activations.has(op)) return ({ dy: R }) => [R];
    if (maxima.has(op) && !everyLayer) return gradient;
    return (context) => share({ ...context, gradient });
  };
  return Object.fromEntries(
    Object.entries(vjps).flatMap(([op, vjp]) => {
      if (vjp === noGradient) return [];
      const { rule, limits } = op === "MaxPool" && pool === "mask" ? maxPoolByMask : vjp;
      return [[op, { rule: ruleOf(op, rule), limits }]];
    }),
  );
}

/** A node on the way, and how its derivative is passed back. */
interface Layer extends VjpContext {
  readonly gradient: Vjp["rule"];
}

/** Jᵀs, of the node at other inputs than its own if told. */
const pulledBack = (layer: Layer, s: Value, inputs = layer.inputs): readonly (Value | null)[] =>
  layer.gradient({ ...layer, dy: s, dys: [s], inputs });

/** z moved away from 0 by ε; 0 counts as above. */
const stabilised = (ops: Ops, z: Value, ε: number): Value =>
  ops.where(ops.greater(0, z), ops.sub(z, ε), ops.add(z, ε));

/** Weights with another slope above and below 0, worked out here when they are constant. */
function bent(ops: Ops, w: Value, { above, below }: Slopes): Value {
  const known = floatsOf(w);
  if (known) {
    return ops.constant(derived(known.dims, () => known.data.map((v) => (v > 0 ? above * v : below * v))));
  }
  return ops.add(ops.mul(ops.op("Relu", [w]), above), ops.mul(belowZero(ops, w), below));
}

const belowZero = (ops: Ops, v: Value): Value => ops.sub(v, ops.op("Relu", [v]));

interface Survey {
  /** layers between which and the image there is no other */
  readonly first: ReadonlySet<Node>;
  /** what the image passes before */
  readonly preprocessing: ReadonlySet<Node>;
  /** tensors without a value below 0, as far as the operators tell */
  readonly nonNegative: ReadonlySet<string>;
  /** the constant that the only reader of a layer adds to it, and that sum; a bias inside the layer is no business of this */
  biasOf(layer: Node): { readonly bias: Value; readonly sum: Value } | undefined;
}

/** Of what is not below 0, neither are sums, means and maxima. */
const ofAll = new Set(["Add", "Concat", "Mean", "Sum"]);
const ofOne = new Set([
  "AveragePool",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "MaxPool",
  "ReduceMean",
  "ReduceSum",
]);

function keepsAboveZero(n: Node, nonNegative: ReadonlySet<string>): boolean {
  if (n.op === "Relu") return true;
  if (ofAll.has(n.op)) return n.inputs.every((name) => nonNegative.has(name));
  const fill = n.op === "Pad" && n.inputs[2];
  return (ofOne.has(n.op) || isMove(n)) && !fill && nonNegative.has(n.inputs[0]);
}

/** What rules want to know of the surroundings of a node. */
function surveyed({ graph, shapes, types }: FoldedGraph, input: string, score: string): Survey {
  const { nodes, moved } = between({ graph }, input, score);
  const readers = consumers(graph);
  const tensor = (name: string): Value => {
    const constant = graph.initializers.get(name);
    if (constant) return { name, type: constant.type, shape: constant.dims, constant };
    return { name, type: types.get(name)!, shape: shapes.get(name)! };
  };

  const untouched = new Set([input]);
  const first = new Set<Node>();
  const preprocessing = new Set<Node>();
  const nonNegative = new Set<string>();
  for (const n of nodes) {
    const moving = n.inputs.filter((name) => moved.has(name));
    if (moving.every((name) => untouched.has(name))) {
      (layers.has(n.op) ? first : preprocessing).add(n);
      if (!layers.has(n.op)) for (const o of n.outputs) untouched.add(o);
    }
    if (keepsAboveZero(n, nonNegative)) for (const o of n.outputs) nonNegative.add(o);
  }

  return {
    first,
    preprocessing,
    nonNegative,
    biasOf(layer) {
      const [product] = layer.outputs;
      const [reader, ...others] = readers.get(product) ?? [];
      if (reader?.op !== "Add" || others.length > 0 || product === score) return undefined;
      const bias = reader.inputs[reader.inputs[0] === product ? 1 : 0];
      const [sum] = reader.outputs;
      if (moved.has(bias) || !equalShapes(shapes.get(sum)!, shapes.get(product)!)) return undefined;
      return { bias: tensor(bias), sum: tensor(sum) };
    },
  };
}
