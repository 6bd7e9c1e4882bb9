/** What is computed once for a sample, however many methods and metrics ask: told by counting every image that reaches the model. */
import { describe, expect, it } from "vitest";
import { type Drawn, datasetOf } from "../../test/drawn-dataset.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import type { Method } from "../methods/method.ts";
import type { Model } from "../model/model.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { standardMethods } from "../stats/summarise.ts";
import { execute } from "./execute.ts";
import { pixelsOf } from "./pixels.ts";
import { plan } from "./plan.ts";

const resize = { method: "bilinear" } as const;
const samples = Array.from({ length: 9 }, (_, k): Drawn => ({ id: `s${k}`, labels: [k % 4] }));
const dataset = datasetOf(samples, { classes: 4 });
const [first, ...following] = samples.map((s) => s.id);

const coreSix = [
  "infidelity",
  "max-sensitivity",
  "deletion-auc",
  "insertion-auc",
  "sparseness",
  "randomisation",
];
const robustness = ["max-sensitivity", "avg-sensitivity", "local-lipschitz", "relative-input-stability"];

class Counter {
  readonly #times = new Map<string, number>();
  add(...key: readonly unknown[]): void {
    const name = key.join(" ");
    this.#times.set(name, this.of(...key) + 1);
  }
  of(...key: readonly unknown[]): number {
    return this.#times.get(key.join(" ")) ?? 0;
  }
  get all(): ReadonlyMap<string, number> {
    return this.#times;
  }
}

/** An image by its pixels. */
const named = (image: Float32Array | Float32Tensor): string =>
  ("data" in image ? image.data : image).join(",");

/** The same model, with every image that reaches it counted by what is asked of it. */
function watched(model: Model, counter: Counter, name = "model"): Model {
  return {
    ...model,
    forward: (count, fill, visit) =>
      model.forward(
        count,
        (k, out) => {
          fill(k, out);
          counter.add(name, "forward", named(out));
        },
        visit,
      ),
    backward: (count, wants, fill, target, visit, others) =>
      model.backward(
        count,
        wants,
        (k, out) => {
          fill(k, out);
          counter.add(name, "backward", target(k), named(out));
        },
        target,
        visit,
        others,
      ),
    randomised(key, rng) {
      counter.add("randomised");
      return watched(model.randomised(key, rng), counter, "randomised");
    },
  };
}

/** Explains the first sample. */
async function run(methods: readonly string[], metrics: readonly string[]) {
  const counter = new Counter();
  const model = watched(smallModel(smallCnn()), counter);
  const moved = new Map<string, Float32Tensor>();
  const counting = (method: Method): Method => ({
    ...method,
    attribute(context) {
      const { model: at, target } = context.probe;
      counter.add("map", method.id, at === model ? "model" : "randomised", target, named(context.x));
      moved.set(named(context.x), context.x);
      return method.attribute(context);
    },
  });
  const plans = plan({
    protocol: protocolOf("quick"),
    methods: methods.map(methodOf).map(counting),
    metrics: metrics.map(metricOf),
    shape: model.shape,
    available: 1,
    annotated: false,
    unmet: {},
  });
  const { rows, failures, passes } = await execute({
    model,
    dataset,
    plan: plans,
    selected: [first],
    following,
    resize,
  });
  expect(failures).toEqual([]);
  let x: Float32Tensor | undefined;
  for await (const { image } of dataset.read([first])) x = pixelsOf(image, model.shape, resize);
  const nearby = [...moved.keys()].filter((name) => name !== named(x!));
  return { counter, model, rows, passes, planned: plans.passes, x: x!, nearby };
}

describe("eleven methods and every metric that can share", () => {
  const whole = run(standardMethods, [
    ...coreSix,
    ...robustness.slice(1),
    "completeness-gap",
    "random-logit",
    "srg",
  ]);

  it("ask f(x) once, and one gradient for each class that is explained", async () => {
    const { counter, x, rows } = await whole;
    const { target } = rows[0];
    expect(counter.of("model", "forward", named(x))).toBe(1);
    const gradients = [0, 1, 2, 3].map((k) => counter.of("model", "backward", k, named(x)));
    // the prediction's; and of random-logit's class
    expect(gradients[target]).toBe(1);
    expect(gradients.toSorted()).toEqual([0, 0, 1, 1]);
  });

  it("ask each reference image once", async () => {
    const { counter, model, x } = await whole;
    for (const kind of ["mean", "blur"] as const)
      expect(counter.of("model", "forward", named(model.reference(kind, x))), kind).toBe(1);
  });

  it("ask f and its gradient at each perturbed image once", async () => {
    const { counter, rows, nearby } = await whole;
    // ⌈10 / 4⌉, but four at least
    expect(nearby).toHaveLength(4);
    for (const name of nearby) {
      expect(counter.of("model", "forward", name)).toBe(1);
      expect(counter.of("model", "backward", rows[0].target, name)).toBe(1);
    }
  });

  it("compute each map once: at the image, at each perturbed one, of another class, and of the randomised model", async () => {
    const { counter, rows, x, nearby } = await whole;
    const maps = [...counter.all].filter(([key]) => key.startsWith("map "));
    expect(maps.filter(([, times]) => times !== 1)).toEqual([]);
    for (const { method, target } of rows) {
      for (const name of [named(x), ...nearby])
        expect(counter.of("map", method, "model", target, name)).toBe(1);
      expect(counter.of("map", method, "randomised", target, named(x))).toBe(1);
      expect(maps.filter(([key]) => key.startsWith(`map ${method} `))).toHaveLength(1 + 4 + 1 + 1);
    }
  });

  it("permute the weights once, and ask f(x) and the gradient of that model once", async () => {
    const { counter, x, rows } = await whole;
    expect(counter.of("randomised")).toBe(1);
    expect(counter.of("randomised", "forward", named(x))).toBe(1);
    expect(counter.of("randomised", "backward", rows[0].target, named(x))).toBe(1);
  });
});

describe("what a metric adds", () => {
  const passesOf = async (methods: readonly string[], metrics: readonly string[]) =>
    (await run(methods, metrics)).passes;

  it("is nothing on draws that are there", async () => {
    const methods = ["saliency", "integrated-gradients", "score-cam", "kernel-shap"];
    const one = await passesOf(methods, ["max-sensitivity"]);
    for (const metric of robustness) expect(await passesOf(methods, [metric]), metric).toEqual(one);
    expect(await passesOf(methods, robustness)).toEqual(one);
  });

  it("is the same for one method as for many, where it asks the model alone", async () => {
    for (const metric of ["infidelity", "completeness-gap"]) {
      const added = async (methods: readonly string[]) =>
        (await passesOf(methods, [metric])).forwards - (await passesOf(methods, [])).forwards;
      const one = await added(["input-x-gradient"]);
      expect(one, metric).toBe(metric === "infidelity" ? 16 : 1);
      expect(await added(["input-x-gradient", "integrated-gradients", "occlusion"]), metric).toBe(one);
    }
  });

  it("is less than where nothing is shared", async () => {
    const { passes, planned } = await run(standardMethods, [...coreSix, ...robustness.slice(1)]);
    // four metrics on the same draws
    expect(planned / (passes.forwards + passes.backwards)).toBeGreaterThan(2);
  });
});
