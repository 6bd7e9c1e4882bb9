/**
 * The messages of onnx.proto3 that we use, under ONNX's own names; fields not named here are skipped.
 * Source of names and numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import {
  bytes,
  doubles,
  float,
  floats,
  int,
  int32s,
  int64,
  int64s,
  many,
  message,
  type Of,
  one,
  string,
  strings,
  uint64s,
} from "./protobuf.ts";

const StringStringEntry = message({ key: string(1), value: string(2) });

export const TensorProto = message({
  dims: int64s(1),
  data_type: int(2),
  segment: bytes(3),
  float_data: floats(4),
  int32_data: int32s(5),
  string_data: strings(6),
  int64_data: int64s(7),
  name: string(8),
  raw_data: bytes(9),
  double_data: doubles(10),
  uint64_data: uint64s(11),
  external_data: many(13, StringStringEntry),
  data_location: int(14),
});

/**
 * What we refuse (lists of graphs, sparse tensors, types) is left undecoded. A graph stays bytes (a GraphProto) until
 * somebody needs it: no nesting here, whatever the file holds.
 */
export const AttributeProto = message({
  name: string(1),
  f: float(2),
  i: int64(3),
  s: string(4),
  t: one(5, TensorProto),
  g: bytes(6),
  floats: floats(7),
  ints: int64s(8),
  strings: strings(9),
  type: int(20),
  ref_attr_name: string(21),
});

export const NodeProto = message({
  input: strings(1),
  output: strings(2),
  name: string(3),
  op_type: string(4),
  attribute: many(5, AttributeProto),
  domain: string(7),
  overload: string(8),
});

const Dimension = message({ dim_value: int(1), dim_param: string(2) });
const TensorShapeProto = message({ dim: many(1, Dimension) });
const TensorType = message({ elem_type: int(1), shape: one(2, TensorShapeProto) });
const TypeProto = message({ tensor_type: one(1, TensorType) });
export const ValueInfoProto = message({ name: string(1), type: one(2, TypeProto) });

export const GraphProto = message({
  node: many(1, NodeProto),
  name: string(2),
  initializer: many(5, TensorProto),
  input: many(11, ValueInfoProto),
  output: many(12, ValueInfoProto),
  value_info: many(13, ValueInfoProto),
  sparse_initializer: bytes(15),
});

const OperatorSetIdProto = message({ domain: string(1), version: int(2) });
const FunctionProto = message({
  name: string(1),
  input: strings(4),
  output: strings(5),
  /** names of attributes without a default */
  attribute: strings(6),
  node: many(7, NodeProto),
  opset_import: many(9, OperatorSetIdProto),
  domain: string(10),
  /** attributes with their defaults */
  attribute_proto: many(11, AttributeProto),
  overload: string(13),
});

export const ModelProto = message({
  ir_version: int(1),
  producer_name: string(2),
  graph: one(7, GraphProto),
  opset_import: many(8, OperatorSetIdProto),
  functions: many(25, FunctionProto),
});

export type TensorMessage = Of<typeof TensorProto>;
export type AttributeMessage = Of<typeof AttributeProto>;
export type NodeMessage = Of<typeof NodeProto>;
export type ValueInfoMessage = Of<typeof ValueInfoProto>;
export type GraphMessage = Of<typeof GraphProto>;
export type FunctionMessage = Of<typeof FunctionProto>;
export type ModelMessage = Of<typeof ModelProto>;

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  graphs: 10,
} as const;
