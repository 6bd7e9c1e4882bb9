/**
 * Models that are a formula: logits and gradients by hand, no graph and no engine, so that methods and metrics are tested in
 * microseconds against values one can write down.
 */
import type { CamLayer } from "../src/model/cam-layer.ts";
import { blurred, constantImage, type ImageShape } from "../src/model/image.ts";
import type { Fill, Model } from "../src/model/model.ts";
import type { Prepared } from "../src/model/prepare.ts";
import { createProbe, type Probe } from "../src/model/probe.ts";
import { atLayer, fromLayer } from "../src/model/programs.ts";
import { type Float32Tensor, float32 } from "../src/onnx/tensor.ts";
import { type Rng, rngOf } from "../src/rng.ts";

type Values = ArrayLike<number>;

export interface Analytic {
  readonly shape: ImageShape;
  logits(x: Float32Array): Values;
  /** d logits[target] / dx */
  gradient?(x: Float32Array, target: number): Values;
  readonly cam?: {
    readonly channels: number;
    readonly rows: number;
    readonly columns: number;
    activation(x: Float32Array): Values;
    gradient(x: Float32Array, target: number): Values;
    /** the logits of any activation, for methods that go on from the layer */
    head?(activation: Float32Array): Values;
  };
  /** softmax unless told */
  readonly link?: "softmax" | "sigmoid";
  /** mid-grey unless told */
  readonly meanColour?: readonly number[];
  /** whether x lives in [0, 1]; true unless told */
  readonly bounded?: boolean;
  randomised?(rng: Rng): Analytic;
}

export function analyticModel(formula: Analytic): Model {
  const { shape, cam, link = "softmax", bounded = true } = formula;
  const size = shape.channels * shape.height * shape.width;
  const passes = { forwards: 0, backwards: 0 };
  const layer: CamLayer | undefined = cam && { ...cam, name: "analytic", kind: "grid", skip: 0 };
  const unused = new Float32Array(size);
  // a batch that fails for memory is filled again: every image here is, and starts from rubbish
  const filled = (fill: Fill, k: number): Float32Array => {
    fill(k, unused.fill(Number.NaN));
    const out = new Float32Array(size).fill(Number.NaN);
    fill(k, out);
    return out;
  };
  return {
    get prepared(): Prepared {
      throw new Error("an analytic model has no graph");
    },
    shape: { ...shape, cam: cam && { channels: cam.channels, rows: cam.rows, columns: cam.columns } },
    classes: formula.logits(new Float32Array(size)).length,
    cam: layer,
    passes,
    async forward(count, fill, visit) {
      passes.forwards += count;
      for (let k = 0; k < count; k++) visit(k, Float32Array.from(formula.logits(filled(fill, k))));
    },
    async backward(count, wants, fill, target, visit) {
      passes.forwards += count;
      passes.backwards += count;
      for (let k = 0; k < count; k++) {
        const x = filled(fill, k);
        const on = (wanted: boolean, f: () => Values | undefined) =>
          Float32Array.from((wanted ? f() : undefined) ?? []);
        visit(k, {
          logits: Float32Array.from(formula.logits(x)),
          gradient: on(wants.input, () => formula.gradient?.(x, target(k))),
          activation: on(wants.layer, () => cam?.activation(x)),
          activationGradient: on(wants.layer, () => cam?.gradient(x, target(k))),
        });
      }
    },
    async run(program, count, fill, visit) {
      const head = program.id === fromLayer.id && cam?.head;
      if (!cam || !(head || program.id === atLayer.id)) throw new Error("an analytic model has no graph");
      passes.forwards += count * program.passes.forwards;
      for (let k = 0; k < count; k++) {
        const fed = new Float32Array(head ? cam.channels * cam.rows * cam.columns : size);
        fill(k, head ? { activation: fed } : { image: fed });
        const outputs = head ? [head(fed)] : [cam.activation(fed), formula.logits(fed)];
        visit(
          k,
          outputs.map((values) => Float32Array.from(values)),
        );
      }
    },
    probabilities(logits) {
      if (link === "sigmoid") return Float64Array.from(logits, (z) => 1 / (1 + Math.exp(-z)));
      const e = Float64Array.from(logits, (z) => Math.exp(z - Math.max(...logits)));
      return e.map((v) => v / e.reduce((a, b) => a + b));
    },
    reference(kind, x) {
      if (kind === "blur") return blurred(x, 0.045 * Math.max(shape.height, shape.width));
      const colour = kind === "black" ? 0 : 0.5;
      return constantImage(
        shape,
        (kind === "mean" && formula.meanColour) || Array.from({ length: shape.channels }, () => colour),
      );
    },
    clip: (values) => (bounded ? values.map((v) => Math.min(Math.max(v, 0), 1)) : values),
    randomised: (_, rng) => analyticModel(formula.randomised?.(rng) ?? formula),
    assertDifferentiable() {},
  };
}

export const analyticProbe = (formula: Analytic, x: Float32Tensor, target = 0): Probe =>
  createProbe({ model: analyticModel(formula), x, target });

/** logits[t] = w_t · x + b_t */
export function linear(
  shape: ImageShape,
  weights: readonly Values[],
  bias?: Values,
): Analytic & Required<Pick<Analytic, "gradient">> {
  return {
    shape,
    logits: (x) => weights.map((w, t) => dot(w, x) + (bias?.[t] ?? 0)),
    gradient: (_, target) => weights[target],
    randomised: (rng) =>
      linear(
        shape,
        weights.map((w) => Float64Array.from(rng.permutation(w.length), (from) => w[from])),
        bias,
      ),
  };
}

/** One logit, Σ a x² + b x; no ReLU, so that every rule of quadrature has a known error. */
export const quadratic = (shape: ImageShape, a: Values, b: Values): Analytic => ({
  shape,
  link: "sigmoid",
  logits: (x) => [x.reduce((sum, v, i) => sum + a[i] * v * v + b[i] * v, 0)],
  gradient: (x) => x.map((v, i) => 2 * a[i] * v + b[i]),
});

/** Two classes over six ReLU units of all pixels, about half of them open: logits[t] = Σ_h v[t][h] · max(0, w_h · x + c_h). */
export function reluNet(shape: ImageShape, seed: string): Analytic {
  const rng = rngOf("relu net", seed);
  const size = shape.channels * shape.height * shape.width;
  const w = Array.from({ length: 6 }, () => Array.from({ length: size }, () => rng.normal()));
  const c = w.map((row) => -0.5 * row.reduce((a, b) => a + b) + 0.3 * rng.normal());
  const v = Array.from({ length: 2 }, () => w.map(() => rng.normal()));
  const units = (x: Float32Array) => w.map((row, h) => dot(row, x) + c[h]);
  return {
    shape,
    logits: (x) => v.map((row) => units(x).reduce((sum, u, h) => sum + row[h] * Math.max(0, u), 0)),
    gradient: (x, target) => {
      const open = units(x).map((u) => (u > 0 ? 1 : 0));
      return Array.from({ length: size }, (_, i) =>
        w.reduce((sum, row, h) => sum + v[target][h] * open[h] * row[i], 0),
      );
    },
    cam: {
      // two channels of 2×2 cells: the first four values, and twice them backwards; the map has both signs
      channels: 2,
      rows: 2,
      columns: 2,
      activation: (x) => [0, 1, 2, 3, 3, 2, 1, 0].map((i, k) => (k < 4 ? 1 : 2) * x[i]),
      gradient: (_, target) => [1, -0.5, 0.25, 0.25, -2, 1, 0, 0.5].map((g) => g * (1 + target)),
      head: (a) => [1, 2].map((scale) => scale * dot([1, -0.5, 0.25, 0.25, -2, 1, 0, 0.5], a)),
    },
  };
}

/** Uniform pixels in [0, 1). */
export function noiseImage({ channels, height, width }: ImageShape, seed: string): Float32Tensor {
  const rng = rngOf("noise image", seed);
  return float32(
    [channels, height, width],
    Float32Array.from({ length: channels * height * width }, () => rng.uniform()),
  );
}

/** Standard normal values of any dims. */
export function normalTensor(dims: readonly number[], seed: string, scale = 1): Float32Tensor {
  const rng = rngOf("normal tensor", seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return float32(
    dims,
    Float32Array.from({ length: size }, () => scale * rng.normal()),
  );
}

export const streams =
  (...key: string[]) =>
  (purpose: string): Rng =>
    rngOf("test", ...key, purpose);

export function dot(a: Values, b: Values): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Largest |a − b|; infinite where lengths differ. */
export function distance(a: Values, b: Values): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= worst)) worst = d; // NaN stays
  }
  return worst;
}
