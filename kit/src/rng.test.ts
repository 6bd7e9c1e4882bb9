import { describe, expect, it } from "vitest";
import { rngOf } from "./rng.ts";

describe("rngOf", () => {
  it("is a function of its key alone", () => {
    const a = rngOf("p", "sample", "noise");
    rngOf("p", "other", "noise").uniform();
    const b = rngOf("p", "sample", "noise");
    const first = Array.from({ length: 5 }, () => a.normal());
    expect(Array.from({ length: 5 }, () => b.normal())).toEqual(first);
    expect(rngOf("p", "sample", "mask").normal()).not.toBe(first[0]);
    expect(rngOf("ab", "c").uniform()).not.toBe(rngOf("a", "bc").uniform());
  });

  it("never changes: these streams are part of published numbers", () => {
    const rng = rngOf("xai-kit/1", "golden");
    expect([rng.uniform(), rng.uniform(), rng.normal(), rng.integer(1000)]).toMatchInlineSnapshot(`
      [
        0.38969441282493755,
        0.5726161101796817,
        -0.8079072726236719,
        703,
      ]
    `);
    expect([...rngOf("xai-kit/1", "golden").permutation(8)]).toMatchInlineSnapshot(`
      [
        0,
        7,
        5,
        6,
        2,
        1,
        4,
        3,
      ]
    `);
  });

  it("has the moments of its distributions", () => {
    const rng = rngOf("moments");
    const n = 20_000;
    const normals = Array.from({ length: n }, () => rng.normal());
    const mean = normals.reduce((s, v) => s + v, 0) / n;
    const variance = normals.reduce((s, v) => s + (v - mean) ** 2, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(6 / Math.sqrt(n));
    const counts = new Array(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[rng.integer(7)]++;
    for (const c of counts) expect(Math.abs(c - 1000)).toBeLessThan(5 * Math.sqrt(1000));
  });

  it("permutes without loss", () => {
    expect([...rngOf("perm").permutation(50)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
  });
});
