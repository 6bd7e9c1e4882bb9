/** What a run says about its maker: every value of the document that is not a measured number, and what the rows hold. */
import type { Run } from "../results/document.ts";
import type { Sidecar } from "../results/sidecar.ts";

export interface Fact {
  readonly what: string;
  readonly value: string;
}

/** Parts that hold measured numbers alone: said by their size. */
const measured = ["result.quality", "result.statistics", "telemetry.msPerAttribution", "telemetry.passes"];
/** Lists of registry entries: said by their ids. */
const entries = ["result.methods", "result.metrics"];

/** In the document's order; nothing of run.json is left out but the numbers of `measured` and the parameters of methods and metrics. */
export function factsOf(run: Run): Fact[] {
  const facts: Fact[] = [];
  const visit = (value: unknown, path: string): void => {
    const what = path.replace(/^result\./, "");
    if (measured.includes(path)) facts.push({ what, value: `${numbersIn(value)} numbers` });
    else if (entries.includes(path)) facts.push({ what, value: idsOf(value) });
    else if (Array.isArray(value)) {
      const plain = value.every((v) => typeof v !== "object" || v === null);
      facts.push({
        what,
        value: value.length === 0 ? "none" : plain ? value.join(", ") : JSON.stringify(value),
      });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, child] of Object.entries(value)) visit(child, path === "" ? key : `${path}.${key}`);
    } else facts.push({ what, value: value === null ? "not stated" : String(value) });
  };
  visit(run, "");
  return facts;
}

/** What scores.parquet says beyond numbers. */
export function rowFacts({ rows, metrics }: Sidecar, ids: "public" | "private"): Fact[] {
  const samples = new Set(rows.map((row) => row.sample));
  const groups = new Set(rows.map((row) => row.group));
  const [first = ""] = samples;
  const [group = ""] = groups;
  const kind = ids === "private" ? "keyed hashes; the key stays in your journal" : "the data set's own";
  return [
    { what: "rows", value: `${rows.length}: one per image, explained class and method` },
    { what: "image ids", value: `${samples.size}, ${kind}; the first: ${first}` },
    { what: "group ids", value: `${groups.size}, ${kind}; the first: ${group}` },
    { what: "per row", value: "class index, whether the prediction was right, what is wrong with the map" },
    { what: "scores", value: metrics.join(", ") },
  ];
}

const numbersIn = (value: unknown): number => {
  if (typeof value === "number") return 1;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, child) => sum + numbersIn(child), 0);
};

const idsOf = (value: unknown): string =>
  (value as readonly { readonly id: string; readonly status?: string; readonly reason?: string | null }[])
    .map(({ id, status = "ok", reason }) => (status === "ok" ? id : `${id} (${status}: ${reason})`))
    .join(", ");
