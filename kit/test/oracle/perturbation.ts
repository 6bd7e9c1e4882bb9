/** Methods that hide parts of the image. */
import { distances } from "../../src/methods/lime.ts";
import { segmentsOf, valuesOf } from "../../src/methods/segments.ts";
import { type Float32Tensor, float32 } from "../../src/onnx/tensor.ts";
import type { ParamValue } from "../../src/params.ts";
import { attributed, by, type Fixture, type Ours, plain, type Table } from "./fixture.ts";

const occluded = (window: number, stride: number): Ours => plain("occlusion", { window, stride });

/** Shares of superpixels as Captum lays them out: undivided in every pixel. */
const ablated = (labels: string, given: (f: Fixture) => Record<string, Float32Tensor> = () => ({})): Ours =>
  by("feature-ablation", async (f) => {
    const segments = f.array(labels);
    const shares = await attributed(f, "feature-ablation", {}, { segments, ...given(f) }, true);
    return Float32Array.from(segments.data, (label) => shares.data[label]);
  });

type Regression = "lime" | "kernel-shap";
const coalitionsFor = { lime: "coal16_lime", "kernel-shap": "coal16_kshap" } as const;

/** A regression on their superpixels and coalitions. */
const regressed = (
  method: Regression,
  params: Record<string, ParamValue>,
  labels = "seg_vor16",
  coalitions: string = coalitionsFor[method],
): Ours =>
  plain(
    method,
    params,
    (f) => ({ segments: f.array(labels), coalitions: f.array(coalitions) }),
    true, // shares of superpixels
  );

/** What the game of superpixels is played with, as the methods see it. */
function game(f: Fixture, labels: string, coalitions: string) {
  const context = {
    probe: f.probe,
    x: f.probe.x,
    given: (name: string) => (name === "segments" ? f.array(labels) : undefined),
  };
  const { dims, data } = f.array(coalitions);
  return {
    context,
    segments: segmentsOf(context, 7),
    coalitions: { count: dims[0], z: Uint8Array.from(data) },
    r: f.probe.reference("mean"),
  };
}

/** The scores that a method fits: their model evaluations. */
const evaluated = (method: Regression, labels: string, name: string): Ours =>
  by(method, async (f) => {
    const { context, segments, r, coalitions } = game(f, labels, name);
    return valuesOf(context, segments, r, coalitions);
  });

/** Their masks, saved as bytes. */
const masks = (f: Fixture) => {
  const { dims, data } = f.array("rise_masks_u8");
  return float32(
    dims,
    data.map((v) => v / 255),
  );
};
const risen = (normalise: string): Ours => plain("rise", { normalise }, (f) => ({ masks: masks(f) }));

export const perturbation: Table = {
  "captum.occlusion_w8s4": occluded(8, 4),
  "captum.occlusion_w8s8": occluded(8, 8),
  "captum.occlusion_w10s7": occluded(10, 7),
  "captum.feature_ablation_seg_grid8px": ablated("seg_grid8px"),
  "captum.feature_ablation_seg_vor16": ablated("seg_vor16"),
  "captum.feature_ablation_blur": ablated("seg_vor16", (f) => ({ baseline: f.array("x_blur") })),
  "captum.shapley_sampling16": plain(
    "shapley-value-sampling",
    {},
    (f) => ({ segments: f.array("seg_vor16"), permutations: f.array("perm16") }),
    true,
  ),
  // weight 1e6 on the ends, theirs, comes within 2e-5 of meeting them exactly, ours
  "captum.kernel_shap16": regressed("kernel-shap", {}),
  "own.kernel_shap16_w1e6": regressed("kernel-shap", {}),
  "own.kernel_shap16_unit": regressed("kernel-shap", {}),
  "own.kernel_shap16_kernel": regressed("kernel-shap", { weights: "kernel" }),
  "own.shapley8_exact": regressed("kernel-shap", { weights: "kernel" }, "seg_vor8", "coal8_all"),
  kshap16_values: evaluated("kernel-shap", "seg_vor16", "coal16_kshap"),
  coal8_values: evaluated("kernel-shap", "seg_vor8", "coal8_all"),
  "captum.lime16_lasso": regressed("lime", {
    distance: "pixel",
    width: 1,
    regression: "lasso",
    penalty: 0.01,
  }),
  "captum.lime16_linear": regressed("lime", { distance: "pixel", regression: "linear" }),
  "own.lime16_linear": regressed("lime", { distance: "pixel", regression: "linear" }),
  "own.lime16_ridge1": regressed("lime", { distance: "pixel" }),
  "own.lime16_weights": by("lime", async (f) => {
    const { segments, coalitions, r } = game(f, "seg_vor16", "coal16_lime");
    return distances(coalitions, segments, { x: f.probe.x, r }).map((d) =>
      Math.exp(-(d ** 2) / (2 * 0.25 ** 2)),
    );
  }),
  lime16_values: evaluated("lime", "seg_vor16", "coal16_lime"),
  rise_probs: by("rise", async (f) => {
    const [x, r, m] = [f.probe.x.data, f.probe.reference("mean").data, masks(f)];
    const pixels = m.dims[1] * m.dims[2];
    return f.probe.probabilities(m.dims[0], (k, out) => {
      for (let i = 0; i < out.length; i++) out[i] = r[i] + m.data[k * pixels + (i % pixels)] * (x[i] - r[i]);
    });
  }),
  "own.rise": risen("mean"),
  "own.rise_pixelnorm": risen("pixel"),
};
