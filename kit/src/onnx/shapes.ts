/** Dims that hold for every batch size: a number, or a multiple of the batch size N. */

/** `{ batch: 4 }` is 4·N. */
export type Dim = number | { readonly batch: number };
export type Shape = readonly Dim[];

export const isStatic = (shape: Shape): shape is readonly number[] =>
  shape.every((d) => typeof d === "number");

export const dimAt = (d: Dim, n: number): number => (typeof d === "number" ? d : d.batch * n);

/** The shape at batch size n. */
export const shapeAt = (shape: Shape, n: number): readonly number[] => shape.map((d) => dimAt(d, n));

/** Linear in N, so agreement at N = 0 and N = 1 is equality. */
export const equalDims = (a: Dim, b: Dim): boolean =>
  dimAt(a, 0) === dimAt(b, 0) && dimAt(a, 1) === dimAt(b, 1);

export const equalShapes = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => equalDims(d, b[i]));

/** "[N, 64, 8, 8]"; 4·N is "4N". */
export const formatShape = (shape: Shape): string =>
  `[${shape.map((d) => (typeof d === "number" ? d : `${d.batch === 1 ? "" : d.batch}N`)).join(", ")}]`;

/** The shape behind the dims found at batch sizes 2 and 3; undefined where one is neither static nor a multiple of N. */
export function mergeShapes(at2: readonly number[], at3: readonly number[]): Shape | undefined {
  if (at2.length !== at3.length) return undefined;
  const merged = at2.map((d, i): Dim | undefined => {
    if (d === at3[i]) return d;
    return d % 2 === 0 && d * 3 === at3[i] * 2 ? { batch: d / 2 } : undefined;
  });
  return merged.every((d) => d !== undefined) ? merged : undefined;
}
