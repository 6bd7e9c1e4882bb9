import { describe, expect, it } from "vitest";
import { colourAt, lutOf } from "./colour.ts";
import { displayFactor, layer, overlay, renderImage, resizePlane } from "./overlay.ts";
import { blendPixel } from "./raster.ts";

const image = (channels: number, height: number, width: number, value: (i: number) => number) => ({
  channels,
  height,
  width,
  data: Float32Array.from({ length: channels * height * width }, (_, i) => value(i)),
});
const plane = (height: number, width: number, ...values: number[]) => ({
  height,
  width,
  data: Float32Array.from(values),
});
const at = (raster: { width: number; data: Uint8ClampedArray }, y: number, x: number) => [
  ...raster.data.subarray(4 * (y * raster.width + x), 4 * (y * raster.width + x) + 4),
];

describe("displayFactor", () => {
  it.each([
    [28, 28, 8],
    [64, 64, 4],
    [48, 80, 5],
    [224, 224, 1],
    [384, 384, 1],
    [1024, 1024, 1 / 2],
    [2000, 900, 1 / 4],
    [1, 1, 224],
  ])("of %d×%d is %d", (height, width, factor) => expect(displayFactor(height, width)).toBe(factor));
});

describe("resizePlane", () => {
  it("repeats pixels", () => {
    expect([...resizePlane(plane(1, 2, 3, 7), 2, "nearest").data]).toEqual([3, 3, 7, 7, 3, 3, 7, 7]);
  });

  it("interpolates at half-pixel centres and repeats edges", () => {
    const { data } = resizePlane(plane(1, 2, 0, 4), 2, "bilinear");
    expect([...data.subarray(0, 4)]).toEqual([0, 1, 3, 4]);
    const linear = resizePlane(plane(2, 2, 0, 1, 2, 3), 4, "bilinear");
    // a plane f = x + 2y stays one inside: at output (3, 4), source (0.375, 0.625)
    expect(linear.data[3 * 8 + 4]).toBeCloseTo(0.625 + 2 * 0.375, 6);
  });

  it("averages blocks, cut at the edge, when shrinking", () => {
    const shrunk = resizePlane(plane(2, 3, 1, 3, 10, 5, 7, 20), 1 / 2, "nearest");
    expect(shrunk).toEqual({ height: 1, width: 2, data: Float32Array.of(4, 15) });
  });
});

describe("renderImage", () => {
  it("shows grey and RGB, clipped", () => {
    expect(
      at(
        renderImage(
          image(1, 1, 1, () => 0.5),
          { factor: 1 },
        ),
        0,
        0,
      ),
    ).toEqual([128, 128, 128, 255]);
    const rgb = renderImage(
      image(3, 1, 1, (i) => [-1, 0.2, 7][i]),
      { factor: 1 },
    );
    expect(at(rgb, 0, 0)).toEqual([0, 51, 255, 255]);
  });

  it("fades to a light grey", () => {
    const [r, g, b] = at(
      renderImage(
        image(3, 1, 1, (i) => [1, 0, 0][i]),
        { factor: 1, fade: 1 },
      ),
      0,
      0,
    );
    expect([r, g, b]).toEqual([r, r, r]);
    expect(r).toBe(Math.round(0.299 * 255 + 0.701 * 255 * 0.35));
  });

  it("refuses what is no image", () => {
    expect(() => renderImage(image(4, 1, 1, () => 0))).toThrow(RangeError);
    expect(() => renderImage({ ...image(1, 2, 2, () => 0), width: 3 })).toThrow(RangeError);
  });
});

describe("overlay", () => {
  const grey = image(1, 2, 2, () => 0.5);

  it("shows the bare image where there is no evidence", () => {
    const bare = renderImage(grey, { factor: 1, fade: 0.8 });
    const laid = overlay(grey, plane(2, 2, 0, Number.NaN, 1, -1), { scale: "diverging", factor: 1 });
    expect(at(laid, 0, 0)).toEqual(at(bare, 0, 0));
    expect(at(laid, 0, 1)).toEqual(at(bare, 0, 1));
    const [red, , blue] = at(laid, 1, 0);
    expect(red).toBeGreaterThan(blue + 40);
    expect(at(laid, 1, 1)[2]).toBeGreaterThan(at(laid, 1, 1)[0] + 40);
  });

  it("shows the map alone at opacity 1, the image alone at 0", () => {
    const map = plane(2, 2, 0, 1, 1, 1);
    const alone = overlay(grey, map, { scale: "sequential", palette: "viridis", factor: 1, opacity: 1 });
    expect(at(alone, 0, 1)).toEqual([0xfd, 0xe7, 0x25, 255]);
    const none = overlay(grey, map, { scale: "sequential", factor: 1, opacity: 0, fade: 0 });
    expect(none).toEqual(renderImage(grey, { factor: 1 }));
  });

  it("is as large as the tile asks for", () => {
    const laid = overlay(
      image(1, 64, 64, () => 0),
      { height: 64, width: 64, data: new Float32Array(4096) },
      { scale: "sequential" },
    );
    expect([laid.width, laid.height]).toEqual([256, 256]);
  });

  it("refuses a map of another size", () => {
    expect(() => overlay(grey, plane(1, 2, 0, 0), { scale: "sequential" })).toThrow("1×2 map");
  });
});

describe("layer", () => {
  const values = [-2, -1, -0.25, 0, Number.NaN, 0.25, 1, 9];
  const map = plane(1, values.length, ...values);
  const entry = ({ pixels, colours }: ReturnType<typeof layer>, i: number) => [
    ...colours.subarray(4 * pixels[i], 4 * pixels[i] + 4),
  ];

  it("over the image is the overlay, to a step of its alpha", () => {
    const grey = image(1, 1, values.length, (i) => i / 8);
    for (const scale of ["diverging", "sequential"] as const) {
      const wanted = overlay(grey, map, { scale, limit: 1, factor: 1, fade: 0 });
      const laid = renderImage(grey, { factor: 1 });
      const top = layer(map, { scale, limit: 1 });
      for (let i = 0; i < values.length; i++) {
        const [r, g, b, alpha] = entry(top, i);
        blendPixel(laid, i, 0, [r, g, b], alpha / 255);
      }
      for (const [i, v] of wanted.data.entries()) expect(Math.abs(v - laid.data[i])).toBeLessThanOrEqual(2);
    }
  });

  it("is clear at 0, where a sequential map is negative, and where there is no number", () => {
    const signed = layer(map, { scale: "diverging", limit: 1 });
    expect([3, 4].map((i) => entry(signed, i)[3])).toEqual([0, 0]);
    expect(entry(signed, 7).slice(0, 3)).toEqual([...colourAt(lutOf("diverging"), "diverging", 1)]);
    const one = layer(map, { scale: "sequential", limit: 1 });
    expect([0, 1, 2, 3, 4].map((i) => entry(one, i)[3])).toEqual([0, 0, 0, 0, 0]);
  });
});
