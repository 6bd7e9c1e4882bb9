/** Dims that hold for every batch size: a number, or a multiple of the batch size N. */

/** `{ batch: 4 }` is 4·N. */
export type Dim = number | { readonly batch: number };
export type Shape = readonly Dim[];

export const isStatic = (shape: Shape): shape is readonly number[] =>
  shape.every((d) => typeof d === "number");
