import { image } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { captumInfidelity, captumInputs, captumParams } from "./captum-infidelity.ts";

/** Captum's infidelity with `normalize=False`, arXiv:1901.09392. */
export const infidelityRaw = defineMetric({
  id: "infidelity-raw",
  title: "Infidelity (Captum, raw)",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula: "E (⟨I, Φ⟩ − (f(x) − f(x − I)))²",
  summary:
    "Mean square of Σ(I ⊙ Φ) − (f(x) − f(x − I)) over normal perturbations I; depends on the scale of Φ.",
  limits: "Not comparable between methods: a map on another scale scores worse at equal content.",
  family: "faithfulness",
  better: "lower",
  range: [0, null],
  gate: "controls",
  controls: { random: image, sobel: image, constant: image, "centre-gaussian": image },
  needs: [],
  params: captumParams,
  inputs: captumInputs,
  cost: ({ draws }) => ({ forwards: draws + 1, backwards: 0 }),
  score: (context) => captumInfidelity(context, false),
});
