/** Metrics, on their maps and on ours. */
import { attribute } from "../../src/methods/method.ts";
import type { ParamValue } from "../../src/params.ts";
import { methodOf } from "../../src/protocol/protocol.ts";
import {
  attributed,
  type Fixture,
  type Ours,
  ofMetric,
  rng,
  scored,
  scoring,
  type Table,
} from "./fixture.ts";
import { patchMetrics } from "./metrics-patches.ts";
import { placeMetrics } from "./metrics-places.ts";
import { removal } from "./metrics-removal.ts";

const heats = ["sal_max", "ig_abs", "ig_signed", "gradcam"] as const;

const sensitivity = (id: string, params: Record<string, ParamValue> = {}) =>
  scoring("max-sensitivity", async (f) => ({
    attribution: await attributed(f, id, params),
    given: { perturbations: f.array("sens_pert") },
    explain: (probe) => attribute(methodOf(id), probe, { params, rng }),
  }));

function all(): Table {
  const table: Record<string, Ours> = {
    "sensitivity_max.saliency": sensitivity("saliency"),
    "sensitivity_max.ig8": sensitivity("integrated-gradients", { steps: 8 }),
  };
  for (const [name, id] of [
    ["saliency", "saliency"],
    ["ig", "integrated-gradients"],
    ["input_x_gradient", "input-x-gradient"],
  ]) {
    for (const [flag, metric] of [
      ["False", "infidelity-raw"],
      ["True", "infidelity-scaled"],
    ]) {
      table[`infidelity.captum.${name}.normalize_${flag}`] = scoring(metric, async (f) => ({
        attribution: await attributed(f, id),
        given: { perturbations: f.array("infid_pert") },
      }));
    }
  }
  for (const heat of heats) {
    const attribution = (f: Fixture) => f.array(`heat.${heat}`);
    for (const direction of ["deletion", "insertion"] as const) {
      for (const base of ["zero", "blur"] as const) {
        const metric = `${direction}-auc`;
        const run = (f: Fixture) =>
          scored(f, metric, {
            attribution: attribution(f),
            params: { ties: "index", reference: "mean" },
            given: base === "blur" ? { baseline: f.array("x_blur") } : {},
          });
        table[`metric.${heat}.${direction}_${base}_auc`] = ofMetric(metric, async (f) => [
          (await run(f)).value,
        ]);
        table[`metric.${heat}.${direction}_${base}_curve`] = ofMetric(
          metric,
          async (f) => (await run(f)).parts[base === "blur" ? "given-curve" : "mean-curve"] as number[],
        );
      }
    }
    const mask = (f: Fixture) => ({ mask: f.array("mask") });
    table[`metric.${heat}.gini`] = scoring("sparseness", (f) => ({ attribution: attribution(f) }));
    table[`metric.${heat}.quantus_sparseness`] = table[`metric.${heat}.gini`];
    for (const [theirs, id] of [
      ["quantus_relevance_rank_accuracy", "relevance-rank-accuracy"],
      ["quantus_pointing_game", "pointing-game"],
    ]) {
      table[`metric.${heat}.${theirs}`] = scoring(id, (f) => ({
        attribution: attribution(f),
        params: { ties: "index" },
        given: mask(f),
      }));
    }
  }
  return table;
}

export const metrics: Table = { ...all(), ...patchMetrics, ...placeMetrics, ...removal };
