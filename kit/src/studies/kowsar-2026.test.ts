import { beforeAll, describe, expect, it } from "vitest";
import { madeMethods, madeStudyRun } from "../../test/made-study.ts";
import { methodOf } from "../protocol/protocol.ts";
import type { Block, Estimate, Heat, Radars, Scatter, Section, Table } from "./findings.ts";
import { kowsar2026 } from "./kowsar-2026.ts";
import { grid } from "./study.ts";

const none = { comparisons: [], notCompared: [] };
const place = (method: string) => (madeMethods.includes(method) ? madeMethods.indexOf(method) : undefined);

/** ResNet and CLIP order methods alike by infidelity, the ViT the other way round; sensitivity is everywhere the other way round. */
const runs = grid({ architecture: ["resnet-50", "vit-b-16", "clip-vit-b-16"], domain: ["a", "b", "c"] }).map(
  (labels) =>
    madeStudyRun({
      labels,
      data: `set-${labels.domain}`,
      placeOf(metric, method) {
        const at = place(method);
        if (at === undefined || !["infidelity", "max-sensitivity"].includes(metric)) return undefined;
        const turned = (metric === "max-sensitivity") !== (labels.architecture === "vit-b-16");
        return turned ? madeMethods.length - 1 - at : at;
      },
    }),
);

let sections: readonly Section[];
beforeAll(async () => {
  sections = await kowsar2026.analyse({ runs, ...none });
});
const block = <B extends Block>(id: string): B =>
  sections.flatMap(({ blocks }) => blocks).find((own) => own.id === id) as B;
const row = ({ rows }: Table, label: string) => rows.find((own) => own.label === label)!.values as Estimate[];
const title = (method: string) => methodOf(method).title;

describe("mean ranks", () => {
  it("are the order that was made, with n and interval over data sets", () => {
    const table = block<Table>("rank-infidelity");
    expect(table.columns.map(({ id }) => id)).toEqual(["resnet-50", "vit-b-16", "clip-vit-b-16"]);
    expect(table.columns[0].title).toContain("3 data sets, of 10");
    for (const [k, method] of madeMethods.entries()) {
      const [resnet, vit, clip] = row(table, title(method));
      expect([resnet, clip]).toEqual([1, 2].map(() => ({ value: k + 1, interval: [k + 1, k + 1], n: 3 })));
      expect(vit.value).toBe(10 - k);
    }
  });

  it("leave out a method that no run could explain with, and say why", () => {
    expect(block<Table>("rank-infidelity").rows.map(({ label }) => label)).not.toContain(title("grad-cam"));
  });
});

it("draws radars of r̃: 1 for the first by infidelity, 0 for the last", () => {
  const { rows, axes, values } = block<Radars>("radars");
  expect(axes).toHaveLength(6);
  const [first, last] = [madeMethods[0], madeMethods[9]].map((method) => values[rows.indexOf(title(method))]);
  expect([first[0][0], first[1][0], last[0][0]]).toEqual([1, 0, 0]);
});

it("has a heatmap with a row for each domain and a number for each method", () => {
  const heat = block<Heat>("domains");
  expect(heat.rows).toEqual(["a", "b", "c"]);
  expect(
    heat.cells.flat().every(({ value, n }) => value !== null && value >= 0 && value <= 1 && n === 3),
  ).toBe(true);
});

it("has no number of a method that a metric does not rank", async () => {
  const [first, ...rest] = runs;
  const { statistics } = first.result;
  const metrics = statistics.metrics.filter(({ of }) => of !== "sparseness");
  const less = { ...first, result: { ...first.result, statistics: { ...statistics, metrics } } };
  const cells = async (own: typeof runs) => {
    const found = await kowsar2026.analyse({ runs: own, ...none });
    return (found.flatMap(({ blocks }) => blocks).find(({ id }) => id === "domains") as Heat).cells;
  };
  expect((await cells([less]))[0][0]).toMatchObject({
    value: null,
    reason: "no run ranks it by all six metrics",
  });
  expect((await cells([less, ...rest]))[0][0].n).toBe(2);
});

it("sets infidelity against sensitivity, and says how far each spreads", () => {
  const { points, panels } = block<Scatter>("scatter");
  expect(points).toHaveLength(10);
  const [first] = panels[0].at;
  expect([first.x.value, first.y.value]).toEqual([expect.closeTo(0.2, 6), expect.closeTo(0.65, 6)]);
  expect(row(block<Table>("spread"), "resnet-50")[0]).toMatchObject({
    value: expect.closeTo(0.65 / 0.2, 4),
    n: 10,
  });
});

it("finds τ = 1 between architectures that agree, −1 where one turns the order round", () => {
  const table = block<Table>("tau-infidelity");
  expect(row(table, "clip-vit-b-16 – resnet-50")[0]).toEqual({ value: 1, interval: [1, 1], n: 3 });
  expect(row(table, "resnet-50 – vit-b-16")[0].value).toBe(-1);
  for (const label of ["all", "resnet-50", "vit-b-16"])
    expect(row(block<Table>("tau-metrics"), label)[0].value).toBe(-1);
});

it("says what it cannot say of one data set", async () => {
  const [one] = await kowsar2026.analyse({ runs: runs.slice(0, 1), ...none });
  const [table] = one.blocks as Table[];
  const [estimate] = row(table, title(madeMethods[0]));
  expect(estimate).toEqual({
    value: 1,
    interval: null,
    n: 1,
    reason: "no interval: 1 of data sets, 3 are needed",
  });
});
