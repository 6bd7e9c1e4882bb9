import { KitError } from "../../errors.ts";
import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";
import { impute } from "./imputation.ts";

/**
 * ROAD combined, arXiv:2202.00449: half of how much more of the class probability is left when the least relevant pixels are removed than
 * when as many of the most relevant are, averaged over equal steps of the removed share: at 9 steps 10, 20 … 90 %. A removed pixel is not
 * set to a colour but becomes the weighted mean of its neighbours (imputation.ts) plus normal noise, the same for all methods of a sample,
 * so that neither its place nor the shape of the hole can be seen.
 *
 * Skips a map that is not finite.
 *
 * @throws KitError E_PARAM where so many steps would leave no pixel at the last one
 *
 * Cost: 2 · `steps` forward passes, and as many linear systems.
 * Source: noisy linear imputation and both orders are the paper's; the combination is pytorch-grad-cam's `ROADCombined`, in probabilities.
 * Imputed pixels are not clipped, as there.
 */
export const roadCombined = defineMetric({
  id: "road-combined",
  title: "ROAD combined",
  paper: "arXiv:2202.00449",
  revision: 1,
  formula:
    "mean over s = 10 … 90 % of (p(x with its weakest share s imputed) − p(x with its strongest share s imputed))/2",
  summary:
    "Half the gap between the class probability with the least and with the most relevant pixels removed, holes filled in smoothly.",
  limits:
    "Filling in from the surroundings restores what is smooth, so a region whose surroundings tell the same counts little.",
  family: "faithfulness",
  better: "higher",
  range: [-0.5, 0.5],
  gate: "controls",
  controls: {
    // an order drawn by chance: both ends are alike
    random: { mean: 0, within: 1e-3, errors: 5 },
    constant: { mean: 0, within: 1e-3, errors: 5 },
    sobel: image,
    "centre-gaussian": image,
  },
  needs: ["passes"],
  params: {
    steps: {
      type: "integer",
      default: 9,
      minimum: 1,
      maximum: 1000,
      budget: true,
      description: "removed shares, k/(steps + 1) of the pixels",
    },
    noise: { type: "number", default: 0.01, minimum: 0, description: "sd of the noise on imputed pixels" },
    ties: tiesParam,
  },
  cost: ({ steps }) => ({ forwards: 2 * steps, backwards: 0 }),
  async score({ probe, map, params: { steps, noise, ties }, rng }) {
    if (!map.data.every(Number.isFinite)) return skip("map is not finite");
    const { x } = probe;
    const pixels = map.data.length;
    const count = (step: number) => Math.round((step * pixels) / (steps + 1));
    if (count(steps) === pixels) {
      throw new KitError("E_PARAM", {
        problem: `road-combined: ${steps} steps leave none of ${pixels} pixels at the last`,
        next: "use fewer steps",
      });
    }
    const order = await probe.once(`order, ties ${ties}`, async () => descending(map, ties, rng), map);
    const normal = await probe.once("road noise", async () => {
      const stream = rng("road noise");
      return Float32Array.from(x.data, () => stream.normal());
    });
    // the weakest first, then the strongest first
    const found = await probe.probabilities(2 * steps, (k, out) => {
      const removed = new Uint8Array(pixels);
      const n = count((k % steps) + 1);
      for (const p of k < steps ? order.subarray(pixels - n) : order.subarray(0, n)) removed[p] = 1;
      impute(x, removed, out);
      for (let i = 0; i < out.length; i++) if (removed[i % pixels] === 1) out[i] += noise * normal[i];
    });
    const leastFirst = Array.from(found.subarray(0, steps));
    const mostFirst = Array.from(found.subarray(steps));
    const value = leastFirst.reduce((sum, p, k) => sum + (p - mostFirst[k]) / 2, 0) / steps;
    return { value, parts: { "least-first": leastFirst, "most-first": mostFirst } };
  },
});
