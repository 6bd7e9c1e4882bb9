import { describe, expect, it } from "vitest";
import { criticalDrawing } from "./critical-difference.ts";
import { intervalStrip } from "./interval-strip.ts";
import { leadDrawing } from "./lead-bands.ts";
import { scatterDrawing } from "./scatter.ts";
import { slopeDrawing, spread } from "./slope.ts";

describe("the scatter", () => {
  const point = (method: string, x: number, y: number) => ({ method, title: method, x, y });
  it("puts what is good at both at the top right", () => {
    const { marks, frame } = scatterDrawing([point("saliency", 0, 0), point("lime", 1, 1)]);
    const [left, top, right, bottom] = frame;
    expect(marks[0].x).toBeLessThan(marks[1].x);
    expect(marks[0].y).toBeGreaterThan(marks[1].y);
    for (const { x, y } of marks) {
      expect(x).toBeGreaterThan(left);
      expect(x).toBeLessThan(right);
      expect(y).toBeGreaterThan(top);
      expect(y).toBeLessThan(bottom);
    }
  });
  it("keeps names apart where marks crowd, with a line back to a far one", () => {
    const crowd = ["saliency", "lime", "occlusion", "grad-cam", "score-cam", "kernel-shap"].map((m, k) =>
      point(m, 0.5 + k * 0.004, 0.5),
    );
    const { marks } = scatterDrawing(crowd);
    const boxes = marks.map(({ title, label }) => {
      const wide = title.length * 5.5;
      const left = label.x - (label.anchor === "start" ? 0 : label.anchor === "end" ? wide : wide / 2);
      return { left, right: left + wide, top: label.y - 9, bottom: label.y };
    });
    for (const [i, a] of boxes.entries())
      for (const b of boxes.slice(i + 1))
        expect(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top).toBe(true);
    expect(marks.some(({ lead }) => lead !== undefined)).toBe(true);
    expect(scatterDrawing([point("lime", 0.5, 0.5)]).marks[0].lead).toBeUndefined();
  });
  it("leaves out quarters without a value where it may", () => {
    const points = [point("saliency", 0.8, 0.1), point("lime", 1, 0.4)];
    expect(
      scatterDrawing(points, true)
        .across.map(({ value }) => value)
        .at(0),
    ).toBe(0.75);
    expect(
      scatterDrawing(points, true)
        .up.map(({ value }) => value)
        .at(-1),
    ).toBe(0.5);
    expect(scatterDrawing(points).across.map(({ value }) => value)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    // a single value at the end of the scale still has an axis
    expect(scatterDrawing([point("lime", 1, 0)], true).across.map(({ value }) => value)[0]).toBe(0.75);
  });
  it("draws nothing from nothing", () => {
    expect(scatterDrawing([], true).marks).toEqual([]);
  });
});

describe("the slope chart", () => {
  const rows = [
    { method: "lime", title: "LIME", ranks: [1, 3] },
    { method: "occlusion", title: "Occlusion", ranks: [2, 1] },
    { method: "saliency", title: "Saliency", ranks: [3, 2] },
  ];
  const drawing = slopeDrawing(rows, ["Natural", "Medical"]);
  it("puts rank 1 at the top of each column and the last at the bottom", () => {
    expect(drawing.lines[0].path).toBe(
      `M${drawing.columns[0].x} ${drawing.top}L${drawing.columns[1].x} ${drawing.bottom}`,
    );
  });
  it("keeps the names of equal ranks apart", () => {
    const tied = slopeDrawing(
      rows.map((row) => ({ ...row, ranks: [2, 2] })),
      ["a", "b"],
    );
    const ys = tied.lines.map(({ ends }) => ends[0].y).sort((a, b) => a - b);
    expect(ys[1] - ys[0]).toBeGreaterThanOrEqual(14);
    expect(ys[2] - ys[1]).toBeGreaterThanOrEqual(14);
  });
  it("spreads as little as it takes, inside its bounds where there is room", () => {
    expect(spread([0, 30, 60], 10, 0, 60)).toEqual([0, 30, 60]);
    expect(spread([60, 60, 58], 10, 0, 60)).toEqual([50, 60, 40]);
  });
});

describe("the critical-difference diagram", () => {
  const drawing = criticalDrawing({
    methods: ["a", "b", "c", "d"].map((method, k) => ({ method, title: method, averageRank: 1 + k })),
    groups: [["a", "b"], ["b", "c"], ["d"]],
    difference: 1.5,
  });
  it("has a bar over each group of more than one", () => {
    expect(drawing.bars.map(({ of }) => of)).toEqual([
      ["a", "b"],
      ["b", "c"],
    ]);
    const y = Object.fromEntries(drawing.rows.map((row) => [row.method, row.y]));
    for (const { of, from, to } of drawing.bars) {
      for (const { method } of drawing.rows)
        expect(y[method] > from && y[method] < to).toBe(of.includes(method));
    }
    expect(new Set(drawing.bars.map(({ x }) => x)).size).toBe(2);
  });
  it("draws the difference at the scale of the axis", () => {
    const [first, second] = drawing.rows;
    expect(drawing.ruler.to - drawing.ruler.from).toBeCloseTo(1.5 * (second.x - first.x), 0);
    for (const { x } of [...drawing.bars, ...drawing.axis.ticks]) expect(x).toBeLessThan(drawing.width);
  });
});

describe("a strip with an interval", () => {
  it("lays the bar over the interval and the dot at the value", () => {
    const strip = intervalStrip(0.5, [0, 1]);
    expect(strip.bar!.x).toBe(strip.zero);
    expect(strip.bar!.x + strip.bar!.width).toBeCloseTo(strip.ends[1], 0);
    expect(strip.dot).toBeCloseTo((strip.zero + strip.ends[1]) / 2, 0);
  });
  it("has no bar without an interval, and one that can be seen where it is a point", () => {
    expect(intervalStrip(0.5, null).bar).toBeNull();
    expect(intervalStrip(1, [1, 1]).bar!.width).toBe(2);
  });
});

describe("bands of leaders", () => {
  const { rows, plot } = leadDrawing(
    [
      {
        title: "Saliency",
        bands: [
          { from: 0, to: 0.02, leaders: [0] },
          { from: 0.02, to: 1, leaders: [1, 2] },
        ],
      },
    ],
    ["resnet", "vit", "clip"],
  );
  it("fill the whole range, each in its place", () => {
    const [first, second] = rows[0].bands;
    expect(first.x).toBe(plot.left);
    expect(first.x + first.width).toBeCloseTo(second.x, 1);
    expect(second.x + second.width).toBeCloseTo(plot.right, 1);
  });
  it("are named where there is room, and always in words", () => {
    expect(rows[0].bands.map(({ label }) => label)).toEqual(["", "vit = clip"]);
    expect(rows[0].bands[0].name).toBe("resnet leads from α 0.00 to 0.02");
  });
});
