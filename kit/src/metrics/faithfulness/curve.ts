/**
 * Deletion and insertion curves, arXiv:1806.07421: the class probability while pixels are replaced in the order of the map.
 *
 * Step k of `steps` has changed the first round(k·N/steps) pixels, all channels; both ends are included; the area is the trapezoid over
 * [0, 1]. Which reference replaces pixels can change the order of methods, so the value is the mean over the mean colour and the blurred
 * image, and both are kept.
 *
 * Skips a map that is not finite.
 * Cost: `steps` + 1 forward passes for one reference, 2·`steps` + 1 for two; the ends are shared by all methods of a sample.
 * Source: the paper changes a fixed number of pixels per step; both references for both curves are ours.
 */
import { baselineInput, ofShape } from "../../methods/baseline.ts";
import type { Probe } from "../../model/probe.ts";
import type { Float32Tensor } from "../../onnx/tensor.ts";
import type { ParamSpecs } from "../../params.ts";
import { type MetricContext, type Score, skip } from "../metric.ts";
import { descending, tiesParam } from "../order.ts";

export const curveParams = {
  steps: {
    type: "integer",
    default: 16,
    minimum: 1,
    maximum: 10_000,
    budget: true,
    description: "equal steps",
  },
  reference: {
    type: "choice",
    choices: ["mean+blur", "mean", "black", "blur"],
    default: "mean+blur",
    description: "what stands for removed pixels; mean+blur: both curves, averaged",
  },
  ties: tiesParam,
} as const satisfies ParamSpecs;

export const curveInputs = { baseline: baselineInput } as const;

/** Passes of one score: the inner points of each curve; the ends are shared by all methods. */
export const curveCost = ({ steps, reference }: { steps: number; reference: string }) => ({
  forwards: (reference === "mean+blur" ? 2 : 1) * steps + 1,
  backwards: 0,
});

type Params = { steps: number; reference: "mean+blur" | "mean" | "black" | "blur"; ties: "seeded" | "index" };

export async function curveScore(
  direction: "deletion" | "insertion",
  { probe, map, params, given, rng }: MetricContext<Params>,
): Promise<Score> {
  if (!map.data.every(Number.isFinite)) return skip("map is not finite");
  const order = descending(map, params.ties, rng);
  const supplied = given("baseline");
  const references: [string, Float32Tensor][] = supplied
    ? [["given", ofShape("baseline", supplied, probe.x.dims)]]
    : (params.reference === "mean+blur" ? (["mean", "blur"] as const) : [params.reference]).map((kind) => [
        kind,
        probe.reference(kind),
      ]);
  const parts: Record<string, number | number[]> = {};
  let sum = 0;
  for (const [name, reference] of references) {
    const points = await curve(direction, probe, order, reference, name, params.steps);
    const area = trapezoid(points);
    parts[name] = area;
    parts[`${name}-curve`] = points;
    sum += area;
  }
  return { value: sum / references.length, parts };
}

async function curve(
  direction: "deletion" | "insertion",
  probe: Probe,
  order: Int32Array,
  reference: Float32Tensor,
  name: string,
  steps: number,
): Promise<number[]> {
  const pixels = order.length;
  const [from, to] = direction === "deletion" ? [probe.x, reference] : [reference, probe.x];
  const inner = await probe.probabilities(steps - 1, (k, out) => {
    out.set(from.data);
    const changed = Math.round(((k + 1) * pixels) / steps);
    for (let rank = 0; rank < changed; rank++) {
      for (let at = order[rank]; at < out.length; at += pixels) out[at] = to.data[at];
    }
  });
  const whole = await probe.probability();
  const compute = async () => (await probe.probabilities(1, (_, out) => out.set(reference.data)))[0];
  const empty = name === "given" ? await compute() : await probe.once(`p(${name} reference)`, compute);
  return direction === "deletion" ? [whole, ...inner, empty] : [empty, ...inner, whole];
}

const trapezoid = (points: readonly number[]): number =>
  (points.reduce((sum, p) => sum + p, 0) - (points[0] + points[points.length - 1]) / 2) / (points.length - 1);
