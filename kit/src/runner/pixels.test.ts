import { describe, expect, it } from "vitest";
import type { Box } from "../datasets/dataset.ts";
import type { Image8 } from "../datasets/readers/image8.ts";
import { resize8 } from "../datasets/readers/resize.ts";
import { KitError } from "../errors.ts";
import { bilinear, type ImageShape } from "../model/image.ts";
import { annotationOf, boxesOf, defaultResize, pixelsOf, type Resize } from "./pixels.ts";

const shape = (channels: number, height: number, width: number): ImageShape => ({ channels, height, width });

/** Pixel values that differ everywhere. */
function image(channels: 1 | 3, height: number, width: number): Image8 {
  const data = Uint8Array.from({ length: channels * height * width }, (_, i) => (i * 37) % 251);
  return { channels, height, width, data };
}

describe("the image at the input size", () => {
  it("is the image where the size is right", () => {
    const same = image(3, 5, 7);
    for (const method of ["bilinear", "pillow-bilinear", "pillow-lanczos"] as const) {
      const { dims, data } = pixelsOf(same, shape(3, 5, 7), { method });
      expect(dims).toEqual([3, 5, 7]);
      expect(data).toEqual(Float32Array.from(same.data, (v) => v / 255));
    }
  });

  it("is stretched by the method of the card", () => {
    const wide = image(3, 9, 14);
    const pillow = resize8(wide, 6, 5, "bicubic").data;
    expect(pixelsOf(wide, shape(3, 6, 5), { method: "pillow-bicubic" }).data).toEqual(
      Float32Array.from(pillow, (v) => v / 255),
    );
    const plain = pixelsOf(wide, shape(3, 6, 5), { method: "bilinear" }).data;
    for (let c = 0; c < 3; c++) {
      const plane = Float32Array.from(wide.data.subarray(c * 126, (c + 1) * 126), (v) => v / 255);
      expect(plain.subarray(c * 30, (c + 1) * 30)).toEqual(bilinear(plane, 9, 14, 6, 5));
    }
  });

  it("repeats grey and takes luma as Pillow does", () => {
    const grey = image(1, 2, 2);
    const three = pixelsOf(grey, shape(3, 2, 2), defaultResize).data;
    for (let c = 0; c < 3; c++)
      expect(three.subarray(4 * c, 4 * c + 4)).toEqual(pixelsOf(grey, shape(1, 2, 2), defaultResize).data);
    const colours: Image8 = {
      channels: 3,
      height: 1,
      width: 5,
      data: Uint8Array.of(255, 0, 0, 255, 12, 0, 255, 0, 255, 200, 0, 0, 255, 255, 99),
    };
    // Image.new("RGB", …).convert("L")
    const luma = [76, 150, 29, 255, 132].map((v) => Math.fround(v / 255));
    expect([...pixelsOf(colours, shape(1, 1, 5), defaultResize).data]).toEqual(luma);
  });

  it("needs a model of 1 or 3 channels", () => {
    for (const channels of [2, 4]) {
      expect(() => pixelsOf(image(3, 2, 2), shape(channels, 2, 2), defaultResize)).toThrow(KitError);
    }
  });
});

/** torchvision 0.2x: Resize(short) then CenterCrop, in Python's words. */
function torchvision(height: number, width: number, resizeTo: number, h: number, w: number) {
  const [short, long] = width <= height ? [width, height] : [height, width];
  const newLong = Math.trunc((resizeTo * long) / short);
  const [newWidth, newHeight] = width <= height ? [resizeTo, newLong] : [newLong, resizeTo];
  /** Python's round: halves to even */
  const round = (v: number) => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const start = (has: number, wants: number) => {
    if (wants > has) return -Math.floor((wants - has) / 2); // padding before
    return round((has - wants) / 2);
  };
  return { newHeight, newWidth, top: start(newHeight, h), left: start(newWidth, w) };
}

describe("resizeTo and the crop", () => {
  for (const [height, width, resizeTo, h, w] of [
    [30, 45, 16, 12, 12],
    [45, 30, 16, 11, 13],
    [33, 33, 17, 12, 12], // surplus 5: 2.5 rounds to 2
    [33, 33, 19, 12, 12], // surplus 7: 3.5 rounds to 4
    [20, 31, 8, 9, 16], // higher and wider than what is left: black bands
    [64, 48, 10, 10, 10],
  ]) {
    it(`${height}×${width} → ${resizeTo} → ${h}×${w} as torchvision does`, () => {
      const source = image(1, height, width);
      const { newHeight, newWidth, top, left } = torchvision(height, width, resizeTo, h, w);
      const scaled = resize8(source, newHeight, newWidth, "bilinear");
      const expected = new Float32Array(h * w);
      for (let i = 0; i < h; i++) {
        for (let j = 0; j < w; j++) {
          const [y, x] = [i + top, j + left];
          const inside = y >= 0 && y < newHeight && x >= 0 && x < newWidth;
          expected[i * w + j] = inside ? scaled.data[y * newWidth + x] / 255 : 0;
        }
      }
      expect(pixelsOf(source, shape(1, h, w), { ...defaultResize, resizeTo }).data).toEqual(expected);
    });
  }
});

describe("annotations land where the pixels land", () => {
  const resizes: readonly Resize[] = [
    { method: "bilinear" },
    { method: "pillow-bilinear" },
    { method: "pillow-bilinear", resizeTo: 26 },
    { method: "bilinear", resizeTo: 17 },
    { method: "pillow-bicubic", resizeTo: 12 },
  ];
  const [height, width] = [60, 84];
  const box: Box = { class: 1, x0: 21, y0: 14, x1: 70, y1: 45 };
  const drawn: Image8 = { channels: 1, height, width, data: new Uint8Array(height * width) };
  for (let i = box.y0; i < box.y1; i++) drawn.data.fill(255, i * width + box.x0, i * width + box.x1);
  const mask = { height, width, data: drawn.data.map((v) => v / 255) };

  for (const resize of resizes) {
    it(JSON.stringify(resize), () => {
      const input = shape(1, 20, 24);
      const pixels = pixelsOf(drawn, input, resize).data;
      const byBox = annotationOf({ image: drawn, boxes: [box] }, 1, input, resize)!;
      const byMask = annotationOf({ image: drawn, masks: [mask] }, 1, input, resize)!;
      for (let i = 0; i < pixels.length; i++) {
        // an edge pixel is grey and may go either way
        if (pixels[i] > 0.75) expect([byBox[i], byMask[i]]).toEqual([1, 1]);
        if (pixels[i] < 0.25) expect([byBox[i], byMask[i]]).toEqual([0, 0]);
      }
      expect(byBox.reduce((a, b) => a + b, 0)).toBeGreaterThan(20);
    });
  }

  it("takes the boxes of one class, and nothing where there are none", () => {
    const sample = { image: drawn, boxes: [box, { class: 2, x0: 0, y0: 0, x1: 12, y1: 12 }] };
    const input = shape(1, 30, 42);
    expect(annotationOf(sample, 0, input, defaultResize)).toBeUndefined();
    expect(annotationOf({ image: drawn }, 1, input, defaultResize)).toBeUndefined();
    expect(annotationOf(sample, 2, input, defaultResize)?.reduce((a, b) => a + b)).toBe(36);
    expect(boxesOf(sample, 2, input, defaultResize)).toEqual([{ class: 2, x0: 0, y0: 0, x1: 6, y1: 6 }]);
  });

  it("a mask of another size than its image is scaled to it", () => {
    const small = { height: 2, width: 2, data: Uint8Array.of(1, 0, 0, 1) };
    const found = annotationOf({ image: drawn, masks: [small] }, 0, shape(1, 4, 4), defaultResize);
    expect([...found!]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1]);
  });

  it("a box outside the crop leaves an empty mask", () => {
    const corner: Box = { class: 0, x0: 0, y0: 0, x1: 3, y1: 60 };
    const found = annotationOf({ image: drawn, boxes: [corner] }, 0, shape(1, 20, 20), {
      method: "bilinear",
      resizeTo: 20,
    });
    expect(found?.every((v) => v === 0)).toBe(true);
  });
});
