import { expect, it } from "vitest";
import { analyticProbe, linear, noiseImage } from "../../../test/analytic-probe.ts";
import { scoreMethod, scoreOf } from "../../../test/scored.ts";
import { constant } from "../../methods/constant.ts";
import { integratedGradients } from "../../methods/integrated-gradients.ts";
import { cost } from "./cost.ts";

const shape = { channels: 1, height: 2, width: 2 };
const x = noiseImage(shape, "cost");
const probe = analyticProbe(linear(shape, [x.data]), x);

it("counts forwards and backwards alike, and keeps both", async () => {
  expect(await scoreMethod(cost, probe, integratedGradients)).toEqual({
    value: 100,
    parts: { forwards: 50, backwards: 50 },
  });
  expect(await scoreMethod(cost, probe, constant)).toMatchObject({ value: 0 });
});

it("is unknown for a map from elsewhere", async () => {
  expect(await scoreOf(cost, probe, x)).toEqual({ skip: "a map from elsewhere" });
});
