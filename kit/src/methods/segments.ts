/**
 * What methods that hide segments share. An image is cut into M segments, and a coalition z ∈ {0,1}^M stands for the image in which the
 * segments with z = 1 show x and the others r: the segments play a game whose value is the score.
 */
import { KitError } from "../errors.ts";
import type { ImageShape } from "../model/image.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import type { ParamSpec } from "../params.ts";
import { ofShape } from "./baseline.ts";
import type { InputSpec, MethodContext } from "./method.ts";

export const coalitionDraws = {
  type: "integer",
  default: 512,
  minimum: 1,
  maximum: 100_000,
  budget: true,
  description: "coalitions",
} as const satisfies ParamSpec;

export const gridParam = {
  type: "integer",
  default: 7,
  minimum: 1,
  maximum: 32,
  description: "cells per side; never more than the side has pixels",
} as const satisfies ParamSpec;

export const segmentsInput: InputSpec = {
  dims: "[H,W]",
  description: "a label image, one number per segment, in place of the cells of `grid`",
};

export const coalitionsInput: InputSpec = {
  dims: "[N,M]",
  description:
    "which segments show the image (1) and which the reference (0); N replaces `draws`, segments in ascending order of their labels",
};

export interface Segments {
  readonly count: number;
  /** the segment of each pixel, [H·W] */
  readonly of: Int32Array;
  /** of a map with one value per segment: [rows, columns] of a grid, else [count] */
  readonly dims: readonly number[];
}

type Sides = Pick<ImageShape, "height" | "width">;
type Context = Pick<MethodContext, "given" | "probe" | "x">;

/** How many cells a grid has, for the cost of a method. */
export const cellsOf = ({ height, width }: Sides, grid: number): number =>
  Math.min(grid, height) * Math.min(grid, width);

/** Pixel (i, j) lies in cell (⌊grid·i/H⌋, ⌊grid·j/W⌋); a side of fewer pixels has a cell for each, so that none is empty. */
export function gridOf({ height, width }: Sides, grid: number): Segments {
  const rows = Math.min(grid, height);
  const columns = Math.min(grid, width);
  const of = new Int32Array(height * width);
  for (let i = 0; i < height; i++) {
    const row = Math.floor((rows * i) / height) * columns;
    for (let j = 0; j < width; j++) of[i * width + j] = row + Math.floor((columns * j) / width);
  }
  return { count: rows * columns, of, dims: [rows, columns] };
}

/** One segment per distinct label, in ascending order. */
export function labelled({ data }: Float32Tensor): Segments {
  const labels = [...new Set(data)].sort((a, b) => a - b);
  if (labels.some((label) => !Number.isFinite(label))) {
    throw new KitError("E_INPUT", {
      problem: 'input "segments" holds labels that are no finite numbers',
      next: "give each pixel the number of its segment",
    });
  }
  const order = new Map(labels.map((label, k) => [label, k]));
  const of = Int32Array.from(data, (label) => order.get(label)!);
  return { count: labels.length, of, dims: [labels.length] };
}

/** The supplied label image, else the grid. */
export function segmentsOf({ given, x }: Context, grid: number): Segments {
  const [, height, width] = x.dims;
  const supplied = given("segments");
  return supplied
    ? labelled(ofShape("segments", supplied, [height, width]))
    : gridOf({ height, width }, grid);
}

/** Scores of `count` coalitions; `write(k, z)` writes coalition k into z, which is all zeros. No image outlives its batch. */
export async function scoresOf(
  { probe, x }: Context,
  segments: Segments,
  r: Float32Tensor,
  count: number,
  write: (k: number, z: Uint8Array) => void,
): Promise<Float64Array> {
  const { of, count: players } = segments;
  const pixels = of.length;
  const z = new Uint8Array(players);
  const runs = runsOf(of);
  return probe.scores(count, (k, out) => {
    write(k, z.fill(0));
    out.set(r.data);
    for (let n = 0; n + 1 < runs.length; n++) {
      if (z[of[runs[n]]] === 0) continue;
      for (let at = 0; at < out.length; at += pixels) {
        for (let p = at + runs[n]; p < at + runs[n + 1]; p++) out[p] = x.data[p];
      }
    }
  });
}

/** Where the segment changes from one pixel to the next, both ends included: what lies between is shown or hidden together. */
function runsOf(of: Int32Array): number[] {
  const starts = [0];
  for (let p = 1; p < of.length; p++) if (of[p] !== of[p - 1]) starts.push(p);
  return [...starts, of.length];
}

/** Coalitions as rows of a matrix, [N·M]. */
export interface Coalitions {
  readonly count: number;
  readonly z: Uint8Array;
}

/** The supplied coalitions of `players`, else `count` of those that `draw(k, z)` writes. */
export function coalitionsOf(
  { given }: Pick<MethodContext, "given">,
  players: number,
  count: number,
  draw: (k: number, z: Uint8Array) => void,
): Coalitions {
  const supplied = given("coalitions");
  if (!supplied) {
    const z = new Uint8Array(count * players);
    for (let k = 0; k < count; k++) draw(k, z.subarray(k * players, (k + 1) * players));
    return { count, z };
  }
  const { dims, data } = ofShape("coalitions", supplied, [null, players]);
  const other = data.find((v) => v !== 0 && v !== 1);
  if (other !== undefined) {
    throw new KitError("E_INPUT", {
      problem: `input "coalitions" holds ${other}`,
      next: "1 where a segment shows the image, 0 where it shows the reference",
    });
  }
  return { count: dims[0], z: Uint8Array.from(data) };
}

/** Scores of every coalition. */
export const valuesOf = (
  context: Context,
  segments: Segments,
  r: Float32Tensor,
  { count, z }: Coalitions,
): Promise<Float64Array> =>
  scoresOf(context, segments, r, count, (k, row) =>
    row.set(z.subarray(k * segments.count, (k + 1) * segments.count)),
  );

/** A share φ per segment as an attribution: each pixel and channel gets φ/(pixels · channels), so that ΣΦ = Σφ; `raw` gives the φ. */
export function attributionOf(
  { x, raw }: Pick<MethodContext, "x" | "raw">,
  { count, of, dims }: Segments,
  shares: Float64Array,
): Float32Tensor {
  if (raw) return float32(dims, Float32Array.from(shares));
  const parts = new Uint32Array(count);
  for (const s of of) parts[s] += x.dims[0];
  return float32(
    x.dims,
    Float32Array.from(x.data, (_, i) => shares[of[i % of.length]] / parts[of[i % of.length]]),
  );
}
