import { describe, expect, it } from "vitest";
import { noiseImage } from "../../../test/analytic-probe.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import { slic } from "./slic.ts";

const options = { segments: 49, compactness: 0.1, iterations: 10 };

const picture = (
  channels: number,
  height: number,
  width: number,
  at: (i: number, j: number, c: number) => number,
) =>
  float32(
    [channels, height, width],
    Float32Array.from({ length: channels * height * width }, (_, k) => {
      const p = k % (height * width);
      return at(Math.floor(p / width), p % width, Math.floor(k / (height * width)));
    }),
  );

const discs = picture(3, 48, 80, (i, j, c) => {
  const inside = (i - 20) ** 2 + (j - 25) ** 2 < 150 || (i - 30) ** 2 + (j - 60) ** 2 < 80;
  return (inside ? 0.8 - 0.2 * c : 0.3) + 0.02 * Math.sin(3 * i + 5 * j);
});

/** Pixels that are reached from the first of each label through neighbours of the same label; all, if every segment is connected. */
function reached(of: Int32Array, height: number, width: number): number {
  const seen = new Set<number>();
  for (const label of new Set(of)) {
    const stack = [of.indexOf(label)];
    while (stack.length > 0) {
      const p = stack.pop()!;
      if (seen.has(p)) continue;
      seen.add(p);
      const [i, j] = [Math.floor(p / width), p % width];
      for (const [y, x] of [
        [i - 1, j],
        [i + 1, j],
        [i, j - 1],
        [i, j + 1],
      ]) {
        if (y < 0 || x < 0 || y >= height || x >= width) continue;
        if (of[y * width + x] === label) stack.push(y * width + x);
      }
    }
  }
  return seen.size;
}

describe.each<[string, Float32Tensor]>([
  ["discs", discs],
  ["noise", noiseImage({ channels: 3, height: 37, width: 53 }, "slic")],
  ["one colour", picture(1, 28, 28, () => 0.4)],
  ["a chessboard", picture(1, 30, 20, (i, j) => (i + j) % 2)],
  ["a line", picture(1, 1, 90, (_, j) => j / 90)],
])("of %s", (_, image) => {
  const [, height, width] = image.dims;
  it.each([1, 2, 7, 49, 90])("makes %i connected segments of all pixels", (segments) => {
    const of = slic(image, { ...options, segments });
    expect(of).toHaveLength(height * width);
    // numbered in row order of their first pixels
    expect([...new Set(of)]).toEqual(Array.from({ length: segments }, (_, k) => k));
    expect(reached(of, height, width)).toBe(height * width);
  });

  it("makes the same ones again", () => {
    expect(slic(image, options)).toEqual(slic({ ...image, data: image.data.slice() }, options));
  });
});

it("can give every pixel a segment of its own", () => {
  const image = picture(1, 6, 5, (i, j) => (i * j) % 2);
  expect(Array.from(slic(image, { ...options, segments: 30 }))).toEqual(
    Array.from({ length: 30 }, (_, k) => k),
  );
});

it("cuts one colour into the cells of a grid", () => {
  const of = slic(
    picture(1, 28, 28, () => 0),
    { ...options, segments: 16 },
  );
  const cells = Int32Array.from(
    { length: 784 },
    (_, p) => 4 * Math.floor(p / 196) + Math.floor((p % 28) / 7),
  );
  expect(of).toEqual(cells);
});

it("keeps to the edges of what has colour, and less so the more compact it is", () => {
  const inside = (i: number, j: number) => (i - 20) ** 2 + (j - 25) ** 2 < 150;
  const image = picture(3, 48, 48, (i, j) => (inside(i, j) ? 0.9 : 0.2));
  /** share of pixels on the side of the edge that most of their segment is on */
  const purity = (compactness: number) => {
    const of = slic(image, { ...options, segments: 25, compactness });
    const counts = Array.from({ length: 25 }, () => [0, 0]);
    for (const [p, k] of of.entries()) counts[k][Number(inside(Math.floor(p / 48), p % 48))]++;
    return counts.reduce((sum, pair) => sum + Math.max(...pair), 0) / 2304;
  };
  expect(purity(0.1)).toBe(1);
  expect(purity(10)).toBeLessThan(0.98);
});

it("sees grey and the same grey in three channels alike", () => {
  const grey = noiseImage({ channels: 1, height: 20, width: 24 }, "grey");
  const three = float32(
    [3, 20, 24],
    Float32Array.from({ length: 1440 }, (_, k) => grey.data[k % 480]),
  );
  expect(slic(three, options)).toEqual(slic(grey, options));
});

it("is k-means: each pixel is nearest to the mean of its own cluster", () => {
  // two clusters of one row; after many rounds nothing moves
  const image = picture(1, 1, 8, (_, j) => [0, 0, 0.1, 0, 0.9, 1, 1, 0.9][j]);
  const of = slic(image, { segments: 2, compactness: 0.2, iterations: 50 });
  expect(Array.from(of)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
});
