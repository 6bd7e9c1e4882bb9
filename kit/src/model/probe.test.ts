import { describe, expect, it } from "vitest";
import { analyticModel, linear } from "../../test/analytic-probe.ts";
import { picture, smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { gradCam } from "../methods/grad-cam.ts";
import { inputXGradient } from "../methods/input-x-gradient.ts";
import { attribute } from "../methods/method.ts";
import { saliency } from "../methods/saliency.ts";
import { float32 } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import { createProbe } from "./probe.ts";

const x = picture("probe", 3, 6, 8);
const rng = (purpose: string) => rngOf("probe", purpose);
const all = { input: true, layer: true };

describe("what is computed once", () => {
  it("logits, however many ask at once", async () => {
    const model = smallModel(smallCnn());
    const probe = createProbe({ model, x, target: 1 });
    const [logits, score, p, again] = await Promise.all([
      probe.logits(),
      probe.score(),
      probe.probability(),
      probe.logits(),
    ]);
    expect(score).toBe(logits[1]);
    expect(p).toBeCloseTo(Math.exp(logits[1]) / logits.reduce((s, v) => s + Math.exp(v), 0), 6);
    expect(again).toBe(logits);
    expect(model.passes).toEqual({ forwards: 1, backwards: 0 });
  });

  it("one backward pass for saliency, input × gradient and Grad-CAM, where they were announced", async () => {
    const model = smallModel(smallCnn());
    const probe = createProbe({ model, x, target: 1, wants: all });
    await Promise.all([saliency, gradCam, inputXGradient].map((m) => attribute(m, probe, { rng })));
    await attribute(gradCam, probe, { rng });
    expect(model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("two without the announcement, with the same numbers", async () => {
    const model = smallModel(smallCnn());
    const announced = createProbe({ model, x, target: 1, wants: all });
    const expected = [await announced.gradient(), (await announced.cam()).activationGradient];
    model.passes.backwards = 0;
    const probe = createProbe({ model, x, target: 1 });
    const gradient = await probe.gradient();
    const { activationGradient } = await probe.cam();
    await Promise.all([probe.gradient(), probe.cam()]);
    expect([gradient, activationGradient]).toEqual(expected);
    expect(gradient.dims).toEqual([3, 6, 8]);
    expect(model.passes.backwards).toBe(2);
  });

  it("what is not there cannot be announced", async () => {
    const model = analyticModel(linear({ channels: 1, height: 2, width: 2 }, [[1, 2, 3, 4]]));
    const probe = createProbe({ model, x: picture("small", 1, 2, 2), target: 0, wants: all });
    expect((await probe.gradient()).data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it("values by key", async () => {
    const probe = createProbe({ model: smallModel(smallCnn()), x, target: 0 });
    let runs = 0;
    const compute = async () => ++runs;
    expect(await Promise.all([probe.once("a", compute), probe.once("a", compute)])).toEqual([1, 1]);
    expect(await probe.once("logits", compute)).toBe(2); // keys of users are their own
    expect(await probe.logits()).toHaveLength(4);
  });

  it("values by key and map", async () => {
    const probe = createProbe({ model: smallModel(smallCnn()), x, target: 0 });
    const [one, two] = [1, 2].map((v) => float32([1], Float32Array.of(v)));
    let runs = 0;
    const compute = async () => ++runs;
    const found = await Promise.all([one, two, one, undefined].map((of) => probe.once("a", compute, of)));
    expect(found).toEqual([1, 2, 1, 3]);
    expect(await probe.once("b", compute, one)).toBe(4);
    expect(await probe.explaining(1).once("a", compute, one)).toBe(5);
  });

  it("a failure is tried again", async () => {
    const probe = createProbe({ model: smallModel(smallCnn()), x, target: 0 });
    let runs = 0;
    const compute = async () => {
      if (++runs === 1) throw new Error("once");
      return runs;
    };
    await expect(probe.once("a", compute)).rejects.toThrow("once");
    expect(await probe.once("a", compute)).toBe(2);
  });
});

describe("other probes", () => {
  it("of a perturbed image are made once per key", async () => {
    const model = smallModel(smallCnn());
    const probe = createProbe({ model, x, target: 2, wants: all });
    let made = 0;
    const make = () => ({ ...x, data: x.data.map((v) => v / ++made) });
    const near = probe.at("near", make);
    expect(probe.at("near", make)).toBe(near);
    expect(made).toBe(x.data.length);
    expect(probe.at("far", make)).not.toBe(near);
    const map = float32([1], Float32Array.of(1));
    expect(probe.at("near", make, map)).not.toBe(near);
    expect(probe.at("near", make, map)).toBe(probe.at("near", make, map));
    expect(near.target).toBe(2);
    await near.gradient();
    await near.cam();
    expect(model.passes).toEqual({ forwards: 1, backwards: 1 });
  });

  it("of another class share the logits and nothing else", async () => {
    const model = smallModel(smallCnn());
    const probe = createProbe({ model, x, target: 2 });
    const other = probe.explaining(0);
    expect(probe.explaining(0)).toBe(other);
    expect(other.explaining(2)).toBe(probe);
    expect(probe.explaining(2)).toBe(probe);
    expect(await other.score()).toBe((await probe.logits())[0]);
    expect(model.passes.forwards).toBe(1);
    expect((await other.gradient()).data).not.toEqual((await probe.gradient()).data);
  });

  it("of another model are made once per model", async () => {
    const model = smallModel(smallCnn());
    const random = model.randomised("r", rngOf("r"));
    const probe = createProbe({ model, x, target: 2 });
    expect(probe.under(random)).toBe(probe.under(random));
    expect(probe.under(random)).toMatchObject({ model: random, x, target: 2 });
    expect(await probe.under(random).score()).not.toBe(await probe.score());
  });
});

describe("other images", () => {
  const images = [0, 1, 2].map((k) => picture(`other ${k}`, 3, 6, 8));
  const fill = (k: number, out: Float32Array) => out.set(images[k].data);

  it("give scores, probabilities and gradients of the target", async () => {
    const model = smallModel(smallCnn());
    const probe = createProbe({ model, x, target: 2 });
    const scores = await probe.scores(3, fill);
    const probabilities = await probe.probabilities(3, fill);
    const gradients: Float32Array[] = [];
    await probe.gradients(3, fill, (k, g) => {
      gradients[k] = g.slice();
    });
    for (const [k, image] of images.entries()) {
      const one = createProbe({ model, x: image, target: 2 });
      expect(scores[k]).toBe(await one.score());
      expect(probabilities[k]).toBe(await one.probability());
      expect(gradients[k]).toEqual((await one.gradient()).data);
    }
  });
});

it("a CAM layer that cannot be used fails those who read it, not the gradient", async () => {
  const model = smallModel(smallVit(), { card: { camLayer: "final" } });
  const image = picture("vit", 3, 4, 6);
  const probe = createProbe({ model, x: image, target: 0, wants: all });
  await expect(probe.cam()).rejects.toMatchObject({ code: "E_CAM_LAYER" });
  const plain = createProbe({ model, x: image, target: 0 });
  expect((await probe.gradient()).data).toEqual((await plain.gradient()).data);
  await expect(attribute(gradCam, probe, { rng })).rejects.toMatchObject({ code: "E_CAM_LAYER" });
});
