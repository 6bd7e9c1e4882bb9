/** The builder rules write with: each call appends one standard ONNX node and returns its output with its shape. */
import type { Value } from "./vjp.ts";

/** Grown in place by the builder; a number stands for a float32 scalar constant. */
export interface Ops {
  mul(a: Value | number, b: Value | number): Value;
}
