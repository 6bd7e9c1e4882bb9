/** What every method promises, on a small network and, where that has nothing to read for it, on a small transformer. */
import { describe, expect, it } from "vitest";
import { streams } from "../../test/analytic-probe.ts";
import { picture, smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { createProbe } from "../model/probe.ts";
import { quickParams, resolveParams } from "../params.ts";
import { unmetNeeds } from "../runner/unmet.ts";
import { methods } from "./index.ts";
import { attribute } from "./method.ts";

const rng = streams("methods");
const models = [smallCnn(), smallVit()].map((graph) => smallModel(graph));

describe.each(methods.map((m) => [m.id, m] as const))("%s", (_, method) => {
  const model = models.find((m) => unmetNeeds(m, [method], 8)[method.id] === undefined)!;
  const { channels, height, width } = model.shape;
  const x = picture("methods", channels, height, width);
  const others = async () =>
    Array.from({ length: 8 }, (_, k) => picture(`other ${k}`, channels, height, width));
  const probe = () => {
    Object.assign(model.passes, { forwards: 0, backwards: 0 });
    return createProbe({ model, x, target: 1 });
  };
  const odd = Object.fromEntries(
    Object.entries(method.params).flatMap(([name, spec]) =>
      spec.type === "integer" ? [[name, name === "stride" ? 2 : 3]] : [],
    ),
  );

  it.each([
    ["its defaults", {}],
    ["a quick run", quickParams(method.params)],
    ["other numbers", odd],
  ])("takes as many passes as it says, with %s", async (_name, params) => {
    await attribute(method, probe(), { params, rng, others });
    expect(model.passes).toEqual(method.cost(resolveParams(method.id, method.params, params), model.shape));
  });

  it("gives the same finite [C,H,W] or [H,W] again, and leaves the image alone", async () => {
    const before = x.data.slice();
    const first = await attribute(method, probe(), { rng, others });
    expect(await attribute(method, probe(), { rng, others })).toEqual(first);
    expect([
      [height, width],
      [channels, height, width],
    ]).toContainEqual(first.dims);
    expect(first.data).toHaveLength(first.dims.reduce((a, b) => a * b, 1));
    expect(first.data.every(Number.isFinite)).toBe(true);
    expect(x.data).toEqual(before);
  });

  it("says what it is", () => {
    expect(method.paper === "control").toBe(method.control === true);
    if (method.control) expect(method.needs).toEqual([]);
    for (const text of [method.summary, method.formula, method.limits]) expect(text).not.toBe("");
    expect(method.limits).toMatch(/[^.]\.$/);
  });
});
