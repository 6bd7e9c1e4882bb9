/**
 * One body of a model file → a Graph at `canonicalOpset`: the main graph, a local function or a branch are read alike.
 * Local functions are put in place of the nodes that call them; bodies of If and Loop are closed and stay, since what
 * decides about them may be known only with the sizes (see `settle.ts`).
 */
import { KitError } from "../errors.ts";
import { decodeTensor } from "./encodings.ts";
import type { ExternalReader } from "./external.ts";
import { type Attribute, type Graph, labelOf, type Node, unknownRank, type ValueInfo } from "./graph.ts";
import { decode } from "./protobuf.ts";
import {
  type AttributeMessage,
  attributeTypes,
  type FunctionMessage,
  GraphProto,
  type NodeMessage,
  type TensorMessage,
} from "./protobuf-schema.ts";
import { invalid, plain, unsupported } from "./read-errors.ts";
import { checkNames, removeAliases, removeUnused, sortNodes } from "./read-normalise.ts";
import { groundOf, splice } from "./splice.ts";
import { float32, int64, type Tensor } from "./tensor.ts";
import { newestOpset, oldestOpset, upgrade } from "./upgrade.ts";

/** Nodes made by inlining functions; a few calls that double each other would otherwise make billions. */
const mostInlined = 100_000;
/** Graphs in graphs, and functions in functions; exporters need three or four. */
const mostNested = 32;

/** What holds for the whole file. */
export interface FileContext {
  readonly file: string;
  readonly external?: ExternalReader;
  readonly functions: ReadonlyMap<string, FunctionMessage>;
  /** decoded once, so that a function called twice shares its weights */
  readonly tensors: Map<TensorMessage, Tensor>;
  readonly budget: { items: number; inlined: number };
}

/** Where a body stands. */
export interface Scope {
  readonly context: FileContext;
  readonly opsets: Readonly<Record<string, number>>;
  /** values of the attributes of the function this body belongs to */
  readonly bindings: ReadonlyMap<string, Attribute>;
  /** weights of the graphs around */
  readonly outer: (name: string) => Tensor | undefined;
  /** functions around, outermost first */
  readonly calls: readonly string[];
  readonly depth: number;
}

export interface Body {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly NodeMessage[];
  readonly initializers: readonly TensorMessage[];
  /** "graph", or where the body is in the file */
  readonly where: string;
  /** Does it read names that are made around it? */
  readonly open: boolean;
}

export const standardDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);
export const functionKey = (domain = "", name = "", overload = ""): string =>
  `${standardDomain(domain)}:${name}:${overload}`;
/** Nodes that call a local function get a domain of their own: whatever its name, it is no standard operator. */
const calls = "local function ";

/** Throws KitError E_ONNX_OPSET. */
export function opsetsOf(
  imports: readonly { domain?: string; version?: number }[],
  file: string,
  inherited: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const own = imports.map(({ domain = "", version = 0 }) => [standardDomain(domain), version] as const);
  const opsets = { ...inherited, ...Object.fromEntries(own) };
  const opset = Object.hasOwn(opsets, "") ? opsets[""] : undefined;
  if (opset === undefined || !(opset >= oldestOpset && opset <= newestOpset)) {
    throw new KitError("E_ONNX_OPSET", {
      problem: `${file} uses ONNX opset ${opset ?? "(none)"}; ${oldestOpset} to ${newestOpset} are supported`,
      next: "export the model again with opset_version=17",
    });
  }
  return opsets;
}

/** The body at `canonicalOpset`, without calls of local functions; an open one gets what it captures as inputs. */
export function readBody(body: Body, scope: Scope): Graph {
  const { file } = scope.context;
  const decoded = decodeBody(body, scope);
  checkNames(decoded, file);
  const graph = upgrade(removeUnused(sortNodes(decoded, file)), file);
  return withoutIdleOutputs(removeUnused(removeAliases(inlineCalls(graph, scope))));
}

/** What a Loop makes and nobody reads has no name: a loop that never runs could not make it. */
function withoutIdleOutputs(graph: Graph): Graph {
  if (!graph.nodes.some((n) => n.op === "Loop" && n.domain === "")) return graph;
  const read = new Set([...graph.nodes.flatMap((n) => n.inputs), ...graph.outputs.map((v) => v.name)]);
  const nodes = graph.nodes.map((n) =>
    n.op === "Loop" ? { ...n, outputs: n.outputs.map((o) => (read.has(o) ? o : "")) } : n,
  );
  return { ...graph, nodes };
}

function decodeBody(body: Body, scope: Scope): Graph {
  const { file, external } = scope.context;
  const initializers = new Map<string, Tensor>();
  const define = (name: string, tensor: Tensor, where: string) => {
    if (name === "" || initializers.has(name)) {
      throw invalid(file, name === "" ? "a weight has no name" : `${name} is defined twice`, where);
    }
    initializers.set(name, tensor);
  };
  const place = { ...scope.context, scope, external, outer: scope.outer };
  for (const [i, tensor] of body.initializers.entries()) {
    const name = tensor.name ?? "";
    const where = `${body.where}.initializer[${i}] ${name}`;
    define(name, tensorOf(tensor, { ...place, where }), where);
  }
  const nodes: Node[] = [];
  for (const [i, raw] of body.nodes.entries()) {
    const where =
      `${body.where}.node[${i}] ${raw.op_type ?? ""} ${raw.name || raw.output?.[0] || ""}`.trimEnd();
    const inner = { ...place, where, outer: (name: string) => initializers.get(name) ?? scope.outer(name) };
    if (standardDomain(raw.domain ?? "") === "" && raw.op_type === "Constant") {
      define(raw.output?.[0] ?? "", constantOf(raw, inner), where);
    } else {
      nodes.push(decodeNode(raw, inner));
    }
  }
  const graph = {
    name: body.name,
    opsets: scope.opsets,
    // Up to IR version 3 every weight was also listed as an input.
    inputs: body.inputs.filter((v) => !initializers.has(v.name)),
    outputs: body.outputs,
    nodes,
    initializers,
  };
  return body.open ? closed(graph, scope) : graph;
}

/** What the body reads and does not make becomes its own: weights as weights, everything else as inputs. */
function closed(graph: Graph, scope: Scope): Graph {
  const made = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys(), ""]);
  for (const n of graph.nodes) for (const o of n.outputs) made.add(o);
  const read = [...graph.nodes.flatMap((n) => n.inputs), ...graph.outputs.map((v) => v.name)];
  const captured = new Set(read.filter((name) => !made.has(name)));
  const initializers = new Map(graph.initializers);
  const inputs = [...graph.inputs];
  for (const name of captured) {
    const weight = scope.outer(name);
    if (weight === undefined) inputs.push(anything(name));
    else initializers.set(name, weight);
  }
  return { ...graph, inputs, initializers };
}

/** A tensor of which the file says no more than the name. */
const anything = (name: string): ValueInfo => ({ name, type: "float32", dims: unknownRank });

interface Place extends Omit<FileContext, "functions"> {
  readonly where: string;
  readonly scope: Scope;
  readonly outer: Scope["outer"];
}

function tensorOf(proto: TensorMessage, place: Place): Tensor {
  const tensor = place.tensors.get(proto) ?? decodeTensor(proto, place);
  place.tensors.set(proto, tensor);
  return tensor;
}

function decodeNode(raw: NodeMessage, place: Place): Node {
  const op = raw.op_type ?? "";
  if (op === "") throw invalid(place.file, "a node has no operator", place.where);
  const { functions } = place.scope.context;
  const key = functionKey(raw.domain, op, raw.overload);
  const call = functions.has(key);
  const domain = call ? `${calls}${key}` : standardDomain(raw.domain ?? "");
  const attributes = new Map<string, Attribute>();
  for (const [i, attribute] of (raw.attribute ?? []).entries()) {
    const name = attribute.name ?? "";
    const where = `${place.where}, attribute[${i}] ${name}`;
    if (name === "" || attributes.has(name)) {
      throw invalid(
        place.file,
        name === "" ? "an attribute has no name" : "an attribute appears twice",
        where,
      );
    }
    const value = decodeAttribute(attribute, { ...place, where });
    if (value !== undefined) attributes.set(name, value);
  }
  const decoded: Node = {
    op,
    domain,
    name: raw.name ?? "",
    inputs: raw.input ?? [],
    outputs: raw.output ?? [],
    attributes: Object.fromEntries(attributes),
  };
  return call ? decoded : withCaptures(decoded, place);
}

/** The value; undefined where it is the caller's and the caller has none. */
function decodeAttribute(raw: AttributeMessage, place: Place): Attribute | undefined {
  if (raw.ref_attr_name) return place.scope.bindings.get(raw.ref_attr_name);
  switch (raw.type) {
    case attributeTypes.float:
      return { type: "float", value: raw.f ?? 0 };
    case attributeTypes.int:
      return { type: "int", value: toInt(raw.i ?? 0n) };
    case attributeTypes.string:
      return { type: "string", value: raw.s ?? "" };
    case attributeTypes.tensor:
      if (raw.t === undefined) throw invalid(place.file, "a tensor attribute is empty", place.where);
      return { type: "tensor", value: tensorOf(raw.t, place) };
    case attributeTypes.floats:
      return { type: "floats", value: Array.from(raw.floats ?? []) };
    case attributeTypes.ints:
      return { type: "ints", value: Array.from(raw.ints ?? [], toInt) };
    case attributeTypes.strings:
      return { type: "strings", value: raw.strings ?? [] };
    case attributeTypes.graph:
      return { type: "graph", value: readSubgraph(raw.g ?? new Uint8Array(0), place) };
    case attributeTypes.graphs:
      throw controlFlowError(place, "it holds a list of graphs");
    default:
      throw unsupported(place.file, `an attribute of type ${raw.type ?? 0}`, place.where);
  }
}

/** INT64_MAX means "to the end"; the largest safe integer says the same. */
function toInt(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}

function constantOf(raw: NodeMessage, place: Place): Tensor {
  const list = raw.attribute ?? [];
  const a = list[0];
  if (list.length !== 1 || (raw.input ?? []).length > 0 || (raw.output ?? []).length !== 1) {
    throw invalid(place.file, "a Constant needs one value and one output", place.where);
  }
  if (a.ref_attr_name) {
    const bound = boundConstant(place.scope.bindings.get(a.ref_attr_name));
    if (bound !== undefined) return bound;
    throw invalid(
      place.file,
      `a Constant takes its value from ${a.ref_attr_name}, which is not given`,
      place.where,
    );
  }
  switch (a.name) {
    case "value":
      if (a.type !== attributeTypes.tensor) break;
      return tensorOf(a.t ?? {}, place);
    case "value_float":
      return { type: "float32", dims: [], data: Float32Array.of(a.f ?? 0) };
    case "value_floats": {
      const data = a.floats ?? new Float32Array(0);
      return { type: "float32", dims: [data.length], data };
    }
    case "value_int":
      return { type: "int64", dims: [], data: BigInt64Array.of(a.i ?? 0n) };
    case "value_ints": {
      const data = a.ints ?? new BigInt64Array(0);
      return { type: "int64", dims: [data.length], data };
    }
    case "value_string":
      return { type: "string", dims: [], data: [a.s ?? ""] };
    case "value_strings": {
      const data = a.strings ?? [];
      return { type: "string", dims: [data.length], data };
    }
  }
  throw unsupported(place.file, `a Constant by ${a.name || "an unnamed attribute"}`, place.where);
}

/** The attribute of a function as the tensor of a Constant in its body. */
function boundConstant(a: Attribute | undefined): Tensor | undefined {
  switch (a?.type) {
    case "tensor":
      return a.value;
    case "int":
      return int64([], [a.value]);
    case "ints":
      return int64([a.value.length], a.value);
    case "float":
      return float32([], [a.value]);
    case "floats":
      return float32([a.value.length], a.value);
    case "string":
      return { type: "string", dims: [], data: [a.value] };
    case "strings":
      return { type: "string", dims: [a.value.length], data: a.value };
    default:
      return undefined;
  }
}

// ---- bodies of If and Loop

function readSubgraph(bytes: Uint8Array, place: Place): Graph {
  const { scope, file, budget } = place;
  if (scope.depth >= mostNested) {
    throw unsupported(file, `graphs nested deeper than ${mostNested}`, place.where);
  }
  const proto = decode(GraphProto, bytes, file, budget);
  const name = (v: { name?: string }): ValueInfo => {
    if (!v.name) throw invalid(file, "an input or output has no name", place.where);
    return anything(v.name);
  };
  return readBody(
    {
      name: proto.name ?? "",
      inputs: (proto.input ?? []).map(name),
      outputs: (proto.output ?? []).map(name),
      nodes: proto.node ?? [],
      initializers: proto.initializer ?? [],
      where: place.where,
      open: true,
    },
    { ...scope, outer: place.outer, depth: scope.depth + 1 },
  );
}

/** The node that holds bodies reads what they capture: see the graph attribute in `graph.ts`. */
function withCaptures(n: Node, place: Place): Node {
  const bodies = Object.entries(n.attributes).flatMap(([key, a]) =>
    a.type === "graph" ? [{ key, body: a.value }] : [],
  );
  const byOperator = n.domain === "" && ["If", "Loop", "Scan", "SequenceMap"].includes(n.op);
  if (bodies.length === 0 && !byOperator) return n;
  const found = bodies.map((b) => b.key).join();
  if (n.domain === "" && n.op === "If") {
    if (!["else_branch,then_branch", "then_branch,else_branch"].includes(found) || n.inputs.length !== 1) {
      throw invalid(place.file, "an If needs a condition and two branches", place.where);
    }
    // all that either branch reads, so that both take the same inputs; one it does not read has no name there
    const captured = [...new Set(bodies.flatMap(({ body }) => body.inputs.map((v) => v.name)))];
    const attributes = Object.fromEntries(
      bodies.map(({ key, body }): [string, Attribute] => {
        const own = new Set(body.inputs.map((v) => v.name));
        const inputs = captured.map((name) => anything(own.has(name) ? name : ""));
        return [key, { type: "graph", value: { ...body, inputs } }];
      }),
    );
    return { ...n, inputs: [...n.inputs, ...captured], attributes: { ...n.attributes, ...attributes } };
  }
  if (n.domain === "" && n.op === "Loop") {
    const [{ body } = { body: undefined }] = bodies;
    // the body takes the iteration and the condition, too, where the node has the trip count and the condition
    const own = body?.inputs.length ?? 0;
    if (found !== "body" || body === undefined || n.inputs.length < 2 || own < n.inputs.length) {
      throw invalid(place.file, "a Loop needs a trip count, a condition and a body", place.where);
    }
    const captured = body.inputs.slice(n.inputs.length).map((v) => v.name);
    const carried: Attribute = { type: "int", value: n.inputs.length - 2 };
    return { ...n, inputs: [...n.inputs, ...captured], attributes: { ...n.attributes, carried } };
  }
  throw controlFlowError(
    place,
    `${n.op} runs a graph of its own for each element; only If and Loop are unrolled`,
  );
}

const controlFlowError = ({ file, where }: Place, why: string): KitError =>
  new KitError("E_ONNX_CONTROL_FLOW", {
    problem: `${file} has control flow (a node that holds a graph) that cannot be resolved before running`,
    details: [plain(`${where}: ${why}`)],
    next: "export the model by tracing, in eval mode, with constant folding on, so that such nodes disappear",
  });

// ---- local functions

/** Nodes that call a local function → the nodes of its body. */
function inlineCalls(graph: Graph, scope: Scope): Graph {
  if (!graph.nodes.some((n) => n.domain.startsWith(calls))) return graph;
  const { file, budget } = scope.context;
  const ground = groundOf(graph);
  const opsets: Record<string, number> = { ...graph.opsets };
  const nodes = graph.nodes.flatMap((n) => {
    if (!n.domain.startsWith(calls)) return n;
    const body = readFunction(n, scope);
    budget.inlined += body.nodes.length;
    if (budget.inlined > mostInlined) {
      throw unsupported(file, `local functions that expand to more than ${mostInlined} nodes`, labelOf(n));
    }
    for (const [domain, version] of Object.entries(body.opsets)) opsets[domain] ??= version;
    const label = n.name || n.outputs.find((o) => o !== "") || n.op;
    return splice(body, { given: n.inputs, wanted: n.outputs, label }, ground);
  });
  return { ...graph, opsets, nodes, initializers: ground.initializers };
}

/** The body of the function that `call` calls, with the attributes of the call. */
function readFunction(call: Node, scope: Scope): Graph {
  const { file, functions, budget } = scope.context;
  const key = call.domain.slice(calls.length);
  const called = functions.get(key)!;
  const where = `function ${key.slice(0, -1 - (called.overload ?? "").length).replace(/^:/, "")}`;
  if (scope.calls.includes(key)) throw invalid(file, "a local function calls itself", where);
  if (scope.calls.length + scope.depth >= mostNested) {
    throw unsupported(file, `functions nested deeper than ${mostNested}`, where);
  }
  const context = { ...scope.context, where, scope, outer: () => undefined };
  const bindings = new Map<string, Attribute>();
  for (const a of called.attribute_proto ?? []) {
    const value = decodeAttribute(a, context);
    if (value !== undefined) bindings.set(a.name ?? "", value);
  }
  for (const [name, value] of Object.entries(call.attributes)) {
    if (value.type === "graph") throw unsupported(file, "graphs as attributes of local functions", where);
    bindings.set(name, value);
  }
  // counted before reading, too: an empty call in an empty call costs time as well
  budget.inlined++;
  const inputs = called.input ?? [];
  if (call.inputs.length > inputs.length || call.outputs.length > (called.output ?? []).length) {
    throw invalid(file, "a local function is called with more inputs or outputs than it has", [
      where,
      labelOf(call),
    ]);
  }
  return readBody(
    {
      name: key,
      inputs: inputs.map(anything),
      outputs: (called.output ?? []).map(anything),
      nodes: called.node ?? [],
      initializers: [],
      where,
      open: false,
    },
    {
      context: scope.context,
      opsets: opsetsOf(called.opset_import ?? [], file, scope.opsets),
      bindings,
      outer: () => undefined,
      calls: [...scope.calls, key],
      depth: scope.depth,
    },
  );
}
