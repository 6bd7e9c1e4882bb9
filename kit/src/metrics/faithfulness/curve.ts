/**
 * Deletion and insertion curves, arXiv:1806.07421: the class probability while pixels are replaced in the order of the map.
 *
 * Step k of `steps` has changed the first round(k·N/steps) pixels, all channels; both ends are included; the area is the trapezoid over
 * [0, 1]. Which reference replaces pixels can change the order of methods, so the value is the mean over the mean colour and the blurred
 * image, and both are kept.
 *
 * Skips a map that is not finite.
 * Cost: `steps` + 1 forward passes for one reference, 2·`steps` + 1 for two; the ends are shared by all methods of a sample, and a curve
 * by all metrics of a map.
 * Source: the paper changes a fixed number of pixels per step; both references for both curves are ours.
 */
import { baselineInput, ofShape } from "../../methods/baseline.ts";
import type { ReferenceKind } from "../../model/image.ts";
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

type Ties = "seeded" | "index";
type Params = { steps: number; reference: "mean+blur" | "mean" | "black" | "blur"; ties: Ties };

export async function curveScore(direction: Direction, context: MetricContext<Params>): Promise<Score> {
  const { map, params, given } = context;
  if (!map.data.every(Number.isFinite)) return skip("map is not finite");
  const names: readonly Fill[] = given("baseline")
    ? ["given"]
    : params.reference === "mean+blur"
      ? ["mean", "blur"]
      : [params.reference];
  const parts: Record<string, number | number[]> = {};
  let sum = 0;
  for (const name of names) {
    const points = await curve(direction, context, name);
    const area = trapezoid(points);
    parts[name] = area;
    parts[`${name}-curve`] = points;
    sum += area;
  }
  return { value: sum / names.length, parts };
}

type Direction = "deletion" | "insertion";
/** What stands for removed pixels: a reference image, or the supplied baseline. */
export type Fill = ReferenceKind | "given";

/** The end of every curve: p of what stands for removed pixels alone, once for all methods of a sample unless it was supplied. */
export async function emptyProbability(probe: Probe, fill: Fill, reference: Float32Tensor): Promise<number> {
  if (fill === "given") return (await probe.probabilities(1, (_, out) => out.set(reference.data)))[0];
  return probe.model.probabilities(await probe.referenceLogits(fill))[probe.target];
}

/** The class probability at each of `steps` + 1 points. */
export async function curve(
  direction: Direction,
  { probe, map, params: { steps, ties }, given, rng }: MetricContext<{ steps: number; ties: Ties }>,
  fill: Fill,
): Promise<number[]> {
  const supplied = fill === "given" ? given("baseline") : undefined;
  const reference = fill === "given" ? ofShape("baseline", supplied!, probe.x.dims) : probe.reference(fill);
  const [from, to] = direction === "deletion" ? [probe.x, reference] : [reference, probe.x];
  const compute = async () => {
    const order = await probe.once(`order, ties ${ties}`, async () => descending(map, ties, rng), map);
    const pixels = order.length;
    const inner = await probe.probabilities(steps - 1, (k, out) => {
      out.set(from.data);
      const changed = Math.round(((k + 1) * pixels) / steps);
      for (let rank = 0; rank < changed; rank++) {
        for (let at = order[rank]; at < out.length; at += pixels) out[at] = to.data[at];
      }
    });
    const whole = await probe.probability();
    const empty = await emptyProbability(probe, fill, reference);
    return direction === "deletion" ? [whole, ...inner, empty] : [empty, ...inner, whole];
  };
  return supplied
    ? compute()
    : probe.once(`${direction}, ${fill}, ${steps} steps, ties ${ties}`, compute, map);
}

export const trapezoid = (points: readonly number[]): number =>
  (points.reduce((sum, p) => sum + p, 0) - (points[0] + points[points.length - 1]) / 2) / (points.length - 1);
