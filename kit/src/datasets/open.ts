/** From what a user types to an open data set. */
import { KitError } from "../errors.ts";
import {
  type Dataset,
  type DatasetDefinition,
  type DatasetOptions,
  type DatasetRef,
  setOptions,
} from "./dataset.ts";
import { datasets } from "./index.ts";

/**
 * The set that a spec names: `medmnist-pneumoniamnist-64`, `medmnist:pneumoniamnist@64`, `folder`, `folder:/path`.
 *
 * @throws KitError E_DATASET_SPEC listing what there is
 */
export function parseDatasetSpec(spec: string): DatasetRef {
  const found = find(spec);
  if (found !== undefined) return found.ref;
  throw new KitError("E_DATASET_SPEC", {
    problem: `there is no data set "${spec}"`,
    details: datasets.flatMap(({ offers }) => offers),
    next: "name one of these",
  });
}

/**
 * What a spec, or the beginning of one, belongs to: `medmnist`, `medmnist:bloodmnist`.
 *
 * @throws KitError E_DATASET_SPEC listing what there is
 */
export function definitionOf(spec: string): DatasetDefinition {
  const found = datasets.find(({ id }) => id === spec) ?? find(spec)?.definition;
  if (found !== undefined) return found;
  throw new KitError("E_DATASET_SPEC", {
    problem: `there is no data set "${spec}"`,
    next: `known: ${datasets.map(({ id }) => id).join(", ")}`,
  });
}

function find(spec: string): { definition: DatasetDefinition; ref: DatasetRef } | undefined {
  for (const definition of datasets) {
    if (spec !== definition.id && !/^[-:]/.test(spec.slice(definition.id.length))) continue;
    if (!spec.startsWith(definition.id)) continue;
    const ref = definition.resolve(spec.slice(definition.id.length + 1));
    if (ref !== undefined) return { definition, ref };
  }
  return undefined;
}

/** What the registry says of the data set with this id; undefined where it has none. */
export function registeredDataset(
  id: string,
): (Pick<DatasetDefinition, "track" | "ids" | "lacks"> & Pick<DatasetRef, "base" | "title">) | undefined {
  const found = find(id);
  if (found?.ref.id !== id) return undefined;
  const { track, ids, lacks } = found.definition;
  const { base, title } = found.ref;
  return { track, ids, lacks, base, title };
}

/**
 * Opens the set that a spec names. Close it after use.
 *
 * @throws KitError E_DATASET_SPEC, E_DATASET_OPTION, E_DATASET_MISSING, and what the files give cause for
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const ref = parseDatasetSpec(spec);
  const { id, reads = [] } = definitionOf(spec);
  const idle = setOptions.filter((name) => options[name] !== undefined && !reads.includes(name));
  if (idle.length > 0) {
    const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new KitError("E_DATASET_OPTION", {
      problem: `${idle.map(flag).join(" and ")} says nothing to ${id}`,
      next:
        reads.length > 0
          ? `leave it out; this set takes ${reads.map(flag).join(", ")}`
          : "leave it out; this set takes no such option",
    });
  }
  return ref.open(options);
}
