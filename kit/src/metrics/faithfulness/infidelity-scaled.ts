import { image } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { captumInfidelity, captumInputs, captumParams } from "./captum-infidelity.ts";

/** Captum's infidelity with `normalize=True`, arXiv:1901.09392. */
export const infidelityScaled = defineMetric({
  id: "infidelity-scaled",
  title: "Infidelity (Captum, scaled)",
  paper: "arXiv:1901.09392",
  revision: 1,
  formula: "E (β⟨I, Φ⟩ − (f(x) − f(x − I)))², β = E[⟨I, Φ⟩·Δf] / E[⟨I, Φ⟩²]",
  summary: "As infidelity-raw after the best scaling β of Φ for this image (Captum's normalize=True).",
  limits: "A map with the wrong sign is rescued by a negative scale.",
  family: "faithfulness",
  better: "lower",
  range: [0, null],
  gate: "controls",
  controls: { random: image, sobel: image, constant: image, "centre-gaussian": image },
  needs: [],
  params: captumParams,
  inputs: captumInputs,
  cost: ({ draws }) => ({ forwards: draws + 1, backwards: 0 }),
  score: (context) => captumInfidelity(context, true),
});
