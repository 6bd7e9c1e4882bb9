/**
 * The bytes of an .onnx file → a checked Graph at `canonicalOpset`: decode, normalise, upgrade.
 * Nothing in the file is trusted; what is wrong with it is said as a KitError that names file and place.
 */
import { elementType } from "./encodings.ts";
import type { ExternalReader } from "./external.ts";
import { type Graph, unknownRank, type ValueInfo } from "./graph.ts";
import { decode } from "./protobuf.ts";
import { ModelProto, type ValueInfoMessage } from "./protobuf-schema.ts";
import { type Body, functionKey, opsetsOf, readBody, type Scope, standardDomain } from "./read-body.ts";
import { corrupt, invalid, unsupported } from "./read-errors.ts";
import { checkNames, checkOutputs } from "./read-normalise.ts";

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
  const { body, scope } = decodeModel(bytes, file, options.external);
  if (body.outputs.length === 0) throw invalid(file, "it has no outputs");
  const graph = readBody(body, scope);
  if (graph.inputs.length === 0) throw invalid(file, "it has no inputs");
  // Once more: a rewrite drops outputs its operator should not have, and somebody may read them.
  checkNames(graph, file);
  checkOutputs(graph, file);
  return { ...graph, opsets: opsetsInUse(graph, scope) };
}

/** Without the domains of local functions, which are gone with them. */
function opsetsInUse({ opsets, nodes }: Graph, { context }: Scope): Graph["opsets"] {
  const inlined = new Set([...context.functions.values()].map((f) => standardDomain(f.domain ?? "")));
  for (const n of nodes) inlined.delete(n.domain);
  inlined.delete("");
  return Object.fromEntries(Object.entries(opsets).filter(([domain]) => !inlined.has(domain)));
}

/** What the file holds, as a body to be read. */
function decodeModel(
  bytes: Uint8Array,
  file: string,
  external: ExternalReader | undefined,
): { body: Body; scope: Scope } {
  refuseOtherFiles(bytes, file);
  const budget = { items: 0, inlined: 0 };
  const model = decode(ModelProto, bytes, file, budget);
  const proto = model.graph;
  if (proto === undefined) throw corrupt(file, "it has no graph", `${bytes.length} bytes`);
  const opsets = opsetsOf(model.opset_import ?? [], file);
  if (proto.sparse_initializer !== undefined) throw unsupported(file, "sparse weights", "graph");
  // Up to IR version 3 every weight was also listed as an input.
  const weights = new Set((proto.initializer ?? []).map((t) => t.name ?? ""));
  const body = {
    name: proto.name ?? "",
    inputs: (proto.input ?? []).flatMap((info, i) =>
      weights.has(info.name ?? "") ? [] : decodeValueInfo(info, `graph.input[${i}]`, file),
    ),
    outputs: (proto.output ?? []).map((info, i) => decodeValueInfo(info, `graph.output[${i}]`, file)),
    nodes: proto.node ?? [],
    initializers: proto.initializer ?? [],
    where: "graph",
    open: false,
  };
  const functions = new Map(
    (model.functions ?? []).map((f) => [functionKey(f.domain, f.name, f.overload), f]),
  );
  const context = { file, external, functions, tensors: new Map(), budget };
  const scope = {
    context,
    opsets,
    bindings: new Map(),
    outer: () => undefined,
    calls: [],
    depth: 0,
  };
  return { body, scope };
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
