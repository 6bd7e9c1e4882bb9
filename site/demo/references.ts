/** Node's values of the stored picture, fetched once per model when they are needed. */
import { referenceUrl } from "./addresses.ts";
import { fetchBytes } from "./model-file.ts";
import { type Reference, readReference, type StoredIndex } from "./reference.ts";

/** In a chunk of its own, which the page does not need before. */
const storedIndex = async (): Promise<StoredIndex> => (await import("./reference/index.json")).default;

const known = new Map<string, Promise<Reference>>();

/** @throws KitError E_FETCH; asked again, it is fetched again */
export function referenceOf(model: string): Promise<Reference> {
  const found = known.get(model) ?? fetched(model);
  known.set(model, found);
  found.catch(() => known.delete(model));
  return found;
}

async function fetched(model: string): Promise<Reference> {
  const bytes = fetchBytes(referenceUrl(model), "the reference values");
  const { models } = await storedIndex();
  return readReference(models[model], (await bytes).buffer);
}
