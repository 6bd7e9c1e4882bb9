/** Graph → the bytes of an .onnx file that ONNX Runtime loads and `readOnnx` reads back. */
import { KitError } from "../errors.ts";
import { encodeTensor } from "./encodings.ts";
import { type Attribute, type Graph, type Node, unknownRank, type ValueInfo } from "./graph.ts";
import { encode } from "./protobuf.ts";
import {
  type AttributeMessage,
  attributeTypes,
  ModelProto,
  type NodeMessage,
  type TensorMessage,
  type ValueInfoMessage,
} from "./protobuf-schema.ts";
import { elementTypes, type Tensor } from "./tensor.ts";

/** The IR version that came with opset 21 (onnx 1.16). */
const irVersion = 10;

/** Where a tensor lies: a file in the folder of the model, and the bytes in it. */
export interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface WriteOptions {
  /** weights that lie in a file already are named, not written; all are written without */
  readonly outside?: (tensor: Tensor) => Place | undefined;
}

/** Weights go in as raw_data, except those outside; what is written must stay below protobuf's 2 GiB. */
export function writeOnnx(graph: Graph, { outside }: WriteOptions = {}): Uint8Array {
  const outputs = new Set(graph.outputs.map((o) => o.name));
  return encode(ModelProto, {
    ir_version: irVersion,
    producer_name: "xai-kit",
    opset_import: Object.entries(graph.opsets).map(([domain, version]) => ({ domain, version })),
    graph: {
      name: graph.name || "graph",
      node: graph.nodes.map(encodeNode),
      initializer: [...graph.initializers].map(([name, tensor]) => {
        const place = outside?.(tensor);
        return place === undefined ? encodeTensor(tensor, name) : encodePlace(tensor, name, place);
      }),
      input: graph.inputs.map(encodeValueInfo),
      output: graph.outputs.map(encodeValueInfo),
      value_info: (graph.values ?? []).filter(({ name }) => !outputs.has(name)).map(encodeValueInfo),
    },
  });
}

function encodePlace({ dims, type }: Tensor, name: string, place: Place): TensorMessage {
  const entries = Object.entries(place).map(([key, value]) => ({ key, value: `${value}` }));
  return {
    dims: BigInt64Array.from(dims, BigInt),
    data_type: elementTypes[type],
    name,
    external_data: entries,
    data_location: 1,
  };
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
    case "graph":
      throw new KitError("E_ONNX_CONTROL_FLOW", {
        problem: "the graph still holds an If or a Loop, which is not written",
        next: "fold the graph first: conditions and trip counts that sizes decide are resolved there",
      });
  }
}

function encodeValueInfo({ name, type, dims }: ValueInfo): ValueInfoMessage {
  const dim = dims.map((d) => (typeof d === "number" ? { dim_value: d } : d === "?" ? {} : { dim_param: d }));
  const shape = dims.length === 1 && dims[0] === unknownRank[0] ? {} : { shape: { dim } };
  return { name, type: { tensor_type: { elem_type: elementTypes[type], ...shape } } };
}
