/**
 * Operators that are read by writing them in standard ones: those that ONNX Runtime's optimiser makes, and standard
 * ones newer than `canonicalOpset`. Key: the operator, with its domain where that is not the standard one.
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import type { Contrib } from "../expansion.ts";
import { activations } from "./activations.ts";
import { attention } from "./attention.ts";
import { fused } from "./fused.ts";
import { normalisations } from "./normalisations.ts";

export const contrib: Readonly<Record<string, Contrib>> = {
  ...activations,
  ...attention,
  ...fused,
  ...normalisations,
};
