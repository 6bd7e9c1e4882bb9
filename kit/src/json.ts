/** JSON text that is a function of the value. */
import canonicalize from "canonicalize";

/** RFC 8785: the one text of a value, so that equal values are equal bytes. Throws on NaN, Infinity and lone surrogates. */
export const canonicalJson = (value: unknown): string => canonicalize(value)!;

/** A type whose values nobody changes. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/**
 * JSON that depends on the value alone: keys sorted by code unit, two spaces, a final newline. `undefined` keys are left out. Throws
 * RangeError on NaN or Infinity, which JSON would turn into null unseen.
 */
export function toJson(value: unknown): string {
  return `${JSON.stringify(sorted(value, "$"), null, 2)}\n`;
}

function sorted(value: unknown, path: string): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`${value} at ${path} has no place in JSON`);
  }
  if (Array.isArray(value)) return value.map((item, i) => sorted(item, `${path}[${i}]`));
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<unknown>, (item, i) => sorted(item, `${path}[${i}]`));
  }
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted((value as Record<string, unknown>)[key], `${path}.${key}`)]),
  );
}
