import { encodeNpy, parseNpy } from "../../src/datasets/readers/npy.ts";
import { toFloat32 } from "../../src/onnx/tensor.ts";

export function run(bytes: Uint8Array): void {
  const tensor = parseNpy(bytes);
  toFloat32(tensor);
  const again = parseNpy(encodeNpy(tensor));
  if (String([again.type, ...again.dims]) !== String([tensor.type, ...tensor.dims])) {
    throw new Error("what was read cannot be written and read again");
  }
}
