/** What every method promises, on a model that is a formula. */
import { describe, expect, it } from "vitest";
import { analyticModel, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { createProbe } from "../model/probe.ts";
import { quickParams, resolveParams } from "../params.ts";
import { methods } from "./index.ts";
import { attribute } from "./method.ts";

const shape = { channels: 3, height: 9, width: 7 };
const x = noiseImage(shape, "methods");
const rng = streams("methods");
const probe = () => createProbe({ model: analyticModel(reluNet(shape, "methods")), x, target: 1 });

describe.each(methods.map((m) => [m.id, m] as const))("%s", (_, method) => {
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
    const fresh = probe();
    await attribute(method, fresh, { params, rng });
    expect(fresh.model.passes).toEqual(
      method.cost(resolveParams(method.id, method.params, params), fresh.model.shape),
    );
  });

  it("gives the same finite [C,H,W] or [H,W] again, and leaves the image alone", async () => {
    const before = x.data.slice();
    const first = await attribute(method, probe(), { rng });
    expect(await attribute(method, probe(), { rng })).toEqual(first);
    expect([
      [9, 7],
      [3, 9, 7],
    ]).toContainEqual(first.dims);
    expect(first.data).toHaveLength(first.dims.reduce((a, b) => a * b, 1));
    expect(first.data.every(Number.isFinite)).toBe(true);
    expect(x.data).toEqual(before);
  });

  it("is a control or looks at the model", () => {
    expect(method.paper === "control").toBe(method.control === true);
    if (method.control) expect(method.needs).toEqual([]);
  });
});
