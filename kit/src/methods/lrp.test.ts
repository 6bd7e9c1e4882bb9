import { describe, expect, it } from "vitest";
import { distance, streams } from "../../test/analytic-probe.ts";
import { graphOf, picture, smallCnn, smallModel, smallVit, weight } from "../../test/small-models.ts";
import { backward } from "../autodiff/backward.ts";
import { convolutionRules, lrpRules } from "../autodiff/rules/lrp.ts";
import type { Model, Program } from "../model/model.ts";
import { createProbe } from "../model/probe.ts";
import { attr, type Graph, node } from "../onnx/graph.ts";
import { type Float32Tensor, float32, int64, type Tensor } from "../onnx/tensor.ts";
import type { ParamValue } from "../params.ts";
import { rngOf } from "../rng.ts";
import { lrp, relevance } from "./lrp.ts";
import { attribute } from "./method.ts";
import { passedBack } from "./ruled.ts";

const rng = streams("lrp");
type Values = readonly number[];
type Given = Readonly<Record<string, ParamValue>>;
type Weights = ReadonlyMap<string, Tensor>;

/** An affine map as the list of its connections, so that each rule can be written down as its paper has it. */
interface Layer {
  /** weight of the connection from input i to output j, by j and i */
  readonly links: readonly ReadonlyMap<number, number>[];
  readonly bias: Values;
}

const sum = (values: Iterable<number>): number => [...values].reduce((s, v) => s + v, 0);
const valuesOf = (t: Tensor | undefined): Values => Array.from(t!.data as Float32Array);
const signed = (z: number, ε: number): number => z + (z < 0 ? -ε : ε);
const up = (v: number): number => Math.max(v, 0);
const down = (v: number): number => Math.min(v, 0);

/** 3×3 with a border of zeros, or the mean of 2×2 windows. */
function convolution(w: Tensor, bias: Values, side: number): Layer {
  const [outputs, channels] = w.dims;
  const values = valuesOf(w);
  const links = Array.from({ length: outputs * side * side }, (_, j) => {
    const [o, row, column] = [Math.floor(j / side ** 2), Math.floor(j / side) % side, j % side];
    const from = new Map<number, number>();
    for (let c = 0; c < channels; c++)
      for (let u = -1; u <= 1; u++)
        for (let v = -1; v <= 1; v++) {
          const [y, x] = [row + u, column + v];
          if (y < 0 || x < 0 || y >= side || x >= side) continue;
          from.set((c * side + y) * side + x, values[((o * channels + c) * 3 + u + 1) * 3 + v + 1]);
        }
    return from;
  });
  return { links, bias: links.map((_, j) => bias[Math.floor(j / side ** 2)]) };
}

/** [inputs, outputs] */
const dense = (w: Tensor, bias: Values): Layer => ({
  links: bias.map(
    (_, j) => new Map(Array.from({ length: w.dims[0] }, (_, i) => [i, valuesOf(w)[i * bias.length + j]])),
  ),
  bias,
});

const means = (channels: number, side: number, window: number): Layer => {
  const small = side / window;
  const links = Array.from({ length: channels * small * small }, (_, j) => {
    const [c, row, column] = [Math.floor(j / small ** 2), Math.floor(j / small) % small, j % small];
    return new Map(
      Array.from({ length: window ** 2 }, (_, k) => {
        const [y, x] = [row * window + Math.floor(k / window), column * window + (k % window)];
        return [(c * side + y) * side + x, 1 / window ** 2];
      }),
    );
  });
  return { links, bias: links.map(() => 0) };
};

const applied = ({ links, bias }: Layer, a: Values): Values =>
  links.map((from, j) => sum([...from].map(([i, w]) => a[i] * w)) + bias[j]);

/** Rᵢ = Σⱼ share of i in j · Rⱼ, where `shares` sees the contributions aᵢwᵢⱼ, the bias and zⱼ. */
function shared(
  { links, bias }: Layer,
  a: Values,
  R: Values,
  shares: (contributions: Values, bias: number, z: number) => Values,
): Values {
  const below = a.map(() => 0);
  for (const [j, from] of links.entries()) {
    const contributions = [...from].map(([i, w]) => a[i] * w);
    const share = shares(contributions, bias[j], sum(contributions) + bias[j]);
    for (const [k, i] of [...from.keys()].entries()) below[i] += share[k] * R[j];
  }
  return below;
}

interface Choice {
  readonly convolution: (typeof convolutionRules)[number];
  readonly first: "flat" | "as-others";
  readonly epsilon: number;
  readonly stabiliser: number;
  readonly gamma: number;
}

/** The rules, each as its paper has it, in contributions c = a·w. */
const rulesBy = ({ convolution, first, epsilon, stabiliser, gamma }: Choice) => {
  const byEpsilon = (ε: number) => (c: Values, _: number, z: number) => c.map((v) => v / signed(z, ε));
  const alphaBeta = (α: number, β: number) => (c: Values, b: number) => {
    const [P, N] = [sum(c.map(up)) + up(b), sum(c.map(down)) + down(b)];
    return c.map((v) => (α * up(v)) / (P + stabiliser) - (β * down(v)) / signed(N, stabiliser));
  };
  const byGamma = (c: Values, b: number, z: number) => {
    const more = (v: number) => v + gamma * (z > 0 ? up(v) : down(v));
    return c.map((v) => more(v) / signed(sum(c.map(more)) + more(b), stabiliser));
  };
  const flat = (c: Values) => c.map(() => 1 / (c.length + stabiliser));
  const conv = {
    epsilon: byEpsilon(epsilon),
    "z-plus": alphaBeta(1, 0),
    "alpha2-beta1": alphaBeta(2, 1),
    gamma: byGamma,
  }[convolution]!;
  return {
    conv,
    first: first === "flat" ? flat : conv,
    dense: byEpsilon(epsilon),
    norm: byEpsilon(stabiliser),
  };
};

const side = 4;
const size = side * side;
const pads = { pads: attr.ints([1, 1, 1, 1]) };
const image = (seed: string): Float32Tensor => {
  const { dims, data } = picture(seed, 2, side, side);
  return float32(
    dims,
    data.map((v) => 2 * v - 1),
  );
};

interface Net {
  /** rules of convolutions that lose nothing: z-plus has nobody to give the relevance of a sum to that nothing raised */
  readonly conserving: readonly string[];
  graph(seed: string, biased: boolean): Graph;
  /** relevance of the pixels */
  literal(weights: Weights, x: Values, target: number, rules: ReturnType<typeof rulesBy>): Values;
}

const optional = (biased: boolean, seed: string, name: string, length: number) =>
  biased
    ? weight(`${seed} ${name}`, length)
    : float32(
        [length],
        Array.from({ length }, () => 0),
      );

/** Convolution → ReLU → max of 2×2 → convolution → ReLU → means → dense. */
const plain: Net = {
  conserving: ["z-plus", "gamma", "epsilon"],
  graph: (seed, biased) =>
    graphOf(
      ["N", 2, side, side],
      [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads),
        node("Relu", ["c1"], ["r1"]),
        node("MaxPool", ["r1"], ["m"], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) }),
        node("Conv", ["m", "w2", "b2"], ["c2"], pads),
        node("Relu", ["c2"], ["r2"]),
        node("GlobalAveragePool", ["r2"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["y"]),
      ],
      {
        w1: weight(`${seed} w1`, 3, 2, 3, 3),
        b1: optional(biased, seed, "b1", 3),
        w2: weight(`${seed} w2`, 4, 3, 3, 3),
        b2: optional(biased, seed, "b2", 4),
        w3: weight(`${seed} w3`, 4, 3),
        b3: optional(biased, seed, "b3", 3),
      },
    ),
  literal(w, x, target, rules) {
    const first = convolution(w.get("w1")!, valuesOf(w.get("b1")), side);
    const second = convolution(w.get("w2")!, valuesOf(w.get("b2")), side / 2);
    const pool = means(4, side / 2, side / 2);
    const last = dense(w.get("w3")!, valuesOf(w.get("b3")));
    const a1 = applied(first, x).map(up);
    const winners = means(3, side, 2).links.map((from) =>
      [...from.keys()].reduce((best, i) => (a1[i] > a1[best] ? i : best)),
    );
    const m = winners.map((i) => a1[i]);
    const a2 = applied(second, m).map(up);
    const f = applied(pool, a2);
    const scores = applied(last, f);
    const R = scores.map((v, t) => (t === target ? v : 0));
    const ofPool = shared(last, f, R, rules.dense);
    const ofSecond = shared(pool, a2, ofPool, rules.norm);
    const ofMax = shared(second, m, ofSecond, rules.conv);
    const ofFirst = a1.map(() => 0);
    for (const [j, i] of winners.entries()) ofFirst[i] += ofMax[j];
    return shared(first, x, ofFirst, rules.first);
  },
};

/**
 * Convolution → ReLU → a block (convolution, its bias added behind it, and the block's input) → means of 2×2 → normalisation → ReLU → both
 * beside each other → means → a matrix, its bias added behind it. Nothing but the first ReLU keeps what the block reads above 0, and what the
 * matrix reads is not.
 */
const residual: Net = {
  conserving: ["gamma", "epsilon"],
  graph: (seed, biased) =>
    graphOf(
      ["N", 2, side, side],
      [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2"], ["c2"], pads),
        node("Add", ["bias2", "c2"], ["z2"]),
        node("Add", ["z2", "r1"], ["s"]),
        node("Conv", ["s", "w3", "b3"], ["c3"], pads),
        node("AveragePool", ["c3"], ["p"], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) }),
        node("BatchNormalization", ["p", "scale", "shift", "mean", "variance"], ["n"]),
        node("Relu", ["n"], ["r3"]),
        node("Concat", ["r3", "p"], ["both"], { axis: attr.int(1) }),
        node("ReduceMean", ["both", "axes"], ["g"], { keepdims: attr.int(0) }),
        node("MatMul", ["g", "w4"], ["product"]),
        node("Add", ["product", "b4"], ["y"]),
      ],
      {
        w1: weight(`${seed} w1`, 2, 2, 3, 3),
        b1: optional(biased, seed, "b1", 2),
        w2: weight(`${seed} w2`, 2, 2, 3, 3),
        bias2: { ...optional(biased, seed, "b2", 2), dims: [1, 2, 1, 1] },
        w3: weight(`${seed} w3`, 2, 2, 3, 3),
        b3: optional(biased, seed, "b3", 2),
        scale: weight(`${seed} scale`, 2),
        shift: optional(biased, seed, "shift", 2),
        mean: float32([2], [0.1, -0.2]),
        variance: float32([2], [0.5, 2]),
        axes: int64([2], [2, 3]),
        w4: weight(`${seed} w4`, 4, 3),
        b4: optional(biased, seed, "b4", 3),
      },
    ),
  literal(w, x, target, rules) {
    const first = convolution(w.get("w1")!, valuesOf(w.get("b1")), side);
    const second = convolution(w.get("w2")!, valuesOf(w.get("bias2")), side);
    const third = convolution(w.get("w3")!, valuesOf(w.get("b3")), side);
    const pool = means(2, side, 2);
    const all = means(4, side / 2, side / 2);
    const last = dense(w.get("w4")!, valuesOf(w.get("b4")));
    const a1 = applied(first, x).map(up);
    const z2 = applied(second, a1);
    const s = z2.map((v, i) => v + a1[i]);
    const p = applied(pool, applied(third, s));
    const [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map((n) =>
      valuesOf(w.get(n)),
    );
    const n = p.map((v, i) => {
      const c = Math.floor(i / (size / 4));
      return (scale[c] * (v - mean[c])) / Math.sqrt(variance[c] + 1e-5) + shift[c];
    });
    const both = [...n.map(up), ...p];
    const g = applied(all, both);
    const scores = applied(last, g);
    const R = scores.map((v, t) => (t === target ? v : 0));
    const ofBoth = shared(all, both, shared(last, g, R, rules.dense), rules.norm);
    const ofPool = p.map((_, i) => ofBoth[i] + ofBoth[i + p.length]);
    const ofThird = shared(pool, applied(third, s), ofPool, rules.norm);
    const ofSum = shared(third, s, ofThird, rules.conv);
    const halves = ofSum.map((r, i) => rules.norm([z2[i], a1[i]], 0, s[i]).map((share) => share * r));
    const through = shared(
      second,
      a1,
      halves.map(([v]) => v),
      rules.conv,
    );
    const ofFirst = a1.map((_, i) => halves[i][1] + through[i]);
    return shared(first, x, ofFirst, rules.first);
  },
};

const choices: readonly Choice[] = convolutionRules.flatMap((convolution): Choice[] => [
  { convolution, first: "flat", epsilon: 0.3, stabiliser: 0.2, gamma: 0.25 },
  { convolution, first: "as-others", epsilon: 0.05, stabiliser: 0.1, gamma: 0.7 },
]);

async function found(
  model: Model,
  x: Float32Tensor,
  target: number,
  params: Given = {},
): Promise<Float32Array> {
  const { dims, data } = await attribute(lrp, createProbe({ model, x, target }), { params, rng });
  expect(dims).toEqual(x.dims);
  return data;
}

const raw = (graph: Graph, more: Parameters<typeof smallModel>[2] = {}) =>
  smallModel(graph, { preprocess: false }, more);
const largest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));

describe.each([
  ["a plain net", plain],
  ["a net with a block, a normalisation, a Concat and biases behind", residual],
])("lrp on %s", (name, net) => {
  const graph = net.graph(name, true);
  const model = raw(graph);
  const x = image(name);

  it.each(choices)("is what the papers say: $convolution, $first", async (choice) => {
    for (const target of [0, 2]) {
      const want = net.literal(graph.initializers, Array.from(x.data), target, rulesBy(choice));
      expect(largest(want)).toBeGreaterThan(1e-3);
      expect(distance(await found(model, x, target, { ...choice }), want)).toBeLessThan(1e-4 * largest(want));
    }
  });

  it("has z-plus, flat and small numbers for defaults", async () => {
    const small = { epsilon: 1e-6, stabiliser: 1e-3, gamma: 0 };
    const choice: Choice = { convolution: "z-plus", first: "flat", ...small };
    const want = net.literal(graph.initializers, Array.from(x.data), 1, rulesBy(choice));
    expect(distance(await found(model, x, 1), want)).toBeLessThan(1e-4 * largest(want));
  });

  it("shares all of the score where no layer has a bias", async () => {
    for (const seed of ["a", "b", "c"]) {
      const unbiased = raw(net.graph(`${name} ${seed}`, false));
      for (const convolution of net.conserving) {
        for (const first of ["flat", "as-others"]) {
          const probe = createProbe({ model: unbiased, x: image(seed), target: 0 });
          const params = { convolution, first, stabiliser: 1e-6 };
          const { data } = await attribute(lrp, probe, { params, rng });
          const score = await probe.score();
          expect(Math.abs(sum(data) - score)).toBeLessThan(1e-3 * Math.max(largest(data), Math.abs(score)));
        }
      }
    }
  });

  it("is computed from the weights of the randomised model", async () => {
    const shuffled = model.randomised("shuffled", rngOf("lrp", "shuffled"));
    const { initializers } = shuffled.prepared.folded.graph;
    const want = net.literal(initializers, Array.from(x.data), 0, rulesBy(choices[0]));
    const got = await found(shuffled, x, 0, { ...choices[0] });
    expect(distance(got, want)).toBeLessThan(1e-4 * largest(want));
    expect(distance(got, await found(model, x, 0, { ...choices[0] }))).toBeGreaterThan(0.1 * largest(want));
  });

  it.each(choices.filter(({ first }) => first === "flat"))(
    "gives the same where weights are known only while running: $convolution",
    async (choice) => {
      const program: Program = {
        id: `while running ${choice.convolution}`,
        passes: { forwards: 1, backwards: 1 },
        build({ folded, input, score, options }) {
          const { first, ...own } = choice;
          const given = { ...options, ...own, flatFirst: first === "flat", everyLayer: false };
          const rules = lrpRules(folded, input, score, given);
          const parameters = [...graph.initializers.keys()].filter((n) => /^(w|b)/.test(n));
          const pass = backward(folded, { score, wrt: [input], rules, parameters, ...options });
          return {
            folded: pass.folded,
            feeds: { image: input, seed: pass.seed },
            fetches: [pass.gradients[input]],
          };
        },
      };
      const probe = createProbe({ model, x, target: 0 });
      const { data } = await passedBack({ probe, x }, program);
      const score = await probe.score();
      const got = data.map((v) => v * score);
      const want = await found(model, x, 0, { ...choice });
      expect(distance(got, want)).toBeLessThan(1e-5 * largest(want));
    },
  );

  it.each([1, 2, 5])("gives the same in batches of %i", async (batch) => {
    const params = { ...choices[1], "every-layer": false };
    const batched = raw(graph, { batch });
    const images = [0, 1, 2, 3, 4].map((k) => image(`${name} ${k}`));
    const maps: Float32Array[] = [];
    await batched.run(
      relevance(params),
      images.length,
      (k, feeds) => {
        feeds.image.set(images[k].data);
        feeds.seed[k % 3] = 1;
      },
      (k, [shares]) => {
        maps[k] = shares.slice();
      },
    );
    for (const [k, data] of maps.entries()) {
      const [target, y] = [k % 3, createProbe({ model, x: images[k], target: k % 3 })];
      const score = await y.score();
      const whole = data.map((v) => v * score);
      const alone = await found(model, images[k], target, { ...params });
      expect(distance(whole, alone)).toBeLessThan(1e-5 * largest(alone));
    }
  });
});

describe("lrp", () => {
  const x = image("small");
  const cnn = (options: Parameters<typeof smallCnn>[0] = {}) =>
    smallCnn({ channels: 2, height: side, width: side, ...options });

  it("treats normalisations and maxima as layers if told", async () => {
    const graph = graphOf(
      ["N", 1, 1, 3],
      [
        node("Conv", ["x", "w"], ["c"]),
        node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["n"], {
          epsilon: attr.float(0),
        }),
        node("GlobalMaxPool", ["n"], ["m"]),
        node("Flatten", ["m"], ["y"]),
      ],
      {
        w: float32([2, 1, 1, 1], [2, 3]),
        scale: float32([2], [4, 1]),
        shift: float32([2], [1, 1]),
        mean: float32([2], [0, 0]),
        variance: float32([2], [1, 1]),
      },
    );
    const values = float32([1, 1, 3], [0.25, 1, 0.5]);
    const params = { convolution: "epsilon", first: "as-others", epsilon: 0.5, stabiliser: 0.25 };
    const model = raw(graph);
    // score 9 of the first class: z = 2 in the convolution, 4·2 + 1 in the normalisation, and 9 in the maximum
    const z = (v: number, ε: number) => v / (v + ε);
    const passed = 9 * z(2, 0.5);
    const shares = 9 * z(9, 0.25) * (8 / 9.5) * z(2, 0.5);
    expect(distance(await found(model, values, 0, params), [0, passed, 0])).toBeLessThan(1e-5);
    const own = await found(model, values, 0, { ...params, "every-layer": true });
    expect(distance(own, [0, shares, 0])).toBeLessThan(1e-5);
  });

  it("gives a pixel what its value has after mean and standard deviation", async () => {
    const card = { input: { mean: [0.4, 0.5], std: [0.2, 0.3] } };
    const pixels = picture("pixels", 2, side, side);
    const shown = pixels.data.map(
      (v, i) => (v - card.input.mean[i < size ? 0 : 1]) / card.input.std[i < size ? 0 : 1],
    );
    for (const first of ["flat", "as-others"]) {
      const params = { convolution: "epsilon", first, "every-layer": true };
      const want = await found(raw(cnn()), float32(pixels.dims, shown), 1, params);
      expect(distance(await found(smallModel(cnn(), { card }), pixels, 1, params), want)).toBeLessThan(
        1e-4 * largest(want),
      );
    }
  });

  it("finds for the negative answer of a binary model what it finds for the positive one, turned round", async () => {
    const model = raw(cnn({ classes: 1 }));
    const yes = await found(model, x, 1);
    expect(largest(yes)).toBeGreaterThan(0);
    const no = await found(model, x, 0);
    expect(
      distance(
        no,
        yes.map((v) => -v),
      ),
    ).toBeLessThan(1e-6);
  });

  it("takes the passes that it says", async () => {
    const model = raw(cnn());
    await found(model, x, 0);
    expect(model.passes).toEqual(lrp.cost({}, { height: side, width: side }));
  });

  it("refuses a transformer, naming each operator, its count and its first node", async () => {
    const model = smallModel(smallVit());
    const why = lrp.refuses?.(model);
    expect(why).toMatch(/^no rule for LayerNormalization: 3 nodes, first /);
    expect(why).toMatch(/MatMul \(of two activations\): 4 nodes, first /);
    expect(why).toMatch(/Softmax: 2 nodes, first /);
    await expect(found(model, picture("vit", 3, 4, 6), 0)).rejects.toMatchObject({ code: "E_NO_RULE" });
  });

  it("refuses a gate, where two activations are multiplied", () => {
    const graph = cnn();
    const gated: Graph = {
      ...graph,
      nodes: graph.nodes.flatMap((n) =>
        n.op === "GlobalAveragePool"
          ? [
              node("Sigmoid", ["features"], ["open"], {}, "gate"),
              node("Mul", ["features", "open"], ["gated"], {}, "product"),
              { ...n, inputs: ["gated"] },
            ]
          : [n],
      ),
    };
    expect(lrp.refuses?.(raw(gated))).toBe(
      "no rule for Mul (of two activations): 1 node, first product; Sigmoid: 1 node, first gate",
    );
    expect(lrp.refuses?.(raw(graph))).toBeUndefined();
  });

  const wrong: readonly Given[] = [
    { epsilon: 0 },
    { stabiliser: -1 },
    { gamma: -0.1 },
    { convolution: "z-minus" },
    { first: "box" },
  ];
  it.each(wrong)("refuses %o", async (params) => {
    await expect(found(raw(cnn()), x, 0, params)).rejects.toMatchObject({ code: "E_PARAM" });
  });
});
