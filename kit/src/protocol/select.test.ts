import { describe, expect, it } from "vitest";
import { selectSamples } from "./select.ts";

const samples = Array.from({ length: 60 }, (_, i) => ({ id: `s${i}`, labels: [i % 10 === 0 ? 1 : 0] }));

describe("selectSamples", () => {
  it("does not depend on the order it meets samples in", () => {
    const chosen = selectSamples("p", "set", samples, 12).map((s) => s.id);
    expect(selectSamples("p", "set", samples.toReversed(), 12).map((s) => s.id)).toEqual(chosen);
    expect(selectSamples("p", "other", samples, 12).map((s) => s.id)).not.toEqual(chosen);
  });

  it("takes classes in turn until one runs out", () => {
    const labels = selectSamples("p", "set", samples, 20).map((s) => s.labels[0]);
    expect(labels.filter((l) => l === 1)).toHaveLength(6);
    expect(new Set(labels.slice(0, 2)).size).toBe(2);
  });

  it("is a prefix of every larger selection", () => {
    const few = selectSamples("p", "set", samples, 7);
    expect(selectSamples("p", "set", samples, 30).slice(0, 7)).toEqual(few);
    expect(selectSamples("p", "set", samples, 1000)).toHaveLength(60);
  });

  it("counts a multi-label sample for its rarest label", () => {
    const multi = [
      { id: "a", labels: [0, 1] },
      { id: "b", labels: [0] },
      { id: "c", labels: [0] },
      { id: "d", labels: [] },
    ];
    const chosen = selectSamples("p", "m", multi, 3).map((s) => s.id);
    expect(chosen).toContain("a");
    expect(chosen).toContain("d");
  });
});
