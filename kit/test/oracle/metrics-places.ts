/** Complexity and localisation metrics, on their maps. */
import type { ParamValue } from "../../src/params.ts";
import { type Fixture, type Ours, ofMetric, type ScoreOf, scored, type Table } from "./fixture.ts";

const heats = ["sal_max", "ig_abs", "ig_signed", "gradcam"] as const;

/** What makes ours theirs; a few of theirs depend on the number of pixels. */
type Setting = Record<string, ParamValue> | ((pixels: number) => Record<string, ParamValue>);

/** Their names without `metric.<heat>.` → ours. */
function of(heat: string): Table {
  const asked = (f: Fixture, setting: Setting, given: readonly string[]): ScoreOf => {
    const attribution = f.array(`heat.${heat}`);
    return {
      attribution,
      params: typeof setting === "function" ? setting(attribution.data.length) : setting,
      given: Object.fromEntries(given.map((name) => [name, f.array(name)])),
    };
  };
  const complexity = (metric: string, setting: Setting, unit = (_pixels: number) => 1): Ours =>
    ofMetric(metric, async (f) => {
      const { value } = await scored(f, metric, asked(f, setting, []));
      return [value / unit(f.array(`heat.${heat}`).data.length)];
    });
  const place = (metric: string, setting: Setting = {}, annotation = "mask"): Ours =>
    ofMetric(metric, async (f) => [(await scored(f, metric, asked(f, setting, [annotation]))).value]);

  const minMax = { of: "min-max" };
  const halfMax = { by: "half-max", ...minMax };
  return {
    entropy: complexity("entropy", { of: "absolute" }),
    entropy_norm: complexity("entropy", { of: "absolute" }, Math.log),
    quantus_complexity: complexity("entropy", { of: "absolute" }),
    hoyer: complexity("sparsity", { index: "hoyer" }),
    // theirs is a count
    "quantus_effective_complexity_0.1": complexity("effective-complexity", { threshold: 0.1 }, (n) => 1 / n),
    "locacc_bin0.5": place("loc-acc", minMax),
    locacc_binmean: place("loc-acc", { by: "mean", ...minMax }),
    locacc_soft_M: place("loc-acc", { by: "soft", ...minMax }),
    locacc_soft_L: place("all-saliency-precision", minMax),
    "iou_bin0.5": place("miou-otsu", { threshold: "half-max", ...minMax }),
    top_precision50: place("top-saliency-precision", { zeros: "keep", ...minMax }),
    top_precision10: place("top-saliency-precision", { quantile: 0.9, zeros: "keep", ...minMax }),
    // of all that is positive, however little
    all_precision: place("top-saliency-precision", { quantile: 0, of: "positive" }),
    all_precision_soft: place("relevance-mass-accuracy"),
    box_fraction: ofMetric("annotation-coverage", async (f) => {
      const { parts } = await scored(f, "annotation-coverage", asked(f, halfMax, ["boxes"]));
      return parts.fractions as number[];
    }),
    annotation_coverage: place("annotation-coverage", halfMax, "boxes"),
    quantus_relevance_mass_accuracy: place("relevance-mass-accuracy", { of: "signed" }),
    quantus_attribution_localisation: place("relevance-mass-accuracy", { of: "absolute" }),
    quantus_top_k_intersection_k200: place("top-k-intersection", (n) => ({
      k: (100 * 200) / n,
      ties: "index",
    })),
    quantus_auc: place("localisation-auroc"),
  };
}

export const placeMetrics: Table = Object.fromEntries(
  heats.flatMap((heat) => Object.entries(of(heat)).map(([name, ours]) => [`metric.${heat}.${name}`, ours])),
);
