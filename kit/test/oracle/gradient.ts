/** What the model gives, gradients, and the methods that read nothing but them. */
import { toMap } from "../../src/methods/method.ts";
import { fold } from "../../src/onnx/fold.ts";
import { attr, node } from "../../src/onnx/graph.ts";
import { float32 } from "../../src/onnx/tensor.ts";
import type { ParamValue } from "../../src/params.ts";
import { attributed, by, type Fixture, type Ours, plain, type Table, tapped } from "./fixture.ts";

export const ig =
  (steps: number, rule: string, given = {}) =>
  (f: Fixture) =>
    attributed(f, "integrated-gradients", { steps, rule }, given);
const igSum = (rule: string) =>
  by("integrated-gradients", async (f) =>
    toMap(await attributed(f, "integrated-gradients", { steps: 16, rule }), "sum"),
  );
const noise = (f: Fixture) => ({ noise: f.array("sg_noise") });
const smooth = (params: Record<string, ParamValue>): Ours => plain("smoothgrad", params, noise);

/** Their baselines are one number per draw, spread over the image. */
const gradientShap: Ours = plain("gradient-shap", {}, (f) => {
  const { dims, data } = f.probe.x;
  const colours = f.array("gs_base").data;
  const images = float32([colours.length, ...dims], new Float32Array(colours.length * data.length));
  for (const [k, v] of colours.entries()) images.data.fill(v, k * data.length, (k + 1) * data.length);
  return { baselines: images, coefficients: f.array("gs_coef"), noise: f.array("gs_noise") };
});

async function attention(f: Fixture, what: "value" | "gradient") {
  const names = [...f.folded.shapes.keys()].filter((name) => /^attn_\d+$/.test(name)).sort();
  const parts = await Promise.all(names.map((name) => tapped(f, name, what)));
  return Float32Array.from(parts.flatMap((p) => [...p]));
}

/** d softmax[target]/dx: the gradient through the tail we usually cut off. */
async function probabilityGradient(f: Fixture) {
  const graph = {
    ...f.folded.graph,
    nodes: [...f.folded.graph.nodes, node("Softmax", ["logits"], ["p"], { axis: attr.int(1) })],
    outputs: [{ name: "p", type: "float32" as const, dims: ["batch", 4] }],
  };
  return tapped(f, "input", "gradient", fold(graph, "batch"), "p");
}

export const gradient: Table = {
  logits: (f) => f.probe.logits(),
  "captum.saliency": plain("saliency"),
  "captum.saliency_abs": plain("saliency", { absolute: true }),
  "captum.input_x_gradient": plain("input-x-gradient"),
  "captum.ig": plain("integrated-gradients", { steps: 50, rule: "gauss-legendre" }),
  "captum.ig_delta": by("integrated-gradients", async (f) => {
    const attribution = await ig(50, "gauss-legendre")(f);
    const [empty] = await f.probe.scores(1, (_, out) => out.fill(0));
    return [attribution.data.reduce((s, v) => s + v, 0) - ((await f.probe.score()) - empty)];
  }),
  "captum.ig_blurbase": by("integrated-gradients", (f) =>
    ig(20, "gauss-legendre", { baseline: f.array("x_blur") })(f),
  ),
  "captum.ig_riemann_left_sum": igSum("left"),
  "captum.ig_riemann_right_sum": igSum("right"),
  "captum.ig_riemann_middle_sum": igSum("midpoint"),
  "captum.ig_riemann_trapezoid_sum": by("integrated-gradients", async (f) =>
    Float64Array.from(await igSum("trapezoid")(f), (v) => (v * 15) / 16),
  ),
  "captum.smoothgrad": smooth({}),
  "captum.smoothgrad_abs": smooth({ absolute: true }),
  "captum.smoothgrad_sq": plain("smoothgrad-squared", {}, noise),
  "captum.vargrad": plain("vargrad", {}, noise),
  "captum.gradient_shap": gradientShap,
  "heat.sal_max": by("saliency", async (f) => {
    const { data } = await attributed(f, "saliency");
    const pixels = data.length / 3;
    return Float32Array.from({ length: pixels }, (_, i) =>
      Math.max(...[0, 1, 2].map((c) => Math.abs(data[c * pixels + i]))),
    );
  }),
  "heat.ig_abs": async (f) => toMap(await ig(50, "gauss-legendre")(f), "abs-sum").data,
  "heat.ig_signed": async (f) => toMap(await ig(50, "gauss-legendre")(f), "sum").data,
  act_target: (f) => tapped(f, "target_act", "value"),
  grad_target: (f) => tapped(f, "target_act", "gradient"),
  grad_input_prob: probabilityGradient,
  attn: (f) => attention(f, "value"),
  attn_grad: (f) => attention(f, "gradient"),
  "metric.p_target": async (f) => [await f.probe.probability()],
};
