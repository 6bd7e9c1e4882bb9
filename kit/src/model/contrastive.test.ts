import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { distance } from "../../test/analytic-probe.ts";
import { fixtures } from "../../test/fixtures.ts";
import { graphOf, logitsOf, picture, smallModel, weight } from "../../test/small-models.ts";
import { openNpz } from "../datasets/readers/npz.ts";
import { attribute } from "../methods/method.ts";
import { attr, type Graph, type Node, node, prune } from "../onnx/graph.ts";
import { readOnnx } from "../onnx/read.ts";
import { type Float32Tensor, float32, int64, type Tensor, toFloat32 } from "../onnx/tensor.ts";
import { methodOf } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { contrastiveHead, withClassEmbeddings } from "./contrastive.ts";
import { prepare } from "./prepare.ts";
import { createProbe } from "./probe.ts";

type Weights = Record<string, Tensor>;

/** Image → embedding "e" [N, 6], then the head under test: nodes from "e" to "y" [N, 3]. */
const withHead = (nodes: readonly Node[], weights: Weights = {}) =>
  graphOf(
    ["N", 3, 4, 4],
    [
      node("Conv", ["x", "w"], ["c"]),
      node("GlobalAveragePool", ["c"], ["p"]),
      node("Flatten", ["p"], ["e"]),
      ...nodes,
    ],
    {
      w: weight("w", 6, 3, 3, 3),
      text: weight("text", 6, 3),
      rows: weight("rows", 3, 6),
      scale: float32([], [100]),
      eps: float32([], [1e-12]),
      two: float32([], [2]),
      half: float32([], [0.5]),
      axis: int64([1], [-1]),
      size: int64([2], [1, 6]),
      ...weights,
    },
  );

const keepdims = { keepdims: attr.int(1) };
const product = node("MatMul", ["n", "text"], ["m"]);
const scaled = [product, node("Mul", ["m", "scale"], ["y"])];
const l2 = node("ReduceL2", ["e", "axis"], ["l"], keepdims);
const over = (length: string) => node("Div", ["e", length], ["n"]);

const lengths: Record<string, readonly Node[]> = {
  "x / x.norm()": [l2, over("l")],
  "F.normalize: Clip and Expand": [
    l2,
    node("Clip", ["l", "eps"], ["clipped"]),
    node("Expand", ["clipped", "size"], ["wide"]),
    over("wide"),
  ],
  "Max with an epsilon, the constant first": [l2, node("Max", ["eps", "l"], ["clipped"]), over("clipped")],
  "an added epsilon": [l2, node("Add", ["eps", "l"], ["clipped"]), over("clipped")],
  "Sqrt of ReduceSum of Mul": [
    node("Mul", ["e", "e"], ["s"]),
    node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
    node("Sqrt", ["ss"], ["l"]),
    over("l"),
  ],
  "Sqrt of ReduceSum of Pow": [
    node("Pow", ["e", "two"], ["s"]),
    node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
    node("Add", ["ss", "eps"], ["safe"]),
    node("Sqrt", ["safe"], ["l"]),
    over("l"),
  ],
  "Pow ½ of ReduceSumSquare": [
    node("ReduceSumSquare", ["e", "axis"], ["ss"], keepdims),
    node("Pow", ["ss", "half"], ["l"]),
    over("l"),
  ],
  LpNormalization: [node("LpNormalization", ["e"], ["n"], { axis: attr.int(-1), p: attr.int(2) })],
  "times one over the length": [
    l2,
    node("Reciprocal", ["l"], ["inverse"]),
    node("Mul", ["inverse", "e"], ["n"]),
  ],
};

const heads: Record<string, readonly Node[]> = {
  "scale behind": scaled,
  "scale in front of the product": [
    node("Mul", ["scale", "n"], ["big"]),
    node("MatMul", ["big", "text"], ["y"]),
  ],
  "Gemm with its own factor": [
    node("Gemm", ["n", "rows"], ["y"], { transB: attr.int(1), alpha: attr.float(100) }),
  ],
  "scale and bias (SigLIP)": [product, node("Mul", ["m", "scale"], ["k"]), node("Add", ["k", "two"], ["y"])],
  "a temperature": [product, node("Div", ["m", "scale"], ["y"])],
  "texts times images, turned around": [
    node("Transpose", ["n"], ["nt"], { perm: attr.ints([1, 0]) }),
    node("MatMul", ["rows", "nt"], ["per_text"]),
    node("Mul", ["per_text", "scale"], ["s_t"]),
    node("Transpose", ["s_t"], ["y"], { perm: attr.ints([1, 0]) }),
  ],
};

describe("contrastive heads", () => {
  for (const [name, nodes] of Object.entries(lengths)) {
    it(`length: ${name}`, () => {
      const found = contrastiveHead(withHead([...nodes, ...scaled]), "y");
      expect(found?.embedding).toBe("n");
      expect(found?.constants).toEqual(expect.arrayContaining(["text", "scale"]));
      expect(found?.constants).not.toContain("w");
    });
  }

  for (const [name, nodes] of Object.entries(heads)) {
    it(`product: ${name}`, () => {
      const graph = withHead([l2, over("l"), ...nodes]);
      const found = contrastiveHead(graph, "y");
      expect(found?.embedding).toBe("n");
      const { family, headTensors } = prepare(graph);
      expect(family).toBe("contrastive");
      const read = new Set(nodes.flatMap((n) => n.inputs).filter((i) => graph.initializers.has(i)));
      expect([...headTensors].sort()).toEqual([...read].sort());
    });
  }

  const others: Record<string, readonly Node[]> = {
    "a plain classifier": [node("MatMul", ["e", "text"], ["m"]), node("Mul", ["m", "scale"], ["y"])],
    "divided by the length of something else": [
      node("Relu", ["e"], ["other"]),
      node("ReduceL2", ["other", "axis"], ["l"], keepdims),
      over("l"),
      ...scaled,
    ],
    "divided by a sum": [node("ReduceSum", ["e", "axis"], ["l"], keepdims), over("l"), ...scaled],
    "a sum of products that are no squares": [
      node("Mul", ["e", "two"], ["s"]),
      node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
      node("Sqrt", ["ss"], ["l"]),
      over("l"),
      ...scaled,
    ],
    "a sum of cubes": [
      node("Pow", ["e", "three"], ["s"]),
      node("ReduceSum", ["s", "axis"], ["ss"], keepdims),
      node("Sqrt", ["ss"], ["l"]),
      over("l"),
      ...scaled,
    ],
    "a layer behind the unit vector": [
      l2,
      over("l"),
      node("MatMul", ["n", "text"], ["m"]),
      node("Relu", ["m"], ["r"]),
      node("MatMul", ["r", "square"], ["y"]),
    ],
  };
  for (const [name, nodes] of Object.entries(others)) {
    it(`not: ${name}`, () => {
      const graph = withHead(nodes, { three: float32([], [3]), square: weight("square", 3, 3) });
      expect(contrastiveHead(graph, "y")).toBeUndefined();
    });
  }
});

describe("class embeddings from outside", () => {
  /** Image → embedding [N, 6]. */
  const encoder = (changes: Partial<Graph> = {}): Graph => ({
    ...withHead([]),
    outputs: [{ name: "e", type: "float32", dims: ["N", 6] }],
    ...changes,
  });
  const sha256 = "ab".repeat(32);
  const texts = weight("texts", 3, 6);
  const x = picture("contrastive", 3, 4, 4);
  const rows = (t: Float32Tensor) =>
    Array.from({ length: t.dims[0] }, (_, k) => t.data.slice(k * t.dims[1], (k + 1) * t.dims[1]));
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

  it("make scores of similarities: the scale times the cosine, whatever the lengths", async () => {
    // the encoder's own output: six classes, for once
    const [embedding] = await logitsOf(smallModel(encoder()), [x]);
    const longer = float32(
      texts.dims,
      texts.data.map((v, i) => v * (1 + Math.floor(i / 6))),
    );
    for (const embeddings of [texts, longer]) {
      const model = smallModel(encoder(), { text: { embeddings, scale: 20, sha256 } });
      expect(model.classes).toBe(3);
      expect(model.prepared).toMatchObject({ family: "contrastive", task: "multi-class", classes: 3 });
      const [logits] = await logitsOf(model, [x]);
      expect(
        distance(
          logits,
          rows(texts).map((t) => 20 * cosine(t, embedding)),
        ),
      ).toBeLessThan(1e-4);
    }
  });

  it("say so, with the hash; so does the identity of the model", () => {
    const { assumptions } = prepare(encoder(), { text: { embeddings: texts, sha256 } });
    expect(assumptions).toContain(
      `class scores: similarities of "e" to 3 class embeddings (SHA-256 ${sha256}), times 100`,
    );
    expect(assumptions).toContain("no --logit-scale: 100, where CLIP's training ends");
    const weights = "cd".repeat(32);
    const ids = [
      withClassEmbeddings(weights, undefined),
      withClassEmbeddings(weights, { sha256 }),
      withClassEmbeddings(weights, { sha256, scale: 50 }),
      withClassEmbeddings(weights, { sha256: weights }),
      withClassEmbeddings(sha256, { sha256 }),
    ];
    expect(ids[0]).toBe(weights);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(withClassEmbeddings(weights, { sha256, scale: 100 })).toBe(ids[1]);
  });

  it("are no weights of the model: randomising leaves them", () => {
    const { headTensors, folded, score } = prepare(encoder(), { text: { embeddings: texts, sha256 } });
    expect(contrastiveHead(folded.graph, score)?.constants).toHaveLength(2);
    expect(headTensors.size).toBe(2);
    expect(headTensors).not.toContain("w");
  });

  it("give an image without an embedding the similarity 0, and finite gradients", async () => {
    const silent = encoder({
      initializers: new Map([
        ...withHead([]).initializers,
        ["w", float32([6, 3, 3, 3], new Float32Array(162))],
      ]),
    });
    const model = smallModel(silent, { text: { embeddings: texts, sha256 } });
    expect((await logitsOf(model, [x]))[0]).toEqual(new Float32Array(3));
    const { data } = await createProbe({ model, x, target: 1 }).gradient();
    expect(data.every(Number.isFinite)).toBe(true);
  });

  it("go with the output that holds the image's embedding", async () => {
    const e = { name: "e", type: "float32", dims: ["N", 6] } as const;
    const hidden = { name: "c", type: "float32", dims: ["N", 6, 2, 2] } as const;
    const of = (outputs: Graph["outputs"], card = {}) =>
      prepare(encoder({ outputs }), { card, text: { embeddings: texts, sha256 } });
    expect(of([hidden, e]).assumptions).toContain(`output "e" of 2 holds the image's embedding`);
    const pooled = { name: "p", type: "float32", dims: ["N", 6, 1, 1] } as const;
    expect(of([e, pooled], { output: { name: "p" } }).assumptions).toContainEqual(
      expect.stringContaining('similarities of "p"'),
    );
  });

  const refused: [string, Float32Tensor, number | undefined, RegExp, RegExp][] = [
    [
      "embeddings of another size",
      weight("t", 3, 5),
      1,
      /dims \[3, 5\] for image embeddings of 6 values/,
      /\[classes, 6\]/,
    ],
    ["one row per value", weight("t", 6, 3), 1, /dims \[6, 3\]/, /transpose/],
    ["a single vector", weight("t", 6), 1, /dims \[6\]/, /\[classes, 6\]/],
    ["a single class", weight("t", 1, 6), 1, /dims \[1, 6\]/, /two classes/],
    [
      "a class of zeros",
      float32([2, 6], [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]),
      1,
      /class 1 is zero/,
      /row c/,
    ],
    [
      "NaN",
      float32([2, 6], [1, 2, 3, 4, 5, Number.NaN, 1, 1, 1, 1, 1, 1]),
      1,
      /class 0 is not finite/,
      /row c/,
    ],
    ["a negative scale", texts, -1, /scale -1/, /not its logarithm/],
    ["an infinite scale", texts, Number.POSITIVE_INFINITY, /scale Infinity/, /positive|factor/],
  ];
  it.each(refused)("refuse %s", (_, embeddings, scale, message, next) => {
    expect(() => prepare(encoder(), { text: { embeddings, scale, sha256 } })).toThrow(
      expect.objectContaining({
        code: "E_INPUT",
        message: expect.stringMatching(message),
        next: expect.stringMatching(next),
      }),
    );
  });

  it("refuse a model that gives no row per image", () => {
    const hidden = { name: "c", type: "float32", dims: ["N", 6, 2, 2] } as const;
    const text = { embeddings: texts, sha256 };
    expect(() => prepare(encoder({ outputs: [hidden] }), { text })).toThrow(
      expect.objectContaining({ code: "E_MODEL_OUTPUT", details: ["c: float32 [N, 6, 2, 2]"] }),
    );
    expect(() => prepare(encoder(), { text, card: { output: { name: "nowhere" } } })).toThrow(
      /no output "nowhere"/,
    );
  });
});

const root = fixtures();
describe.skipIf(!root)("the oracle's contrastive model, cut at its embedding", () => {
  it("is the whole model again with its class embeddings: scores, family, CAM layer and gradients", async () => {
    const folder = join(root!, "oracle", "clip");
    const whole = readOnnx(new Uint8Array(readFileSync(join(folder, "model.onnx"))), { name: "clip" });
    const io = await openNpz(join(folder, "io.npz"));
    const array = async (name: string) => {
      const tensor = await io.read(name);
      return float32(tensor.dims, toFloat32(tensor));
    };
    const [images, embeddings, scale, theirs] = await Promise.all(
      ["x", "text_embeddings", "logit_scale", "logits"].map(array),
    );
    await io.close();
    // the division by the length is the last
    const [embedding] = whole.nodes.findLast((n) => n.op === "Div")!.inputs;
    const encoder = prune(whole, [{ name: embedding, type: "float32", dims: ["batch", embeddings.dims[1]] }]);
    expect(encoder.initializers.size).toBeLessThan(whole.initializers.size);

    const text = { embeddings, scale: scale.data[0], sha256: "0".repeat(64) };
    const options = { preprocess: false };
    const [ours, own] = [smallModel(encoder, { ...options, text }), smallModel(whole, options)];
    const pair = Array.from({ length: images.dims[0] }, (_, k) =>
      float32([3, 64, 64], images.data.slice(k * 12288, (k + 1) * 12288)),
    );
    const found = await logitsOf(ours, pair);
    expect(found).toHaveLength(2);
    for (const [k, logits] of found.entries()) {
      expect(distance(logits, theirs.data.subarray(4 * k, 4 * k + 4))).toBeLessThan(1e-4);
      expect(distance(logits, (await logitsOf(own, pair))[k])).toBeLessThan(1e-4);
    }
    expect(ours.prepared.family).toBe("contrastive");
    expect(ours.cam).toEqual(own.cam);
    for (const id of ["saliency", "grad-cam"]) {
      const [a, b] = await Promise.all(
        [ours, own].map((model) =>
          attribute(methodOf(id), createProbe({ model, x: pair[0], target: 2 }), {
            rng: () => rngOf("none"),
          }),
        ),
      );
      const size = Math.max(...b.data.map(Math.abs));
      expect(distance(a.data, b.data) / size).toBeLessThan(1e-4);
    }
  });
});
