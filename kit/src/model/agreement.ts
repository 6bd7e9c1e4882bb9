/**
 * Does a device compute this model as another does? The device check runs a small network; this compares the real one, on real images.
 * Pure: the two models are handed in, so that it runs in a browser too.
 */
import { KitError } from "../errors.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import type { Model } from "./model.ts";

/**
 * Largest differences between two devices that both compute in float32.
 *
 * Logits: relative to the largest. Two float32 engines differ by 1e-7 to 3e-6; TF32 and float16, which keep 11 bits, by 9e-5 and more.
 * Gradients: Euclidean distance relative to the gradient's own length, image by image, the worst counts. A rounding flips the sign of some
 * input of a ReLU, or which of two pixels a max pool takes, and the gradient jumps there: 1e-6 on smooth nets, up to 1.2e-2 on SqueezeNet.
 * So the logits are the sharp test, and the gradient's catches what computes it wrongly. kit/docs/devices.md has what was measured.
 */
export const agreementTolerance = { logits: 5e-5, gradient: 1e-1 } as const;

/** Images to compare on: a batch, so that one image's numbers in another's place would show. */
export const agreementImages = 4;

export interface Agreement {
  readonly ok: boolean;
  readonly images: number;
  readonly logits: number;
  /** null where the model has no gradient: an operator lacks one */
  readonly gradient: number | null;
}

/**
 * Compares logits and the gradient of the reference's top class at the input. Cost: one backward pass per image on each.
 * NaN, on either side, is an infinite difference.
 */
export async function agreementOf(
  model: Model,
  reference: Model,
  images: readonly Float32Tensor[],
): Promise<Agreement> {
  const differentiable = isDifferentiable(reference);
  const want = await ask(reference, images, differentiable, argmax);
  const got = await ask(model, images, differentiable, (_, k) => argmax(want[k].logits));
  const scale = Math.max(...want.map(({ logits }) => largest(logits)));
  const logits = Math.max(
    ...want.map((one, k) => infinite(largestDifference(got[k].logits, one.logits) / scale)),
  );
  const gradient = differentiable
    ? Math.max(...want.map((one, k) => distance(got[k].gradient, one.gradient)))
    : null;
  const ok = logits <= agreementTolerance.logits && (gradient ?? 0) <= agreementTolerance.gradient;
  return { ok, images: images.length, logits, gradient };
}

interface Numbers {
  readonly logits: Float32Array;
  readonly gradient: Float32Array;
}

/** The target of image `k` may need its logits first, so those are asked for first. */
async function ask(
  model: Model,
  images: readonly Float32Tensor[],
  differentiable: boolean,
  target: (logits: Float32Array, k: number) => number,
): Promise<Numbers[]> {
  const fill = (k: number, out: Float32Array) => out.set(images[k].data);
  const logits: Float32Array[] = [];
  await model.forward(images.length, fill, (k, own) => {
    logits[k] = own.slice();
  });
  const found = logits.map((own): Numbers => ({ logits: own, gradient: new Float32Array(0) }));
  if (!differentiable) return found;
  await model.backward(
    images.length,
    { input: true, layer: false },
    fill,
    (k) => target(logits[k], k),
    (k, { gradient }) => {
      found[k] = { logits: logits[k], gradient: gradient.slice() };
    },
  );
  return found;
}

function isDifferentiable(model: Model): boolean {
  try {
    model.assertDifferentiable();
    return true;
  } catch (error) {
    if (error instanceof KitError && error.code === "E_NO_GRADIENT") return false;
    throw error;
  }
}

const argmax = (values: Float32Array): number =>
  values.reduce((best, v, k) => (v > values[best] ? k : best), 0);

const largest = (values: Float32Array): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length
    ? a.reduce((m, v, i) => Math.max(m, infinite(Math.abs(v - b[i]))), 0)
    : Number.POSITIVE_INFINITY;

/** |a − b| / |b|; 0 where both are zero everywhere. */
function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [apart, length] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    apart += (a[i] - b[i]) ** 2;
    length += b[i] ** 2;
  }
  return apart === 0 ? 0 : infinite(Math.sqrt(apart / length));
}

const infinite = (v: number): number => (Number.isNaN(v) ? Number.POSITIVE_INFINITY : v);
