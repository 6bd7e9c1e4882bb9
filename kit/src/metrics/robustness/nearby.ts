/**
 * What the sensitivity metrics share: the attributions of one method at images near x. The images are the same for all methods and metrics of
 * a sample, and each attribution is computed once for all metrics. Draws run side by side, so that their images fill batches together.
 *
 * x′ = x + e clipped to pixel space, e ~ U(−radius, radius); the class stays, and so do the method's own random draws.
 */
import { KitError } from "../../errors.ts";
import { ofShape } from "../../methods/baseline.ts";
import type { Cost } from "../../methods/method.ts";
import { createProbe, type Probe } from "../../model/probe.ts";
import { type Float32Tensor, float32 } from "../../onnx/tensor.ts";
import type { ParamSpecs } from "../../params.ts";
import type { Expected } from "../../stats/expectation.ts";
import { type MetricContext, type Skip, skip } from "../metric.ts";

export const nearbyParams = {
  draws: {
    type: "integer",
    default: 10,
    minimum: 1,
    maximum: 10_000,
    budget: true,
    description: "perturbations",
  },
  radius: {
    type: "number",
    default: 0.02,
    minimum: 0,
    description: "largest change of a pixel, in pixel units",
  },
} as const satisfies ParamSpecs;

/** For quotients of changes, whose units must not decide. */
export const quotientParams = {
  ...nearbyParams,
  normalise: {
    type: "boolean",
    default: true,
    description: "divide every attribution by its largest size first",
  },
  epsilon: {
    type: "number",
    default: 1e-6,
    minimum: 1e-30,
    description: "least size of a denominator",
  },
} as const satisfies ParamSpecs;

export const nearbyInputs = {
  perturbations: {
    dims: "[N,C,H,W]",
    description: "e, added to x, the sum clipped as for drawn ones; N replaces `draws`",
  },
} as const;

/** Where nothing is shared. */
export const nearbyCost = ({ draws }: { draws: number }, { forwards, backwards }: Cost): Cost => ({
  forwards: draws * forwards,
  backwards: draws * backwards,
});

/** A map that ignores the image does not move with it. */
export const stillControls: Expected = {
  random: { every: 0, within: 0 },
  sobel: { above: 0 },
  constant: { every: 0, within: 0 },
  "centre-gaussian": { every: 0, within: 0 },
};

export interface Neighbour {
  /** x′ */
  readonly x: Float32Tensor;
  /** Φ(x′), finite */
  readonly attribution: Float32Tensor;
}

/** Draws whose attributions are computed side by side; beyond it they would only take memory. */
const together = 16;

/**
 * The draws in their order; or why there is nothing to compare.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 */
export async function neighbours({
  probe,
  attribution,
  params,
  given,
  rng,
  explain,
}: MetricContext<{ readonly draws: number; readonly radius: number }>): Promise<readonly Neighbour[] | Skip> {
  if (explain === undefined) return skip("the method cannot be re-run");
  if (!attribution.data.every(Number.isFinite)) return skip("attribution is not finite");
  if (attribution.data.every((v) => v === 0)) return skip("attribution is zero");
  const { x, model, target } = probe;
  const supplied = given("perturbations");
  const e = supplied && ofShape("perturbations", supplied, [null, ...x.dims]);
  const moved = (step: (i: number) => number) =>
    float32(x.dims, model.clip(x.data.map((v, i) => v + step(i))));
  const explained = async (at: Probe): Promise<Neighbour> => ({ x: at.x, attribution: await explain(at) });
  // drawn images are shared by all methods; supplied ones may differ from call to call
  const neighbour = (k: number): Promise<Neighbour> => {
    if (e) {
      const near = moved((i) => e.data[k * x.data.length + i]);
      return explained(createProbe({ model, x: near, target }));
    }
    const key = `sensitivity ${params.radius} ${k}`;
    const at = probe.at(key, () => {
      const stream = rng(`sensitivity ${k}`);
      return moved(() => params.radius * (2 * stream.uniform() - 1));
    });
    return probe.once(key, () => explained(at), attribution);
  };
  const draws = e ? e.dims[0] : params.draws;
  const found: Neighbour[] = [];
  while (found.length < draws) {
    const from = found.length;
    const count = Math.min(together, draws - from);
    found.push(...(await Promise.all(Array.from({ length: count }, (_, k) => neighbour(from + k)))));
  }
  for (const other of found) {
    if (other.attribution.data.length !== attribution.data.length) {
      throw new KitError("E_INPUT", {
        problem: `the attribution has dims [${attribution.dims.join(", ")}], its method returns [${other.attribution.dims.join(", ")}]`,
        next: "give the attribution as the method returns it, not reduced to a map",
      });
    }
    if (!other.attribution.data.every(Number.isFinite)) {
      return skip("attribution of the perturbed image is not finite");
    }
  }
  return found;
}

/** ‖a − b‖₂; ‖a‖₂ without b. */
export function distance(a: ArrayLike<number>, b?: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - (b ? b[i] : 0)) ** 2;
  return Math.sqrt(sum);
}

/** Values over their largest size, so that methods of any unit compare; zeros stay. */
export function normalised({ data }: Float32Tensor, wanted: boolean): Float64Array {
  const largest = wanted ? data.reduce((most, v) => Math.max(most, Math.abs(v)), 0) : 1;
  return Float64Array.from(data, (v) => (largest > 0 ? v / largest : 0));
}
