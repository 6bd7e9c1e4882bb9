import { describe, expect, it } from "vitest";
import { curvePanel, domainOf, lengthBar, rankStrip, strip, stripAxis, ticksOf, topOf } from "./charts.ts";

/** Values of an attribute, in the order of the text. */
const all = (markup: string, attribute: string): string[] =>
  [...markup.matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))].map(([, value]) => value);
/** "37.25%" → where that is between the ends, 4 % and 96 % */
const share = (percent: string): number => (Number(percent.replace("%", "")) - 4) / 92;

describe("the domain of a strip", () => {
  it("holds every value, and 0 where that is near", () => {
    expect(domainOf([0.2, 0.9, 0.5])).toEqual([0, 0.9]);
    expect(domainOf([0.8, 0.9])).toEqual([0.8, 0.9]);
    expect(domainOf([-0.9, -0.1])).toEqual([-0.9, 0]);
    expect(domainOf([-1, 2])).toEqual([-1, 2]);
  });

  it("is never empty, whatever the values", () => {
    for (const values of [[], [0.5], [0, 0], [-3, -3], [Number.NaN], [Number.POSITIVE_INFINITY, 1]]) {
      const [low, high] = domainOf(values);
      expect(high).toBeGreaterThan(low);
      for (const v of values.filter(Number.isFinite)) expect(v >= low && v <= high).toBe(true);
    }
  });
});

describe("ticks", () => {
  it("are round, inside, and few", () => {
    expect(ticksOf([0, 1])).toEqual([0, 0.5, 1]);
    expect(ticksOf([0, 0.3], 4)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticksOf([0, 37])).toEqual([0, 20]);
    expect(ticksOf([-1.2, 1.1])).toEqual([-1, 0, 1]);
    expect(ticksOf([2, 2])).toEqual([2]);
    for (const domain of [
      [0, 1e-7],
      [0.123, 0.124],
      [-5, 1e6],
    ] as const) {
      const ticks = ticksOf(domain);
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(3);
      for (const tick of ticks) expect(tick >= domain[0] && tick <= domain[1] + 1e-12).toBe(true);
    }
  });

  it("stand in the axis with the decimals that tell them apart", () => {
    expect(stripAxis([0, 0.5]).markup).toMatch(/>0\.0<.*>0\.2<.*>0\.4</);
    expect(stripAxis([0, 1000]).markup).toMatch(/>0<.*>500<.*>1,000</);
  });
});

describe("a strip", () => {
  const drawn = strip({ value: 0.5, interval: [0.25, 0.75], control: false }, [0, 1], 0.9).markup;

  it("has its dot at the value and its line over the interval", () => {
    expect(share(/class="dot" cx="([^"]*)"/.exec(drawn)![1])).toBeCloseTo(0.5, 4);
    const [, x1, x2] = /class="interval" x1="([^"]*)" x2="([^"]*)"/.exec(drawn)!;
    expect([share(x1), share(x2)]).toEqual([0.25, 0.75]);
    expect(share(/class="bar" x1="([^"]*)"/.exec(drawn)![1])).toBeCloseTo(0.9, 4);
  });

  it("is hollow for a control, and only the line where there is no value", () => {
    expect(strip({ value: 0, interval: null, control: true }, [0, 1], null).markup).toContain(
      "strip control",
    );
    const empty = strip({ value: null, interval: null, control: false }, [0, 1], null).markup;
    expect(empty).not.toMatch(/dot|interval|bar/);
  });

  it("cuts what is outside at the ends", () => {
    const far = strip({ value: 9, interval: [-9, 9], control: false }, [0, 1], null).markup;
    expect(/class="interval" x1="4%" x2="96%"/.test(far)).toBe(true);
  });

  it("is hidden from those who listen: its numbers stand beside it", () => {
    for (const { markup } of [
      rankStrip({ rank: 1, interval: [1, 2] }, 6),
      lengthBar(1, 2),
      stripAxis([0, 1]),
    ])
      expect(markup).toContain('aria-hidden="true"');
    expect(drawn).toContain('aria-hidden="true"');
  });
});

describe("a rank", () => {
  it("stands between the first and the last, over its interval", () => {
    const drawn = rankStrip({ rank: 2, interval: [1, 5] }, 5).markup;
    expect(drawn.match(/class="grid"/g)).toHaveLength(5);
    expect(share(/class="dot" cx="([^"]*)"/.exec(drawn)![1])).toBeCloseTo(0.25, 4);
    expect(all(drawn, "x1").map(share)).toEqual([0]);
    expect(all(drawn, "x2").map(share)).toEqual([1]);
  });

  it("of one alone is drawn too", () => {
    expect(
      share(/class="dot" cx="([^"]*)"/.exec(rankStrip({ rank: 1, interval: [1, 1] }, 1).markup)![1]),
    ).toBe(0);
  });
});

describe("a length", () => {
  it("is its share of the longest; nothing where all are 0", () => {
    expect(all(lengthBar(5, 20).markup, "width")).toEqual(["100%", "25%"]);
    expect(all(lengthBar(0, 0).markup, "width")).toEqual(["100%", "0%"]);
  });
});

describe("a curve", () => {
  const base = { words: "falls", parts: [], behind: undefined, top: 1 };
  const pointsOf = (markup: string, kind: string) =>
    [...new RegExp(`class="${kind}" d="([^"]*)"`).exec(markup)![1].matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(
      ([, x, y]) => [Number(x), Number(y)],
    );

  it("goes from the left end to the right one, higher for larger values", () => {
    const points = pointsOf(curvePanel({ ...base, main: { values: [1, 0.5, 0] } }).markup, "main");
    const [[x0, y0], [x1, y1], [x2, y2]] = points;
    expect(x1 - x0).toBeCloseTo(x2 - x1, 1);
    expect(y1 - y0).toBeCloseTo(y2 - y1, 1);
    expect(y2).toBeGreaterThan(y0);
  });

  it("has a band that runs along the top and back along the bottom", () => {
    const main = { values: [0.5, 0.5], interval: { low: [0.4, 0.3], high: [0.6, 0.7] } };
    const band = pointsOf(curvePanel({ ...base, main }).markup, "band");
    expect(band).toHaveLength(4);
    expect(band.map(([x]) => x)).toEqual([band[0][0], band[1][0], band[1][0], band[0][0]]);
    expect(band[1][1]).toBeLessThan(band[0][1]); // 0.7 above 0.6
    expect(band[2][1]).toBeGreaterThan(band[3][1]); // 0.3 below 0.4
  });

  it("says in words what it shows, and shows parts only where there are several", () => {
    const one = curvePanel({ ...base, main: { values: [1, 0] }, parts: [[1, 0]] }).markup;
    expect(one).toContain('role="img" aria-label="falls"');
    expect(one).not.toContain("part");
    const two = curvePanel({
      ...base,
      main: { values: [1, 0] },
      parts: [
        [1, 0],
        [0.9, 0.1],
      ],
      behind: [0.2, 0.2],
    }).markup;
    expect(two.match(/class="part /g)).toHaveLength(2);
    expect(two).toContain('class="behind"');
  });

  it("has an axis up to 1, or to where all curves are below", () => {
    expect(topOf([[0.6, 0.1]])).toBe(1);
    expect(topOf([[0.3], [0.02]])).toBe(0.5);
    expect(topOf([[0.004]])).toBe(0.01);
    expect(topOf([])).toBe(0.01);
  });
});
