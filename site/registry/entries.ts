/** The entries that have a page, of each kind: the kit's own, and what runs bring with them. Pure. */
import type { DatasetDefinition } from "../../kit/src/datasets/dataset.ts";
import { datasets } from "../../kit/src/datasets/index.ts";
import { type Architecture, architectures } from "../../kit/src/model/architectures.ts";
import { architectureLabel, familyOrder } from "../lib/labels.ts";
import type { SiteRun } from "../lib/run.ts";
import { hasPage, type Kind } from "./addresses.ts";

/** Runs that have something to say of an entry. Maps from elsewhere may bear any name, and are no method of the kit. */
const names: Readonly<Record<Kind, (run: SiteRun) => readonly string[]>> = {
  methods: ({ result }) => result.methods.flatMap(({ id, external }) => (external ? [] : id)),
  metrics: ({ result }) => result.metrics.map(({ id }) => id),
  architectures: ({ result: { model } }) => (model.architecture ? [model.architecture] : []),
  datasets: ({ result }) => [result.data.id],
};

export const namesIt =
  (kind: Kind, id: string) =>
  (run: SiteRun): boolean =>
    names[kind](run).includes(id);

/** Id → how many runs name it. */
export function runCounts(kind: Kind, runs: readonly SiteRun[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const run of runs) for (const id of names[kind](run)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

export interface ArchitectureEntry {
  readonly id: string;
  readonly title: string;
  /** as its preset has it, else as its runs do */
  readonly families: readonly string[];
  /** undefined where the kit has none */
  readonly preset: Architecture | undefined;
}

export function architectureEntries(runs: readonly SiteRun[]): readonly ArchitectureEntry[] {
  const found = new Map<string, Set<string>>(architectures.map(({ id }) => [id, new Set()]));
  for (const { result } of runs) {
    const { architecture, family } = result.model;
    if (!architecture || !hasPage("architectures", architecture)) continue;
    found.set(architecture, (found.get(architecture) ?? new Set()).add(family));
  }
  const entries = [...found].map(([id, families]): ArchitectureEntry => {
    const preset = architectures.find((one) => one.id === id);
    return {
      id,
      title: preset?.title ?? architectureLabel(id),
      families: preset ? [preset.family] : [...families].sort(),
      preset,
    };
  });
  const place = ({ families }: ArchitectureEntry) => familyOrder.indexOf(families[0]);
  return entries.sort((a, b) => place(a) - place(b) || (a.title < b.title ? -1 : 1));
}

export interface DatasetEntry {
  readonly id: string;
  readonly title: string;
  readonly track: string;
  /** without its size: what several editions of one set share */
  readonly base: string;
  /** undefined where the kit does not read it */
  readonly definition: DatasetDefinition | undefined;
}

/** "medmnist-pathmnist[-28|64|128|224]" → "medmnist-pathmnist", "folder:<path>" → "folder" */
const specOf = (offer: string): string => offer.replace(/[[:].*$/, "");

const known = (definition: DatasetDefinition, id: string): DatasetEntry | undefined => {
  const ref = definition.resolve(id.slice(definition.id.length + 1));
  if (ref?.id !== id) return undefined;
  const { title = definition.title, base } = ref;
  return { id, title, track: definition.track, base, definition };
};

/** What can be asked for under its name: "medmnist-pathmnist[-28|64|128|224]". */
export const offersOf = ({ base, definition }: DatasetEntry): readonly string[] =>
  definition?.offers.filter((offer) => specOf(offer) === base) ?? [];

/** Sets of the kit in its order, then those that only runs have. */
export function datasetEntries(runs: readonly SiteRun[]): readonly DatasetEntry[] {
  const entries = new Map<string, DatasetEntry>();
  for (const definition of datasets) {
    const asked = runs.map(({ result }) => result.data.id).filter((id) => id.startsWith(`${definition.id}-`));
    for (const id of [...definition.offers.map(specOf), ...asked.sort()]) {
      const entry = known(definition, id);
      if (entry !== undefined) entries.set(id, entry);
    }
  }
  for (const { result } of runs) {
    const { id, title, track, base } = result.data;
    if (!entries.has(id) && hasPage("datasets", id))
      entries.set(id, { id, title, track, base, definition: undefined });
  }
  return [...entries.values()];
}

export interface Edition {
  readonly edition: string;
  readonly split: string;
  readonly count: number;
  readonly fingerprint: string;
  readonly runs: number;
}

/** What of a data set its runs were of. One fingerprint is the same pictures. */
export function editionsOf(runs: readonly SiteRun[]): readonly Edition[] {
  const found = new Map<string, Edition>();
  for (const { result } of runs) {
    const { edition, split, count, fingerprint } = result.data;
    const own = { edition, split, count, fingerprint: fingerprint.value };
    const key = JSON.stringify(own);
    found.set(key, { ...own, runs: (found.get(key)?.runs ?? 0) + 1 });
  }
  return [...found.values()];
}
