import { describe, expect, it } from "vitest";
import type { Receipt } from "./board-data.ts";
import { type Compared, compare } from "./compare.ts";
import type { Column } from "./leaderboard.ts";

const columns: Column[] = [
  { id: "overall", title: "Overall rank", kind: "rank", standard: true },
  { id: "infidelity", title: "Infidelity", kind: "value", better: "lower", standard: true },
  { id: "insertion-auc", title: "Insertion AUC", kind: "value", better: "higher", standard: true },
];
const receipt: Receipt = {
  protocol: "1 (aaaaaaaa)",
  fingerprint: "images 0123",
  resolution: "3 × 64 × 64",
  preprocessing: "{}",
  images: "256",
  kit: "0.1.0",
  engine: "onnxruntime-node 1.30.0, cpu",
  tier: "recomputed",
};
const row = (
  title: string,
  run: string,
  [rank, infidelity, insertion]: readonly [
    string,
    readonly [string, string, number?],
    readonly [string, string, number?],
  ],
  change: Partial<Receipt> = {},
): Compared => ({
  title,
  run,
  receipt: { ...receipt, ...change },
  cells: [
    { text: rank },
    { text: infidelity[0], detail: infidelity[1], place: infidelity[2] },
    { text: insertion[0], detail: insertion[1], place: insertion[2] },
  ],
});
const a = row("A", "x", ["1=", ["0.30", "[0.20, 0.40]", 1], ["0.70", "[0.60, 0.80]", 1]]);
const b = row("B", "x", ["1=", ["0.35", "[0.25, 0.45]", 2], ["0.50", "[0.40, 0.55]", 1]]);
const other = row("C", "y", ["1", ["0.05", "[−0.01, 0.10]", 1], ["0.72", "[0.62, 0.82]", 1]]);

describe("of one run", () => {
  it("ranks decide, not intervals", () => {
    const { best, apart, sentence } = compare([a, b], columns);
    expect(apart).toEqual([]);
    // tied overall; infidelity's ranks differ though the intervals meet; insertion's ranks are equal though they do not
    expect(best).toEqual([null, 0, null]);
    expect(sentence).toBe("Better than the others by what the images separate: A: Infidelity.");
  });
});

describe("of two runs", () => {
  it("intervals apart decide, and ranks never", () => {
    expect(compare([a, other], columns).best).toEqual([null, 1, null]);
  });
  it.each([
    ["protocol", "2", "protocol differs"],
    ["fingerprint", "images 4567", "data, fingerprint differs"],
    ["resolution", "3 × 224 × 224", "resolution differs"],
    ["preprocessing", '{"mean":[0.5]}', "preprocessing differs"],
  ] as const)("of another %s nobody wins", (fact, value, says) => {
    const found = compare([a, { ...other, receipt: { ...receipt, [fact]: value } }], columns);
    expect(found.best).toEqual([null, null, null]);
    expect(found.sentence).toBe(`None is called better: ${says}.`);
    expect(found.facts.filter(({ same }) => !same).map(({ must }) => must)).toEqual([true]);
  });
  it("another engine is shown and decides nothing", () => {
    const found = compare([a, { ...other, receipt: { ...receipt, engine: "wasm" } }], columns);
    expect(found.apart).toEqual([]);
    expect(found.facts.find(({ title }) => title === "Engine")).toMatchObject({ same: false, must: false });
    expect(found.best[1]).toBe(1);
  });
  it("a value without an interval is never better", () => {
    const bare = { ...other, cells: other.cells.map((cell) => ({ ...cell, detail: undefined })) };
    expect(compare([a, bare], columns).best).toEqual([null, null, null]);
  });
});

it("reads intervals of thousands", () => {
  const big = row("B", "y", ["1", ["1,400", "[1,300, 1,500]"], ["–", ""]]);
  const bigger = row("A", "x", ["1", ["2,400", "[2,300, 2,500]"], ["–", ""]]);
  expect(compare([bigger, big], columns).best).toEqual([null, 1, null]);
});

it("one row waits for another", () => {
  expect(compare([a], columns).sentence).toMatch(/another row/);
});
