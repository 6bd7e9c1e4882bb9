/** Every operator that has a kernel of TensorFlow.js operations. */
import type { Node } from "../../../onnx/graph.ts";
import type { Kernel } from "../kernel.ts";
import { convolutions } from "./conv.ts";
import { elementwise } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import { layout } from "./layout.ts";
import { linear } from "./linear.ts";
import { normalisation } from "./normalisation.ts";
import { pools } from "./pool.ts";
import { reductions } from "./reduce.ts";
import { resizeLimit, resizing } from "./resize.ts";

export const kernels: ReadonlyMap<string, Kernel> = new Map(
  [elementwise, reductions, convolutions, pools, layout, linear, normalisation, indexing, resizing].flatMap(
    (table) => Object.entries(table),
  ),
);

/** Operators whose outputs follow from shapes and known integers: they never reach a kernel. */
const worked = new Set(["Constant", "NonZero", "Range", "Shape", "Size"]);

const microsoft = new Set(["BiasGelu", "FusedMatMul", "Gelu", "QuickGelu"]);

/** Uses of an operator that its kernel does not cover. */
const limits: Readonly<Record<string, (n: Node) => string | undefined>> = { Resize: resizeLimit };

/** Why this node cannot run, or undefined. */
export function gapOf(n: Node): string | undefined {
  const standard = n.domain === "" || n.domain === "ai.onnx";
  const here = standard || (n.domain === "com.microsoft" && microsoft.has(n.op));
  const name = standard ? n.op : `${n.domain}.${n.op}`;
  if (!here || !(kernels.has(n.op) || worked.has(n.op))) return name;
  const limit = limits[n.op]?.(n);
  return limit === undefined ? undefined : `${name} with ${limit}`;
}
