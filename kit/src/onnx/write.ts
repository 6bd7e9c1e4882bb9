/** Graph → the bytes of an .onnx file that ONNX Runtime loads and `readOnnx` reads back. */
import { encodeTensor } from "./encodings.ts";
import { type Attribute, type Graph, type Node, unknownRank, type ValueInfo } from "./graph.ts";
import { encode } from "./protobuf.ts";
import {
  type AttributeMessage,
  attributeTypes,
  ModelProto,
  type NodeMessage,
  type ValueInfoMessage,
} from "./protobuf-schema.ts";
import { elementTypes } from "./tensor.ts";

/** The IR version that came with opset 21 (onnx 1.16). */
const irVersion = 10;

/** Weights go in as raw_data; the model must stay below protobuf's 2 GiB. */
export function writeOnnx(graph: Graph): Uint8Array {
  return encode(ModelProto, {
    ir_version: irVersion,
    producer_name: "xai-kit",
    opset_import: Object.entries(graph.opsets).map(([domain, version]) => ({ domain, version })),
    graph: {
      name: graph.name || "graph",
      node: graph.nodes.map(encodeNode),
      initializer: [...graph.initializers].map(([name, tensor]) => encodeTensor(tensor, name)),
      input: graph.inputs.map(encodeValueInfo),
      output: graph.outputs.map(encodeValueInfo),
    },
  });
}

function encodeNode(n: Node): NodeMessage {
  return {
    input: [...n.inputs],
    output: [...n.outputs],
    op_type: n.op,
    attribute: Object.entries(n.attributes).map(([name, a]) => ({
      name,
      ...encodeAttribute(a),
      type: attributeTypes[a.type],
    })),
    ...(n.name === "" ? {} : { name: n.name }),
    ...(n.domain === "" ? {} : { domain: n.domain }),
  };
}

function encodeAttribute(a: Attribute): AttributeMessage {
  switch (a.type) {
    case "int":
      return { i: BigInt(a.value) };
    case "float":
      return { f: a.value };
    case "string":
      return { s: a.value };
    case "tensor":
      return { t: encodeTensor(a.value) };
    case "ints":
      return { ints: BigInt64Array.from(a.value, BigInt) };
    case "floats":
      return { floats: Float32Array.from(a.value) };
    case "strings":
      return { strings: [...a.value] };
  }
}

function encodeValueInfo({ name, type, dims }: ValueInfo): ValueInfoMessage {
  const dim = dims.map((d) => (typeof d === "number" ? { dim_value: d } : d === "?" ? {} : { dim_param: d }));
  const shape = dims.length === 1 && dims[0] === unknownRank[0] ? {} : { shape: { dim } };
  return { name, type: { tensor_type: { elem_type: elementTypes[type], ...shape } } };
}
