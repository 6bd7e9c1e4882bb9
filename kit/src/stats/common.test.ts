import { expect, it } from "vitest";
import { commonSet, type Role } from "./common.ts";
import type { Scores } from "./table.ts";

const _ = Number.NaN;

function scoresOf(values: number[][], defective: number[][] = [], asked: number[][] = []): Scores {
  const units = values[0].length;
  return {
    values: values.map((v) => Float64Array.from(v)),
    defective: values.map((v, m) => Uint8Array.from(v, (__, u) => defective[m]?.[u] ?? 0)),
    asked: values.map((v, m) => Uint8Array.from(v, (__, u) => asked[m]?.[u] ?? 1)),
    group: Int32Array.from({ length: units }, (__, u) => 10 + u),
    correct: new Uint8Array(units),
    skips: values.map(() => ({})),
  };
}
const roles: Role[] = ["standard", "standard", "further", "control"];

it("gives a defective map the worst value of methods and controls on that image, in either direction", () => {
  const values = [
    [0.9, 0.8, 0.7],
    [0.5, 0.6, 0.4],
    [0.3, 0.1, 0.2],
    [0.6, 0.2, 0.5],
  ];
  const scores = scoresOf(values, [[], [0, 1, 0], [0, 0, 1]]);
  const higher = commonSet(scores, roles, "higher");
  expect(higher.oriented.map((c) => [...c])).toEqual([
    [0.9, 0.8, 0.7],
    [0.5, 0.2, 0.4], // the control's
    [0.3, 0.1, 0.4], // a standard method's
    [0.6, 0.2, 0.5],
  ]);
  expect([...higher.share]).toEqual([0, 1 / 3, 1 / 3, 0]);
  const lower = commonSet(scores, roles, "lower");
  expect(lower.oriented.map((c) => [...c])).toEqual([
    [-0.9, -0.8, -0.7],
    [-0.5, -0.8, -0.4],
    [-0.3, -0.1, -0.7],
    [-0.6, -0.2, -0.5],
  ]);
});

it("is the same when all values change sign and direction", () => {
  const values = [
    [0.9, _, 0.7],
    [0.5, 0.6, _],
    [_, 0.1, 0.2],
    [0.6, 0.2, 0.5],
  ];
  const flipped = values.map((v) => v.map((x) => -x));
  expect(commonSet(scoresOf(flipped), roles, "lower")).toEqual(commonSet(scoresOf(values), roles, "higher"));
});

it("drops an image on which no standard method has a value, whatever further methods and controls have", () => {
  const { oriented, group, dropped } = commonSet(
    scoresOf([
      [1, _, 3],
      [1, _, _],
      [7, 7, _],
      [0, 0, 0],
    ]),
    roles,
    "higher",
  );
  expect(dropped).toBe(1);
  expect([...group]).toEqual([10, 12]);
  expect(oriented.map((c) => [...c])).toEqual([
    [1, 3],
    [1, 0],
    [7, 0],
    [0, 0],
  ]);
});

it("leaves a method without any value out of the comparison", () => {
  const { oriented, share } = commonSet(
    scoresOf([
      [1, 2],
      [_, _],
      [_, _],
      [3, 4],
    ]),
    roles,
    "higher",
  );
  expect([...oriented[1]]).toEqual([_, _]);
  expect([...share]).toEqual([0, 0, 0, 0]);
});

it("compares further methods with controls where a run has no standard method", () => {
  const { oriented, dropped } = commonSet(
    scoresOf([
      [1, _, _],
      [0, 1, 2],
    ]),
    ["further", "control"],
    "higher",
  );
  expect(dropped).toBe(2);
  expect(oriented.map((c) => [...c])).toEqual([[1], [0]]);
  expect(commonSet(scoresOf([[0, 1]]), ["control"], "higher").group.length).toBe(0);
});

it("compares a further method that was asked about some images on those, failures among them", () => {
  const values = [
    [0.9, 0.8, 0.7, 0.6],
    [0.5, 0.6, 0.4, 0.5],
    [0.95, _, _, _],
    [0.1, 0.2, 0.3, 0.4],
  ];
  const { oriented, share } = commonSet(scoresOf(values, [], [[], [], [1, 1, 0, 0]]), roles, "higher");
  expect([...oriented[2]]).toEqual([0.95, 0.2, _, _]);
  expect([...share]).toEqual([0, 0, 0.5, 0]);
  // a standard method has no such excuse
  const strict = commonSet(
    scoresOf([[0.9, _], ...values.slice(1).map((v) => v.slice(0, 2))], [], [[1, 0]]),
    roles,
    "higher",
  );
  expect([...strict.oriented[0]]).toEqual([0.9, 0.2]);
  expect(strict.share[0]).toBe(0.5);
});
