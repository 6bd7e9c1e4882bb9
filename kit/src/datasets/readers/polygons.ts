/** Contours that a person drew, filled: a pixel is inside where a ray from its centre crosses the contour an odd number of times. */
import { MAX_PIXELS } from "./image.ts";

/** x right, y down; whole numbers are the centres of pixels. */
export type Polygon = readonly (readonly [x: number, y: number])[];

/** The contours, or what is wrong with them. */
export function polygonsOf(value: unknown, height: number, width: number): readonly Polygon[] | string {
  if (![height, width].every((side) => Number.isInteger(side) && side > 0) || height * width > MAX_PIXELS) {
    return `the size ${height} x ${width} is none, or above ${MAX_PIXELS} pixels`;
  }
  if (!Array.isArray(value)) return "is no list of contours";
  for (const [i, contour] of value.entries()) {
    if (!Array.isArray(contour) || contour.length < 3) return `contour ${i} has fewer than three points`;
    const at = contour.findIndex(
      (point) => !Array.isArray(point) || point.length !== 2 || !point.every((side) => Number.isFinite(side)),
    );
    if (at >= 0) return `point ${at} of contour ${i} is not two numbers`;
  }
  return value;
}

/** [height, width] row by row, 0 or 1: the union of the contours, each filled by itself; what leaves the picture is cut. */
export function fillPolygons(polygons: readonly Polygon[], height: number, width: number): Uint8Array {
  const data = new Uint8Array(height * width);
  for (const points of polygons) {
    const ys = points.map(([, y]) => y);
    const top = Math.max(0, Math.ceil(extreme(ys, Math.min)));
    const bottom = Math.min(height - 1, Math.floor(extreme(ys, Math.max)));
    for (let y = top; y <= bottom; y++) {
      const crossings: number[] = [];
      for (const [i, [x1, y1]] of points.entries()) {
        const [x0, y0] = points[(i + points.length - 1) % points.length];
        // Half open, so that a corner on the line counts once.
        if (y0 <= y !== y1 <= y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
      }
      crossings.sort((a, b) => a - b);
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        const from = Math.max(0, Math.ceil(crossings[k]));
        const to = Math.min(width - 1, Math.floor(crossings[k + 1]));
        if (from <= to) data.fill(1, y * width + from, y * width + to + 1);
      }
    }
  }
  return data;
}

const extreme = (values: readonly number[], of: (a: number, b: number) => number) =>
  values.reduce((a, b) => of(a, b));
