/**
 * Weights outside the model file: where they may lie. A model names a file beside itself and nothing else, so that
 * a downloaded model cannot read the rest of the disk; the caller's reader decides what "beside" is.
 */
import { KitError } from "../errors.ts";
import { plain } from "./read-errors.ts";

/**
 * Gives `length` bytes at `offset` of the file at `location`, a checked relative path with "/" or "\" between its parts.
 * It should compare offset and length with the size of the file before it allocates, and not follow links out of
 * the model's folder.
 */
export type ExternalReader = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** The bytes of one external tensor that needs `size` bytes. Throws KitError E_ONNX_EXTERNAL. */
export function readExternal(
  entries: readonly { key?: string; value?: string }[],
  size: number,
  tensor: string,
  read: ExternalReader | undefined,
): Uint8Array {
  const refuse = (what: string, next: string, cause?: unknown) =>
    new KitError("E_ONNX_EXTERNAL", {
      problem: plain(`the weights of ${tensor} cannot be read: ${what}`),
      details: entries.slice(0, 5).map(({ key = "", value = "" }) => plain(`${key}: ${value}`)),
      next,
      cause,
    });
  const exportAgain = "export the model again, with its weights inside the file or in one file beside it";
  const fields = new Map(entries.map(({ key = "", value = "" }) => [key, value]));
  const location = fields.get("location") ?? "";
  const fault = locationFault(location);
  if (fault !== undefined) throw refuse(fault, exportAgain);

  const offset = wholeNumber(fields.get("offset") ?? "0");
  if (offset === undefined) throw refuse("the offset is not a whole number", exportAgain);
  const length = wholeNumber(fields.get("length") ?? String(size));
  if (length !== size || !Number.isSafeInteger(offset + size)) {
    throw refuse(`type and dims ask for ${size} bytes`, exportAgain);
  }
  if (size === 0) return new Uint8Array(0);
  const beside = `keep ${plain(location)} beside the model`;
  if (read === undefined) {
    throw refuse("they are in another file, and only the model file was given", `${beside}, and give both`);
  }
  let bytes: Uint8Array;
  try {
    bytes = read(location, offset, size);
  } catch (cause) {
    if (cause instanceof KitError) throw cause;
    throw refuse(cause instanceof Error ? cause.message : "the file is unreadable", beside, cause);
  }
  if (bytes.length !== size) throw refuse(`${size} bytes wanted, ${bytes.length} found`, beside);
  return bytes;
}

/** Why a location is refused, or undefined. */
export function locationFault(location: string): string | undefined {
  if (location === "") return "they have no location";
  if (location.includes("\0")) return "the location holds a NUL";
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return "the location is a drive or a URL, not a relative path";
  if (/^[/\\]/.test(location)) return "the location is an absolute path";
  if (location.split(/[/\\]/).includes("..")) return "the location leaves the model's folder";
  return undefined;
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}
