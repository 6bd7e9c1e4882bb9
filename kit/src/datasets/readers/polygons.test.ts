import { describe, expect, it } from "vitest";
import { fillPolygons, type Polygon, polygonsOf } from "./polygons.ts";

const drawn = (polygons: readonly Polygon[], height: number, width: number) => {
  const data = fillPolygons(polygons, height, width);
  return Array.from({ length: height }, (_, y) => data.subarray(y * width, (y + 1) * width).join(""));
};

describe("contours", () => {
  it("are filled where the centres of pixels are inside", () => {
    const square: Polygon = [
      [0.5, 0.5],
      [3.5, 0.5],
      [3.5, 2.5],
      [0.5, 2.5],
    ];
    expect(drawn([square], 4, 5)).toEqual(["00000", "01110", "01110", "00000"]);
    const triangle: Polygon = [
      [0, 0],
      [4, 0],
      [0, 4],
    ];
    expect(drawn([triangle], 5, 5)).toEqual(["11111", "11110", "11100", "11000", "00000"]);
  });

  it("leave out what a contour winds around twice, and join those of one finding", () => {
    const star: Polygon = [
      [5, 0],
      [8, 9],
      [0, 3],
      [10, 3],
      [2, 9],
    ]; // a pentagram: its middle is crossed twice
    const middle = fillPolygons([star], 11, 11)[5 * 11 + 5];
    expect(middle).toBe(0);
    const [a, b]: Polygon[] = [
      [
        [0, 0],
        [2, 0],
        [2, 1],
        [0, 1],
      ],
      [
        [1, 0],
        [3, 0],
        [3, 1],
        [1, 1],
      ],
    ];
    expect(drawn([a, b], 2, 4)[0]).toBe("1111");
  });

  it("are cut where they leave the picture", () => {
    expect(
      drawn(
        [
          [
            [-5, -5],
            [9, -5],
            [9, 9],
            [-5, 9],
          ],
        ],
        2,
        3,
      ),
    ).toEqual(["111", "111"]);
    expect(
      drawn(
        [
          [
            [7, 7],
            [9, 7],
            [9, 9],
          ],
        ],
        2,
        3,
      ),
    ).toEqual(["000", "000"]);
  });

  it.each([
    [{}, /no list of contours/],
    [
      [
        [
          [0, 0],
          [1, 1],
        ],
      ],
      /contour 0 has fewer than three points/,
    ],
    [[[[0, 0], [1, 1], [2]]], /point 2 of contour 0 is not two numbers/],
    [
      [
        [
          [0, 0],
          [1, null],
          [2, 2],
        ],
      ],
      /point 1 of contour 0 is not two numbers/,
    ],
  ])("refuse %j", (value, reason) => {
    expect(polygonsOf(value, 4, 4)).toMatch(reason);
  });

  it("refuse sizes that are none", () => {
    expect(polygonsOf([], 0, 4)).toMatch(/size 0 x 4 is none/);
  });
});
