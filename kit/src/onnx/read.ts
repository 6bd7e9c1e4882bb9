/**
 * The bytes of an .onnx file → a checked Graph at `canonicalOpset`: decode, normalise, upgrade.
 * Nothing in the file is trusted; what is wrong with it is said as a KitError that names file and place.
 */
import { KitError } from "../errors.ts";
import { decodeTensor, elementType } from "./encodings.ts";
import type { ExternalReader } from "./external.ts";
import { type Attribute, type Graph, type Node, unknownRank, type ValueInfo } from "./graph.ts";
import { decode } from "./protobuf.ts";
import {
  type AttributeMessage,
  attributeTypes,
  ModelProto,
  type NodeMessage,
  type ValueInfoMessage,
} from "./protobuf-schema.ts";
import { corrupt, invalid, plain, unsupported } from "./read-errors.ts";
import { checkNames, removeAliases, removeUnused, sortNodes } from "./read-normalise.ts";
import type { Tensor } from "./tensor.ts";
import { newestOpset, oldestOpset, upgrade } from "./upgrade.ts";

export interface ReadOptions {
  /** What messages call the model, such as its file name. */
  readonly name?: string;
  /** Reads weights kept beside the model file; without it such models are refused. */
  readonly external?: ExternalReader;
}

/**
 * Reads an ONNX model. Weights are views into `bytes` where alignment allows, so `bytes` must not change afterwards.
 *
 * @throws KitError E_ONNX_CORRUPT (not readable as ONNX), E_ONNX_INVALID (readable, but no valid graph), E_ONNX_OPSET,
 *   E_ONNX_CONTROL_FLOW, E_ONNX_TRAINING, E_ONNX_UNSUPPORTED, E_ONNX_EXTERNAL
 */
export function readOnnx(bytes: Uint8Array, options: ReadOptions = {}): Graph {
  const file = options.name ?? "the model";
  const graph = sortNodes(decodeGraph(bytes, file, options.external), file);
  const ready = removeUnused(removeAliases(upgrade(removeUnused(graph), file)));
  // Once more: a rewrite drops outputs its operator should not have, and somebody may read them.
  checkNames(ready, file);
  return ready;
}

/** The graph as the file has it, at its own opset, Constant nodes already among the initializers. */
function decodeGraph(bytes: Uint8Array, file: string, external: ExternalReader | undefined): Graph {
  refuseOtherFiles(bytes, file);
  const model = decode(ModelProto, bytes, file);
  const proto = model.graph;
  if (proto === undefined) throw corrupt(file, "it has no graph", `${bytes.length} bytes`);

  const opsets = Object.fromEntries(
    (model.opset_import ?? []).map(({ domain = "", version = 0 }) => [standardDomain(domain), version]),
  );
  const opset = Object.hasOwn(opsets, "") ? opsets[""] : undefined;
  if (opset === undefined || !(opset >= oldestOpset && opset <= newestOpset)) {
    throw new KitError("E_ONNX_OPSET", {
      problem: `${file} uses ONNX opset ${opset ?? "(none)"}; ${oldestOpset} to ${newestOpset} are supported`,
      next: "export the model again with opset_version=17",
    });
  }
  if (proto.sparse_initializer !== undefined) throw unsupported(file, "sparse weights", "graph");

  const functions = new Set((model.functions ?? []).map((f) => `${f.domain ?? ""}:${f.name ?? ""}`));
  const initializers = new Map<string, Tensor>();
  const define = (name: string, tensor: Tensor, where: string) => {
    if (name === "" || initializers.has(name)) {
      throw invalid(file, name === "" ? "a weight has no name" : `${name} is defined twice`, where);
    }
    initializers.set(name, tensor);
  };
  for (const [i, tensor] of (proto.initializer ?? []).entries()) {
    const name = tensor.name ?? "";
    const where = `graph.initializer[${i}] ${name}`;
    define(name, decodeTensor(tensor, { file, where, external }), where);
  }

  const nodes: Node[] = [];
  for (const [i, raw] of (proto.node ?? []).entries()) {
    const where = `graph.node[${i}] ${raw.op_type ?? ""} ${raw.name || raw.output?.[0] || ""}`.trimEnd();
    const domain = standardDomain(raw.domain ?? "");
    if (functions.has(`${raw.domain ?? ""}:${raw.op_type ?? ""}`)) {
      throw unsupported(
        file,
        "model-local functions",
        where,
        "inline them: onnx.inliner.inline_local_functions",
      );
    }
    if (domain === "" && raw.op_type === "Constant") {
      define(raw.output?.[0] ?? "", constantOf(raw, { file, where, external }), where);
    } else {
      nodes.push(decodeNode(raw, domain, { file, where, external }));
    }
  }

  const graph = {
    name: proto.name ?? "",
    opsets,
    // Up to IR version 3 every weight was also listed as an input.
    inputs: (proto.input ?? []).flatMap((info, i) =>
      initializers.has(info.name ?? "") ? [] : decodeValueInfo(info, `graph.input[${i}]`, file),
    ),
    outputs: (proto.output ?? []).map((info, i) => decodeValueInfo(info, `graph.output[${i}]`, file)),
    nodes,
    initializers,
  };
  checkNames(graph, file);
  return graph;
}

interface Place {
  readonly file: string;
  readonly where: string;
  readonly external?: ExternalReader;
}

const standardDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

const controlFlow = new Set(["If", "Loop", "Scan", "SequenceMap"]);

function decodeNode(raw: NodeMessage, domain: string, place: Place): Node {
  const op = raw.op_type ?? "";
  if (op === "") throw invalid(place.file, "a node has no operator", place.where);
  if (domain === "" && controlFlow.has(op)) throw controlFlowError(place);
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
    attributes.set(name, decodeAttribute(attribute, { ...place, where }));
  }
  return {
    op,
    domain,
    name: raw.name ?? "",
    inputs: raw.input ?? [],
    outputs: raw.output ?? [],
    attributes: Object.fromEntries(attributes),
  };
}

function decodeAttribute(raw: AttributeMessage, place: Place): Attribute {
  switch (raw.type) {
    case attributeTypes.float:
      return { type: "float", value: raw.f ?? 0 };
    case attributeTypes.int:
      return { type: "int", value: toInt(raw.i ?? 0n) };
    case attributeTypes.string:
      return { type: "string", value: raw.s ?? "" };
    case attributeTypes.tensor:
      if (raw.t === undefined) throw invalid(place.file, "a tensor attribute is empty", place.where);
      return { type: "tensor", value: decodeTensor(raw.t, place) };
    case attributeTypes.floats:
      return { type: "floats", value: Array.from(raw.floats ?? []) };
    case attributeTypes.ints:
      return { type: "ints", value: Array.from(raw.ints ?? [], toInt) };
    case attributeTypes.strings:
      return { type: "strings", value: raw.strings ?? [] };
    case attributeTypes.graph:
    case attributeTypes.graphs:
      throw controlFlowError(place);
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
  switch (a.name) {
    case "value":
      if (a.type !== attributeTypes.tensor) break;
      return decodeTensor(a.t ?? {}, place);
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

function decodeValueInfo(info: ValueInfoMessage, place: string, file: string): ValueInfo {
  const name = info.name ?? "";
  const where = `${place} ${name}`;
  const tensor = info.type?.tensor_type;
  if (name === "") throw invalid(file, "an input or output has no name", where);
  if (tensor === undefined) throw unsupported(file, "an input or output that is no tensor", where);
  const type = elementType(tensor.elem_type ?? 0, where, file);
  if (tensor.shape === undefined) return { name, type, dims: unknownRank };
  const dims = (tensor.shape.dim ?? []).map(({ dim_value, dim_param }) => {
    if (dim_param) return dim_param;
    // Some exporters write -1 for a free dimension.
    if (dim_value === undefined || dim_value === -1) return "?";
    if (dim_value < 0 || !Number.isSafeInteger(dim_value)) {
      throw invalid(file, `${dim_value} is no dimension`, where);
    }
    return dim_value;
  });
  return { name, type, dims };
}

/** Files people hand over by mistake, said in plain words instead of as a broken protobuf. */
function refuseOtherFiles(bytes: Uint8Array, file: string): void {
  if (bytes.length === 0) throw corrupt(file, "the file is empty");
  const start = String.fromCharCode(...bytes.subarray(0, 64))
    .trimStart()
    .toLowerCase();
  const kinds: readonly (readonly [start: string, what: string, next: string])[] = [
    ["version https://git-lfs", "it is a Git LFS pointer", "fetch the real file: git lfs pull"],
    [
      "pk\x03\x04",
      "it is a zip file, such as a PyTorch checkpoint",
      "unpack it, or export the model to ONNX",
    ],
    ["\x89hdf", "it is an HDF5 file, such as a Keras model", "export the model to ONNX"],
    ["<!doctype", "it is a web page", "download the file itself, not the page about it"],
    ["<html", "it is a web page", "download the file itself, not the page about it"],
  ];
  for (const [prefix, what, next] of kinds) {
    if (start.startsWith(prefix)) throw corrupt(file, what, [], next);
  }
}

function controlFlowError({ file, where }: Place): KitError {
  return new KitError("E_ONNX_CONTROL_FLOW", {
    problem: `${file} has control flow (a node that holds a graph), which has no gradient here`,
    details: [plain(where)],
    next: "export the model by tracing, in eval mode, with constant folding on, so that If and Loop disappear",
  });
}
