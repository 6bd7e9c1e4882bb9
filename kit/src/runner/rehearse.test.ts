import { describe, expect, it } from "vitest";
import { transformer } from "../../test/attention-models.ts";
import { type Drawn, datasetOf } from "../../test/drawn-dataset.ts";
import { logitsOf, smallCnn, smallModel, smallVit } from "../../test/small-models.ts";
import { methods } from "../methods/index.ts";
import { attribute, type Method, toMap } from "../methods/method.ts";
import { metrics } from "../metrics/index.ts";
import type { Metric } from "../metrics/metric.ts";
import { defect } from "../metrics/order.ts";
import type { Model, Program } from "../model/model.ts";
import { createProbe } from "../model/probe.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { quickParams } from "../params.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { execute } from "./execute.ts";
import { pixelsOf } from "./pixels.ts";
import { type Plan, plan } from "./plan.ts";
import { classifying, plus, rehearse, survey, unannotated } from "./rehearse.ts";
import { comparedWith, unmetNeeds } from "./unmet.ts";

const protocol = { ...protocolOf("quick"), rerunSamples: 2 };
const resize = { method: "bilinear" } as const;
/** a minute between any two looks, so that nothing is found to be quick and timed twice */
const now = (() => {
  let clock = 0;
  return () => {
    clock += 60_000;
    return clock;
  };
})();

interface Choice {
  readonly methods?: readonly Method[];
  readonly metrics?: readonly Metric[];
  readonly samples?: number;
  readonly annotated?: boolean;
}

const planFor = (model: Model, choice: Choice = {}): Plan =>
  plan({
    protocol,
    methods: choice.methods ?? methods,
    metrics: choice.metrics ?? metrics,
    shape: model.shape,
    available: choice.samples ?? ids.length,
    annotated: choice.annotated ?? true,
    unmet: unmetNeeds(model, choice.methods ?? methods, comparedWith),
  });

const ids = ["a", "b", "c", "d"];
// enough to compare with
const behind = Array.from({ length: comparedWith }, (_, k) => `behind ${k}`);
const positions = ids.map((_, at) => at);

const imageOf = async (drawn: Drawn, model: Model): Promise<Float32Tensor> => {
  for await (const { image } of datasetOf([drawn], { classes: model.classes }).read())
    return pixelsOf(image, model.shape, resize);
  throw new Error("drawn nothing");
};

/**
 * Whether a map says nothing, of the model or of the randomised one: that decides what is asked further (nothing, or another randomised
 * model), and no rehearsal knows it.
 */
async function isFlat(method: Method, model: Model, sample: Drawn): Promise<boolean> {
  const x = await imageOf(sample, model);
  const [logits] = await logitsOf(model, [x]);
  const target = logits.indexOf(Math.max(...logits));
  const rng = rngOf(protocol.seed, "randomised weights", 0);
  for (const own of [model, model.randomised("randomised 0", rng)]) {
    const attribution = await attribute(method, createProbe({ model: own, x, target }), {
      params: quickParams(method.params),
      rng: (purpose) => rngOf(protocol.seed, sample.id, method.id, purpose),
      others: () => Promise.all(behind.map((id) => imageOf({ id, labels: [0] }, model))),
    });
    const map = toMap(attribution, method.map);
    if (defect(map) || map.data.every((v) => Math.abs(v) === Math.abs(map.data[0]))) return true;
  }
  return false;
}

/**
 * Samples whose annotated classes, counted from the most probable one, are `wanted`, and on which these methods say something. A box changes
 * the picture, so both are tried.
 */
async function drawnFor(
  model: Model,
  wanted: readonly (readonly number[])[],
  telling: readonly string[] = [],
): Promise<Drawn[]> {
  const [found, n]: [Drawn[], number] = [[], model.classes];
  for (const [at, places] of wanted.entries()) {
    for (let draw = 0; found.length === at && draw < 1000; draw++) {
      const step = 1 + (Math.floor(draw / n) % (n - 1));
      const labels = [...new Set(places.map((_, k) => (draw + k * step) % n))];
      if (labels.length < places.length) continue;
      const drawn = { id: `${ids[at]} ${draw}`, labels, boxes: labels };
      const [logits] = await logitsOf(model, [await imageOf(drawn, model)]);
      const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
      const own = labels.map((label) => order.indexOf(label)).sort();
      if (own.join() !== [...places].sort().join()) continue;
      const flat = await Promise.all(telling.map((id) => isFlat(methodOf(id), model, drawn)));
      if (!flat.includes(true)) found.push(drawn);
    }
    expect(found, `a picture with classes ${places}`).toHaveLength(at + 1);
  }
  return found;
}

/** Methods that say something on all of these. */
async function telling(model: Model, drawn: readonly Drawn[]): Promise<Method[]> {
  const unmet = unmetNeeds(model, methods, comparedWith);
  const found: Method[] = [];
  for (const method of methods) {
    if (method.id in unmet) continue;
    let flat = false;
    for (const sample of drawn) flat ||= await isFlat(method, model, sample);
    if (!flat || method.id === "constant") found.push(method);
  }
  return found;
}

async function compared(model: Model, plans: Plan, drawn: readonly Drawn[]) {
  const selected = drawn.map((d) => d.id);
  const further = behind.map((id): Drawn => ({ id, labels: [0] }));
  const dataset = datasetOf([...drawn, ...further], { classes: model.classes });
  const own = positions.slice(0, plans.samples);
  const { asked } = await survey({ model, dataset, plan: plans, selected, positions: own, resize, now });
  const { forwards, backwards } = await rehearse(plans, model, asked, now);
  Object.assign(model.passes, { forwards: 0, backwards: 0 });
  const run = {
    model,
    dataset,
    plan: plans,
    selected: selected.slice(0, plans.samples),
    following: behind,
    resize,
  };
  const { passes, failures } = await execute(run);
  expect(failures).toEqual([]);
  expect(passes).toEqual(model.passes);
  return { predicted: { forwards, backwards }, found: passes, asked };
}

/** What is often zero on models this small must say something on the pictures of one of them. */
const models: readonly [string, Graph, readonly string[]][] = [
  ["cnn", smallCnn(), ["score-cam"]],
  ["vit", smallVit({ height: 6, width: 8 }), []],
  ["attention", transformer({ layout: "axis", head: "class" }), ["grad-eclip"]],
];

describe("the passes of a run are those rehearsed", () => {
  const tried = new Set<string>();

  it.each(models)("with every method and metric: %s", async (_, graph, often) => {
    const model = smallModel(graph);
    // rightly predicted; wrongly, the next and the last class being right; several annotated classes
    const drawn = await drawnFor(model, [[0], [1], [2], [0, 2]], often);
    const chosen = await telling(model, drawn);
    for (const { id } of chosen) tried.add(id);
    const { predicted, found, asked } = await compared(model, planFor(model, { methods: chosen }), drawn);
    expect(asked.map(({ known, others, second }) => [known, others, second])).toEqual([
      [true, 0, false],
      [false, 1, true],
      [false, 1, false],
      [true, 1, false],
    ]);
    expect(found.forwards).toBeGreaterThan(1000);
    expect(predicted).toEqual(found);
  });

  it("every method was among them", () => {
    expect(methods.map((m) => m.id).filter((id) => !tried.has(id))).toEqual([]);
  });

  it("where several classes are annotated beside the predicted one", async () => {
    const model = smallModel(smallCnn());
    const drawn = await drawnFor(model, [[1, 2, 3], [0, 1, 2, 3], [2, 3], [0]]);
    const few = {
      methods: ["saliency", "occlusion", "grad-cam-plus-plus"].map(methodOf),
      metrics: ["random-logit", "deletion-auc", "pointing-game"].map(metricOf),
    };
    const { predicted, found, asked } = await compared(model, planFor(model, few), drawn);
    expect(asked.map((a) => a.others)).toEqual([3, 3, 2, 0]);
    expect(predicted).toEqual(found);
  });
});

describe("a rehearsal", () => {
  const few = {
    methods: ["saliency", "occlusion"].map(methodOf),
    metrics: ["max-sensitivity", "deletion-auc"].map(metricOf),
  };
  const model = smallModel(smallCnn());
  const plans = planFor(model, { ...few, annotated: false });

  it("of a shard is that of its positions", async () => {
    const of = async (own: number[]) => (await rehearse(plans, model, unannotated(own), now)).forwards;
    expect(await of([0])).toBeGreaterThan(await of([3]));
    expect((await of([0, 2])) + (await of([1, 3]))).toBe(await of([0, 1, 2, 3]));
  });

  it("knows how often each graph is asked, and asks it", async () => {
    const { forwards, backwards, work, tasks } = await rehearse(plans, model, unannotated([3]), now);
    const images = (name: string) => work[name]?.images ?? 0;
    const names = Object.keys(work);
    expect(names).toEqual(["forward", "gradient input of input "]);
    expect(images(names[0]) + images(names[1])).toBe(forwards);
    expect(images(names[1])).toBe(backwards);
    expect(work.forward.largest).toBeLessThan(work.forward.images);
    const before = { ...model.passes };
    for (const name of names) await tasks[name](model, 2);
    expect(model.passes).toEqual({ forwards: before.forwards + 4, backwards: before.backwards + 2 });
  });

  it("does not count the time in which graphs are made", async () => {
    let clock = 0;
    const program: Program = {
      id: "slow to make",
      passes: { forwards: 1, backwards: 0 },
      build({ folded, input, score }) {
        clock += 3600;
        return { folded, feeds: { image: input }, fetches: [score] };
      },
    };
    const slow: Method = {
      ...methodOf("constant"),
      async attribute({ probe, x }) {
        await probe.model.run(
          program,
          1,
          () => {},
          () => {
            clock += 5;
          },
        );
        return x;
      },
    };
    const own = planFor(model, { methods: [slow], metrics: [], annotated: false });
    expect((await rehearse(own, model, unannotated([0]), () => clock)).ms).toBe(5);
  });

  it("reads no more samples than it must, and tells how long one takes", async () => {
    const asked: string[] = [];
    const drawn = ids.map((id) => ({ id, labels: [0] }));
    const dataset = datasetOf(drawn, { classes: model.classes });
    const watched = {
      read: (wanted?: readonly string[]) => {
        asked.push(...(wanted ?? []));
        return dataset.read(wanted);
      },
    };
    Object.assign(model.passes, { forwards: 0, backwards: 0 });
    const options = { model, dataset: watched, plan: plans, selected: ids, positions: [1, 2], resize, now };
    expect(await survey(options)).toEqual({ asked: unannotated([1, 2]), ms: 60_000 });
    expect(asked).toEqual(["b", "c"]);
    // nothing is compared with an annotation: what is predicted does not matter
    expect(model.passes).toEqual({ forwards: 0, backwards: 0 });
  });

  it("adds up", () => {
    const one = classifying(130, 2);
    expect(one).toEqual({
      forwards: 130,
      backwards: 0,
      ms: 260,
      work: { forward: { images: 130, calls: 3, singles: 0, largest: 64 } },
    });
    expect(classifying(65, 2).work.forward.singles).toBe(1);
    const both = plus(
      one,
      {
        forwards: 5,
        backwards: 5,
        ms: 1,
        work: { gradient: { images: 5, calls: 1, singles: 0, largest: 5 } },
      },
      2,
    );
    expect(both).toMatchObject({ forwards: 140, backwards: 10, ms: 262 });
    expect(both.work).toEqual({
      forward: { images: 130, calls: 3, singles: 0, largest: 64 },
      gradient: { images: 10, calls: 2, singles: 0, largest: 5 },
    });
  });
});
