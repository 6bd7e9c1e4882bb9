/**
 * What average drop and its relatives share: Y = p(x), and O = p(keep(x, h)), the probability of what the map shows. `keep` puts the
 * reference image where the papers multiply by 0, and a constant map shows nothing.
 *
 * Skips a map that is not finite.
 * Cost: 2 forward passes; Y is shared by all methods of a sample, O by all metrics of a map.
 */
import { baselineInput, baselineOf, referenceParam } from "../../methods/baseline.ts";
import { keep } from "../../model/image.ts";
import type { Probe } from "../../model/probe.ts";
import type { ParamSpecs, Params } from "../../params.ts";
import { type Expected, image } from "../../stats/expectation.ts";
import { type MetricContext, type Skip, skip } from "../metric.ts";
import { ofParam, reading } from "../reading.ts";

export const dropParams = {
  reference: referenceParam,
  of: ofParam("relevance", "min-max"),
} as const satisfies ParamSpecs;
type DropContext = MetricContext<Params<typeof dropParams>>;

export const dropInputs = { baseline: baselineInput } as const;

export const dropCost = () => ({ forwards: 2, backwards: 0 });

/** What the model makes of noise, edges or a bell is not known beforehand, nor is p(r), which is what a flat map shows. */
export const dropControls: Expected = {
  random: image,
  sobel: image,
  constant: { open: "shows the reference alone: p(r) decides" },
  "centre-gaussian": image,
};

/** The image with what the map shows ("shown") or with the rest of it ("hidden"), once per map. */
export function masked(context: DropContext, what: "shown" | "hidden"): Probe {
  const { probe, map, params, given } = context;
  const make = () => {
    const h = weightsOf(context);
    const kept = what === "shown" ? h : h.map((v) => 1 - v);
    return keep(probe.x, kept, baselineOf({ given, probe, x: probe.x }, params.reference));
  };
  // a supplied baseline may differ from call to call, so its image belongs to nothing that stays
  return given("baseline") === undefined
    ? probe.at(`${what}, ${params.of}, ${params.reference}`, make, map)
    : probe.at(what, make, { ...map });
}

/** h in [0, 1], the map as weights of pixels; all zeros where it is constant. */
export const weightsOf = ({ map, params }: Pick<DropContext, "map" | "params">): Float32Array =>
  Float32Array.from(reading(map, params.of));

/** Y, and O of what the map shows or hides. */
export async function drop(
  context: DropContext,
  what: "shown" | "hidden" = "shown",
): Promise<{ readonly Y: number; readonly O: number } | Skip> {
  if (!context.map.data.every(Number.isFinite)) return skip("map is not finite");
  const Y = await context.probe.probability();
  const O = await masked(context, what).probability();
  return Number.isFinite(Y) && Number.isFinite(O) ? { Y, O } : skip("the model's output is not finite");
}
