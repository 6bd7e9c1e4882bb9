import { expect, it } from "vitest";
import { histogram, rangeOf } from "./histogram.ts";

const small = { bins: 4, width: 46, height: 25 }; // 10 a bin between 3 and 43, bars from 2 to the baseline at 20

it("draws a bar a bin, the highest over all the room, and a line at the median", () => {
  const drawn = histogram([0, 0.1, 0.3, 0.9], [0, 1], small)!;
  expect(drawn.baseline).toBe(20);
  expect(drawn.path).toBe("M3 20V2H13V11H23V20H33V11H43V20Z");
  expect(drawn.median).toBe(3 + 0.2 * 40);
  // quartiles 0.075 and 0.45
  expect(drawn.bar).toEqual({ x: 6, width: 15 });
});

it("counts at the ends what lies beyond them", () => {
  const drawn = histogram([-5, 7, 7], [0, 1], small)!;
  expect(drawn.path).toBe("M3 20V11H13V20H23V20H33V2H43V20Z");
  expect(drawn.median).toBe(43);
});

it("stands in the middle where all scores are one, and draws nothing of nothing", () => {
  expect(histogram([2, 2], [2, 2], small)).toMatchObject({ median: 23, bar: { x: 23, width: 1 } });
  expect(histogram([], [0, 1])).toBeUndefined();
});

it("takes one range for all methods, all but the outermost twentieth of the values", () => {
  const values = Array.from({ length: 1001 }, (_, k) => k / 1000);
  const [low, high] = rangeOf([values, [], values])!;
  expect(low).toBeCloseTo(0.025, 3);
  expect(high).toBeCloseTo(0.975, 3);
  expect(rangeOf([[], []])).toBeUndefined();
});
