import { expect, it } from "vitest";
import type { Shown } from "../../../kit/src/render/shown.ts";
import { type Reference, readReference } from "../reference.ts";
import { parityOf, type Result, resultAfter } from "./results.ts";

const shown = {} as Shown;
const map = Float32Array.of(1, 2);
const done: Result = {
  map,
  shown,
  ms: 3,
  passes: 2,
  scores: { sparseness: { value: 0.25, parts: {} }, "deletion-auc": { skip: "map is not finite" } },
};

it("collects what the steps of a method say", () => {
  const steps = [
    { kind: "start", method: "a" },
    { kind: "map", method: "a", map, shown, ms: 3, passes: 2 },
    { kind: "score", method: "a", metric: "sparseness", score: { value: 0.25, parts: {} } },
    { kind: "score", method: "a", metric: "deletion-auc", score: { skip: "map is not finite" } },
  ] as const;
  expect(steps.reduce<Result | undefined>(resultAfter, undefined)).toEqual(done);
  expect(resultAfter(done, { kind: "missing", method: "a", reason: "no grid" })).toEqual({
    scores: {},
    reason: "no grid",
  });
});

const reference = (deletion: number | null, values: number[]): Reference =>
  readReference(
    {
      sha256: "",
      target: 0,
      logits: [],
      methods: [{ id: "a", revision: 1, scores: { sparseness: 0.25, "deletion-auc": deletion } }],
    },
    Float32Array.from(values).buffer,
  );

it("compares maps and scores with Node's", () => {
  expect(parityOf("a", done, reference(null, [1, 2]))).toEqual({ map: 0, scores: 0, within: true });
  expect(parityOf("a", done, reference(null, [1, 2.5]))).toEqual({ map: 0.2, scores: 0, within: false });
  expect(parityOf("a", done, reference(0.3, [1, 2]))).toMatchObject({ within: false });
});

it("compares nothing before all is known, or where there is nothing", () => {
  const half: Result = { ...done, scores: { sparseness: { value: 0.25, parts: {} } } };
  expect(parityOf("a", half, reference(null, [1, 2]))).toBeUndefined();
  expect(parityOf("b", done, reference(null, [1, 2]))).toBeUndefined();
  expect(parityOf("a", { scores: {}, reason: "no grid" }, reference(null, [1, 2]))).toBeUndefined();
});
