import { describe, expect, it } from "vitest";
import { equalShapes, formatShape, isStatic, mergeShapes, type Shape, shapeAt } from "./shapes.ts";

const shape: Shape = [{ batch: 1 }, 3, { batch: 4 }];

describe("shapes", () => {
  it("are written and taken at a batch size", () => {
    expect(formatShape(shape)).toBe("[N, 3, 4N]");
    expect(shapeAt(shape, 5)).toEqual([5, 3, 20]);
    expect(isStatic(shape)).toBe(false);
    expect(isStatic([2, 3])).toBe(true);
  });

  it("are found from dims at batch 2 and 3", () => {
    expect(mergeShapes([2, 3, 8], [3, 3, 12])).toEqual(shape);
    expect(mergeShapes([0], [0])).toEqual([0]);
    // one more than the batch, and a whole dim less
    expect(mergeShapes([3], [4])).toBeUndefined();
    expect(mergeShapes([2, 1], [3])).toBeUndefined();
  });

  it("are equal when they are for every batch size", () => {
    expect(equalShapes(shape, [{ batch: 1 }, 3, { batch: 4 }])).toBe(true);
    expect(equalShapes([2], [{ batch: 1 }])).toBe(false);
    expect(equalShapes([{ batch: 1 }], [{ batch: 2 }])).toBe(false);
    expect(equalShapes([2], [2, 2])).toBe(false);
    expect(equalShapes([0], [{ batch: 0 }])).toBe(true);
  });
});
