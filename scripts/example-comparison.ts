/**
 * Writes the examples of schemas/comparison: one of five made-up runs, and the same with one fault each. Needed again when the form of a
 * comparison changes.
 *
 *   node scripts/example-comparison.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { textOf } from "../kit/src/comparison/document.ts";
import { canonicalJson } from "../kit/src/json.ts";
import { fiveRuns, madeComparison } from "../kit/test/made-comparison.ts";

if (process.argv.length > 2) {
  console.log(
    "node scripts/example-comparison.ts\n\nWrites schemas/comparison/valid and schemas/comparison/invalid from made-up runs.",
  );
  process.exit(process.argv[2] === "--help" ? 0 : 2);
}

const comparison = madeComparison(fiveRuns(), { name: "five-runs" });

interface Document {
  readonly models: readonly { readonly runs: readonly object[] }[];
  readonly consistency: readonly {
    readonly methods: readonly { readonly pairs: readonly { overlaps: readonly unknown[] }[] }[];
  }[];
  readonly uces: null | { readonly methods: readonly { readonly models: readonly object[] }[] };
}
function overlap(of: Document, wrong: unknown): void {
  const [pair] = of.consistency[0].methods[0].pairs;
  pair.overlaps = [wrong, ...pair.overlaps.slice(1)];
}
const faults: Record<string, (of: Document) => unknown> = {
  "unknown-key": (of) => Object.assign(of, { date: "2026-01-01" }),
  "name-that-is-a-path": (of) => Object.assign(of, { name: "../other" }),
  "no-models": (of) => Object.assign(of, { models: [] }),
  "short-identity": (of) => Object.assign(of.models[0].runs[0], { sha256: "0a1b2c3d" }),
  "threshold-of-ones-own": (of) => Object.assign(of.consistency[0], { threshold: 0.3 }),
  "overlap-of-three": (of) => overlap(of, [1, 2, 3]),
  "reason-of-ones-own": (of) => overlap(of, "looks wrong"),
  "alpha-above-one": (of) => Object.assign(of.uces!, { alpha: 1.5 }),
  "unknown-indicator": (of) => Object.assign(of.uces!.methods[0], { leftOut: ["accuracy"] }),
  "score-without-rank": (of) => Reflect.deleteProperty(of.uces!.methods[0].models[0], "rank"),
};
const folder = new URL("../schemas/comparison/", import.meta.url);
for (const part of ["valid", "invalid"]) mkdirSync(new URL(part, folder), { recursive: true });
writeFileSync(new URL("valid/five-runs.json", folder), textOf(comparison));
const without = madeComparison(fiveRuns(), { name: "five-runs", kept: false });
writeFileSync(new URL("valid/no-maps.json", folder), textOf(without));
for (const [name, change] of Object.entries(faults)) {
  const copy = structuredClone(comparison) as Document;
  change(copy);
  writeFileSync(new URL(`invalid/${name}.json`, folder), `${canonicalJson(copy)}\n`);
}
