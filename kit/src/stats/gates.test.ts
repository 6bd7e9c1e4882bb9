import { describe, expect, it } from "vitest";
import { rngOf } from "../rng.ts";
import { resampleGroups } from "./bootstrap.ts";
import { controlsOf, gates } from "./gates.ts";
import { mean } from "./summary.ts";

const n = 50;
const group = Int32Array.from({ length: n }, (_, i) => i);
const resamples = resampleGroups(new Uint8Array(n), 500, rngOf("gates"));
const column = (centre: number, ...key: (string | number)[]) => {
  const rng = rngOf("gates test", ...key);
  return Float64Array.from({ length: n }, () => centre + rng.normal());
};
const image = column(0, "difficulty").map((v) => 20 * v);
const on = (values: Float64Array) => values.map((v, i) => v + image[i]);
const controls = [
  { id: "random", values: on(column(0, "random")) },
  { id: "sobel", values: on(column(1, "sobel")) },
];
const gate = (values: Float64Array, against: Parameters<typeof gates>[1] = controls) =>
  gates([{ values }], against, group, resamples)[0];

describe("gates", () => {
  it("pass what beats every control image by image, though the images differ by far more", () => {
    const { passed, reason, against } = gate(on(column(3, "good")));
    expect(passed).toBe(true);
    expect(reason).toBeNull();
    expect(controlsOf({ against }, true)).toEqual(["random", "sobel"]);
    // difference of means in [mean − control]
    const found = mean(column(3, "good").map((v, i) => v - column(1, "sobel")[i]))!;
    expect(against.sobel![0]).toBeLessThan(found);
    expect(against.sobel![1]).toBeGreaterThan(found);
  });

  it("name the control that is not beaten", () => {
    expect(gate(on(column(1, "like sobel")))).toMatchObject({ passed: false, reason: "does not beat sobel" });
    expect(gate(on(column(-3, "bad")))).toMatchObject({
      passed: false,
      reason: "does not beat random, sobel",
    });
    // a twin of a control does not beat it
    const { against } = gate(controls[1].values);
    expect(against.sobel).toEqual([0, 0]);
    expect(controlsOf({ against }, false)).toContain("sobel");
  });

  it("do not know where a control was not run or there is one group, unless another is unbeaten", () => {
    const missing = [...controls, { id: "constant", values: undefined }];
    expect(gate(on(column(3, "good")), missing)).toMatchObject({
      passed: null,
      reason: "no comparison with constant",
    });
    expect(gate(on(column(-3, "bad")), missing).passed).toBe(false);
    const [single] = gates(
      [{ values: on(column(3, "good")) }],
      controls,
      new Int32Array(n),
      resampleGroups([0], 50, rngOf("one")),
    );
    expect(single).toMatchObject({ passed: null, reason: "no comparison with random, sobel" });
  });

  it("have nothing to beat in a control without any score", () => {
    const empty = { id: "constant", values: new Float64Array(n).fill(Number.NaN) };
    expect(gate(on(column(3, "good")), [...controls, empty]).passed).toBe(true);
    expect(gate(on(column(3, "good")), [empty])).toMatchObject({
      passed: null,
      reason: "no control has a score",
    });
  });

  it("compare on the images that both have", () => {
    const holed = controls[0].values.map((v, i) => (i < 25 ? Number.NaN : v));
    const late = on(column(0, "late")).map((v, i) => (i < 25 ? v - 100 : v + 5));
    expect(gate(late, [{ id: "random", values: holed }]).passed).toBe(true);
  });
});
