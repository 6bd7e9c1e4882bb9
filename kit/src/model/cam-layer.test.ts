import { describe, expect, it } from "vitest";
import { graphOf, picture, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { KitError } from "../errors.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { float32, int64 } from "../onnx/tensor.ts";
import { type CamLayer, fromGrid, onGrid, withoutChannel } from "./cam-layer.ts";
import { type PrepareOptions, prepare } from "./prepare.ts";

const layerOf = (graph: Graph, options?: PrepareOptions) => prepare(graph, options).cam;
const named = (name: string): PrepareOptions => ({ card: { camLayer: name } });

const failure = (f: () => unknown) => {
  try {
    f();
  } catch (error) {
    if (error instanceof KitError) return `${error.code}: ${error.message}; ${error.next}`;
    throw error;
  }
  return "nothing was thrown";
};

describe("convolutional models", () => {
  it("read the last grid", () => {
    expect(layerOf(smallCnn())).toEqual({
      name: "features",
      channels: 5,
      rows: 6,
      columns: 8,
      kind: "grid",
      skip: 0,
    });
  });

  it("read a layer by its name", () => {
    expect(layerOf(smallCnn(), named("c"))).toMatchObject({ name: "c", kind: "grid", rows: 6, columns: 8 });
  });

  it("have none without a grid", () => {
    const nodes = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])];
    expect(layerOf(graphOf(["N", 1, 3, 4], nodes, { w: weight("w", 12, 3) }))).toBeUndefined();
  });

  it("are not fooled by the heads of an attention that pools", () => {
    const heads = attr.ints([0, 2, 1, 3]);
    const graph = graphOf(
      ["N", 3, 6, 8],
      [
        node("Conv", ["x", "w"], ["features"], { pads: attr.ints([1, 1, 1, 1]) }),
        node("Reshape", ["features", "flat"], ["flattened"]),
        node("Transpose", ["flattened"], ["tokens"], { perm: attr.ints([0, 2, 1]) }),
        ...["q", "k", "v"].flatMap((name) => [
          node("MatMul", ["tokens", name], [`${name}0`]),
          node("Reshape", [`${name}0`, "split"], [`${name}1`]),
          node("Transpose", [`${name}1`], [`${name}2`], { perm: heads }), // [N, 2, 48, 4]
        ]),
        node("Transpose", ["k2"], ["kt"], { perm: attr.ints([0, 1, 3, 2]) }),
        node("MatMul", ["q2", "kt"], ["scores"]),
        node("Softmax", ["scores"], ["attention"]),
        node("MatMul", ["attention", "v2"], ["mixed"]),
        node("Relu", ["mixed"], ["after"]),
        node("ReduceMean", ["after", "axes"], ["y"], { keepdims: attr.int(0) }),
      ],
      {
        w: weight("w", 8, 3, 3, 3),
        flat: int64([3], [0, 8, -1]),
        split: int64([4], [0, 48, 2, 4]),
        axes: int64([2], [1, 2]),
        q: weight("q", 8, 8),
        k: weight("k", 8, 8),
        v: weight("v", 8, 8),
      },
    );
    expect(layerOf(graph)).toMatchObject({ name: "features", channels: 8, rows: 6, columns: 8 });
    // whoever names it gets it
    expect(layerOf(graph, named("mixed"))).toMatchObject({
      name: "mixed",
      channels: 2,
      rows: 48,
      columns: 4,
    });
  });

  it("see through a group normalisation that was taken apart", () => {
    const graph = graphOf(
      ["N", 3, 6, 8],
      [
        node("Conv", ["x", "w"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
        node("Reshape", ["c", "groups"], ["grouped"]),
        node("InstanceNormalization", ["grouped", "one", "zero"], ["normal"]),
        node("Shape", ["c"], ["shape"]),
        node("Reshape", ["normal", "shape"], ["back"]),
        node("Mul", ["back", "gain"], ["features"]),
        node("GlobalAveragePool", ["features"], ["p"]),
        node("Flatten", ["p"], ["y"]),
      ],
      {
        w: weight("w", 4, 3, 3, 3),
        groups: int64([3], [0, 2, -1]),
        one: float32([2], [1, 1]),
        zero: float32([2], [0, 0]),
        gain: weight("gain", 4, 1, 1),
      },
    );
    expect(layerOf(graph)).toMatchObject({
      name: "features",
      kind: "grid",
      channels: 4,
      rows: 6,
      columns: 8,
    });
  });

  it("see through the windows of a Swin block", () => {
    // [N, 4, 6, C] → windows of 2×2 → attention → back, added to where it came from
    const graph = graphOf(
      ["N", 3, 8, 12],
      [
        node("Conv", ["x", "w"], ["c"], { strides: attr.ints([2, 2]) }),
        node("Transpose", ["c"], ["last"], { perm: attr.ints([0, 2, 3, 1]) }),
        node("LayerNormalization", ["last", "scale", "shift"], ["norm"], { axis: attr.int(-1) }),
        node("Reshape", ["norm", "cut"], ["cut6"]),
        node("Transpose", ["cut6"], ["side"], { perm: attr.ints([0, 1, 3, 2, 4, 5]) }),
        node("Reshape", ["side", "windows"], ["windowed"]), // [6N, 4, 4]: 2×2 tokens of no one image
        node("LayerNormalization", ["windowed", "scale", "shift"], ["tokens"], { axis: attr.int(-1) }),
        node("Transpose", ["tokens"], ["keys"], { perm: attr.ints([0, 2, 1]) }),
        node("MatMul", ["tokens", "keys"], ["scores"]),
        node("Softmax", ["scores"], ["attention"]),
        node("MatMul", ["attention", "tokens"], ["mixed"]),
        node("Reshape", ["mixed", "uncut"], ["uncut6"]),
        node("Transpose", ["uncut6"], ["there"], { perm: attr.ints([0, 1, 3, 2, 4, 5]) }),
        node("Reshape", ["there", "whole"], ["back"]),
        node("Add", ["last", "back"], ["block"]),
        node("LayerNormalization", ["block", "scale", "shift"], ["final"], { axis: attr.int(-1) }),
        node("ReduceMean", ["final", "axes"], ["y"], { keepdims: attr.int(0) }),
      ],
      {
        w: weight("w", 4, 3, 2, 2),
        scale: weight("scale", 4),
        shift: weight("shift", 4),
        cut: int64([6], [-1, 2, 2, 3, 2, 4]),
        windows: int64([3], [-1, 4, 4]),
        uncut: int64([6], [-1, 2, 3, 2, 2, 4]),
        whole: int64([4], [-1, 4, 6, 4]),
        axes: int64([2], [1, 2]),
      },
    );
    expect(prepare(graph)).toMatchObject({
      family: "transformer",
      cam: { name: "final", kind: "grid-last", channels: 4, rows: 4, columns: 6 },
    });
  });

  it("may have their channels last", async () => {
    const graph = graphOf(
      ["N", 3, 4, 6],
      [
        node("Conv", ["x", "w"], ["c"]),
        node("Transpose", ["c"], ["last"], { perm: attr.ints([0, 2, 3, 1]) }),
        node("LayerNormalization", ["last", "scale", "shift"], ["norm"], { axis: attr.int(-1) }),
        node("MatMul", ["norm", "wide"], ["up"]),
        node("Relu", ["up"], ["features"]),
        node("ReduceMean", ["features", "axes"], ["pooled"], { keepdims: attr.int(0) }),
        node("MatMul", ["pooled", "head"], ["y"]),
      ],
      {
        w: weight("w", 4, 3, 2, 2),
        scale: weight("scale", 4),
        shift: weight("shift", 4),
        wide: weight("wide", 4, 7),
        axes: int64([2], [1, 2]),
        head: weight("head", 7, 3),
      },
    );
    const cam = { name: "features", channels: 7, rows: 3, columns: 5, kind: "grid-last", skip: 0 } as const;
    expect(layerOf(graph)).toEqual(cam);
    expect(layerOf(graph, named("c"))).toMatchObject({ kind: "grid", channels: 4, rows: 3, columns: 5 });
    // the gradient of a mean: every cell of channel k has head[k, target] / 15, where the channel is on
    const x = picture("last", 3, 4, 6);
    await smallModel(graph).backward(
      1,
      { input: false, layer: true },
      (_, out) => out.set(x.data),
      () => 2,
      (_, { logits, activation, activationGradient }) => {
        const head = weight("head", 7, 3).data;
        let score = 0;
        for (let k = 0; k < 7; k++) {
          for (let i = 0; i < 15; i++) {
            expect(activationGradient[k * 15 + i]).toBeCloseTo(head[k * 3 + 2] / 15, 6);
            score += (head[k * 3 + 2] / 15) * activation[k * 15 + i];
          }
        }
        expect(score).toBeCloseTo(logits[2], 5);
      },
    );
  });
});

describe("transformers", () => {
  for (const extra of [1, 5]) {
    it(`read the last block's first normalisation, ${extra} extra tokens dropped`, () => {
      expect(layerOf(smallVit({ extra }))).toEqual({
        name: "norm1",
        channels: 4,
        rows: 2,
        columns: 3,
        kind: "tokens",
        skip: extra,
      });
    });
  }

  it("without class token read the last tokens before the mean", () => {
    expect(layerOf(smallVit({ extra: 0 }))).toMatchObject({ name: "final", rows: 2, columns: 3, skip: 0 });
  });

  it("do not take transposed tokens for tokens where the channels make a square", () => {
    const graph = smallVit({ extra: 0 });
    const nodes = [
      ...graph.nodes.slice(0, -2),
      node("Transpose", ["final"], ["turned"], { perm: attr.ints([0, 2, 1]) }), // [N, 4, 6]: 2×2 of 6 channels?
      node("ReduceMean", ["turned", "last"], ["pooled"], { keepdims: attr.int(0) }),
      node("MatMul", ["pooled", "head"], ["y"]),
    ];
    const initializers = new Map([...graph.initializers, ["last", int64([1], [2])]] as const);
    expect(layerOf({ ...graph, nodes, initializers })).toMatchObject({ name: "final", rows: 2, columns: 3 });
  });

  it("take the grid the card gives", () => {
    const tokenGrid = { rows: 3, columns: 2, skip: 1 };
    expect(prepare(smallVit(), { card: { tokenGrid } }).cam).toMatchObject(tokenGrid);
  });

  it("read a layer by its name", () => {
    expect(layerOf(smallVit(), named("block0"))).toMatchObject({ name: "block0", kind: "tokens", skip: 1 });
    expect(layerOf(smallVit(), named("grid"))).toMatchObject({
      name: "grid",
      kind: "grid",
      rows: 2,
      columns: 3,
    });
  });

  it("refuse a layer whose patches the score does not depend on, and name those that work", async () => {
    const x = picture("vit", 3, 4, 6);
    for (const name of ["final", "block1"]) {
      const model = smallModel(smallVit(), named(name));
      const run = model.backward(
        1,
        { input: false, layer: true },
        (_, out) => out.set(x.data),
        () => 0,
        () => {},
      );
      await expect(run).rejects.toMatchObject({
        code: "E_CAM_LAYER",
        message: `the score does not depend on the patch tokens of "${name}": their gradients are all zero`,
        next: "use a layer before the last attention: --layer norm0, --layer norm1",
      });
    }
  });

  it("give patches that add up: gradients of a mean are the same at every patch", async () => {
    const x = picture("vit", 3, 4, 6);
    const model = smallModel(smallVit({ extra: 0 }));
    let gradient = new Float32Array(0);
    await model.backward(
      1,
      { input: false, layer: true },
      (_, out) => out.set(x.data),
      () => 1,
      (_, pass) => {
        gradient = pass.activationGradient.slice();
      },
    );
    const head = weight("head", 4, 3).data;
    for (let k = 0; k < 4; k++) {
      for (let i = 0; i < 6; i++) expect(gradient[k * 6 + i]).toBeCloseTo(head[k * 3 + 1] / 6, 6);
    }
  });
});

describe("errors", () => {
  it("a name that is not there, with one that is", () => {
    expect(failure(() => layerOf(smallCnn(), named("layer4")))).toBe(
      'E_CAM_LAYER: no tensor "layer4" lies between the input and the score of this model; for example --layer features',
    );
  });

  it("the input and the weights are no layers", () => {
    for (const name of ["x", "w", "score"])
      expect(failure(() => layerOf(smallCnn(), named(name)))).toContain(`no tensor "${name}" lies between`);
  });

  it("a shape without a grid", () => {
    expect(failure(() => layerOf(smallCnn(), named("f")))).toBe(
      'E_CAM_LAYER: "f" [N, 5] is neither a grid [N, C, h, w] nor tokens [N, T, C] of a known patch grid; name another layer with --layer, or give "tokenGrid" in the model card',
    );
  });
});

describe("onGrid", () => {
  const layer: CamLayer = { name: "a", channels: 2, rows: 2, columns: 3, kind: "grid", skip: 0 };
  const cells = [0, 1, 2, 3, 4, 5];
  // channel c at cell i is 10 c + i
  const wanted = Float32Array.from([...cells, ...cells.map((i) => 10 + i)]);

  it("keeps channels first", () => {
    expect(onGrid(layer, wanted)).toEqual(wanted);
  });

  it("turns channels last around", () => {
    const data = Float32Array.from(cells.flatMap((i) => [i, 10 + i]));
    expect(onGrid({ ...layer, kind: "grid-last" }, data)).toEqual(wanted);
  });

  it("drops extra tokens and keeps the rows", () => {
    const data = Float32Array.from([-1, -1, -2, -2, ...cells.flatMap((i) => [i, 10 + i])]);
    expect(onGrid({ ...layer, kind: "tokens", skip: 2 }, data)).toEqual(wanted);
  });
});

describe("fromGrid and withoutChannel", () => {
  const grid: CamLayer = { name: "a", channels: 2, rows: 2, columns: 3, kind: "grid", skip: 0 };
  const layers: CamLayer[] = [
    grid,
    { ...grid, kind: "grid-last" },
    { ...grid, kind: "tokens", skip: 2 },
    { ...grid, kind: "tokens", skip: 0 },
  ];
  const values = Float32Array.from({ length: 12 }, (_, i) => i + 1);

  it.each(layers)("is the inverse of onGrid ($kind, $skip extra)", (layer) => {
    const out = new Float32Array(12 + 2 * layer.skip).fill(-7);
    fromGrid(layer, values, out);
    expect(onGrid(layer, out)).toEqual(values);
    expect([...out.subarray(0, 2 * layer.skip)]).toEqual(Array(2 * layer.skip).fill(-7));
  });

  it.each(layers)("empties one channel and no other ($kind, $skip extra)", (layer) => {
    const out = new Float32Array(12 + 2 * layer.skip).fill(-7);
    fromGrid(layer, values, out);
    withoutChannel(layer, 1, out);
    expect([...onGrid(layer, out)]).toEqual([1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]);
    expect([...out.subarray(0, 2 * layer.skip)]).toEqual([-7, 0, -7, 0].slice(0, 2 * layer.skip));
  });
});
