import { describe, expect, it } from "vitest";
import { datasetOf } from "../../test/drawn-dataset.ts";
import { logitsOf, smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { calibrate, memoryOf, rehearse, secondsFor, totalEffort } from "./estimate.ts";
import { execute } from "./execute.ts";
import { pixelsOf } from "./pixels.ts";
import { plan } from "./plan.ts";

const resize = { method: "bilinear" } as const;
const planFor = (
  shape: { channels: number; height: number; width: number },
  samples: number,
  metrics: string[],
) =>
  plan({
    protocol: { ...protocolOf("quick"), rerunSamples: 2 },
    methods: ["saliency", "input-x-gradient", "integrated-gradients", "grad-cam", "occlusion", "random"].map(
      methodOf,
    ),
    metrics: metrics.map(metricOf),
    shape,
    available: samples,
    annotated: true,
    unmet: {},
  });

describe("the estimate", () => {
  it.each([
    ["cnn", smallCnn()],
    ["vit", smallVit({ height: 6, width: 8 })],
  ])("counts the passes a run takes, shared ones once: %s", async (_, graph) => {
    const model = smallModel(graph);
    // one annotated class, rightly predicted, as the rehearsal has it
    const drawn = ["a", "b", "c", "d"].map((id) => ({ id, labels: [0], boxes: [0] }));
    const labels: number[] = [];
    for await (const { image } of datasetOf(drawn, { classes: model.classes }).read()) {
      const [logits] = await logitsOf(model, [pixelsOf(image, model.shape, resize)]);
      labels.push(logits.indexOf(Math.max(...logits)));
    }
    const right = drawn.map((d, k) => ({ ...d, labels: [labels[k]], boxes: [labels[k]] }));
    const dataset = datasetOf(right, { classes: model.classes });
    const plans = planFor(model.shape, 4, [
      "infidelity",
      "max-sensitivity",
      "deletion-auc",
      "randomisation",
      "pointing-game",
    ]);
    const expected = totalEffort(
      await rehearse(plans, model, { annotated: true, now: () => 0 }),
      [0, 1, 2, 3],
      plans,
    );
    Object.assign(model.passes, { forwards: 0, backwards: 0 });
    const { passes } = await execute({
      model,
      dataset,
      plan: plans,
      selected: drawn.map((d) => d.id),
      resize,
    });
    expect(passes).toEqual(model.passes);
    expect(expected).toEqual({ ...passes, ms: 0 });
    expect(passes.forwards + passes.backwards).toBeLessThan(plans.passes + 1);
  });

  it("of a shard is that of its positions", async () => {
    const model = smallModel(smallCnn());
    const plans = planFor(model.shape, 4, ["max-sensitivity", "deletion-auc"]);
    const each = await rehearse(plans, model, { annotated: false, now: () => 0 });
    expect(each.first.forwards).toBeGreaterThan(each.rest.forwards);
    const of = (positions: number[]) => totalEffort(each, positions, plans).forwards;
    expect(of([0, 3])).toBe(each.first.forwards + each.rest.forwards);
    expect(of([0, 2]) + of([1, 3])).toBe(of([0, 1, 2, 3]));
  });

  it("turns passes into seconds: a backward pass holds its forward one", () => {
    const speed = { forward: 1, backward: 4 };
    expect(secondsFor({ forwards: 300, backwards: 100, ms: 0 }, speed, 2)).toBe(0.3);
    expect(secondsFor({ forwards: 300, backwards: 0, ms: 0 }, { forward: 1, backward: undefined }, 1)).toBe(
      0.3,
    );
    // what this thread does cannot be shared
    expect(secondsFor({ forwards: 300, backwards: 100, ms: 200 }, speed, 2)).toBe(0.4);
    expect(secondsFor({ forwards: 300, backwards: 100, ms: 900 }, speed, 16)).toBe(0.9);
  });

  it("times what it is given", async () => {
    const model = smallModel(smallCnn());
    let now = 0;
    const speed = await calibrate([model], { plan: planFor(model.shape, 2, []), now: () => (now += 8) });
    // 8 ms pass between any two looks at the clock: over 2 images first, then over as many as 200 ms allow
    expect(speed).toEqual({ forward: 8 / 25, backward: 8 / 25 });
    expect(model.passes).toEqual({ forwards: 58, backwards: 29 });
  });

  it("knows the weights", () => {
    // w 5·3·3·3, b 5, v 5·4, a 4
    expect(memoryOf(smallModel(smallCnn()).prepared).weights).toBe(4 * (135 + 5 + 20 + 4));
  });
});
