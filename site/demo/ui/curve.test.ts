import { expect, it } from "vitest";
import { curveBox, curveLabel, curvePath } from "./curve.ts";

it("draws probability 1 at the top and 0 at the bottom, over the whole width", () => {
  const { width, height } = curveBox;
  expect(curvePath([1, 0.5, 0])).toBe(`M0 0L${width / 2} ${height / 2}L${width} ${height}`);
});

it("cuts off what is no probability", () => {
  expect(curvePath([1.5, -1])).toBe(`M0 0L${curveBox.width} ${curveBox.height}`);
});

it("says in words where the curves begin and end", () => {
  expect(curveLabel("Saliency", [0.95, 0.5, 0.21], [0.95, 0.4], 0.43)).toMatch(
    /Saliency.*0\.95 to 0\.21 with the mean.*0\.95 to 0\.40 with the blurred.*area 0\.430/,
  );
});
