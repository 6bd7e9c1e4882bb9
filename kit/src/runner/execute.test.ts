import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type Drawn, datasetOf } from "../../test/drawn-dataset.ts";
import { logitsOf, smallCnn, smallModel } from "../../test/small-models.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import { defineMethod, type Method } from "../methods/method.ts";
import { defineMetric, type Metric, skip } from "../metrics/metric.ts";
import type { Model } from "../model/model.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { image } from "../stats/expectation.ts";
import { type ExecuteOptions, execute, explainedClass } from "./execute.ts";
import { pixelsOf } from "./pixels.ts";
import { plan } from "./plan.ts";

const resize = { method: "bilinear" } as const;
const samples: readonly Drawn[] = [
  { id: "a", labels: [0], boxes: [0] },
  { id: "b", labels: [1], boxes: [1] },
  { id: "c", labels: [2] },
  { id: "d", labels: [3], boxes: [3], group: "patient" },
];
const ids = samples.map((s) => s.id);
const set = (list = samples) => datasetOf(list, { classes: 4 });

interface Choice {
  readonly methods?: readonly (string | Method)[];
  readonly metrics?: readonly (string | Metric)[];
  readonly protocol?: string;
}

/** Runs a choice of methods and metrics on the four samples. */
function run(
  { methods = ["saliency"], metrics = [], protocol = "quick" }: Choice,
  {
    model = smallModel(smallCnn()),
    dataset = set(),
    selected = ids,
    ...options
  }: Partial<ExecuteOptions> = {},
) {
  const plans = plan({
    protocol: protocolOf(protocol),
    methods: methods.map((m) => (typeof m === "string" ? methodOf(m) : m)),
    metrics: metrics.map((m) => (typeof m === "string" ? metricOf(m) : m)),
    shape: model.shape,
    available: selected.length,
    annotated: true,
    unmet: {},
  });
  return execute({ model, dataset, plan: plans, selected, resize, ...options });
}

const stub = {
  title: "Stub",
  paper: "none",
  formula: "0",
  controls: { random: image, sobel: image, constant: image, "centre-gaussian": image },
  revision: 1,
  summary: "",
  limits: "",
  params: {},
} as const;
const free = { forwards: 0, backwards: 0 };

const method = (id: string, attribute: Method["attribute"]): Method =>
  defineMethod({ ...stub, id, kind: "map", map: "sum", needs: [], cost: () => free, attribute });

const metric = (id: string, score: Metric["score"], changes: Partial<Metric> = {}): Metric => ({
  ...defineMetric({
    ...stub,
    id,
    family: "complexity",
    better: "higher",
    range: [0, 1],
    gate: "none",
    needs: [],
    cost: () => free,
    score,
  }),
  ...changes,
});

const ones = method("ones", async ({ x }) => float32([x.dims[1], x.dims[2]], new Float32Array(48).fill(1)));

/** The predictions of the four samples, by hand. */
async function predictions(model: Model): Promise<number[]> {
  const found: number[] = [];
  for await (const { image } of set().read()) {
    const [logits] = await logitsOf(model, [pixelsOf(image, model.shape, resize)]);
    found.push(logits.indexOf(Math.max(...logits)));
  }
  return found;
}

describe("rows", () => {
  it("are one per method and predicted class, and one per annotated class", async () => {
    const model = smallModel(smallCnn());
    const predicted = await predictions(model);
    const { rows, failures } = await run({
      methods: ["saliency", "sobel"],
      metrics: ["sparseness", "pointing-game"],
    });
    expect(failures).toEqual([]);
    expect(rows.map((r) => [r.sample, r.method, r.targetKind, r.target])).toEqual(
      samples.flatMap(({ id, labels, boxes = [] }, k) => [
        [id, "saliency", "predicted", predicted[k]],
        [id, "sobel", "predicted", predicted[k]],
        ...boxes.flatMap(() => [
          [id, "saliency", "annotated", labels[0]],
          [id, "sobel", "annotated", labels[0]],
        ]),
      ]),
    );
    for (const row of rows) {
      const k = ids.indexOf(row.sample);
      expect(row.correct).toBe(samples[k].labels[0] === predicted[k]);
      expect(row.group).toBe(row.sample === "d" ? "patient" : row.sample);
      expect(Object.keys({ ...row.scores, ...row.skips })).toEqual(
        row.targetKind === "predicted" ? ["sparseness"] : ["pointing-game"],
      );
    }
  });

  it("explain every annotated label of a multi-label sample", async () => {
    const model = smallModel(smallCnn({ tail: "Sigmoid" }));
    const dataset = datasetOf([{ id: "m", labels: [0, 2, 3], boxes: [0, 3] }], {
      classes: 4,
      task: "multi-label",
    });
    const { rows } = await run({ metrics: ["pointing-game"] }, { model, dataset, selected: ["m"] });
    expect(rows.filter((r) => r.targetKind === "annotated").map((r) => r.target)).toEqual([0, 3]);
  });

  it("do not depend on the order of the data set or of the selection", async () => {
    const choice: Choice = {
      methods: ["saliency", "smoothgrad", "random"],
      metrics: ["infidelity", "deletion-auc", "max-sensitivity", "randomisation", "pointing-game"],
    };
    const { rows } = await run(choice);
    expect(rows.map((r) => r.sample)).toEqual([...rows.map((r) => r.sample)].sort());
    const turned = await run(choice, { dataset: set(samples.toReversed()) });
    expect(turned.rows).toEqual(rows);
    const selected = ids.toReversed();
    const chosen = await run(choice, { selected });
    const bySelection = selected.flatMap((id) => rows.filter((r) => r.sample === id));
    expect(chosen.rows).toEqual(bySelection);
    const alone = await run(choice, { selected: ["c"] });
    expect(alone.rows).toEqual(rows.filter((r) => r.sample === "c"));
  });

  it("leave out metrics beyond their samples", async () => {
    const rerun = metric("rerun", async () => 1, { needs: ["method"] });
    const plans = plan({
      protocol: { ...protocolOf("quick"), rerunSamples: 2 },
      methods: [ones],
      metrics: [rerun, metricOf("sparseness")],
      shape: smallModel(smallCnn()).shape,
      available: 4,
      annotated: false,
      unmet: {},
    });
    const { rows } = await execute({
      model: smallModel(smallCnn()),
      dataset: set(),
      plan: plans,
      selected: ids,
      resize,
    });
    expect(rows.map((r) => Object.keys({ ...r.scores, ...r.skips }))).toEqual([
      ["rerun", "sparseness"],
      ["rerun", "sparseness"],
      ["sparseness"],
      ["sparseness"],
    ]);
  });

  it("run only what is applicable", async () => {
    const model = smallModel(smallCnn());
    const plans = plan({
      protocol: protocolOf("quick"),
      methods: ["saliency", "grad-cam"].map(methodOf),
      metrics: [],
      shape: model.shape,
      available: 4,
      annotated: false,
      unmet: { "grad-cam": "no grid" },
    });
    const { rows } = await execute({ model, dataset: set(), plan: plans, selected: ids, resize });
    expect(new Set(rows.map((r) => r.method))).toEqual(new Set(["saliency"]));
  });
});

describe("shared work", () => {
  it("is done once: one forward, one backward for three methods", async () => {
    const model = smallModel(smallCnn());
    await run({ methods: ["saliency", "input-x-gradient", "grad-cam"] }, { model });
    expect(model.passes).toEqual({ forwards: 8, backwards: 4 });
  });

  it("explains an annotated class that is the predicted one once", async () => {
    const model = smallModel(smallCnn());
    const predicted = await predictions(model);
    const dataset = set([
      { id: "right", labels: [predicted[0]], boxes: [predicted[0]] },
      { id: "wrong", labels: [(predicted[0] + 1) % 4], boxes: [(predicted[0] + 1) % 4] },
    ]);
    const seen: string[] = [];
    const counting = method("counting", async ({ probe, x }) => {
      seen.push(`${probe.target}`);
      return float32([6, 8], x.data.subarray(0, 48));
    });
    const { rows } = await run(
      { methods: [counting], metrics: ["pointing-game"] },
      { model, dataset, selected: ["right", "wrong"] },
    );
    const targets = rows.map((r) => r.target);
    expect(rows).toHaveLength(4);
    expect(targets[0]).toBe(targets[1]);
    expect(seen).toEqual([targets[0], targets[2], targets[3]].map(String));
  });

  it("does not keep the probes of samples that are done", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const refs: WeakRef<object>[] = [];
    const noting = method("noting", async ({ probe }) => {
      refs.push(new WeakRef((await probe.gradient()).data));
      return float32([6, 8], new Float32Array(48).fill(1));
    });
    const many = Array.from({ length: 12 }, (_, k): Drawn => ({ id: `s${k}`, labels: [0] }));
    let alive = Number.NaN;
    await run(
      { methods: [noting], metrics: ["randomisation"] },
      {
        dataset: set(many),
        selected: many.map((s) => s.id),
        async onSample(_, index) {
          if (index < 11) return;
          await new Promise((resolve) => setTimeout(resolve, 20));
          collect();
          alive = refs.filter((r) => r.deref() !== undefined).length;
        },
      },
    );
    expect(refs.length).toBeGreaterThanOrEqual(12);
    expect(alive).toBeLessThan(4);
  });
});

describe("skips and failures", () => {
  const sometimes = metric("sometimes", async ({ map }) => (map.data[0] > 0 ? 0.5 : skip("nothing there")));
  const broken = metric("broken", async () => {
    throw new KitError("E_BROKEN", { problem: "this metric is broken" });
  });

  it("a reason is not a number", async () => {
    const nothing = method("nothing", async () => float32([6, 8], new Float32Array(48)));
    const { rows } = await run({ methods: [ones, nothing], metrics: [sometimes] });
    expect(rows.map((r) => [r.method, r.scores, r.skips]).slice(0, 2)).toEqual([
      ["ones", { sometimes: 0.5 }, {}],
      ["nothing", {}, { sometimes: "nothing there" }],
    ]);
  });

  it("a score that is not finite is a skip", async () => {
    const odd = metric("odd", async () => Number.NaN);
    const parts = metric("parts", async () => ({ value: Number.POSITIVE_INFINITY, parts: {} }));
    const { rows } = await run({ methods: [ones], metrics: [odd, parts] });
    expect(rows[0].scores).toEqual({});
    expect(Object.keys(rows[0].skips)).toEqual(["odd", "parts"]);
  });

  it("are recorded, and the rest goes on", async () => {
    const failing = method("failing", async () => {
      throw new KitError("E_NO_GRADIENT", { problem: "no gradient for Foo" });
    });
    const { rows, failures } = await run({ methods: [failing, ones], metrics: [broken, sometimes] });
    expect(rows.map((r) => r.method)).toEqual(["ones", "ones", "ones", "ones"]);
    expect(rows[0]).toMatchObject({ scores: { sometimes: 0.5 }, skips: { broken: "E_BROKEN" } });
    expect(failures.slice(0, 2)).toEqual([
      {
        sample: "a",
        method: "failing",
        metric: undefined,
        code: "E_NO_GRADIENT",
        reason: "no gradient for Foo",
      },
      { sample: "a", method: "ones", metric: "broken", code: "E_BROKEN", reason: "this metric is broken" },
    ]);
    expect(failures).toHaveLength(8);
  });

  it("are in the order of the selection", async () => {
    const { failures } = await run(
      { methods: [ones], metrics: [broken] },
      { dataset: set(samples.toReversed()) },
    );
    expect(failures.map((f) => f.sample)).toEqual(ids);
  });

  it("a method that failed for a class is not tried for it again", async () => {
    const model = smallModel(smallCnn());
    const [right] = await predictions(model);
    let tries = 0;
    const failing = method("failing", async () => {
      tries++;
      throw new KitError("E_NO_GRADIENT", { problem: "no" });
    });
    const dataset = set([{ id: "a", labels: [right], boxes: [right] }]);
    const { failures } = await run(
      { methods: [failing], metrics: ["pointing-game"] },
      { model, dataset, selected: ["a"] },
    );
    expect([tries, failures.length]).toEqual([1, 1]);
  });

  it("stop everything with failFast, and always when they are our own mistakes", async () => {
    await expect(run({ methods: [ones], metrics: [broken] }, { failFast: true })).rejects.toMatchObject({
      code: "E_BROKEN",
    });
    const bug = method("bug", async () => {
      throw new TypeError("undefined is not a function");
    });
    await expect(run({ methods: [bug] })).rejects.toThrow(TypeError);
  });

  it("NaN logits fail the sample's methods and name no id in their reason", async () => {
    const graph = smallCnn();
    const initializers = new Map(graph.initializers);
    const bias = initializers.get("a")!;
    initializers.set("a", { ...bias, data: Float32Array.of(0, Number.NaN, 0, 0) } as typeof bias);
    const { rows, failures } = await run(
      { methods: [ones] },
      { model: smallModel({ ...graph, initializers }) },
    );
    expect(rows).toEqual([]);
    expect(failures.map((f) => [f.sample, f.method, f.code, f.reason])).toEqual(
      ids.map((id) => [id, "ones", "E_LOGITS", "the model returns a score that is not a number"]),
    );
  });

  it("a metric that asks the randomised model is scored once each, after all others", async () => {
    const order: string[] = [];
    const noting = (id: string, needs: Metric["needs"]) =>
      metric(id, async () => order.push(id), { needs, family: "randomisation" });
    const metrics = [
      noting("one", ["method", "randomised"]),
      noting("early", ["method"]),
      noting("two", ["method", "randomised"]),
    ];
    const { rows } = await run({ methods: [ones], metrics });
    expect(order).toEqual([...Array(4).fill("early"), ...Array(4).fill(["one", "two"]).flat()]);
    expect(rows.every((r) => ["one", "early", "two"].every((id) => id in r.scores))).toBe(true);
  });
});

describe("stopping", () => {
  it("happens before the next metric", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const noting = (id: string) =>
      metric(id, async () => {
        seen.push(id);
        if (id === "second") stop.abort();
        return 1;
      });
    const metrics = ["first", "second", "third"].map(noting);
    await expect(run({ methods: [ones], metrics }, { signal: stop.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(seen).toEqual(["first", "second"]);
  });

  it("happens in the last part too", async () => {
    const stop = new AbortController();
    let runs = 0;
    const late = metric(
      "late",
      async () => {
        if (++runs === 2) stop.abort();
        return 1;
      },
      { needs: ["method", "randomised"] },
    );
    await expect(run({ methods: [ones], metrics: [late] }, { signal: stop.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(runs).toBe(2);
  });
});

describe("what it tells", () => {
  it("progress reaches the plan's passes where one class is annotated per sample", async () => {
    const model = smallModel(smallCnn());
    const metrics = ["infidelity", "deletion-auc", "max-sensitivity", "randomisation", "pointing-game"];
    const methods = ["saliency", "integrated-gradients", "sobel"];
    const boxed = samples.map((s) => ({ ...s, boxes: s.labels }));
    let last = 0;
    await run(
      { methods, metrics },
      {
        model,
        dataset: set(boxed),
        onProgress(passes) {
          expect(passes).toBeGreaterThanOrEqual(last);
          last = passes;
        },
      },
    );
    const { passes } = plan({
      protocol: protocolOf("quick"),
      methods: methods.map(methodOf),
      metrics: metrics.map(metricOf),
      shape: model.shape,
      available: 4,
      annotated: true,
      unmet: {},
    });
    expect(last).toBe(passes);
  });

  it("shows each sample with its position in the selection", async () => {
    const seen: [string, number, number][] = [];
    await run(
      { methods: ["saliency", "grad-cam"] },
      {
        selected: ["c", "a"],
        async onSample({ sample, rows, attributions, prediction, probability }, index) {
          expect([...attributions.keys()]).toEqual(["saliency", "grad-cam"]);
          expect(rows.every((r) => r.sample === sample.id && r.target === prediction)).toBe(true);
          expect(probability).toBeGreaterThan(0.25);
          seen.push([sample.id, index, rows.length]);
        },
      },
    );
    expect(seen).toEqual([
      ["a", 1, 2],
      ["c", 0, 2],
    ]);
  });

  it("times attributions where there is a clock", async () => {
    let ticks = 0;
    const timed = await run({ methods: [ones, "sobel"] }, { now: () => ticks++ });
    expect(timed.msPerAttribution).toEqual({ ones: 1, sobel: 1 });
    expect((await run({ methods: [ones] })).msPerAttribution).toEqual({});
  });

  it("refuses ids the data set does not have", async () => {
    const dataset: Dataset = set();
    await expect(run({}, { dataset, selected: ["a", "z"] })).rejects.toMatchObject({ code: "E_DATASET_ID" });
  });
});

describe("methods that compare with other images", () => {
  const many: readonly Drawn[] = Array.from({ length: 11 }, (_, k) => ({ id: `s${k}`, labels: [k % 4] }));
  const order = many.map((s) => s.id);

  it("see the same ones at perturbations and under the randomised model, and none while nobody asks", async () => {
    const seen: { x: Float32Tensor; model: Model; others: readonly Float32Tensor[] }[] = [];
    const asks = method("asks", async ({ x, probe, others }) => {
      seen.push({ x, model: probe.model, others: await others() });
      return x;
    });
    const reads: string[][] = [];
    const dataset = set(many);
    const spied: Pick<Dataset, "read"> = {
      read(wanted = []) {
        reads.push([...wanted]);
        return dataset.read(wanted);
      },
    };
    const options = { dataset: spied, selected: order.slice(0, 1), following: order.slice(1, 9) };
    const model = smallModel(smallCnn());
    await run({ methods: ["saliency"], metrics: ["max-sensitivity"] }, { ...options, model });
    expect(reads).toEqual([["s0"]]);

    await run({ methods: [asks], metrics: ["max-sensitivity", "randomisation"] }, { ...options, model });
    expect(new Set(seen.map((s) => s.x)).size).toBeGreaterThan(3);
    expect(new Set(seen.map((s) => s.model)).size).toBeGreaterThan(1);
    const images: Float32Tensor[] = [];
    for await (const { image } of dataset.read(order.slice(1, 9)))
      images.push(pixelsOf(image, model.shape, resize));
    for (const { others } of seen) expect(others).toEqual(images);
  });

  it("give the first samples the same numbers however many are explained, in whatever shares", async () => {
    const choice = { methods: ["gradient-shap"], metrics: ["sparseness"] };
    const model = smallModel(smallCnn());
    const whole = await run(choice, { model, dataset: set(many), selected: order });
    const first = await run(choice, {
      model,
      dataset: set(many),
      selected: order.slice(0, 3),
      following: order.slice(3),
    });
    expect(first.failures).toEqual([]);
    expect(first.rows).toEqual(whole.rows.slice(0, 3));
    const share = (of: number) => (at: number) => at % 2 === of;
    for (const of of [0, 1]) {
      const part = await run(choice, { model, dataset: set(many), selected: order, share: share(of) });
      expect(part.rows).toEqual(whole.rows.filter((_, at) => share(of)(at)));
    }
    // other neighbours, other numbers
    const alone = await run(choice, { model, dataset: set(many), selected: order.slice(0, 3) });
    expect(alone.rows[0].scores).not.toEqual(whole.rows[0].scores);
  });
});

describe("explained class", () => {
  it("is the first of the highest, and class 1 of a binary tie", () => {
    const many = smallModel(smallCnn());
    expect(explainedClass(many, Float32Array.of(1, 3, 3, 2))).toBe(1);
    const binary = smallModel(smallCnn({ classes: 1 }));
    expect(explainedClass(binary, Float32Array.of(0, 0))).toBe(1);
    expect(explainedClass(binary, Float32Array.of(0.1, -0.1))).toBe(0);
    const labels = smallModel(smallCnn({ tail: "Sigmoid" }));
    expect(explainedClass(labels, Float32Array.of(-5, -3, -4, -9))).toBe(1);
    // probabilities that round to the same are told apart by their logits
    expect(explainedClass(labels, Float32Array.of(800, 900, 1, 1))).toBe(1);
  });
  it("is the most probable of the labels that the card's thresholds let pass, of all if none does", () => {
    const thresholds = [0.9, 0.2, 0.2, 0.9];
    const labels = smallModel(smallCnn({ tail: "Sigmoid" }), { card: { thresholds } });
    // probabilities 0.73, 0.27, 0.38, 0.5
    expect(explainedClass(labels, Float32Array.of(1, -1, -0.5, 0))).toBe(2);
    // 0.73, 0.05, 0.12, 0.5
    expect(explainedClass(labels, Float32Array.of(1, -3, -2, 0))).toBe(0);
    // at a threshold is above it
    expect(explainedClass(smallModel(smallCnn({ tail: "Sigmoid" })), Float32Array.of(0, -1, -1, -1))).toBe(0);
  });
  it("of an ordinal set is the most probable grade, as of any other", async () => {
    const model = smallModel(smallCnn({ classes: 5 }));
    expect(explainedClass(model, Float32Array.of(0, 1, 4, 3, 2))).toBe(2);
    const grades = datasetOf([{ id: "a", labels: [4] }], { classes: 5, task: "ordinal" });
    const { rows } = await run(
      { methods: ["saliency"], metrics: ["sparseness"] },
      { model, dataset: grades, selected: ["a"] },
    );
    expect(rows.map(({ targetKind }) => targetKind)).toEqual(["predicted"]);
  });
});
