import { describe, expect, it } from "vitest";
import { analyticModel, linear, noiseImage, streams } from "../../test/analytic-probe.ts";
import { createProbe } from "../model/probe.ts";
import { float32 } from "../onnx/tensor.ts";
import { ofShape } from "./baseline.ts";
import { attribute, relevance, toMap } from "./method.ts";
import { saliency } from "./saliency.ts";
import { smoothgrad } from "./smoothgrad.ts";

const map = (...values: number[]) => float32([1, values.length], Float32Array.from(values));

describe("toMap", () => {
  const phi = float32([2, 1, 3], Float32Array.of(1, -2, 3, -1, -2, 0.5));

  it("adds channels, by value or by size", () => {
    expect(toMap(phi, "sum")).toEqual(map(0, -4, 3.5));
    expect(toMap(phi, "abs-sum")).toEqual(map(2, 4, 3.5));
  });

  it("takes [H,W] for one channel", () => {
    const flat = float32([1, 2], Float32Array.of(1, -2));
    for (const rule of ["sum", "abs-sum"] as const) {
      expect(toMap(flat, rule)).toEqual(toMap({ ...flat, dims: [1, 1, 2] }, rule));
    }
    expect(toMap(flat, "abs-sum")).toEqual(map(1, 2));
  });

  it("keeps what is not a number, so that a metric can say so", () => {
    expect(toMap(float32([1, 1, 1], Float32Array.of(Number.NaN)), "abs-sum").data[0]).toBeNaN();
  });
});

describe("relevance", () => {
  it.each([
    ["is scaled to [0, 1] after clipping at 0", [-4, 0, 1, 2], [0, 0, 0.5, 1]],
    ["starts at the smallest value where all are positive", [2, 3, 4], [0, 0.5, 1]],
    ["is zero where all is negative", [-3, -1], [0, 0]],
    ["is zero for a constant map", [7, 7, 7], [0, 0, 0]],
    ["is zero for a map that is not a number", [1, Number.NaN], [0, 0]],
    ["is zero for an infinite map", [1, Number.POSITIVE_INFINITY], [0, 0]],
  ])("%s", (_, values, want) => {
    expect([...relevance(map(...values)).data]).toEqual(want);
  });
});

describe("ofShape", () => {
  const tensor = (...dims: number[]) => float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

  it("lets the number of entries free, and drops a leading 1", () => {
    expect(ofShape("noise", tensor(5, 3, 2, 2), [null, 3, 2, 2]).dims).toEqual([5, 3, 2, 2]);
    expect(ofShape("baseline", tensor(1, 3, 2, 2), [3, 2, 2]).dims).toEqual([3, 2, 2]);
    expect(ofShape("noise", tensor(1, 5, 3, 2, 2), [null, 3, 2, 2]).dims).toEqual([5, 3, 2, 2]);
  });

  it.each([
    [[3, 2, 2], [null, 3, 2, 2], "expected [N, 3, 2, 2]"],
    [[0, 3, 2, 2], [null, 3, 2, 2], "expected [N, 3, 2, 2]"],
    [[2, 3, 2, 2], [3, 2, 2], "expected [3, 2, 2]"],
    [[2, 2, 3], [3, 2, 2], "expected [3, 2, 2]"],
  ])("refuses %j for %j", (dims, want, next) => {
    expect(() => ofShape("noise", tensor(...dims), want)).toThrow(
      expect.objectContaining({
        code: "E_INPUT",
        message: `input "noise" has dims [${dims.join(", ")}]`,
        next,
      }),
    );
  });
});

describe("attribute", () => {
  const shape = { channels: 1, height: 2, width: 2 };
  const probe = () =>
    createProbe({
      model: analyticModel(linear(shape, [[1, 2, 3, 4]])),
      x: noiseImage(shape, "attribute"),
      target: 0,
    });
  const rng = streams("attribute");

  it("refuses an input the method does not take, and says which it takes", async () => {
    const given = { baseline: float32([1], Float32Array.of(0)) };
    await expect(attribute(saliency, probe(), { given, rng })).rejects.toMatchObject({
      code: "E_INPUT",
      message: 'saliency takes no input "baseline"',
      next: "saliency takes no inputs besides the image",
    });
    await expect(attribute(smoothgrad, probe(), { given, rng })).rejects.toMatchObject({
      next: "it takes: noise",
    });
  });

  it("checks parameters before the model runs", async () => {
    const fresh = probe();
    await expect(attribute(smoothgrad, fresh, { params: { draws: 0 }, rng })).rejects.toMatchObject({
      code: "E_PARAM",
      next: "draws is integer 1 to 10000, default 25",
    });
    expect(fresh.model.passes).toEqual({ forwards: 0, backwards: 0 });
  });
});
