import { describe, expect, it } from "vitest";
import { picture } from "../../test/small-models.ts";
import { float32 } from "../onnx/tensor.ts";
import { bilinear, blurred, constantImage, keep } from "./image.ts";

const near = (ours: ArrayLike<number>, theirs: ArrayLike<number>, digits = 6) => {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < theirs.length; i++) expect(ours[i]).toBeCloseTo(theirs[i], digits);
};

describe("blurred", () => {
  /** …2 1 0 | 0 1 2 … n−1 | n−1 n−2…, walked step by step. */
  function mirrored(i: number, n: number): number {
    let at = i;
    while (at < 0 || at >= n) at = at < 0 ? -1 - at : 2 * n - 1 - at;
    return at;
  }

  for (const [height, width, sigma] of [
    [5, 8, 0.9],
    [4, 3, 2.5], // wider than the image: reflected more than once
    [1, 6, 0.1],
  ]) {
    it(`is a two-dimensional convolution: ${height}×${width}, sigma ${sigma}`, () => {
      const image = picture("blur", 2, height, width);
      const radius = Math.max(1, Math.ceil(4 * sigma));
      const expected: number[] = [];
      for (let c = 0; c < 2; c++) {
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            let [sum, total] = [0, 0];
            for (let di = -radius; di <= radius; di++) {
              for (let dj = -radius; dj <= radius; dj++) {
                const weight = Math.exp(-(di * di + dj * dj) / (2 * sigma * sigma));
                const [y, x] = [mirrored(i + di, height), mirrored(j + dj, width)];
                sum += weight * image.data[(c * height + y) * width + x];
                total += weight;
              }
            }
            expected.push(sum / total);
          }
        }
      }
      near(blurred(image, sigma).data, expected);
    });
  }

  it("leaves a constant image as it is", () => {
    near(blurred(constantImage({ channels: 3, height: 7, width: 5 }, [0.1, 0.5, 0.9]), 1.3).data, [
      ...Array(35).fill(0.1),
      ...Array(35).fill(0.5),
      ...Array(35).fill(0.9),
    ]);
  });
});

describe("bilinear", () => {
  it("weighs the four nearest pixel centres", () => {
    const [height, width] = [3, 4];
    const plane = picture("plane", 1, height, width).data;
    for (const [h, w] of [
      [7, 9],
      [2, 3],
      [3, 4],
      [1, 1],
      [6, 2],
    ]) {
      const expected: number[] = [];
      for (let i = 0; i < h; i++) {
        for (let j = 0; j < w; j++) {
          const y = Math.min(Math.max(((i + 0.5) * height) / h - 0.5, 0), height - 1);
          const x = Math.min(Math.max(((j + 0.5) * width) / w - 0.5, 0), width - 1);
          let sum = 0;
          for (let a = 0; a < height; a++) {
            for (let b = 0; b < width; b++) {
              const weight = Math.max(0, 1 - Math.abs(y - a)) * Math.max(0, 1 - Math.abs(x - b));
              sum += weight * plane[a * width + b];
            }
          }
          expected.push(sum);
        }
      }
      near(bilinear(plane, height, width, h, w), expected);
    }
  });

  it("or lets corners lie on corners, as torch with align_corners", () => {
    const plane = Float32Array.from([1, 2, 4, 3, 5, 9]);
    near(bilinear(plane, 2, 3, 3, 5, true), [1, 1.5, 2, 3, 4, 2, 2.75, 3.5, 5, 6.5, 3, 4, 5, 7, 9]);
    near(bilinear(plane, 2, 3, 1, 2, true), [1, 4]);
  });
});

describe("keep", () => {
  const x = float32([2, 1, 2], [1, 0.8, 0.6, 0.4]);
  const r = float32([2, 1, 2], [0.2, 0.2, 0.5, 0.5]);

  it("mixes image and reference, one weight per pixel for all channels", () => {
    near(keep(x, Float32Array.of(1, 0.25), r).data, [1, 0.35, 0.6, 0.475]);
  });

  it("is the image at 1 and the reference at 0", () => {
    near(keep(x, Float32Array.of(1, 1), r).data, x.data);
    expect(keep(x, Float32Array.of(0, 0), r).data).toEqual(r.data);
  });
});
