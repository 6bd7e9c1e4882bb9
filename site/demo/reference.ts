/**
 * What Node's native engine made of one stored picture: maps and scores of every method, written by scripts/demo-reference.ts. The page
 * lays its own numbers beside them.
 */
import type { ShownMetric } from "./compute.ts";

/** Maps may differ by this share of their largest value, scores by this much. */
export const parityTolerance = 1e-4;

export interface StoredMethod {
  readonly id: string;
  readonly revision: number;
  /** null where the metric gave a reason instead */
  readonly scores: Readonly<Record<ShownMetric, number | null>>;
}

export interface StoredModel {
  readonly sha256: string;
  readonly target: number;
  readonly logits: readonly number[];
  /** in the order of the maps in `<model>.bin`: float32, little-endian, one after the other */
  readonly methods: readonly StoredMethod[];
}

export interface StoredIndex {
  readonly engine: { readonly package: string; readonly version: string; readonly provider: string };
  /** position in the test split of each phantom */
  readonly sample: number;
  /** how often the engines differ by more than the tolerance on the first pictures of the test split, and by how much at most */
  readonly survey: {
    readonly pictures: number;
    readonly maps: number;
    readonly above: number;
    readonly largest: number;
  };
  readonly models: Readonly<Record<string, StoredModel>>;
}

export interface Reference extends StoredModel {
  readonly maps: ReadonlyMap<string, Float32Array>;
}

/** @throws RangeError when the bytes are not the maps of these methods */
export function readReference(stored: StoredModel, bytes: ArrayBuffer): Reference {
  const { methods } = stored;
  const size = bytes.byteLength / methods.length;
  if (size % 4 !== 0) throw new RangeError(`${bytes.byteLength} bytes are not ${methods.length} maps`);
  const view = new DataView(bytes);
  const maps = methods.map(({ id }, k) => {
    const map = Float32Array.from({ length: size / 4 }, (_, i) => view.getFloat32(k * size + 4 * i, true));
    return [id, map] as const;
  });
  return { ...stored, maps: new Map(maps) };
}

/** The maps one after the other, as `readReference` takes them apart. */
export function mapBytes(maps: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(4 * maps.reduce((sum, map) => sum + map.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const map of maps) for (const value of map) view.setFloat32(4 * at++, value, true);
  return bytes;
}

/** Largest difference of two maps as a share of the largest value of `want`; the difference itself where that is 0. */
export function mapDifference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < want.length; i++) {
    largest = Math.max(largest, Math.abs(want[i]));
    const d = Math.abs(got[i] - want[i]);
    difference = Math.max(difference, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  }
  return largest > 0 ? difference / largest : difference;
}

/** A score that only one of them has is infinitely far. */
export function scoreDifference(got: number | null, want: number | null): number {
  if (got === null || want === null) return got === want ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(got - want);
}
