/**
 * If and Loop put away: an If becomes the branch that its condition picks, a Loop its iterations one after another.
 * What picks must be known before running: constant, or decided by the sizes of the inputs, as in the conditions that
 * torch exports around Squeeze.
 */
import { KitError } from "../errors.ts";
import type { Known } from "./expansion.ts";
import { attr, type Graph, intOf, labelOf, type Node, node } from "./graph.ts";
import { plain } from "./read-errors.ts";
import { type Ground, splice } from "./splice.ts";
import { int64, type Tensor } from "./tensor.ts";

/** Iterations of one Loop; classifiers loop over a handful of layers or windows. */
const mostTrips = 1024;

/** A Loop on its way: the iteration it is at, and what its scan outputs gathered. */
export interface Trip {
  readonly count: number;
  readonly scans: readonly (readonly string[])[];
}

export interface FlowContext {
  known(name: string): Known;
  /** the node that makes a tensor; undefined for inputs and weights */
  maker(name: string): Node | undefined;
  readonly ground: Ground;
  /** state of Loop nodes that stand for the rest of a loop */
  readonly trips: WeakMap<Node, Trip>;
}

export const isControlFlow = (n: Node): boolean => n.domain === "" && (n.op === "If" || n.op === "Loop");

/** One step of control flow: the nodes to put in place of `n`, which may end in the rest of the loop. */
export const resolve = (n: Node, context: FlowContext): readonly Node[] =>
  n.op === "If" ? branch(n, context) : iterate(n, context);

function bodyOf(n: Node, key: string): Graph {
  const a = n.attributes[key];
  if (a?.type === "graph") return a.value;
  throw new KitError("E_ONNX_INVALID", {
    problem: plain(`${n.op} ${labelOf(n)} has no ${key}`),
    next: "check the model with onnx.checker.check_model, or export it again",
  });
}

/** The one number of a tensor known before running, as a bool or an int64 is one. */
function decided(n: Node, i: number, what: string, { known, maker }: FlowContext): bigint {
  const name = n.inputs[i];
  const { value } = known(name);
  if (value !== undefined && value.type !== "string" && value.data.length === 1) {
    const [number] = value.data;
    if (Number.isInteger(Number(number))) return BigInt(number);
  }
  const by = maker(name);
  throw new KitError("E_ONNX_CONTROL_FLOW", {
    problem: plain(`${n.op} ${labelOf(n)}: its ${what} ${name} is not known before running`),
    details: [
      plain(
        by ? `${name} is made by ${by.op} ${labelOf(by)}, from values` : `${name} is an input of the graph`,
      ),
      "an If and a Loop are resolved where constants or the sizes of the inputs decide",
    ],
    next: "export the model by tracing, in eval mode, so that the choice is made then",
  });
}

function branch(n: Node, context: FlowContext): readonly Node[] {
  const taken = decided(n, 0, "condition", context) !== 0n ? "then_branch" : "else_branch";
  const body = bodyOf(n, taken);
  return splice(body, { given: n.inputs.slice(1), wanted: n.outputs, label: labelOf(n) }, context.ground);
}

function iterate(n: Node, context: FlowContext): readonly Node[] {
  const { ground, trips } = context;
  const { count, scans } = trips.get(n) ?? { count: 0, scans: [] };
  const [most, going] = n.inputs;
  const left = most === "" || BigInt(count) < decided(n, 0, "trip count", context);
  const goes = left && (going === "" || decided(n, 1, "condition", context) !== 0n);
  const carried = intOf(n, "carried", 0);
  if (!goes) return finished(n, carried, scans, ground);
  if (count >= mostTrips) {
    throw new KitError("E_ONNX_CONTROL_FLOW", {
      problem: plain(`Loop ${labelOf(n)} runs more than ${mostTrips} times`),
      next: "export the model with the loop written as operators on whole tensors",
    });
  }
  const body = bodyOf(n, "body");
  const label = labelOf(n);
  const given = [
    ground.weight(int64([], [count]), `${label}/iteration`),
    ground.weight(yes, "yes"),
    ...n.inputs.slice(2),
  ];
  const wanted = body.outputs.map(({ name }) => ground.fresh(`${label}/${count}/${name}`));
  const [again, ...values] = wanted;
  const rest: Node = {
    ...n,
    // a loop without a condition goes on whatever its body says
    inputs: [most, going && again, ...values.slice(0, carried), ...n.inputs.slice(2 + carried)],
  };
  trips.set(rest, { count: count + 1, scans: [...scans, values.slice(carried)] });
  return [...splice(body, { given, wanted, label: `${label}/${count}` }, ground), rest];
}

const yes: Tensor = { type: "bool", dims: [], data: Uint8Array.of(1) };

/** Nothing is left to run: carried values and stacked scans under the names of the loop's outputs. */
function finished(
  n: Node,
  carried: number,
  scans: readonly (readonly string[])[],
  ground: Ground,
): readonly Node[] {
  return n.outputs.flatMap((output, i) => {
    if (output === "") return [];
    if (i < carried) return node("Identity", [n.inputs[2 + i]], [output]);
    const pieces = scans.map((trip) => trip[i - carried]);
    if (pieces.length === 0) {
      throw new KitError("E_ONNX_CONTROL_FLOW", {
        problem: plain(`Loop ${labelOf(n)} never runs, so its output ${output} is empty`),
        next: "export the model without the loop",
      });
    }
    const first = ground.weight(int64([1], [0]), "first axis");
    const rows = pieces.map((piece) => ground.fresh(`${piece}/row`));
    return [
      ...pieces.map((piece, k) => node("Unsqueeze", [piece, first], [rows[k]])),
      node("Concat", rows, [output], { axis: attr.int(0) }),
    ];
  });
}
