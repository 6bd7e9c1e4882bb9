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

  it("does not mind the order of a sample's labels, nor how rare they are alike", () => {
    const pairs = Array.from({ length: 20 }, (_, i) => ({ id: `p${i}`, labels: [i % 4, (i + 1) % 4] }));
    const turned = pairs.map(({ id, labels }) => ({ id, labels: labels.toReversed() }));
    const ids = (candidates: typeof pairs) => selectSamples("p", "m", candidates, 9).map((s) => s.id);
    expect(ids(turned)).toEqual(ids(pairs));
  });

  it("keeps the order written down: a change of it is another protocol", () => {
    const chosen = selectSamples("xai-kit/1", "pneumoniamnist", samples, 6).map((s) => s.id);
    expect(chosen).toEqual(["s30", "s46", "s0", "s54", "s10", "s39"]);
  });

  it("takes none where none is asked or there", () => {
    expect(selectSamples("p", "set", samples, 0)).toEqual([]);
    expect(selectSamples("p", "set", [], 5)).toEqual([]);
  });
});
