import { describe, expect, it } from "vitest";
import { colourAt, colourise, limitOf, lutOf, robustLimit, scaleOf } from "./colour.ts";

const map = (...values: number[]) => ({ height: 1, width: values.length, data: Float32Array.from(values) });
const pixels = (raster: { data: Uint8ClampedArray }) =>
  Array.from({ length: raster.data.length / 4 }, (_, i) => [...raster.data.subarray(4 * i, 4 * i + 4)]);
/** Relative luminance, WCAG 2. */
const luminance = (rgb: readonly number[]) => {
  const [r, g, b] = rgb.map((v) =>
    v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

describe("look-up tables", () => {
  it("end in the published colours", () => {
    expect([...lutOf("sequential", "viridis").subarray(0, 3)]).toEqual([0x44, 0x01, 0x54]);
    expect([...lutOf("sequential", "viridis").subarray(-3)]).toEqual([0xfd, 0xe7, 0x25]);
    expect([...lutOf("sequential", "inferno").subarray(0, 3)]).toEqual([0, 0, 4]);
    expect([...lutOf("diverging").subarray(-3)]).toEqual([0x67, 0, 0x1f]); // dark red: evidence
    expect([...lutOf("diverging").subarray(3, 6)]).toEqual([0x05, 0x30, 0x61]); // dark blue: against
    for (const palette of ["viridis", "inferno", "magma"] as const) {
      expect(lutOf("sequential", palette)).toHaveLength(768);
    }
  });

  it("rise in luminance when sequential, and pair equal strength in luminance when diverging", () => {
    for (const palette of ["viridis", "inferno", "magma"] as const) {
      const lut = lutOf("sequential", palette);
      // steps of 8: neighbouring bytes are rounded
      const values = Array.from({ length: 32 }, (_, k) => luminance([...lut.subarray(24 * k, 24 * k + 3)]));
      expect(values).toEqual([...values].sort((a, b) => a - b));
    }
    const lut = lutOf("diverging");
    for (const p of [0.25, 0.5, 1]) {
      const difference = luminance(colourAt(lut, "diverging", p)) - luminance(colourAt(lut, "diverging", -p));
      expect(Math.abs(difference)).toBeLessThan(0.11);
    }
  });
});

describe("colourise", () => {
  it("puts 0 of a signed map on the neutral colour, whatever the other values", () => {
    for (const values of [
      [-1, 0, 1],
      [-0.001, 0, 50],
      [-3, 0, 0.1],
      [0, 0, 0],
    ]) {
      const [, zero] = pixels(colourise(map(...values), { scale: "diverging" }));
      expect(zero).toEqual([...colourAt(lutOf("diverging"), "diverging", 0), 255]);
      expect(Math.max(...zero) - Math.min(...zero.slice(0, 3))).toBeLessThan(20); // a light grey
      expect(Math.min(...zero)).toBeGreaterThan(230);
    }
  });

  it("gives the ends to ±limit and cuts beyond", () => {
    const drawn = pixels(colourise(map(-9, -2, 2, 9), { scale: "diverging", limit: 2 }));
    expect(drawn[0]).toEqual(drawn[1]);
    expect(drawn[2]).toEqual(drawn[3]);
    expect(drawn[2]).toEqual([0x67, 0, 0x1f, 255]);
    const unsigned = pixels(colourise(map(-1, 0, 1, 2), { scale: "sequential", palette: "viridis" }));
    expect(unsigned[0]).toEqual(unsigned[1]);
    expect(unsigned[3]).toEqual([0xfd, 0xe7, 0x25, 255]);
  });

  it("leaves what is not finite transparent and out of the scale", () => {
    const drawn = pixels(colourise(map(Number.NaN, 1, Number.POSITIVE_INFINITY), { scale: "sequential" }));
    expect(drawn.map((pixel) => pixel[3])).toEqual([0, 255, 0]);
    expect(drawn[1]).toEqual([...lutOf("sequential").subarray(-3), 255]);
  });

  it("draws a constant map: zero as nothing, another value as itself", () => {
    const zeros = pixels(colourise(map(0, 0), { scale: "sequential" }));
    expect(zeros).toEqual([
      [0, 0, 4, 255],
      [0, 0, 4, 255],
    ]);
    const [one] = pixels(colourise(map(0.3, 0.3), { scale: "sequential" }));
    expect(one).toEqual([...lutOf("sequential").subarray(-3), 255]);
  });
});

describe("limits", () => {
  it("are the largest size, or the one that a share of the pixels exceeds", () => {
    const data = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 ? 1 : -1) * i);
    expect(limitOf(data)).toBe(999);
    expect(robustLimit(data, 0.3)).toBe(699); // 300 of a thousand are above
    expect(robustLimit(data)).toBe(999); // 994 would change nothing to speak of
    expect(robustLimit(Float32Array.of(0, 0, 0, 0.5), 0.3)).toBe(0.5); // 0 would show nothing
    expect(robustLimit(Float32Array.of(Number.NaN))).toBe(0);
    expect(limitOf(new Float32Array(0))).toBe(0);
  });

  it("scaleOf sees the sign", () => {
    expect([scaleOf(Float32Array.of(0, 1)), scaleOf(Float32Array.of(0, -1))]).toEqual([
      "sequential",
      "diverging",
    ]);
  });
});
