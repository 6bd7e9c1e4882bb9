import { describe, expect, it } from "vitest";
import { classMatcher } from "./class-names.ts";

describe("classMatcher", () => {
  const match = classMatcher([
    "tench",
    "African elephant, Loxodonta africana",
    "crane, bird",
    "crane",
    "Sports Car",
  ]);

  it.each([
    ["tench", 0],
    ["African elephant, Loxodonta africana", 1],
    ["african_elephant", 1],
    ["crane", 3], // the full name, though "crane, bird" begins with it
    ["crane, bird", 2],
    ["sports  car", 4],
    ["1", 1],
    ["004", 4],
    ["5", undefined],
    ["-1", undefined],
    ["1.0", undefined],
    ["elephant", undefined],
    ["", undefined],
  ])("%j", (name, index) => {
    expect(match(name)).toBe(index);
  });

  it("takes names before indices", () => {
    const grades = classMatcher(["1", "2", "0"]);
    expect(["0", "1", "2"].map(grades)).toEqual([2, 0, 1]);
  });

  it("finds none where two classes are alike", () => {
    const alike = classMatcher(["Maillot, a", "maillot, b", "BUS", "bus"]);
    expect(["maillot", "Bus", "bus", "BUS", "1"].map(alike)).toEqual([undefined, undefined, 3, 2, 1]);
  });
});
