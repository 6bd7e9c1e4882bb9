/** One metric on one attribution, with what a test does not care about filled in. */
import { referenceOf } from "../src/methods/baseline.ts";
import { type AttributeOptions, attribute, type Method } from "../src/methods/method.ts";
import { type Metric, type Score, type ScoreOptions, score } from "../src/metrics/metric.ts";
import type { Probe } from "../src/model/probe.ts";
import { type Float32Tensor, float32 } from "../src/onnx/tensor.ts";
import { rngOf } from "../src/rng.ts";
import { streams } from "./analytic-probe.ts";

export function scoreOf(
  metric: Metric,
  probe: Probe,
  attribution: Float32Tensor,
  options: Partial<ScoreOptions> = {},
): Promise<Score> {
  return score(metric, probe, {
    attribution,
    rule: "sum",
    kind: "contribution",
    rng: streams("metric"),
    randomised: (draw) => probe.model.randomised(`randomised ${draw}`, rngOf("randomised weights", draw)),
    ...options,
  });
}

/** The same, for metrics that run the method again. */
export async function scoreMethod(
  metric: Metric,
  probe: Probe,
  method: Method,
  { others, ...options }: Partial<ScoreOptions> & Pick<AttributeOptions, "others"> = {},
): Promise<Score> {
  const explain = (other: Probe) => attribute(method, other, { rng: streams(method.id), others });
  return scoreOf(metric, probe, await explain(probe), {
    explain,
    rule: method.map,
    kind: method.kind,
    reference: referenceOf(
      method,
      Object.fromEntries(Object.entries(method.params).map(([name, spec]) => [name, spec.default])),
    ),
    cost: method.cost(
      Object.fromEntries(Object.entries(method.params).map(([name, spec]) => [name, spec.default])),
      probe.model.shape,
    ),
    ...options,
  });
}

/** The number a score is; a skip or NaN fails the test that asked. */
export function numberOf(result: Score): number {
  const value = typeof result === "number" ? result : "value" in result ? result.value : Number.NaN;
  if (!Number.isFinite(value)) throw new Error(`no value: ${JSON.stringify(result)}`);
  return value;
}

/** [rows, columns] from rows. */
export const mapOf = (...rows: readonly (readonly number[])[]): Float32Tensor =>
  float32([rows.length, rows[0].length], Float32Array.from(rows.flat()));
