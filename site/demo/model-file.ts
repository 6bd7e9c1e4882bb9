/** The bundled models, fetched from the site itself and compared with the hash they were published with. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { KitError } from "../../kit/src/errors.ts";

/** @throws KitError E_FETCH when it does not come, E_MODEL_HASH when something else came */
export async function fetchModel(
  { url, sha256: expected }: { readonly url: string; readonly sha256: string },
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await fetchBytes(url, name);
  const found = bytesToHex(sha256(bytes));
  if (found === expected) return bytes;
  throw new KitError("E_MODEL_HASH", {
    problem: `${name} is not the model that was published`,
    details: [`sha256 ${found}`, `instead of ${expected}`],
    next: "reload the page; if it stays so, a proxy between you and this site changes files",
  });
}

export async function fetchBytes(url: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const next = "check the connection and try again";
  let response: Response;
  try {
    response = await fetch(url);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new KitError("E_FETCH", { problem: `${name} could not be fetched`, next, cause });
  }
  throw new KitError("E_FETCH", { problem: `${name} could not be fetched: ${response.status}`, next });
}
