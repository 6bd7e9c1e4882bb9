import { expect, it } from "vitest";
import { mapOf } from "../../test/scored.ts";
import { resolveParams } from "../params.ts";
import { ofParam, reading, weights } from "./reading.ts";

const map = mapOf([-2, 0, 1], [2, 2, -1]);

it("reads a map in five ways", () => {
  expect([...reading(map, "relevance")]).toEqual([0, 0, 0.5, 1, 1, 0]);
  expect([...reading(map, "min-max")]).toEqual([0, 0.5, 0.75, 1, 1, 0.25]);
  expect([...reading(map, "positive")]).toEqual([0, 0, 1, 2, 2, 0]);
  expect([...reading(map, "absolute")]).toEqual([2, 0, 1, 2, 2, 1]);
  expect([...reading(map, "signed")]).toEqual([-2, 0, 1, 2, 2, -1]);
});

it("is 0 where scaling has nothing to scale", () => {
  for (const flat of [mapOf([3, 3]), mapOf([-3, -3]), mapOf([0, 0])]) {
    expect([...reading(flat, "relevance")]).toEqual([0, 0]);
    expect([...reading(flat, "min-max")]).toEqual([0, 0]);
  }
});

it("says why there is nothing to weigh", () => {
  expect(weights(mapOf([0, 0]), "absolute")).toEqual({ skip: "map is zero" });
  expect(weights(mapOf([Number.NaN, 1]), "signed")).toEqual({ skip: "map is not finite" });
  expect(weights(mapOf([3, 3]), "relevance")).toEqual({ skip: "map is constant" });
  expect(weights(mapOf([-3, -3]), "positive")).toEqual({ skip: "map is constant" });
  // not one of the defects of a map, which fail it on every metric: others can read it
  expect(weights(mapOf([-3, -1]), "relevance")).toEqual({ skip: "no positive value" });
  expect(weights(mapOf([3, 3]), "positive")).toEqual(Float64Array.of(3, 3));
});

it("is a parameter whose default comes first", () => {
  const params = { of: ofParam("min-max", "absolute") };
  expect(resolveParams("m", params)).toEqual({ of: "min-max" });
  expect(() => resolveParams("m", params, { of: "signed" })).toThrow(/not allowed/);
});
