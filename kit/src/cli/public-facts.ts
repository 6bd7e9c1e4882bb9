/** What a run says about its maker: every value of the document that is not a measured number, and what the rows hold. */
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import type { Run } from "../results/document.ts";
import type { Sidecar } from "../results/sidecar.ts";
import { facets } from "../stats/summarise.ts";

export interface Fact {
  readonly what: string;
  readonly value: string;
}

/** Parts that hold measured numbers: said by how many, and by every word that is not an id of the registry. */
const measured = ["result.quality", "result.statistics", "telemetry.msPerAttribution", "telemetry.passes"];
/** Lists of methods and metrics: said by id, parameters, and what the registry does not know of them. */
const entries = ["result.methods", "result.metrics"];

/** In the document's order; every value that is no measured number, and no fact of the registry, is there. */
export function factsOf(run: Run): Fact[] {
  const facts: Fact[] = [];
  const visit = (value: unknown, path: string): void => {
    const what = path.replace(/^result\./, "");
    if (measured.includes(path)) {
      const words = wordsIn(value);
      const said = words.length > 0 ? `, and the words: ${words.join("; ")}` : "";
      facts.push({ what, value: `${numbersIn(value)} numbers${said}` });
    } else if (entries.includes(path)) {
      for (const entry of value as readonly Entry[]) facts.push({ what, value: entryText(entry) });
    } else if (Array.isArray(value)) {
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

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly status?: string;
  readonly reason?: string | null;
  readonly external?: Readonly<Record<string, unknown>>;
}

function entryText({ id, title, params, status = "ok", reason, external = {} }: Entry): string {
  const known = [...methods, ...metrics].some((entry) => entry.id === id);
  const chosen = Object.entries({ ...params, ...external }).map(([name, value]) => `${name}=${value}`);
  return [
    known || title === id ? id : `${id} (${title})`,
    ...chosen,
    ...(status === "ok" ? [] : [`${status}${reason ? `: ${reason}` : ""}`]),
  ].join(" ");
}

const ids: ReadonlySet<string> = new Set([...methods, ...metrics].map(({ id }) => id));
const rankings: ReadonlySet<string> = new Set(["overall", ...facets.map(({ id }) => id)]);

/** Every string, and every reason that is a key, once; ids that the registry has left out. */
function wordsIn(value: unknown, under = ""): string[] {
  if (typeof value === "string") return ids.has(value) || rankings.has(value) ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  const found = Object.entries(value).flatMap(([key, child]) => [
    ...(under === "skips" ? [key] : []),
    ...wordsIn(child, Array.isArray(value) ? under : key),
  ]);
  return [...new Set(found)];
}

/** What scores.parquet says beyond numbers. */
export function rowFacts({ rows, metrics: scored }: Sidecar, ids: "public" | "private"): Fact[] {
  const reasons = [...new Set(rows.flatMap(({ skips }) => Object.values(skips)))];
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
    { what: "scores", value: scored.join(", ") },
    { what: "why none", value: reasons.length > 0 ? reasons.join("; ") : "no score is missing" },
  ];
}

const numbersIn = (value: unknown): number => {
  if (typeof value === "number") return 1;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, child) => sum + numbersIn(child), 0);
};
