import { KitError } from "../../src/errors.ts";
import { validateRun } from "../../src/results/validate.ts";

/** A document and its sidecar as one case: the length of the document in four bytes, the document, the sidecar. */
export function pack(document: Uint8Array, sidecar: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + document.length + sidecar.length);
  new DataView(bytes.buffer).setUint32(0, document.length);
  bytes.set(document, 4);
  bytes.set(sidecar, 4 + document.length);
  return bytes;
}

/** What the command line, CI and the page do with two files from a stranger: a refusal must name file, place and reason. */
export function run(bytes: Uint8Array): void {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const { ok, problems, tier } = validateRun({
    name: "run.json",
    text: bytes.slice(4, 4 + length),
    sidecar: bytes.slice(4 + length),
  });
  if (ok !== (problems.length === 0) || ok !== (tier === "recomputed"))
    throw new Error("a verdict at odds with itself");
  for (const { file, path, code, message, next } of problems) {
    const told = [file, path, code, message, next].every((text) => typeof text === "string" && text !== "");
    if (!told || !code.startsWith("E_") || /\n\s+at /.test(message))
      throw new Error(`a problem without a reason: ${message}`);
  }
  if (!ok) throw new KitError(problems[0].code, { problem: problems[0].message });
}
