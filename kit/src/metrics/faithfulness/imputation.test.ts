import { expect, it } from "vitest";
import { distance, noiseImage } from "../../../test/analytic-probe.ts";
import { float32 } from "../../onnx/tensor.ts";
import { rngOf } from "../../rng.ts";
import { impute } from "./imputation.ts";

/** The definition as a dense system, v − Σ (w/Σw) v = 0 at removed pixels and v = x elsewhere, by Gauss–Jordan elimination. */
function dense(plane: Float32Array, removed: Uint8Array, height: number, width: number): Float64Array {
  const n = height * width;
  const rows = Array.from({ length: n }, (_, p) => {
    const row = new Float64Array(n + 1);
    row[p] = 1;
    if (removed[p] === 0) {
      row[n] = plane[p];
      return row;
    }
    const around: [number, number][] = [];
    for (const i of [-1, 0, 1]) {
      for (const j of [-1, 0, 1]) {
        const [y, x] = [Math.floor(p / width) + i, (p % width) + j];
        if ((i === 0 && j === 0) || y < 0 || x < 0 || y >= height || x >= width) continue;
        around.push([y * width + x, i === 0 || j === 0 ? 1 / 6 : 1 / 12]);
      }
    }
    const total = around.reduce((sum, [, w]) => sum + w, 0);
    for (const [q, w] of around) row[q] -= w / total;
    return row;
  });
  for (let column = 0; column < n; column++) {
    const pivot = rows.findIndex((row, k) => k >= column && Math.abs(row[column]) > 1e-9);
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (const [k, row] of rows.entries()) {
      const factor = row[column] / rows[column][column];
      if (k === column || factor === 0) continue;
      for (let c = column; c <= n; c++) row[c] -= factor * rows[column][c];
    }
  }
  return Float64Array.from(rows, (row, p) => row[n] / row[p]);
}

it.each([
  [7, 5, 0.1],
  [7, 5, 0.5],
  [5, 9, 0.9],
  [12, 11, 0.5],
  [12, 11, 0.97],
  [1, 8, 0.6],
  [8, 1, 0.6],
])("is the dense solution on %i × %i pixels of which a share of %f is gone", (height, width, share) => {
  const image = noiseImage({ channels: 2, height, width }, "impute");
  const n = height * width;
  for (let draw = 0; draw < 5; draw++) {
    const removed = new Uint8Array(n);
    for (const p of rngOf("removed", draw)
      .permutation(n)
      .subarray(0, Math.round(share * n)))
      removed[p] = 1;
    const out = new Float32Array(2 * n).fill(Number.NaN);
    impute(image, removed, out);
    for (const c of [0, 1]) {
      const plane = image.data.subarray(c * n, (c + 1) * n);
      expect(distance(out.subarray(c * n, (c + 1) * n), dense(plane, removed, height, width))).toBeLessThan(
        2e-6,
      );
    }
  }
});

it("leaves known pixels as they are", () => {
  const image = noiseImage({ channels: 1, height: 6, width: 6 }, "known");
  const removed = Uint8Array.from({ length: 36 }, (_, p) => Number(p % 5 === 0));
  const out = new Float32Array(36);
  impute(image, removed, out);
  for (let p = 0; p < 36; p++) if (removed[p] === 0) expect(out[p]).toBe(image.data[p]);
  expect(distance(out, image.data)).toBeGreaterThan(0.05);
  impute(image, new Uint8Array(36), out);
  expect(out).toEqual(image.data);
});

it("solves for all of a large image but two corners, alike from either side", () => {
  const [height, width] = [150, 90];
  const n = height * width;
  const image = float32([1, height, width], new Float32Array(n));
  image.data[0] = 0.2;
  image.data[n - 1] = 0.8;
  const out = new Float32Array(n);
  impute(
    image,
    Uint8Array.from({ length: n }, (_, p) => Number(p > 0 && p < n - 1)),
    out,
  );
  for (let p = 1; p < n - 1; p++) {
    expect(Math.abs(out[p] + out[n - 1 - p] - 1)).toBeLessThan(1e-3);
    expect(Math.abs(out[p] - 0.5)).toBeLessThan(0.3);
  }
  expect(out[1]).toBeLessThan(out[width + 2]);
});

it("draws a straight ramp through a hole, which is its own mean", () => {
  const [height, width] = [40, 60];
  const n = height * width;
  const ramp = Float32Array.from(
    { length: n },
    (_, p) => 0.1 + 0.01 * (p % width) + 0.002 * Math.floor(p / width),
  );
  const removed = Uint8Array.from({ length: n }, (_, p) => {
    const [i, j] = [Math.floor(p / width), p % width];
    return Number(i > 0 && j > 0 && i < height - 1 && j < width - 1);
  });
  const out = new Float32Array(n);
  // a hole of 38 × 58 pixels; without a preconditioner that takes over a hundred rounds
  expect(impute(float32([1, height, width], ramp), removed, out)).toBeLessThan(40);
  expect(distance(out, ramp)).toBeLessThan(2e-5);
});

it("keeps to its tolerance: each pixel is that near to the mean of its neighbours", () => {
  const [height, width] = [50, 40];
  const image = noiseImage({ channels: 1, height, width }, "tolerance");
  const removed = Uint8Array.from({ length: 2000 }, (_, p) => Number(p % 37 !== 0));
  const mean = (v: Float32Array, p: number) =>
    (2 * (v[p - 1] + v[p + 1] + v[p - width] + v[p + width]) +
      v[p - width - 1] +
      v[p - width + 1] +
      v[p + width - 1] +
      v[p + width + 1]) /
    12;
  const worst = (tolerance: number) => {
    const out = new Float32Array(2000);
    const rounds = impute(image, removed, out, tolerance);
    let found = 0;
    for (let p = width; p < 2000 - width; p++) {
      if (removed[p] === 0 || p % width === 0 || p % width === width - 1) continue;
      found = Math.max(found, Math.abs(out[p] - mean(out, p)));
    }
    return { found, rounds };
  };
  const [rough, fine] = [worst(1e-2), worst(1e-5)];
  expect(rough.found).toBeLessThan(1e-2);
  expect(fine.found).toBeLessThan(1.1e-5);
  expect(rough.rounds).toBeLessThan(fine.rounds);
});
