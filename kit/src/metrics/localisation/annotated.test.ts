import { expect, it } from "vitest";
import { mapOf } from "../../../test/scored.ts";
import { annotated, components, places, shareInside } from "./annotated.ts";

const drawn = (...rows: string[]) => Uint8Array.from(rows.join(""), (c) => Number(c === "#"));

it("takes diagonal neighbours as one place, and does not wrap around the edge", () => {
  const mask = drawn(
    "#..#.#", //
    ".#...#",
    "#...#.",
  );
  expect(components(mask, 3, 6)).toEqual([[0, 7, 12], [3], [5, 11, 16]]);
  expect(components(drawn("..#", "#.."), 2, 3)).toEqual([[2], [3]]);
  expect(components(drawn("#.#", "..."), 2, 3)).toEqual([[0], [2]]);
  expect(components(new Uint8Array(18), 3, 6)).toEqual([]);
});

it("walks a spiral and a ring to their ends", () => {
  const spiral = drawn(
    "######", //
    ".....#",
    "####.#",
    "#....#",
    "######",
  );
  const all = Array.from(spiral.keys()).filter((i) => spiral[i]);
  const found = components(spiral, 5, 6);
  expect(found.map((pixels) => [...pixels].sort((a, b) => a - b))).toEqual([all]);
});

it("takes boxes as they are where there are boxes, even where they touch or overlap", () => {
  const map = mapOf([0, 0, 0, 0], [0, 0, 0, 0]);
  const mask = drawn("###.", "###.");
  const boxes = [
    { x0: 0, y0: 0, x1: 2, y1: 2 },
    { x0: 1, y0: 0, x1: 3, y1: 1 },
    // half-open by pixel centres; and one that was cropped away
    { x0: 2.6, y0: 1, x1: 9, y1: 2 },
    { x0: -5, y0: -5, x1: 0.4, y1: 0.4 },
  ];
  expect(places(map, mask, boxes)).toEqual([[0, 1, 4, 5], [1, 2], [7]]);
  expect(places(map, mask, undefined)).toHaveLength(1);
});

it("says why there is nothing to compare with", () => {
  const map = mapOf([1, 0]);
  expect(annotated({ map, mask: undefined })).toEqual({ skip: "no mask" });
  expect(annotated({ map, mask: drawn("..") })).toEqual({ skip: "empty mask" });
  expect(annotated({ map: mapOf([Number.NaN, 0]), mask: drawn("#.") })).toEqual({
    skip: "map is not finite",
  });
  expect(annotated({ map, mask: drawn("##") })).toEqual({ mask: drawn("##"), size: 2 });
});

it("shares out what there is", () => {
  expect(shareInside([1, 2, 5], drawn("#.#"))).toBe(0.75);
  expect(shareInside([1, -1, 0], drawn("#.#"))).toBeUndefined();
});
