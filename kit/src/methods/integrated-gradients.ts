import { baselineInput, baselineOf, referenceParam } from "./baseline.ts";
import { defineMethod } from "./method.ts";
import { quadrature, quadratureRules } from "./quadrature.ts";

/**
 * Integrated Gradients: (x − r) ⊙ the mean gradient on the straight path from r to x.
 *
 * @returns float32 [C,H,W], logits; sums to f(x) − f(r) up to the error of the rule
 * @throws  KitError E_NO_GRADIENT where an operator of the model has none; E_INPUT for a baseline of other dims
 *
 * Cost: `steps` forward and backward passes.
 * Source: arXiv:1703.01365; Gauss–Legendre nodes where the paper sums right ends.
 */
export const integratedGradients = defineMethod({
  id: "integrated-gradients",
  title: "Integrated Gradients",
  paper: "arXiv:1703.01365",
  revision: 1,
  summary: "(x − r) ⊙ the mean gradient on the straight path from r to x; sums to f(x) − f(r).",
  formula: "Φ = (x − r) ⊙ Σₖ wₖ ∂f/∂x(r + tₖ(x − r))",
  limits:
    "Hangs on the reference: a pixel of its colour gets nothing; and the points between x and r are images that the model never saw.",
  kind: "contribution",
  map: "sum",
  needs: ["gradient"],
  params: {
    steps: {
      type: "integer",
      default: 50,
      minimum: 1,
      maximum: 10_000,
      budget: true,
      description: "points on the path",
    },
    rule: {
      type: "choice",
      choices: quadratureRules,
      default: "gauss-legendre",
      description: "quadrature rule",
    },
    reference: referenceParam,
  },
  inputs: { baseline: baselineInput },
  cost: ({ steps }) => ({ forwards: steps, backwards: steps }),
  async attribute(context) {
    const { probe, x, params } = context;
    const r = baselineOf(context, params.reference);
    const { nodes, weights } = quadrature(params.rule, params.steps);
    const mean = new Float64Array(x.data.length);
    await probe.gradients(
      params.steps,
      (k, point) => {
        for (let i = 0; i < point.length; i++) point[i] = r.data[i] + nodes[k] * (x.data[i] - r.data[i]);
      },
      (k, gradient) => {
        for (let i = 0; i < mean.length; i++) mean[i] += weights[k] * gradient[i];
      },
    );
    return { ...x, data: Float32Array.from(mean, (g, i) => (x.data[i] - r.data[i]) * g) };
  },
});
