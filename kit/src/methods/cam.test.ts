import { describe, expect, it } from "vitest";
import { cellSums, channelSums, layerSize, minMax, weightedSum, widestChannels } from "./cam.ts";

const layer = { channels: 3, rows: 1, columns: 2 };
const values = Float32Array.from([1, 2, 5, 5, -3, 4]);

describe("sums", () => {
  it("run over cells or over channels", () => {
    expect([...channelSums(layer, (at) => values[at])]).toEqual([3, 10, 1]);
    const { dims, data } = cellSums(layer, (at, k) => (k + 1) * values[at]);
    expect(dims).toEqual([1, 2]);
    expect([...data]).toEqual([1 + 10 - 9, 2 + 10 + 12]);
    expect([...weightedSum(layer, [1, 2, 3], values).data]).toEqual([2, 24]);
  });
});

describe("widestChannels", () => {
  it("are those of the largest range, in the layer's order", () => {
    expect(widestChannels(layer, values, 1)).toEqual([2]);
    expect(widestChannels(layer, values, 2)).toEqual([0, 2]);
    expect(widestChannels(layer, values, 0)).toEqual([0, 1, 2]);
    expect(widestChannels(layer, values, 9)).toEqual([0, 1, 2]);
  });

  it("of equal ones the first", () => {
    expect(widestChannels(layer, Float32Array.from([0, 1, 4, 5, 2, 3]), 2)).toEqual([0, 1]);
  });
});

describe("minMax", () => {
  it("scales to [0, 1], and what is constant to 0", () => {
    expect([...minMax(Float32Array.from([-1, 3, 1]))]).toEqual([0, 1, 0.5]);
    expect([...minMax(Float32Array.from([2, 2]))]).toEqual([0, 0]);
  });
});

describe("layerSize", () => {
  it("is the layer's, or a usual one before there is any", () => {
    expect(layerSize({ cam: layer })).toBe(layer);
    expect(layerSize({})).toEqual({ channels: 256, rows: 7, columns: 7 });
  });
});
