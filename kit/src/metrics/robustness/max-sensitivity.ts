import { KitError } from "../../errors.ts";
import { ofShape } from "../../methods/baseline.ts";
import { createProbe } from "../../model/probe.ts";
import { float32 } from "../../onnx/tensor.ts";
import type { Rng } from "../../rng.ts";
import { defineMetric, skip } from "../metric.ts";

/**
 * Max-sensitivity, arXiv:1901.09392: the largest ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂ over uniform e in (−radius, radius), x + e
 * clipped to pixel space. The class stays, and so do the method's own random draws.
 *
 * Reads Φ, not the map. Skips an attribution that is zero or not finite, and one from elsewhere. Controls that ignore the image score 0.
 *
 * @throws KitError E_INPUT for perturbations of other dims, or a map where the method gives [C,H,W]
 *
 * Cost: `draws` attributions, at images shared by all methods of a sample.
 * Source: the paper does not divide by ‖Φ(x)‖, its code and Captum do; the clipping is ours.
 */
export const maxSensitivity = defineMetric({
  id: "max-sensitivity",
  title: "Max-sensitivity",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula: "max over e of ‖Φ(x + e) − Φ(x)‖₂ / ‖Φ(x)‖₂",
  summary: "The largest relative change of the attribution when every pixel moves by at most the radius.",
  limits:
    "A map that ignores the image is perfectly stable; random maps cannot be told apart (arXiv:2412.10942).",
  family: "robustness",
  better: "lower",
  range: [0, null],
  gate: "none",
  controls: {
    random: { every: 0, within: 0 },
    sobel: { above: 0 },
    constant: { every: 0, within: 0 },
    "centre-gaussian": { every: 0, within: 0 },
  },
  needs: ["method"],
  params: {
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
  },
  inputs: {
    perturbations: {
      dims: "[N,C,H,W]",
      description: "e, added to x, the sum clipped as for drawn ones; N replaces `draws`",
    },
  },
  cost: ({ draws }, method) => ({ forwards: draws * method.forwards, backwards: draws * method.backwards }),
  async score({ probe, attribution, params, given, rng, explain }) {
    if (explain === undefined) return skip("the method cannot be re-run");
    const norm = distance(attribution.data);
    if (!Number.isFinite(norm)) return skip("attribution is not finite");
    if (norm === 0) return skip("attribution is zero");
    const { x } = probe;
    const supplied = given("perturbations");
    const e = supplied && ofShape("perturbations", supplied, [null, ...x.dims]);
    const draws = e ? e.dims[0] : params.draws;
    let worst = 0;
    const near = (step: (i: number) => number) =>
      float32(x.dims, probe.model.clip(x.data.map((v, i) => v + step(i))));
    for (let k = 0; k < draws; k++) {
      // drawn images are shared by all methods; supplied ones may differ from call to call
      const moved = e
        ? createProbe({
            model: probe.model,
            x: near((i) => e.data[k * x.data.length + i]),
            target: probe.target,
          })
        : probe.at(`sensitivity ${params.radius} ${k}`, () =>
            near(uniform(rng(`sensitivity ${k}`), params.radius)),
          );
      const other = await explain(moved);
      if (other.data.length !== attribution.data.length) {
        throw new KitError("E_INPUT", {
          problem: `the attribution has dims [${attribution.dims.join(", ")}], its method returns [${other.dims.join(", ")}]`,
          next: "give the attribution as the method returns it, not reduced to a map",
        });
      }
      const change = distance(other.data, attribution.data) / norm;
      if (!Number.isFinite(change)) return skip("attribution of the perturbed image is not finite");
      worst = Math.max(worst, change);
    }
    return worst;
  },
});

const uniform = (rng: Rng, radius: number) => () => radius * (2 * rng.uniform() - 1);

/** ‖a − b‖₂; ‖a‖₂ without b. */
function distance(a: Float32Array, b?: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - (b ? b[i] : 0)) ** 2;
  return Math.sqrt(sum);
}
