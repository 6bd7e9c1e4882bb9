import { describe, expect, it } from "vitest";
import { distance } from "../../test/analytic-probe.ts";
import { graphOf, picture, smallCnn, smallModel, smallVit, wasm, weight } from "../../test/small-models.ts";
import { graphOptionsFor } from "../autodiff/graph-options.ts";
import { KitError } from "../errors.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { type Float32Tensor, float32, int64 } from "../onnx/tensor.ts";
import { rngOf } from "../rng.ts";
import type { CamLayer } from "./cam-layer.ts";
import type { Model } from "./model.ts";
import { atLayer, fromLayer, passesBy } from "./programs.ts";

/** Conv → Relu → channels last ("tail") → product with weights ("mixed") → mean of the cells → "y". */
const channelsLast = (): Graph =>
  graphOf(
    ["N", 3, 4, 5],
    [
      node("Conv", ["x", "w"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
      node("Relu", ["c"], ["r"]),
      node("Transpose", ["r"], ["tail"], { perm: attr.ints([0, 2, 3, 1]) }),
      node("MatMul", ["tail", "mix"], ["mixed"]),
      node("ReduceMean", ["mixed", "axes"], ["p"], { keepdims: attr.int(0) }),
      node("MatMul", ["p", "v"], ["y"]),
    ],
    {
      w: weight("w", 6, 3, 3, 3),
      mix: weight("mix", 6, 2),
      v: weight("v", 2, 3),
      axes: int64([2], [1, 2]),
    },
  );

/** A branch "inner" whose input is added to it again ("sum"). */
const residual = (): Graph =>
  graphOf(
    ["N", 3, 4, 5],
    [
      node("Conv", ["x", "w"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
      node("Conv", ["c", "u"], ["inner"]),
      node("Add", ["inner", "c"], ["sum"]),
      node("GlobalAveragePool", ["sum"], ["p"]),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "v"], ["y"]),
    ],
    { w: weight("w", 4, 3, 3, 3), u: weight("u", 4, 4, 1, 1), v: weight("v", 4, 3) },
  );

const models: Record<string, () => { graph: Graph; camLayer?: string; kind: CamLayer["kind"] }> = {
  "a grid": () => ({ graph: smallCnn(), kind: "grid" }),
  "a grid with its channels last": () => ({ graph: channelsLast(), camLayer: "mixed", kind: "grid-last" }),
  "tokens behind a class token": () => ({ graph: smallVit(), kind: "tokens" }),
  "tokens alone": () => ({ graph: smallVit({ extra: 0 }), kind: "tokens" }),
  "a branch that is passed by": () => ({ graph: residual(), camLayer: "inner", kind: "grid" }),
};

const open = (name: string, options = {}) => {
  const { graph, camLayer } = models[name]();
  return smallModel(graph, { card: { camLayer } }, options);
};

const imagesOf = ({ shape: { channels, height, width } }: Model) =>
  [0, 1, 2].map((k) => picture(`programs ${k}`, channels, height, width));

async function atLayerOf(model: Model, images: readonly Float32Tensor[]) {
  const found: AtLayer[] = [];
  await model.run(
    atLayer,
    images.length,
    (k, { image }) => image.set(images[k].data),
    (k, outputs) => {
      const [activation, logits, ...beside] = outputs.map((values) => values.slice());
      found[k] = { activation, logits, beside };
    },
  );
  return found;
}

type AtLayer = { activation: Float32Array; logits: Float32Array; beside: Float32Array[] };

async function goOn(model: Model, layers: readonly Pick<AtLayer, "activation" | "beside">[]) {
  const roles = new Set<string>();
  const found: Float32Array[] = [];
  await model.run(
    fromLayer,
    layers.length,
    (k, feeds) => {
      for (const role of Object.keys(feeds)) roles.add(role);
      feeds.activation.set(layers[k].activation);
      for (const [n, values] of layers[k].beside.entries()) feeds[`beside ${n}`].set(values);
    },
    (k, [logits]) => {
      found[k] = logits.slice();
    },
  );
  return { logits: found, roles: [...roles].sort() };
}

/** What some tensors of a graph hold. */
async function tapped(graph: Graph, x: Float32Tensor, names: readonly string[]) {
  const executable = await wasm.load({
    ...graph,
    outputs: names.map((name) => ({ name, type: "float32", dims: ["..."] })),
  });
  const found = await executable.run({ x: float32([1, ...x.dims], Float32Array.from(x.data)) }, names);
  await executable.release();
  return names.map((name) => Array.from(found[name].data as Float32Array));
}

describe.each(Object.keys(models))("%s", (name) => {
  it("is read as backward passes read it, with the logits", async () => {
    const model = open(name);
    expect(model.cam?.kind).toBe(models[name]().kind);
    const images = imagesOf(model);
    const found = await atLayerOf(model, images);
    const [literal, logits] = await tapped(models[name]().graph, images[1], [model.cam!.name, "y"]);
    expect(distance(found[1].activation, literal)).toBeLessThan(1e-6);
    expect(distance(found[1].logits, logits)).toBeLessThan(1e-5);
  });

  it.each([1, 2, 64])("gives the logits of whichever image's activation, in batches of %i", async (batch) => {
    const model = open(name, { batch });
    const images = imagesOf(model);
    const layers = await atLayerOf(model, images);
    const order = [2, 0, 1, 1];
    const { logits } = await goOn(
      model,
      order.map((k) => layers[k]),
    );
    for (const [k, from] of order.entries())
      expect(distance(logits[k], layers[from].logits)).toBeLessThan(1e-5);
    expect(distance(layers[0].logits, layers[1].logits)).toBeGreaterThan(1e-2);
  });

  it("is cut in the randomised model too", async () => {
    const model = open(name);
    const images = imagesOf(model);
    const other = model.randomised("mixed up", rngOf("programs"));
    const layers = await atLayerOf(other, images);
    const { logits } = await goOn(other, layers);
    for (const k of [0, 1, 2]) expect(distance(logits[k], layers[k].logits)).toBeLessThan(1e-5);
    const [before] = await atLayerOf(model, images);
    expect(distance(layers[0].logits, before.logits)).toBeGreaterThan(1e-2);
    expect(model.passes).toEqual({ forwards: 9, backwards: 0 });
  });
});

describe("fromLayer", () => {
  it("computes no more than what lies behind the layer: no image is asked for, but what passes the layer by", async () => {
    const rolesOf = async (name: string) => {
      const model = open(name);
      return (await goOn(model, await atLayerOf(model, imagesOf(model)))).roles;
    };
    expect(await rolesOf("a grid")).toEqual(["activation"]);
    expect(await rolesOf("a grid with its channels last")).toEqual(["activation"]);
    expect(await rolesOf("tokens alone")).toEqual(["activation"]);
    expect(await rolesOf("tokens behind a class token")).toEqual(["activation", "beside 0"]);
    expect(await rolesOf("a branch that is passed by")).toEqual(["activation", "beside 0"]);
  });

  it("is the head of a network of pictures, by hand", async () => {
    const model = open("a grid");
    const given = weight("given", 5, 6, 8).data;
    const { logits } = await goOn(model, [{ activation: given, beside: [] }]);
    const [v, a] = [weight("v", 5, 4).data, weight("a", 4).data];
    const mean = (k: number) => given.subarray(48 * k, 48 * (k + 1)).reduce((s, x) => s + x / 48, 0);
    const wanted = [0, 1, 2, 3].map((t) =>
      [0, 1, 2, 3, 4].reduce((s, k) => s + mean(k) * v[4 * k + t], a[t]),
    );
    expect(distance(logits[0], wanted)).toBeLessThan(1e-5);
  });

  it("is the last block of a transformer, by hand: the class token attends to what is given", async () => {
    const model = open("tokens behind a class token");
    const [x] = imagesOf(model);
    const given = weight("given tokens", 7, 4).data;
    const [{ beside }] = await atLayerOf(model, [x]);
    const { logits } = await goOn(model, [{ activation: given, beside }]);
    // the residual stream is the image's own
    const [residualTokens] = await tapped(smallVit(), x, ["block0"]);
    const product = (from: ArrayLike<number>, w: Float32Array, row: number, columns: number) =>
      Array.from({ length: columns }, (_, j) =>
        [0, 1, 2, 3].reduce((s, i) => s + from[4 * row + i] * w[columns * i + j], 0),
      );
    const [q, k, v] = ["q1", "k1", "v1"].map((name) => weight(name, 4, 4).data);
    const query = product(given, q, 0, 4);
    const tokens = [0, 1, 2, 3, 4, 5, 6];
    const powers = tokens.map((t) =>
      Math.exp(product(given, k, t, 4).reduce((s, e, i) => s + e * query[i], 0)),
    );
    const total = powers.reduce((s, e) => s + e);
    const mixed = [0, 1, 2, 3].map((i) =>
      tokens.reduce((s, t) => s + (powers[t] / total) * product(given, v, t, 4)[i], residualTokens[i]),
    );
    const mean = mixed.reduce((s, e) => s + e / 4, 0);
    const deviation = Math.sqrt(mixed.reduce((s, e) => s + (e - mean) ** 2 / 4, 0) + 1e-5);
    const [scale, shift] = [weight("scale", 4).data, weight("shift", 4).data];
    const final = mixed.map((e, i) => ((e - mean) / deviation) * scale[i] + shift[i]);
    expect(distance(logits[0], product(final, weight("head", 4, 3).data, 0, 3))).toBeLessThan(1e-5);
  });

  it("says that a model has no grid", () => {
    const { prepared } = open("a grid");
    const parts = { ...prepared, cam: undefined, input: "x", options: graphOptionsFor("cpu") };
    for (const program of [atLayer, fromLayer]) {
      expect(() => program.build(parts)).toThrow(KitError);
      expect(() => program.build(parts)).toThrow("no spatial grid");
    }
  });
});

describe("passesBy", () => {
  const meeting = (name: string) => {
    const { prepared } = open(name);
    return passesBy({ ...prepared, input: prepared.input.name });
  };

  it("names where a skip connection comes back", () => {
    expect(meeting("a branch that is passed by")).toBe("Add sum");
    expect(meeting("tokens behind a class token")).toBe("Add block1");
  });

  it("finds nothing where the layer is all there is", () => {
    for (const name of ["a grid", "a grid with its channels last", "tokens alone"])
      expect(meeting(name)).toBeUndefined();
  });
});
