/** Every operator that can be inferred: its name → its rule, per domain. */
import { algebra } from "./algebra.ts";
import type { Rule } from "./call.ts";
import { elementwise } from "./elementwise.ts";
import { generators } from "./generators.ts";
import { indexing } from "./indexing.ts";
import { layout } from "./layout.ts";
import { normalisation } from "./normalisation.ts";
import { reductions } from "./reductions.ts";
import { windows } from "./windows.ts";

/** Operators ONNX Runtime adds; the rest of their rules stand with their kin. */
const microsoftOps = ["BiasGelu", "FusedMatMul", "Gelu", "QuickGelu"];

const all = new Map<string, Rule>(
  [elementwise, reductions, windows, layout, algebra, normalisation, indexing, generators].flatMap((table) =>
    Object.entries(table),
  ),
);
const microsoft = new Map(microsoftOps.map((op) => [op, all.get(op)!]));
const standard = new Map([...all].filter(([op]) => op === "Gelu" || !microsoftOps.includes(op)));

export function rules(domain: string): ReadonlyMap<string, Rule> {
  if (domain === "" || domain === "ai.onnx") return standard;
  return domain === "com.microsoft" ? microsoft : new Map();
}
