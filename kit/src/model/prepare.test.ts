import { describe, expect, it } from "vitest";
import { runOnce } from "../../test/ort.ts";
import {
  graphOf,
  logitsOf,
  picture,
  smallCnn,
  smallModel,
  smallVit,
  weight,
} from "../../test/small-models.ts";
import { KitError } from "../errors.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { type Float32Tensor, float32, int64 } from "../onnx/tensor.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { prepare } from "./prepare.ts";

/** The original graph at one image, given as the model wants it. */
async function original(graph: Graph, x: Float32Tensor, output = "y"): Promise<Float32Array> {
  const { [output]: y } = await runOnce(graph, { x: { ...x, dims: [1, ...x.dims] } });
  return y.data as Float32Array;
}

const images = ["one", "two", "three"].map((name) => picture(name, 3, 6, 8));
const greys = ["one", "two"].map((name) => picture(name, 1, 6, 8));

const near = (ours: ArrayLike<number>, theirs: ArrayLike<number>, digits = 5) => {
  expect(ours.length).toBe(theirs.length);
  for (let i = 0; i < theirs.length; i++) expect(ours[i]).toBeCloseTo(theirs[i], digits);
};

/** The code, problem and way out of the error `f` throws. */
function errorOf(f: () => unknown): { code: string; problem: string; next: string | undefined } {
  try {
    f();
  } catch (error) {
    if (error instanceof KitError) return { code: error.code, problem: error.message, next: error.next };
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("preprocessing", () => {
  it("gives the logits of the normalised input", async () => {
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const model = smallModel(smallCnn(), { card: { input: { mean, std } } });
    for (const [k, logits] of (await logitsOf(model, images)).entries()) {
      const normalised = images[k].data.map((v, i) => {
        const c = Math.floor(i / 48);
        return Math.fround(Math.fround(v - Math.fround(mean[c])) / Math.fround(std[c]));
      });
      near(logits, await original(smallCnn(), float32(images[k].dims, normalised)), 6);
    }
    expect(model.prepared.meanColour).toEqual(mean);
  });

  it("takes one value for all channels", () => {
    const { meanColour } = prepare(smallCnn(), { card: { input: { mean: [0.25], std: [0.5] } } });
    expect(meanColour).toEqual([0.25, 0.25, 0.25]);
  });

  it("repeats grey images, and their gradient is the sum over the channels", async () => {
    const card = { input: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] } };
    const grey = smallModel(smallCnn(), { card, pixelChannels: 1 });
    const colour = smallModel(smallCnn(), { card });
    expect(grey.shape).toMatchObject({ channels: 1, height: 6, width: 8 });
    expect(grey.prepared.meanColour[0]).toBeCloseTo(0.4, 12);
    const gradients: Float32Array[] = [];
    for (const [model, repeat] of [
      [grey, 1],
      [colour, 3],
    ] as const) {
      await model.backward(
        greys.length,
        { input: true, layer: false },
        (k, out) => {
          for (let c = 0; c < repeat; c++) out.set(greys[k].data, c * 48);
        },
        (k) => k,
        (_, pass) => gradients.push(pass.gradient.slice()),
      );
    }
    for (const k of [0, 1]) {
      const [one, three] = [gradients[k], gradients[2 + k]];
      near(
        one,
        one.map((_, i) => three[i] + three[48 + i] + three[96 + i]),
      );
    }
  });

  it("is left out on demand: then x is unbounded and the reference is 0", async () => {
    const card = { input: { mean: [0.5], std: [0.5] } };
    const model = smallModel(smallCnn(), { card, preprocess: false });
    const [logits] = await logitsOf(model, images);
    near(logits, await original(smallCnn(), images[0]), 6);
    expect(model.clip(Float32Array.of(-2, 0.5, 3))).toEqual(Float32Array.of(-2, 0.5, 3));
    expect(model.reference("mean", images[0]).data.every((v) => v === 0)).toBe(true);
    const bounded = smallModel(smallCnn(), { card });
    expect(bounded.clip(Float32Array.of(-2, 0.5, 3))).toEqual(Float32Array.of(0, 0.5, 1));
    expect(bounded.reference("mean", images[0]).data.every((v) => v === 0.5)).toBe(true);
    expect(bounded.reference("black", images[0]).data.every((v) => v === 0)).toBe(true);
  });

  it("transposes for a model with its channels last", async () => {
    const first = smallCnn();
    const last: Graph = {
      ...first,
      inputs: [{ name: "x", type: "float32", dims: ["N", 6, 8, 3] }],
      nodes: [
        node("Transpose", ["x"], ["nchw"], { perm: attr.ints([0, 3, 1, 2]) }),
        ...first.nodes.map((n) => ({ ...n, inputs: n.inputs.map((i) => (i === "x" ? "nchw" : i)) })),
      ],
    };
    const model = smallModel(last, { card: { input: { mean: [0.5, 0.4, 0.3] } } });
    expect(model.shape).toMatchObject({ channels: 3, height: 6, width: 8 });
    expect(model.cam).toMatchObject({ name: "features", kind: "grid", rows: 6, columns: 8 });
    expect(model.prepared.assumptions).toContain(
      'input "x" has its channels last, [N, H, W, C]: images are transposed',
    );
    const same = smallModel(first, { card: { input: { mean: [0.5, 0.4, 0.3] } } });
    const [ours, theirs] = [await logitsOf(model, images), await logitsOf(same, images)];
    for (const k of [0, 1, 2]) near(ours[k], theirs[k], 6);
  });
});

describe("tails", () => {
  for (const tail of ["Softmax", "LogSoftmax", "Sigmoid"] as const) {
    it(`cuts off a ${tail}`, async () => {
      const model = smallModel(smallCnn({ tail }));
      const [logits] = await logitsOf(model, images);
      near(logits, await original(smallCnn(), images[0]), 6);
      expect(model.prepared.link).toBe(tail === "Sigmoid" ? "sigmoid" : "softmax");
      expect(model.prepared.task).toBe(tail === "Sigmoid" ? "multi-label" : "multi-class");
      if (tail !== "LogSoftmax")
        near(model.probabilities(logits), await original(smallCnn({ tail }), images[0]), 6);
    });
  }

  it("cuts off a softmax that is only reshaped behind", async () => {
    const inner = smallCnn({ tail: "Softmax" });
    const graph = {
      ...inner,
      nodes: [
        ...inner.nodes,
        node("Unsqueeze", ["y", "two"], ["z"]),
        node("Cast", ["z"], ["t"], { to: attr.int(1) }),
      ],
      initializers: new Map([...inner.initializers, ["two", int64([1], [2])]] as const),
      outputs: [{ name: "t", type: "float32" as const, dims: ["N", 4, 1] }],
    };
    const model = smallModel(graph);
    expect(model.prepared.task).toBe("multi-class");
    expect(model.prepared.assumptions.join()).not.toContain("no softmax");
    near((await logitsOf(model, images))[0], await original(smallCnn(), images[0]), 6);
  });

  it("makes a single output f the pair (−f, f)", async () => {
    for (const tail of [undefined, "Sigmoid"] as const) {
      const model = smallModel(smallCnn({ classes: 1, tail }));
      const [f] = await original(smallCnn({ classes: 1 }), images[0]);
      const [logits] = await logitsOf(model, images);
      near(logits, [-f, f], 6);
      expect(model.classes).toBe(2);
      expect(model.prepared).toMatchObject({ task: "binary", link: "sigmoid", classes: 2 });
      const p = 1 / (1 + Math.exp(-f));
      near(model.probabilities(logits), [1 - p, p], 6);
      expect(model.prepared.assumptions).toContain(
        "a single output: binary, class 1 where its sigmoid is at least 0.5",
      );
    }
  });

  it("differentiates the pair with opposite signs", async () => {
    const model = smallModel(smallCnn({ classes: 1 }));
    const gradients: Float32Array[] = [];
    await model.backward(
      2,
      { input: true, layer: false },
      (_, out) => out.set(images[0].data),
      (k) => k,
      (_, pass) => gradients.push(pass.gradient.slice()),
    );
    expect(gradients[0].some((v) => v !== 0)).toBe(true);
    near(
      gradients[0],
      gradients[1].map((v) => -v),
      7,
    );
  });
});

describe("outputs", () => {
  const two = (): Graph => {
    const inner = smallCnn();
    return {
      ...inner,
      nodes: [...inner.nodes, node("Gemm", ["f", "v", "a"], ["aux_logits"], { alpha: attr.float(2) })],
      outputs: [...inner.outputs, { name: "aux_logits", type: "float32", dims: ["N", 4] }],
    };
  };

  it("prefers one that is called logits, and says so", () => {
    expect(prepare(two()).assumptions).toContain('output "aux_logits" of 2 holds the class scores');
  });

  it("takes the one the card names", async () => {
    const model = smallModel(two(), { card: { output: { name: "y" } } });
    near((await logitsOf(model, images))[0], await original(smallCnn(), images[0]), 6);
    expect(model.prepared.assumptions.join()).not.toContain("holds the class scores");
  });

  it("ignores inputs that only other outputs read, and outputs that are no floats", () => {
    const inner = smallCnn();
    const graph: Graph = {
      ...inner,
      inputs: [...inner.inputs, { name: "ids", type: "int64", dims: ["N", 7] }],
      nodes: [...inner.nodes, node("ArgMax", ["ids"], ["label"])],
      outputs: [{ name: "label", type: "int64", dims: [1, 7] }, ...inner.outputs],
    };
    expect(prepare(graph).folded.graph.inputs.map((i) => i.name)).toEqual(["x"]);
  });
});

describe("batch", () => {
  it("is freed where the graph allows it", async () => {
    const model = smallModel(smallCnn({ batch: 1 }));
    expect(model.prepared.fixedBatch).toBeUndefined();
    expect(model.prepared.assumptions).toContain(
      "the batch dimension was fixed at 1; the graph allows any, so it was freed",
    );
    for (const [k, logits] of (await logitsOf(model, images)).entries())
      near(logits, await original(smallCnn(), images[k]), 6);
  });

  for (const batch of [1, 2]) {
    it(`stays ${batch} where a Reshape has it baked in`, async () => {
      const model = smallModel(smallCnn({ batch, head: "reshape" }));
      expect(model.prepared.fixedBatch).toBe(batch);
      expect(model.prepared.assumptions).toContain(
        `the batch dimension is fixed at ${batch}: images run ${batch} at a time`,
      );
      for (const [k, logits] of (await logitsOf(model, images)).entries())
        near(logits, await original(smallCnn(), images[k]), 6);
      const free = smallModel(smallCnn());
      const gradients: Float32Array[][] = [[], []];
      for (const [m, either] of [model, free].entries()) {
        await either.backward(
          3,
          { input: true, layer: true },
          (k, out) => out.set(images[k].data),
          (k) => k,
          (_, pass) => gradients[m].push(pass.gradient.slice(), pass.activationGradient.slice()),
        );
      }
      for (let i = 0; i < 6; i++) near(gradients[0][i], gradients[1][i], 6);
    });
  }

  it("of a binary model may be fixed too", async () => {
    const model = smallModel(smallCnn({ batch: 2, head: "reshape", classes: 1 }));
    const [f] = await original(smallCnn({ classes: 1 }), images[2]);
    near((await logitsOf(model, images))[2], [-f, f], 6);
  });
});

describe("size", () => {
  const open = smallCnn({ height: "H", width: "W" });

  it("must be given where the file leaves it open", () => {
    expect(errorOf(() => prepare(open))).toEqual({
      code: "E_MODEL_INPUT",
      problem: 'input "x" [N, 3, H, W] leaves its size open',
      next: "give it with --size HxW (or input.height and input.width in the model card); channels must be fixed",
    });
  });

  it("is the one that was given", async () => {
    const model = smallModel(open, { card: { input: { height: 6, width: 8 } } });
    expect(model.shape).toMatchObject({ height: 6, width: 8 });
    near((await logitsOf(model, images))[0], await original(smallCnn(), images[0]), 6);
  });

  it("may not contradict the file", () => {
    expect(errorOf(() => prepare(smallCnn(), { card: { input: { height: 7 } } }))).toEqual({
      code: "E_MODEL_INPUT",
      problem: "the card says height 7, the model takes 6",
      next: "the size in the model file is binding: correct the card",
    });
  });
});

describe("errors", () => {
  const flat = graphOf(["N", 5], [node("Relu", ["x"], ["y"])], {});
  const cases: readonly [string, () => unknown, string, RegExp, RegExp][] = [
    [
      "no image input",
      () => prepare(flat),
      "E_MODEL_INPUT",
      /^expected one float32 image input \[N, C, H, W\]$/,
      /input\.name/,
    ],
    [
      "an input that is not there",
      () => prepare(smallCnn(), { card: { input: { name: "pixels" } } }),
      "E_MODEL_INPUT",
      /named "pixels"$/,
      /input\.name/,
    ],
    [
      "images of other channels",
      () => prepare(smallCnn({ channels: 1 }), { pixelChannels: 3 }),
      "E_MODEL_INPUT",
      /^the images have 3 channels, the model takes 1$/,
      /convert/,
    ],
    [
      "a second input",
      () => {
        const inner = smallCnn();
        const nodes = [...inner.nodes, node("Add", ["y", "more"], ["sum"])];
        prepare({
          ...inner,
          nodes,
          inputs: [...inner.inputs, { name: "more", type: "float32", dims: ["N", 4] }],
          outputs: [{ name: "sum", type: "float32", dims: ["N", 4] }],
        });
      },
      "E_MODEL_INPUT",
      /^the model wants more than an image: more$/,
      /alone/,
    ],
    [
      "an output that is not there",
      () => prepare(smallCnn(), { card: { output: { name: "z" } } }),
      "E_MODEL_OUTPUT",
      /^the model has no output "z"$/,
      /^it has: y$/,
    ],
    [
      "a segmentation",
      () =>
        prepare({ ...smallCnn(), outputs: [{ name: "features", type: "float32", dims: ["N", 5, 6, 8] }] }),
      "E_MODEL_OUTPUT",
      /^"features" has the shape \[N, 5, 6, 8\], which is not one row of class scores per image$/,
      /output\.name/,
    ],
    [
      "a score for the whole batch",
      () => {
        const inner = smallCnn();
        const nodes = [...inner.nodes, node("ReduceMean", ["y", "zero"], ["m"], { keepdims: attr.int(0) })];
        const initializers = new Map([...inner.initializers, ["zero", int64([1], [0])]] as const);
        prepare({ ...inner, nodes, initializers, outputs: [{ name: "m", type: "float32", dims: [4] }] });
      },
      "E_MODEL_OUTPUT",
      /^"m" has the shape \[4\]/,
      /output\.name/,
    ],
    [
      "an output of integers",
      () => {
        const inner = smallCnn();
        const outputs = [{ name: "k", type: "int64" as const, dims: ["N"] }];
        const argmax = node("ArgMax", ["y"], ["k"], { axis: attr.int(1), keepdims: attr.int(0) });
        prepare({ ...inner, nodes: [...inner.nodes, argmax], outputs }, { card: { output: { name: "k" } } });
      },
      "E_MODEL_OUTPUT",
      /^"k" is of type int64, not float32$/,
      /output\.name/,
    ],
    [
      "no output of scores",
      () => {
        const outputs = [{ name: "k", type: "int64" as const, dims: ["N"] }];
        prepare({ ...smallCnn(), nodes: [...smallCnn().nodes, node("ArgMax", ["y"], ["k"])], outputs });
      },
      "E_MODEL_OUTPUT",
      /^the model has no output of class scores$/,
      /logits/,
    ],
    [
      "an output without the image",
      () => prepare(graphOf([1, 3, 4, 4], [node("Relu", ["k"], ["y"])], { k: weight("k", 1, 3) })),
      "E_MODEL_OUTPUT",
      /^"y" does not depend on the image$/,
      /output\.name/,
    ],
    [
      "mean of two values",
      () => prepare(smallCnn(), { card: { input: { mean: [0, 0] } } }),
      "E_CARD",
      /^mean has 2 values, the model takes 3 channels$/,
      /one per channel/,
    ],
    [
      "std of zero",
      () => prepare(smallCnn(), { card: { input: { std: [1, 0, 1] } } }),
      "E_CARD",
      /^std 1, 0, 1 must be positive$/,
      /card/,
    ],
    [
      "too few class names",
      () => prepare(smallCnn(), { card: { classes: ["a"] } }),
      "E_CARD",
      /^the card names 1 classes, the model has 4$/,
      /order of the logits/,
    ],
    [
      "binary with four outputs",
      () => prepare(smallCnn(), { card: { task: "binary" } }),
      "E_CARD",
      /^binary means a single output, this model has 4$/,
      /multi-class/,
    ],
    [
      "multi-class with one output",
      () => prepare(smallCnn({ classes: 1 }), { card: { task: "multi-class" } }),
      "E_CARD",
      /^multi-class needs at least two outputs, this model has one$/,
      /binary/,
    ],
    [
      "multi-class behind a sigmoid",
      () => prepare(smallCnn({ tail: "Sigmoid" }), { card: { task: "multi-class" } }),
      "E_CARD",
      /^a model that ends in a sigmoid is not multi-class$/,
      /--task/,
    ],
    [
      "multi-label behind a softmax",
      () => prepare(smallCnn({ tail: "LogSoftmax" }), { card: { task: "multi-label" } }),
      "E_CARD",
      /^a model that ends in a softmax is not multi-label$/,
      /--task/,
    ],
  ];
  for (const [name, attempt, code, problem, next] of cases) {
    it(name, () => {
      const error = errorOf(attempt);
      expect(error.code).toBe(code);
      expect(error.problem).toMatch(problem);
      expect(error.next).toMatch(next);
    });
  }
});

describe("assumptions", () => {
  it("say everything that was inferred", () => {
    expect(prepare(smallCnn({ batch: 1 })).assumptions).toEqual([
      "no mean/std given: the model takes pixels in [0, 1] as they are",
      "the batch dimension was fixed at 1; the graph allows any, so it was freed",
      "no softmax or sigmoid at the end: multi-class (--task multi-label otherwise)",
      "family cnn (no attention)",
      'CAM layer "features" (5 channels on 6×8)',
    ]);
    expect(prepare(smallVit()).assumptions.slice(-2)).toEqual([
      "family transformer (attention)",
      'CAM layer "norm1" (4 channels on 2×3, patch tokens after 1 extra)',
    ]);
  });

  it("are none where the card says it all", () => {
    const card: ModelCard = {
      family: "cnn",
      task: "multi-class",
      camLayer: "features",
      input: { mean: [0.5], std: [0.5] },
    };
    expect(prepare(smallCnn(), { card }).assumptions).toEqual([]);
  });
});
