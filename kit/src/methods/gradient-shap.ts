import { KitError } from "../errors.ts";
import { type Float32Tensor, float32, sizeOf } from "../onnx/tensor.ts";
import { ofShape } from "./baseline.ts";
import { defineMethod, type MethodContext } from "./method.ts";
import { drawsParam, noiseInput, noiseOf, sigmaParam } from "./noise.ts";

/**
 * GradientSHAP, or expected gradients: (x − b) ⊙ ∂f/∂x at a random point between b and x, b a random one of 8 other images of the data set,
 * averaged over draws.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) − mean f(b) in expectation
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT where there are no other images, and for inputs of other
 *          dims, of another number than each other, or coefficients outside [0, 1]
 *
 * Cost: `draws` forward and backward passes.
 * Source: arXiv:1906.10670 eq. 2; `sigma` moves x by noise as the libraries' GradientSHAP may, which the paper does not. The other images
 * are the next 8 of the split in the protocol's order of selection, wrapping around and never x itself: who knows that order knows them.
 */
export const gradientShap = defineMethod({
  id: "gradient-shap",
  title: "GradientSHAP",
  paper: "arXiv:1906.10670",
  revision: 1,
  summary: "The mean of (x − b) ⊙ ∂f/∂x at random points between x and b, b a random one of 8 other images.",
  formula: "Φ = mean over draws of (x − b) ⊙ ∂f/∂x(b + u(x − b)), u ~ U(0, 1), b one of 8 other images",
  limits:
    "Explains the difference from a few other images: what x shares with them gets nothing, and another data set gives another map.",
  kind: "contribution",
  map: "sum",
  needs: ["gradient", "others"],
  params: {
    draws: { ...drawsParam, description: "points between x and other images" },
    sigma: { ...sigmaParam, default: 0, description: "sd of noise added to x, as a share of its range" },
  },
  inputs: {
    baselines: {
      dims: "[N,C,H,W]",
      description:
        "images in place of the data set's others; with `coefficients` one for each draw, in their order",
    },
    coefficients: { dims: "[N]", description: "u of each draw, in [0, 1]; N replaces `draws`" },
    noise: noiseInput,
  },
  cost: ({ draws }) => ({ forwards: draws, backwards: draws }),
  async attribute(context) {
    const { probe, x, params } = context;
    const baselines = await baselinesOf(context);
    const noise = noiseOf(context, params.sigma);
    const draws = drawsOf(context, baselines, noise.entries);
    const near = new Float32Array(x.data.length); // x, or x + ε
    const sum = new Float64Array(x.data.length);
    await probe.gradients(
      draws.length,
      (k, point) => {
        const { u, b } = draws[k];
        noise.copy(k, point);
        for (let i = 0; i < point.length; i++) point[i] = b[i] + u * (point[i] - b[i]);
      },
      (k, gradient) => {
        const { b } = draws[k];
        noise.copy(k, near);
        for (let i = 0; i < sum.length; i++) sum[i] += (near[i] - b[i]) * gradient[i];
      },
    );
    return { ...x, data: Float32Array.from(sum, (v) => v / draws.length) };
  },
});

type Context = MethodContext<{ readonly draws: number }>;

/** The images to start from: those supplied, else the data set's others. */
async function baselinesOf({ x, given, others }: Pick<Context, "x" | "given" | "others">) {
  const supplied = given("baselines");
  const images = supplied ? imagesOf(ofShape("baselines", supplied, [null, ...x.dims])) : await others();
  if (images.length > 0) return images;
  throw new KitError("E_INPUT", {
    problem: "gradient-shap compares with other images, and there are none",
    next: "give some: --with baselines=FILE.npy (explain: --others FOLDER); or take integrated-gradients, which needs none",
  });
}

const imagesOf = ({ dims: [n, ...dims], data }: Float32Tensor): Float32Tensor[] =>
  Array.from({ length: n }, (_, k) => float32(dims, data.subarray(k * sizeOf(dims), (k + 1) * sizeOf(dims))));

interface Draw {
  readonly u: number;
  readonly b: Float32Array;
}

/** Where on the way from which image each draw lies. */
function drawsOf(
  { params, given, rng }: Pick<Context, "params" | "given" | "rng">,
  baselines: readonly Float32Tensor[],
  noises: number | undefined,
): Draw[] {
  const supplied = given("coefficients");
  const coefficients = supplied && ofShape("coefficients", supplied, [null]).data;
  const outside = coefficients?.find((u) => !(u >= 0 && u <= 1));
  if (outside !== undefined) {
    throw new KitError("E_INPUT", {
      problem: `input "coefficients" holds ${outside}`,
      next: "points lie between an image (1) and another one (0)",
    });
  }
  const paired = coefficients !== undefined && given("baselines") !== undefined;
  const counts = {
    coefficients: coefficients?.length,
    ...(paired && { baselines: baselines.length }),
    noise: noises,
  };
  const told = Object.entries(counts).flatMap(([name, n]) => (n === undefined ? [] : [{ name, n }]));
  if (told.some(({ n }) => n !== told[0].n)) {
    throw new KitError("E_INPUT", {
      problem: `inputs of different numbers of draws: ${told.map(({ name, n }) => `${n} ${name}`).join(", ")}`,
      next: "give one entry of each per draw",
    });
  }
  return Array.from({ length: told[0]?.n ?? params.draws }, (_, k) => ({
    u: coefficients?.[k] ?? rng(`coefficient ${k}`).uniform(),
    b: baselines[paired ? k : rng(`baseline ${k}`).integer(baselines.length)].data,
  }));
}
