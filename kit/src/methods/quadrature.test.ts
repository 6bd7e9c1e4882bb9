import { describe, expect, it } from "vitest";
import { quadrature, quadratureRules } from "./quadrature.ts";

const integrate = (rule: (typeof quadratureRules)[number], n: number, f: (t: number) => number) => {
  const { nodes, weights } = quadrature(rule, n);
  return nodes.reduce((sum, t, k) => sum + weights[k] * f(t), 0);
};

describe("quadrature", () => {
  it.each(quadratureRules)("%s integrates constants exactly", (rule) => {
    for (const n of [1, 2, 7, 50]) expect(integrate(rule, n, () => 1)).toBeCloseTo(1, 13);
  });

  it("Gauss–Legendre with n nodes is exact for polynomials of degree 2n − 1", () => {
    for (const n of [1, 2, 3, 5, 50]) {
      const degree = 2 * n - 1;
      expect(integrate("gauss-legendre", n, (t) => t ** degree)).toBeCloseTo(1 / (degree + 1), 13);
    }
    expect(quadrature("gauss-legendre", 2).nodes[0]).toBeCloseTo(0.5 - 0.5 / Math.sqrt(3), 15);
  });

  it("is second order for midpoint and trapezoid, first order for the ends", () => {
    const error = (rule: (typeof quadratureRules)[number], n: number) =>
      Math.abs(integrate(rule, n, Math.exp) - (Math.E - 1));
    expect(error("midpoint", 20) / error("midpoint", 40)).toBeCloseTo(4, 1);
    expect(error("trapezoid", 21) / error("trapezoid", 41)).toBeCloseTo(4, 1);
    expect(error("left", 20) / error("left", 40)).toBeCloseTo(2, 1);
    expect(error("right", 20) / error("right", 40)).toBeCloseTo(2, 1);
  });
});
