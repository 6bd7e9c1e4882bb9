import { encodeNpy, parseNpy, toFloat32Array } from "../../src/datasets/readers/npy.ts";

export function run(bytes: Uint8Array): void {
  const tensor = parseNpy(bytes);
  toFloat32Array(tensor);
  const again = parseNpy(encodeNpy(tensor));
  if (String([again.type, ...again.dims]) !== String([tensor.type, ...tensor.dims])) {
    throw new Error("what was read cannot be written and read again");
  }
}
