/** The overlaps of maps that were kept, counted where they are; and whether they are the maps that the scores are of. */
import type { SidecarRow } from "../results/sidecar.ts";
import type { Overlap } from "./consistency.ts";
import { comparedMethods, type ModelOverlaps, pairsOf } from "./document.ts";
import type { ComparedModel } from "./models.ts";
import { countsOf } from "./region.ts";

/** What a run kept of one sample. */
export interface KeptSample {
  /** the class explained */
  readonly target: number;
  /** by method, as `regionOf` packs them */
  readonly regions: ReadonlyMap<string, Uint8Array>;
}

/** By the sample's own id, which is the same in all runs even where what is published is keyed. */
export type KeptMaps = ReadonlyMap<string, KeptSample>;

/** Rows of a run whose map was not kept, or is of another class or size: nothing if the maps are complete. */
export function missingMaps(
  rows: readonly SidecarRow[],
  kept: KeptMaps,
  published: (sample: string) => string,
  pixels: number,
): string[] {
  const byId = new Map([...kept].map(([sample, own]) => [published(sample), own]));
  return rows.flatMap(({ sample, method, target, targetKind }) => {
    if (targetKind !== "predicted") return [];
    const own = byId.get(sample);
    const region = own?.regions.get(method);
    if (own === undefined) return `no maps of ${sample}`;
    if (own.target !== target)
      return `maps of ${sample} explain class ${own.target}, its scores class ${target}`;
    if (region === undefined) return `no map of ${method} on ${sample}`;
    return region.length === Math.ceil(pixels / 8)
      ? []
      : `the map of ${method} on ${sample} has another size`;
  });
}

/**
 * @param keptOf   the maps of a run, by its identity
 * @param samples  own ids, in the order that the document has them
 */
export function measureOverlaps(
  model: ComparedModel,
  {
    reference,
    keptOf,
    samples,
  }: {
    readonly reference: string;
    readonly keptOf: (sha256: string) => KeptMaps;
    readonly samples: readonly string[];
  },
): ModelOverlaps {
  const overlapOf = (a: KeptSample | undefined, b: KeptSample | undefined, method: string): Overlap => {
    const [one, other] = [a?.regions.get(method), b?.regions.get(method)];
    if (a === undefined || b === undefined || one === undefined || other === undefined) return "no-map";
    return a.target === b.target ? countsOf(one, other) : "other-class";
  };
  return {
    reference,
    methods: comparedMethods(model).methods.map(({ id: method }) => ({
      method,
      pairs: pairsOf(model).map((runs) => {
        const [a, b] = runs.map(keptOf);
        return { runs, overlaps: samples.map((sample) => overlapOf(a.get(sample), b.get(sample), method)) };
      }),
    })),
  };
}
