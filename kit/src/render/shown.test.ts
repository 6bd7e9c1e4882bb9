import { describe, expect, it } from "vitest";
import { placesOf } from "./shown.ts";

const map = (at: Readonly<Record<number, number>>) => ({
  height: 6,
  width: 9,
  data: Float32Array.from({ length: 54 }, (_, i) => at[i] ?? 0),
});

describe("placesOf", () => {
  it("names the ninth of the image that holds most", () => {
    expect(placesOf(map({ 0: 1 }), "sequential")).toBe("most evidence at the top left");
    expect(placesOf(map({ 53: 1, 52: 1, 0: 1.5 }), "sequential")).toBe("most evidence at the bottom right");
    expect(placesOf(map({ 22: 3 }), "diverging")).toBe("most evidence in the middle");
  });

  it("names both sides of a signed map, and the sizes of one-sided ones only", () => {
    expect(placesOf(map({ 0: 1, 8: -2 }), "diverging")).toBe(
      "most evidence at the top left, most against it at the top right",
    );
    expect(placesOf(map({ 0: 1, 8: -2 }), "sequential")).toBe("most evidence at the top left");
  });

  it("says where there is nothing", () => {
    expect(placesOf(map({}), "diverging")).toBe("nothing");
    expect(placesOf(map({ 1: Number.NaN }), "sequential")).toBe("nothing");
  });
});
