import { describe, expect, it } from "vitest";
import { distance, dot, normalTensor } from "../../test/analytic-probe.ts";
import { lasso, normalEquations, solve } from "./least-squares.ts";

const numbers = (seed: string, count: number) => Float64Array.from(normalTensor([count], seed).data);
const rowsOf = (design: Float64Array, size: number) =>
  Array.from({ length: design.length / size }, (_, k) => design.subarray(k * size, (k + 1) * size));
const sizes: [number, number][] = [
  // rows, unknowns
  [1, 1],
  [5, 2],
  [40, 12],
  [120, 49],
];

describe("normalEquations", () => {
  it("are the sums they stand for", () => {
    const { size, a, b } = normalEquations(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 0, 0.5], [1, 9, -2]);
    expect(size).toBe(2);
    expect([...a]).toEqual([2 * 1 + 0.5 * 25, 2 * 2 + 0.5 * 30, 2 * 2 + 0.5 * 30, 2 * 4 + 0.5 * 36]);
    expect([...b]).toEqual([2 * 1 - 5, 2 * 2 - 6]);
  });
});

describe("solve", () => {
  it.each(sizes)("makes the weighted residual of %i rows orthogonal to each of %i columns", (count, size) => {
    const design = numbers("design", count * size);
    const weights = numbers("weights", count).map(Math.abs);
    const targets = numbers("targets", count);
    const found = solve(normalEquations(design, weights, targets));
    const rows = rowsOf(design, size);
    const residual = rows.map((d, k) => weights[k] * (targets[k] - dot(d, found)));
    const slopes = Array.from({ length: size }, (_, i) =>
      rows.reduce((sum, d, k) => sum + d[i] * residual[k], 0),
    );
    expect(
      distance(
        slopes,
        slopes.map(() => 0),
      ),
    ).toBeLessThan(1e-10);
  });

  it.each([
    [3, 7],
    [20, 49],
  ])(
    "of the many solutions that %i rows leave %i unknowns, gives the one in the rows' span",
    (count, size) => {
      const design = numbers("few", count * size);
      const rows = rowsOf(design, size);
      const weights = rows.map(() => 1);
      // a solution Dᵀu is the shortest: whatever else solves the rows is longer by a part orthogonal to all of them
      const u = numbers("u", count);
      const shortest = Float64Array.from({ length: size }, (_, i) =>
        rows.reduce((s, d, k) => s + u[k] * d[i], 0),
      );
      const targets = rows.map((d) => dot(d, shortest));
      expect(distance(solve(normalEquations(design, weights, targets)), shortest)).toBeLessThan(1e-8);
    },
  );

  it("splits between two columns that are the same, and gives nothing to one that is empty", () => {
    const design = Float64Array.of(1, 1, 0, 2, 2, 0, -1, -1, 0);
    expect(distance(solve(normalEquations(design, [1, 1, 1], [6, 12, -6])), [3, 3, 0])).toBeLessThan(1e-12);
    expect([...solve(normalEquations(new Float64Array(4), [1, 1], [3, 4]))]).toEqual([0, 0]);
  });
});

describe("lasso", () => {
  it.each(sizes)("with %i rows, no change of one of %i unknowns makes the sum smaller", (count, size) => {
    const design = numbers("lasso", count * size);
    const weights = numbers("lasso weights", count).map(Math.abs);
    const targets = numbers("lasso targets", count);
    const rows = rowsOf(design, size);
    const penalty = 0.2;
    const loss = (phi: Float64Array) =>
      rows.reduce((sum, d, k) => sum + (weights[k] * (targets[k] - dot(d, phi)) ** 2) / 2, 0) +
      penalty * phi.reduce((sum, v) => sum + Math.abs(v), 0);
    const found = lasso(normalEquations(design, weights, targets), penalty);
    for (let i = 0; i < size; i++) {
      for (const step of [1e-4, -1e-4]) {
        const moved = found.slice();
        moved[i] += step;
        expect(loss(moved)).toBeGreaterThan(loss(found));
      }
    }
  });

  it("is a soft threshold where the columns do not overlap, and zero where the penalty outweighs all", () => {
    const normal = { size: 3, a: Float64Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0), b: Float64Array.of(5, -0.5, 0) };
    expect([...lasso(normal, 1)]).toEqual([2, 0, 0]);
    expect([...lasso(normal, 6)].every((v) => v === 0)).toBe(true);
  });
});
