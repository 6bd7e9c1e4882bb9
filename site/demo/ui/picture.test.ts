import { describe, expect, it } from "vitest";
import { outlinePath, overlayRaster, plainRaster, thumbnail } from "./picture.ts";

describe("outlinePath", () => {
  it("draws the four sides of one pixel, and no side between two", () => {
    const one = [0, 0, 0, 0, 1, 0, 0, 0, 0];
    expect(outlinePath(Uint8Array.from(one), 3)).toBe("M1 1h1M1 1v1M2 1v1M1 2h1");
    expect(outlinePath(Uint8Array.of(1, 1), 2)).toBe("M0 0h1M0 0v1M1 0h1M2 0v1M0 1h1M1 1h1");
  });

  it("is empty for an empty mask", () => {
    expect(outlinePath(new Uint8Array(4), 2)).toBe("");
  });
});

describe("overlayRaster", () => {
  const image = { channels: 1, height: 1, width: 2, data: Float32Array.of(0, 1) };
  const shown = {
    map: { height: 1, width: 2, data: Float32Array.of(0, 1) },
    scale: "sequential",
    limit: 1,
  } as const;

  it("is the picture alone at strength 0", () => {
    expect(overlayRaster(image, shown, 0)).toEqual(plainRaster(image));
  });

  it("covers the strongest pixel with the last colour at strength 1", () => {
    const { data } = overlayRaster(image, shown, 1);
    expect([...data.subarray(4, 8)]).toEqual([252, 255, 164, 255]); // the end of inferno
  });
});

describe("thumbnail", () => {
  it("leaves a small picture as it is", () => {
    const data = Uint8Array.of(10, 20, 30, 40, 50, 60);
    expect([...thumbnail({ channels: 3, height: 1, width: 2, data }).data]).toEqual([
      10, 30, 50, 255, 20, 40, 60, 255,
    ]);
  });

  it("takes every n-th pixel of a large one", () => {
    const data = Uint8Array.from({ length: 4 * 600 }, (_, i) => i % 200);
    const small = thumbnail({ channels: 1, height: 4, width: 600, data });
    expect([small.width, small.height]).toEqual([200, 1]);
    expect([...small.data.subarray(0, 8)]).toEqual([0, 0, 0, 255, 3, 3, 3, 255]);
  });
});
