import { expect, it } from "vitest";
import { boxOf } from "../studies/box.ts";
import type { Block, Estimate } from "../studies/findings.ts";
import { blockMarkup } from "./figures.ts";

const drawn = (block: Block): string => blockMarkup(block).markup;
const estimate = (value: number | null, more: Partial<Estimate> = {}): Estimate => ({
  value,
  interval: null,
  n: null,
  ...more,
});
const hostile = `<img src=x onerror="1">`;

it("a table shows the value, its interval with as many digits and its n, or why there is none", () => {
  const text = drawn({
    kind: "table",
    id: "t",
    title: "T",
    of: "Model",
    columns: [{ id: "a", title: "A", better: "lower", decimals: 2 }],
    rows: [
      { label: "one", values: [estimate(0.5, { interval: [0.4, 0.61], n: 1200 })] },
      { label: "two", values: [estimate(null, { reason: "no masks" })] },
      { label: hostile, note: hostile, values: [null] },
    ],
  });
  expect(text).toContain("0.50 <small>[0.40, 0.61] n 1,200</small>");
  expect(text).toContain("no masks");
  expect(text).toContain("lower is better");
  expect(text).not.toContain("<img");
});

it("a heatmap is shaded from the worst of its domain to the best, whichever is higher", () => {
  const near = (domain: readonly [number, number]) =>
    [
      ...drawn({
        kind: "heat",
        id: "h",
        title: "H",
        of: "D",
        columns: ["a", "b", "c"],
        rows: ["r"],
        domain,
        decimals: 1,
        cells: [[estimate(1), estimate(3), estimate(null)]],
      }).matchAll(/--near: (\d+)%/g),
    ].map((m) => Number(m[1]));
  expect(near([1, 5])).toEqual([0, 50]);
  expect(near([5, 1])).toEqual([100, 50]);
  expect(near([1, 1])).toEqual([0, 100]);
});

it("a radar leaves out what is not known, where 0 would look like the worst", () => {
  const text = drawn({
    kind: "radars",
    id: "r",
    title: "R",
    of: "Method",
    axes: ["up", "right", "down", "left"],
    columns: ["model"],
    rows: ["method", "nothing"],
    values: [[[1, 0.5, null, 0]], [[null, null, null, null]]],
  });
  expect(text).toContain('class="shape" points="50,8 71,50 50,50"');
  expect(text).toContain('aria-label="method, model: up 1.00, right 0.50, down not known, left 0.00"');
  expect(text.match(/class="shape"/g)).toHaveLength(1);
});

const scatter = (ys: readonly (number | null)[]) =>
  drawn({
    kind: "scatter",
    id: "s",
    title: "S",
    x: { id: "x", title: "X" },
    y: { id: "y", title: "Y", better: "lower" },
    points: ys.map((_, k) => `p${k}`),
    panels: [{ title: "all", at: ys.map((y, k) => ({ x: estimate(k), y: estimate(y) })) }],
  });
const heights = (text: string) => [...text.matchAll(/cy="([\d.]+)"/g)].map((m) => Number(m[1]));

it("a scatter is logarithmic where values are far apart: equal ratios are equal steps", () => {
  const far = scatter([0.1, 1, 10]);
  expect(far).toContain("Y ↓, logarithmic");
  const [a, b, c] = heights(far);
  expect(a - b).toBeCloseTo(b - c, 0);
  const close = scatter([1, 2, 3]);
  expect(close).not.toContain("logarithmic");
  expect(scatter([0, 1, 100])).not.toContain("logarithmic");
});

it("a scatter draws what has both values, and says so where nothing has", () => {
  expect(heights(scatter([1, null, 3]))).toHaveLength(2);
  expect(heights(scatter([2, 2, 2]))).toHaveLength(3);
  const nothing = scatter([null]);
  expect(nothing).toContain("Nothing was measured.");
  expect(`${nothing}${scatter([2])}`).not.toMatch(/NaN|Infinity/);
});

it("a montage has words for each picture, and a gap where there is none", () => {
  const tile = {
    picture: "data:image/png;base64,AA==",
    width: 2,
    height: 3,
    words: "most evidence left",
    says: hostile,
  };
  const text = drawn({
    kind: "montage",
    id: "m",
    title: "M",
    columns: ["a", "b"],
    rows: [{ label: "Image 1", input: tile, tiles: [tile, null] }],
  });
  expect(text.match(/<img class="tile"/g)).toHaveLength(2);
  expect(text).toContain('alt="Image 1, a: most evidence left"');
  expect(text).toContain("no map");
  expect(text).not.toContain("<img src=x");
});

it("a row of box plots has its box between the quartiles, all rows on one axis, and the points in a table", () => {
  const values = [0, 1, 2, 3, 4];
  const row = (label: string, own: readonly number[], note?: string) => ({
    label,
    note,
    points: own.map((value, k) => ({ label: `disease ${k}`, value })),
    box: boxOf(own),
  });
  const text = drawn({
    kind: "boxes",
    id: "b",
    title: "B",
    of: "Model",
    over: "diseases",
    x: { id: "x", title: "X", better: "higher", decimals: 1 },
    rows: [row("one", values), row("none", []), row(hostile, [2], "control")],
  });
  // 4 % are left at both ends: a value v of [0, 4] stands at 4 + 23 v
  expect(text).toContain('<rect class="box" x="27%" y="20%" width="46%" height="60%"/>');
  expect(text).toContain('<line class="middle" x1="50%" x2="50%"');
  expect(text).toContain('<rect class="box" x="50%" y="20%" width="0%"');
  expect(text.match(/class="point"/g)).toHaveLength(6);
  expect(text).toContain("2.0 <small>n 5</small>");
  expect(text).toContain("1.0 – 3.0");
  expect(text).toContain("not measured");
  expect(text).toContain("disease 4");
  expect(text).not.toMatch(/<img|NaN|undefined/);
  const nothing = drawn({
    ...{ kind: "boxes", id: "b", title: "B", of: "Model", over: "diseases" },
    x: { id: "x", title: "X" },
    rows: [row("one", [])],
  });
  expect(nothing).toContain("Nothing was measured.");
});

it("a joined scatter has a line through its points in order, past those without a value, and draws intervals", () => {
  const text = drawn({
    kind: "scatter",
    id: "s",
    title: "S",
    x: { id: "x", title: "X" },
    y: { id: "y", title: "Y" },
    points: ["a", "b", "c", "d"],
    joined: true,
    panels: [
      {
        title: "all",
        at: [1, null, 3, 2].map((value, k) => ({
          x: estimate(value, k === 3 ? { interval: [1.5, 2.5] } : {}),
          y: estimate(value === null ? null : k),
        })),
      },
    ],
  });
  const at = [...text.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => `${x} ${y}`);
  expect([...text.matchAll(/<path class="line" d="([^"]+)"/g)].map(([, d]) => d)).toEqual([
    `M${at[0]}L${at[1]}L${at[2]}`,
  ]);
  expect(text.match(/class="whisker"/g)).toHaveLength(1);
  expect(scatter([1, 2])).not.toMatch(/<path|class="whisker"/);
});
