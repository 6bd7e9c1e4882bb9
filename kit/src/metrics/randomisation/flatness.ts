import type { Float32Tensor } from "../../onnx/tensor.ts";
import { defect } from "../order.ts";

/** Why the sizes of a map have no ranks, or undefined. */
export const flatness = (map: Float32Tensor): string | undefined =>
  defect(map) ??
  (map.data.every((v) => Math.abs(v) === Math.abs(map.data[0])) ? "map is constant" : undefined);
