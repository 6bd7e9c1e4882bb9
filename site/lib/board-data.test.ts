import { describe, expect, it } from "vitest";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import {
  cellAt,
  leadersOf,
  orderedRows,
  orderValues,
  overallWeights,
  pack,
  pagesOf,
  weightedColumn,
} from "./board-data.ts";
import { partsOf } from "./board-parts.ts";
import { firstNumber } from "./board-state.ts";
import { type BoardCell, boardOf } from "./leaderboard.ts";
import type { SiteRun } from "./run.ts";

const runs = domains.slice(0, 2).flatMap((domain) =>
  architectures.slice(0, 2).map(
    (architecture): SiteRun => ({
      ...makeRun({ domain, architecture, date: "2026-11-20T12:00:00Z" }),
      id: `phantom-${domain.id}/${domain.id}-${architecture.style}/2026-11-20-00000000`,
      pictures: [],
      tier: "recomputed",
    }),
  ),
);
const board = boardOf(runs);
const parts = partsOf(board);
const packed = { ...parts.rows.columns, ...parts.more };
const none = { filters: {}, sort: null };
const indexOf = (id: string) => board.columns.findIndex((column) => column.id === id);

it("holds every cell of the board", () => {
  for (const [c, { id }] of board.columns.entries()) {
    for (const [row, { cells }] of board.rows.entries()) expect(cellAt(packed[id], row)).toEqual(cells[c]);
  }
});

it("filters as the keys of the rows say", () => {
  const filters = { data: "phantom-cxr", method: "occlusion" };
  const rows = orderedRows(parts.rows, { ...none, filters }, undefined);
  expect(rows).toHaveLength(2);
  for (const row of rows) {
    expect(board.rows[row].method).toBe("occlusion");
    expect(board.rows[row].run.result.data.id).toBe("phantom-cxr");
  }
  expect(orderedRows(parts.rows, { ...none, filters: { data: "gone" } }, undefined)).toEqual([]);
  expect(orderedRows(parts.rows, none, undefined)).toEqual(board.rows.map((_, row) => row));
});

describe("order", () => {
  const cells = (...list: [text: string, place?: number][]) =>
    pack(list.map(([text, place]): BoardCell => ({ text, place })));
  const sorted = (column: ReturnType<typeof cells>, run: readonly number[], descending = false) =>
    orderedRows(
      { keys: {}, run },
      { filters: {}, sort: { column: "x", descending } },
      { kind: "value", packed: column },
    );

  it("takes no tie group apart: its methods stay as they stand in the page, whichever way it goes", () => {
    // b, c, d are tied though c is the least of all
    const column = cells(["0.1", 1], ["0.3", 2], ["0.05", 2], ["0.25", 2], ["0.9", 3]);
    expect(sorted(column, [0, 0, 0, 0, 0])).toEqual([0, 1, 2, 3, 4]);
    expect(sorted(column, [0, 0, 0, 0, 0], true)).toEqual([4, 1, 2, 3, 0]);
  });
  it("ties only within a run", () => {
    const column = cells(["0.3", 1], ["0.1", 1]);
    expect(sorted(column, [0, 1])).toEqual([1, 0]);
    expect(sorted(column, [0, 0])).toEqual([0, 1]);
  });
  it("puts what has no value last in both directions", () => {
    const column = cells(["–"], ["2", 1], ["−1", 2]);
    expect(sorted(column, [0, 0, 0])).toEqual([2, 1, 0]);
    expect(sorted(column, [0, 0, 0], true)).toEqual([1, 2, 0]);
  });
  it("never claims more in a real board: within a run a tie group keeps the board's own order", () => {
    const column = packed.infidelity;
    const order = sorted(column, parts.rows.run);
    const at = indexOf("infidelity");
    for (const run of runs) {
      const own = order.filter((row) => board.rows[row].run === run && board.rows[row].cells[at].place);
      for (const place of new Set(own.map((row) => board.rows[row].cells[at].place))) {
        const group = own.filter((row) => board.rows[row].cells[at].place === place);
        expect(group).toEqual(group.toSorted((a, b) => a - b));
      }
    }
    expect(new Set(orderValues(column, parts.rows.run)).size).toBeLessThan(board.rows.length);
  });
});

describe("a reader's weights", () => {
  it("as the overall has them give the order of the overall scores", () => {
    const column = weightedColumn(parts.standings, parts.rows.run, overallWeights);
    for (const run of runs) {
      const { places } = run.result.statistics.overall;
      const standard = places.filter((place) => place.standard);
      expect(standard.length).toBeGreaterThan(7);
      for (const { method, score } of standard) {
        const row = board.rows.findIndex((r) => r.run === run && r.method === method);
        const better = standard.filter((other) => other.score - score > 1e-9).length;
        expect(firstNumber(cellAt(column, row).text)).toBe(1 + better);
      }
    }
  });
  it("of 0 ask for nothing; what they rank is said to have no interval", () => {
    const some = weightedColumn(parts.standings, parts.rows.run, { infidelity: 2 });
    const failed = board.rows.findIndex(
      ({ method, cells }) => method === "grad-cam" && cells[indexOf("infidelity")].text === "–",
    );
    const row = board.rows.findIndex(({ method }) => method === "occlusion");
    expect(cellAt(some, row).note).toMatch(/no interval/);
    if (failed >= 0)
      expect(cellAt(some, failed)).toMatchObject({ text: "–", note: expect.stringMatching(/not ranked/) });
    const nothing = weightedColumn(parts.standings, parts.rows.run, {});
    expect(cellAt(nothing, row)).toMatchObject({ text: "–", note: "no weight above 0" });
  });
  it("tell who is first, most often first", () => {
    const column = pack([{ text: "1" }, { text: "2" }, { text: "1=" }, { text: "1=" }, { text: "–" }]);
    const names = ["b", "a", "a", "b", "c"];
    expect(leadersOf(column, [0, 1, 2, 3, 4], (row) => names[row])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
  });
  it("have shares that add up in each run", () => {
    const at = indexOf("leads");
    for (const run of runs) {
      const texts = board.rows.filter((row) => row.run === run).map(({ cells }) => cells[at].text);
      const sum = texts.map(firstNumber).reduce<number>((a, b) => a + (b ?? 0), 0);
      expect(Math.abs(sum - 100)).toBeLessThan(0.6); // each is rounded to a tenth
    }
  });
});

it("pages hold whole runs", () => {
  const rows = Array.from({ length: 50 }, (_, run) => Array.from({ length: 11 }, () => ({ run }))).flat();
  const pages = pagesOf(rows, ({ run }) => run);
  expect(pages.flat()).toEqual(rows);
  expect(pages.map((page) => page.length)).toEqual([...Array(16).fill(33), 22]);
  expect(pagesOf([], () => 0)).toEqual([[]]);
});
