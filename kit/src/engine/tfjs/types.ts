/** Element types of ONNX on TensorFlow.js, which knows float32, int32 and bool. */
import { KitError } from "../../errors.ts";
import { encode, fromHalf, toHalf } from "../../onnx/evaluate/data.ts";
import { labelOf, type Node } from "../../onnx/graph.ts";
import { type ElementType, type Tensor, toFloat32 } from "../../onnx/tensor.ts";
import type { Tf, TfTensor } from "./kernel.ts";

type Dtype = "float32" | "int32" | "bool";

/**
 * Half floats are held as float32, integers as int32.
 *
 * @throws KitError E_ENGINE_LOAD for float64 and strings, which would lose digits or cannot be held
 */
export function dtypeOf(type: ElementType, node?: Node): Dtype {
  switch (type) {
    case "bool":
      return "bool";
    case "float32":
    case "float16":
    case "bfloat16":
      return "float32";
    case "float64":
    case "string":
      throw new KitError("E_ENGINE_LOAD", {
        problem: `TensorFlow.js has no ${type} tensors${node ? ` (${node.op} node ${labelOf(node)})` : ""}`,
        next: "use --engine onnxruntime, or export the model in float32",
      });
    default:
      return "int32";
  }
}

/** int32 holds what indices and sizes need; anything beyond is refused, not wrapped. */
function toInt32(data: ArrayLike<number | bigint>): Int32Array {
  const values = new Int32Array(data.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = Number(data[i]);
    if (values[i] !== Number(data[i])) {
      throw new KitError("E_ENGINE_RUN", {
        problem: `TensorFlow.js has no 64-bit integers, and ${data[i]} does not fit in 32 bits`,
        next: "use --engine onnxruntime",
      });
    }
  }
  return values;
}

/** A tensor on the device. The caller disposes of it. */
export function upload(tf: Tf, tensor: Tensor): TfTensor {
  const dims = [...tensor.dims];
  const dtype = dtypeOf(tensor.type);
  if (tensor.type === "bool") return tf.tensor(Uint8Array.from(tensor.data), dims, "bool");
  if (dtype === "float32") return tf.tensor(toFloat32(tensor), dims, "float32");
  return tf.tensor(toInt32(tensor.data as ArrayLike<number | bigint>), dims, "int32");
}

/** The device's values as a tensor of `type`, copied. */
export async function download(x: TfTensor, type: ElementType): Promise<Tensor> {
  const values = await x.data();
  const dims = [...x.shape];
  switch (type) {
    case "float32":
      return { type, dims, data: Float32Array.from(values) };
    case "int64":
      return { type, dims, data: BigInt64Array.from(values, BigInt) };
    case "uint64":
      return { type, dims, data: BigUint64Array.from(values, BigInt) };
    case "string":
    case "float64":
      throw new TypeError(`${type} was refused when the graph was loaded`);
    case "float16":
    case "bfloat16":
      return encode(type, dims, Float32Array.from(values));
    default:
      return encode(type, dims, integersOfType[type].from(values));
  }
}

const integersOfType = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

/** Values as float16 would keep them. Through the CPU: models that run in float32 do this rarely. */
export const roundedToHalf = (tf: Tf, x: TfTensor): TfTensor =>
  tf.tensor(
    Float32Array.from(x.dataSync(), (v) => fromHalf(toHalf(v))),
    x.shape,
    "float32",
  );
