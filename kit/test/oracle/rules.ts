/** Methods with backward rules of their own. */
import { lrpRules } from "../../src/autodiff/rules/lrp.ts";
import type { RuleTable } from "../../src/autodiff/vjp.ts";
import { vjps } from "../../src/autodiff/vjps/index.ts";
import { passedBack } from "../../src/methods/ruled.ts";
import type { Parts, Program } from "../../src/model/model.ts";
import { gradientBy } from "../../src/model/programs.ts";
import { attributed, by, type Ours, plain, type Table } from "./fixture.ts";

const guided: Table = {
  "captum.guided_backprop": plain("guided-backprop"),
  "captum.deconvolution": plain("deconvolution"),
  "captum.guided_gradcam": plain("guided-grad-cam", { interpolation: "nearest" }),
};

const deeplift: Table = {
  // its resnet pools right behind a ReLU, where Captum passes the plain gradient
  "captum.deeplift": plain("deeplift", { pooling: "gradient" }),
  "captum.deeplift_delta": by("deeplift", async (f) => {
    const { data } = await attributed(f, "deeplift");
    const [empty] = await f.probe.scores(1, (_, out) => out.fill(0));
    return [data.reduce((s, v) => s + v, 0) - ((await f.probe.score()) - empty)];
  }),
};

const zennit = { first: "as-others", epsilon: 1e-9, stabiliser: 1e-9 };

/** Captum's epsilon rule on every layer. */
const everyLayer = (epsilon: number): Ours =>
  by("lrp", async (f) => {
    const options = { convolution: "epsilon", epsilon, stabiliser: epsilon } as const;
    if (!f.folded.graph.nodes.some(({ op }) => op === "Concat"))
      return attributed(f, "lrp", { ...options, first: "as-others", "every-layer": true });
    const program: Program = {
      id: `captum ${epsilon}`,
      passes: { forwards: 1, backwards: 1 },
      build(parts) {
        const own = { ...options, ...parts.options, flatFirst: false, gamma: 0, everyLayer: true };
        const rules = lrpRules(parts.folded, parts.input, parts.score, own);
        return gradientBy("", { ...rules, Concat: concatOf(parts) }).build(parts);
      },
    };
    const { data } = await passedBack({ probe: f.probe, x: f.probe.x }, program);
    const score = await f.probe.score();
    return data.map((share) => score * share);
  });

/**
 * Captum multiplies whatever gradient arrives at the input of a layer by that input. What arrives there by way of a Concat is relevance already
 * and is multiplied once more, which is why its relevance grows without bounds in a DenseNet.
 */
function concatOf({ folded: { graph } }: Parts): RuleTable[string] {
  const layers = graph.nodes.filter(({ op }) => /^(BatchNormalization|Conv|Gemm)$|Pool$/.test(op));
  const multiplied = new Set(layers.map(({ inputs }) => inputs[0]));
  return {
    rule: (context) =>
      vjps.Concat.rule(context).map((R, i) => {
        const a = context.inputs[i];
        return R && multiplied.has(a.name) ? context.ops.mul(R, a) : R;
      }),
  };
}

const lrp: Table = {
  "zennit.lrp_eps1e-9": plain("lrp", { ...zennit, convolution: "epsilon" }),
  "zennit.lrp_eps0.1": plain("lrp", { ...zennit, convolution: "epsilon", epsilon: 0.1 }),
  "zennit.lrp_eps0.1_all": plain("lrp", { ...zennit, convolution: "epsilon", epsilon: 0.1, stabiliser: 0.1 }),
  "zennit.lrp_zplus": plain("lrp", zennit),
  "zennit.lrp_zplus_st0.1": plain("lrp", { ...zennit, epsilon: 0.1, stabiliser: 0.1 }),
  "zennit.lrp_a2b1": plain("lrp", { ...zennit, convolution: "alpha2-beta1" }),
  "zennit.lrp_gamma0.25": plain("lrp", { ...zennit, convolution: "gamma" }),
  "captum.lrp_eps_fused": everyLayer(1e-9),
  // a normalisation folded into its convolution changes nothing but the rounding
  "captum.lrp_eps_unfused": everyLayer(1e-9),
  "captum.lrp_eps0.1_fused": everyLayer(0.1),
};

export const rules: Table = { ...guided, ...deeplift, ...lrp };
