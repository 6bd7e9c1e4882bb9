/** What a metric is: data about it, and one pure async function from an attribution (and its probe) to a number. */

import type { Box } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import { ofShape } from "../methods/baseline.ts";
import { type AttributionKind, type Cost, type InputSpec, type MapRule, toMap } from "../methods/method.ts";
import type { ReferenceKind } from "../model/image.ts";
import type { Model } from "../model/model.ts";
import type { Probe } from "../model/probe.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type ParamSpecs, type Params, type ParamValue, resolveParams } from "../params.ts";
import type { Rng } from "../rng.ts";
import type { Expected } from "../stats/expectation.ts";

export type Family = "faithfulness" | "robustness" | "complexity" | "randomisation" | "localisation" | "cost";

/**
 * "method": the metric re-runs the method; "passes": it takes many passes; both score the first samples only. "randomised": it re-runs the
 * method on a randomised model, so that it is scored last. "mask": it needs an annotation; "signed": it needs the signed [C,H,W] attribution.
 */
export type MetricNeed = "method" | "passes" | "randomised" | "mask" | "signed";

/** A box in pixels of the input, half-open. */
export type Region = Pick<Box, "x0" | "y0" | "x1" | "y1">;

/** No score is not a number: the reason is kept and counted. */
export interface Skip {
  readonly skip: string;
}
export const skip = (reason: string): Skip => ({ skip: reason });

/** A value, and where it has parts, those too: one called `<reference>-curve` is what the value is the area of, at equal steps. */
export type Score =
  | number
  | Skip
  | { readonly value: number; readonly parts: Readonly<Record<string, number | readonly number[]>> };

export interface MetricContext<P = Readonly<Record<string, ParamValue>>> {
  readonly probe: Probe;
  /** Φ as the method returned it, [C,H,W] or [H,W] */
  readonly attribution: Float32Tensor;
  /** Φ reduced to [H,W] by its method's rule */
  readonly map: Float32Tensor;
  readonly kind: AttributionKind;
  readonly params: P;
  /** 1 on the object, [H·W]; undefined without annotation */
  readonly mask: Uint8Array | undefined;
  /** the boxes of the explained class; undefined where the annotation is a mask or there is none */
  readonly boxes: readonly Region[] | undefined;
  /** of a contribution: which reference image its sum is counted from; undefined where it has none */
  readonly reference: ReferenceKind | undefined;
  given(name: string): Float32Tensor | undefined;
  /** The seeded stream of this sample for one purpose, the same for all methods. */
  rng(purpose: string): Rng;
  /** The method's attribution at another probe, its own random draws unchanged; undefined for maps from elsewhere. */
  readonly explain: ((probe: Probe) => Promise<Float32Tensor>) | undefined;
  /** An attribution reduced by this method's rule. */
  reduce(attribution: Float32Tensor): Float32Tensor;
  /** The model with its weights permuted; `draw` counts fresh attempts. */
  randomised(draw: number): Model;
  /** passes the attribution took */
  readonly cost: Cost | undefined;
}

interface Definition<S extends ParamSpecs> {
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  readonly revision: number;
  readonly summary: string;
  /** one line of Unicode: f score (logit), p probability, x image, r reference, Φ attribution, h relevance, M the annotated pixels */
  readonly formula: string;
  /** what it cannot tell, in one sentence; shown to readers */
  readonly limits: string;
  readonly family: Family;
  readonly better: "higher" | "lower";
  /** "median" where a few images would make a mean; the mean is kept beside it */
  readonly reported?: "median";
  /** the values it can take; null is unbounded */
  readonly range: readonly [number | null, number | null];
  /** "controls": a method counts only where it beats every control */
  readonly gate: "controls" | "none";
  /** what each control must score; asserted of every run document */
  readonly controls: Expected;
  readonly needs: readonly MetricNeed[];
  readonly params: S;
  readonly inputs?: Readonly<Record<string, InputSpec>>;
  /** model passes of one score, beyond those of the attribution; `method` is the cost of one attribution */
  cost(params: Params<S>, method: Cost): Cost;
  score(context: MetricContext<Params<S>>): Promise<Score>;
}

export type Metric = Omit<Definition<ParamSpecs>, "cost" | "score"> & {
  cost(params: Readonly<Record<string, ParamValue>>, method: Cost): Cost;
  score(context: MetricContext): Promise<Score>;
};

/** Whether a metric asks a method for further maps, so that it cannot score one that was computed elsewhere. */
export const reruns = ({ needs }: Pick<Metric, "needs">): boolean => needs.includes("method");

/** Whether a metric asks a randomised model, whose weights are loaded after all other work is done. */
export const asksRandomised = ({ needs }: Pick<Metric, "needs">): boolean => needs.includes("randomised");

export function defineMetric<const S extends ParamSpecs>(definition: Definition<S>): Metric {
  return definition as unknown as Metric;
}

export interface ScoreOptions {
  readonly params?: Readonly<Record<string, ParamValue>>;
  readonly given?: Readonly<Record<string, Float32Tensor>>;
  readonly attribution: Float32Tensor;
  readonly rule: MapRule;
  readonly kind: AttributionKind;
  readonly mask?: Uint8Array;
  readonly boxes?: readonly Region[];
  readonly reference?: ReferenceKind;
  readonly rng: (purpose: string) => Rng;
  readonly explain?: (probe: Probe) => Promise<Float32Tensor>;
  readonly randomised: (draw: number) => Model;
  readonly cost?: Cost;
}

/**
 * Scores one attribution with checked parameters and inputs.
 *
 * @throws KitError E_PARAM; E_INPUT for inputs the metric does not know or of the wrong dims
 */
export async function score(metric: Metric, probe: Probe, options: ScoreOptions): Promise<Score> {
  const { given = {}, attribution, rule } = options;
  const known = [
    ...Object.keys(metric.inputs ?? {}),
    ...(metric.needs.includes("mask") ? ["mask", "boxes"] : []),
  ];
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new KitError("E_INPUT", {
      problem: `${metric.id} takes no input "${name}"`,
      next: known.length
        ? `it takes: ${known.join(", ")}`
        : `${metric.id} takes no inputs besides the attribution`,
    });
  }
  const [, height, width] = probe.x.dims;
  const [h, w] = attribution.dims.slice(-2);
  const channelled = attribution.dims.length === 3 && attribution.dims[0] === probe.x.dims[0];
  if (h !== height || w !== width || (attribution.dims.length !== 2 && !channelled)) {
    throw new KitError("E_INPUT", {
      problem: `the attribution has dims [${attribution.dims.join(", ")}], the image [${probe.x.dims.join(", ")}]`,
      next: "give [C,H,W] or [H,W] at the size of the image",
    });
  }
  const result = await metric.score({
    probe,
    attribution,
    // one map for all metrics of an attribution: what they ask of it is shared
    map: await probe.once(`map ${rule}`, async () => toMap(attribution, rule), attribution),
    kind: options.kind,
    params: resolveParams(metric.id, metric.params, options.params),
    mask: options.mask ?? maskOf(given, height, width),
    boxes: options.boxes ?? boxesOf(given),
    reference: options.reference,
    given: (name) => (Object.hasOwn(given, name) ? given[name] : undefined),
    rng: options.rng,
    explain: options.explain,
    reduce: (other) => toMap(other, rule),
    randomised: options.randomised,
    cost: options.cost,
  });
  const value = typeof result === "number" ? result : "skip" in result ? 0 : result.value;
  return Number.isFinite(value) ? result : skip("the model's output is not finite");
}

/** The object from a supplied mask, or the union of supplied boxes (x0, y0, x1, y1 in pixels, half-open). */
function maskOf(
  given: Readonly<Record<string, Float32Tensor>>,
  height: number,
  width: number,
): Uint8Array | undefined {
  if (Object.hasOwn(given, "mask")) {
    return Uint8Array.from(ofShape("mask", given.mask, [height, width]).data, (v) => (v > 0.5 ? 1 : 0));
  }
  const boxes = boxesOf(given);
  return boxes && maskOfBoxes(boxes, height, width);
}

function boxesOf(given: Readonly<Record<string, Float32Tensor>>): readonly Region[] | undefined {
  if (!Object.hasOwn(given, "boxes")) return undefined;
  const { data } = ofShape("boxes", given.boxes, [null, 4]);
  return Array.from({ length: data.length / 4 }, (_, k) => ({
    x0: data[4 * k],
    y0: data[4 * k + 1],
    x1: data[4 * k + 2],
    y1: data[4 * k + 3],
  }));
}

/** 1 for pixels whose centre lies in a box; corners in pixels, half-open. */
export function maskOfBoxes(boxes: readonly Region[], height: number, width: number): Uint8Array {
  const mask = new Uint8Array(height * width);
  for (const { x0, y0, x1, y1 } of boxes) {
    for (let i = Math.max(0, Math.ceil(y0 - 0.5)); i < Math.min(height, Math.ceil(y1 - 0.5)); i++) {
      mask.fill(
        1,
        i * width + Math.max(0, Math.ceil(x0 - 0.5)),
        i * width + Math.min(width, Math.max(0, Math.ceil(x1 - 0.5))),
      );
    }
  }
  return mask;
}
