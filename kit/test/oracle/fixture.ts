/** What a comparison with the oracle computes with: one model at one image, and the arrays others computed there. */
import { backward } from "../../src/autodiff/backward.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { attribute } from "../../src/methods/method.ts";
import { score } from "../../src/metrics/metric.ts";
import type { Model } from "../../src/model/model.ts";
import type { Probe } from "../../src/model/probe.ts";
import type { FoldedGraph } from "../../src/onnx/fold.ts";
import { type Float32Tensor, float32 } from "../../src/onnx/tensor.ts";
import type { ParamValue } from "../../src/params.ts";
import { methodOf, metricOf } from "../../src/protocol/protocol.ts";
import { rngOf } from "../../src/rng.ts";

export interface Fixture {
  readonly model: Model;
  readonly probe: Probe;
  readonly folded: FoldedGraph;
  readonly engine: Engine;
  /** of this image, or shared by all */
  array(name: string): Float32Tensor;
}

/** Their array, as we compute it; `method` or `metric` is the one of ours that it pins, for the docs. */
export interface Ours {
  (f: Fixture): Promise<ArrayLike<number>>;
  readonly method?: string;
  readonly metric?: string;
}
export type Table = Readonly<Record<string, Ours>>;

export const rng = (purpose: string) => rngOf("oracle", purpose);

export async function attributed(
  f: Fixture,
  id: string,
  params: Record<string, ParamValue> = {},
  given: Record<string, Float32Tensor> = {},
  raw = false,
): Promise<Float32Tensor> {
  return attribute(methodOf(id), f.probe, { params, given, rng, raw });
}

/** An array that pins a method. */
export const by = (method: string, run: (f: Fixture) => Promise<Float32Tensor | ArrayLike<number>>): Ours =>
  Object.assign(
    async (f: Fixture) => {
      const found = await run(f);
      return "dims" in found ? found.data : found;
    },
    { method },
  );

/** An array, or a single value, that pins a metric. */
export const ofMetric = (metric: string, run: (f: Fixture) => Promise<ArrayLike<number>>): Ours =>
  Object.assign((f: Fixture) => run(f), { metric });

/** One that is what the method gives, as it stands. */
export const plain = (
  method: string,
  params: Record<string, ParamValue> = {},
  given: (f: Fixture) => Record<string, Float32Tensor> = () => ({}),
  raw = false,
): Ours => by(method, (f) => attributed(f, method, params, given(f), raw));

export interface ScoreOf {
  readonly attribution: Float32Tensor;
  readonly params?: Record<string, ParamValue>;
  readonly given?: Record<string, Float32Tensor>;
  readonly explain?: (probe: Probe) => Promise<Float32Tensor>;
}

export async function scored(f: Fixture, id: string, { attribution, ...rest }: ScoreOf) {
  const result = await score(metricOf(id), f.probe, {
    attribution,
    rule: "sum",
    kind: "contribution",
    rng,
    randomised: () => f.model,
    ...rest,
  });
  if (typeof result === "number")
    return { value: result, parts: {} as Record<string, number | readonly number[]> };
  if ("skip" in result) return { value: Number.NaN, parts: {} };
  return result;
}

export const value = async (f: Fixture, id: string, options: ScoreOf) => [
  (await scored(f, id, options)).value,
];

/** A single value that is what the metric gives. */
export const scoring = (metric: string, options: (f: Fixture) => ScoreOf | Promise<ScoreOf>): Ours =>
  ofMetric(metric, async (f) => value(f, metric, await options(f)));

/** An inner tensor, or the gradient of the target's logit with respect to it. */
export async function tapped(
  f: Fixture,
  name: string,
  what: "value" | "gradient",
  folded = f.folded,
  score = "logits",
) {
  const pass = backward(folded, { score, wrt: [name] });
  const fetch = what === "value" ? name : pass.gradients[name];
  const outputs = [...pass.folded.graph.outputs, { name: fetch, type: "float32" as const, dims: [] }];
  const unique = outputs.filter((o, i) => outputs.findIndex((p) => p.name === o.name) === i);
  const executable = await f.engine.load({
    ...pass.folded.graph,
    outputs: unique.map((o) => ({ ...o, dims: (pass.folded.shapes.get(o.name) ?? []).map(() => "?") })),
  });
  const seeds = new Float32Array(f.model.classes);
  seeds[f.probe.target] = 1;
  const result = await executable.run(
    {
      input: float32([1, ...f.probe.x.dims], Float32Array.from(f.probe.x.data)),
      [pass.seed]: float32([1, seeds.length], seeds),
    },
    [fetch],
  );
  await executable.release();
  return result[fetch].data as Float32Array;
}
