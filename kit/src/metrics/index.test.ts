/** What every metric promises, on a model that is a formula. */
import { describe, expect, it } from "vitest";
import { analyticModel, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { numberOf, scoreMethod, scoreOf } from "../../test/scored.ts";
import { methods } from "../methods/index.ts";
import { attribute } from "../methods/method.ts";
import { saliency } from "../methods/saliency.ts";
import { createProbe, type Probe } from "../model/probe.ts";
import { type ParamValue, quickParams, resolveParams } from "../params.ts";
import { controlIds } from "../stats/expectation.ts";
import { metrics } from "./index.ts";

const shape = { channels: 3, height: 9, width: 7 };
const x = noiseImage(shape, "metrics");
const net = reluNet(shape, "metrics");
const formula = { ...net, randomised: () => reluNet(shape, "metrics, randomised") };
const mask = Uint8Array.from({ length: 63 }, (_, i) => (i > 20 && i < 40 ? 1 : 0));

/** Those that ask a formula no more than it can tell. */
const graphless = methods.filter(
  // no channel of this formula raises the score on its own, so Score-CAM has nothing to show
  (m) => m.refuses === undefined && !m.needs.includes("others") && m.id !== "score-cam",
);

describe.each(metrics.map((m) => [m.id, m] as const))("%s", (_, metric) => {
  it("says in words what it computes and what it cannot tell", () => {
    for (const text of [metric.title, metric.summary, metric.limits]) expect(text.trim()).not.toBe("");
    expect(metric.limits).toMatch(/\.$/);
    expect(metric.revision).toBeGreaterThanOrEqual(1);
  });

  const cases: [string, Record<string, ParamValue>][] = [
    ["its defaults", {}],
    ["a quick run", quickParams(metric.params)],
  ];
  if (metric.params.reference?.type === "choice" && metric.params.steps) {
    cases.push(["one curve", { steps: 3, reference: "black" }]);
  }

  it.each(cases)("takes as many passes as it says, with %s", async (_name, params) => {
    const model = analyticModel(formula);
    const other = analyticModel(formula.randomised());
    const explain = (at: Probe) => attribute(saliency, at, { rng: streams("saliency") });
    const attribution = await explain(createProbe({ model: analyticModel(net), x, target: 1 }));
    const probe = createProbe({ model, x, target: 1 });
    const passes = { forwards: 1, backwards: 1 };
    await scoreOf(metric, probe, attribution, {
      params,
      mask,
      reference: "mean",
      explain,
      randomised: () => other,
      cost: passes,
    });
    expect({
      forwards: model.passes.forwards + other.passes.forwards,
      backwards: model.passes.backwards + other.passes.backwards,
    }).toEqual(metric.cost(resolveParams(metric.id, metric.params, params), passes));
  });

  it("gives every method a value in its range, or a reason, the same again", async () => {
    let given = 0;
    for (const method of graphless) {
      const run = () =>
        scoreMethod(metric, createProbe({ model: analyticModel(formula), x, target: 1 }), method, { mask });
      const result = await run();
      expect(await run()).toEqual(result);
      if (typeof result === "object" && "skip" in result) {
        // of a control it must have been foretold; of others it may be what the metric does not apply to
        const foretold = controlIds.find((id) => id === method.id);
        if (foretold) expect(metric.controls[foretold], foretold).toHaveProperty("skipped");
        expect(result.skip).not.toMatch(/finite/);
        continue;
      }
      given += 1;
      const [low, high] = metric.range;
      expect(numberOf(result), method.id).toBeGreaterThanOrEqual(low ?? Number.NEGATIVE_INFINITY);
      expect(numberOf(result), method.id).toBeLessThanOrEqual(high ?? Number.POSITIVE_INFINITY);
    }
    expect(given).toBeGreaterThan(3);
  });
});
