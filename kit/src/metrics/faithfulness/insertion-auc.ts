import { randomOrder } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { curveCost, curveInputs, curveParams, curveScore } from "./curve.ts";

/** Insertion AUC, arXiv:1806.07421. */
export const insertionAuc = defineMetric({
  id: "insertion-auc",
  title: "Insertion AUC",
  paper: "arXiv:1806.07421",
  revision: 1,
  formula: "∫₀¹ p(r with the strongest share s of x put in) ds",
  summary:
    "Area under the class probability while the most relevant pixels are shown first on an empty image.",
  limits: "Rewards compact maps on recognisable parts; what fills the rest of the image matters.",
  family: "faithfulness",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: { ...randomOrder, random: { like: "random", on: "deletion-auc", within: 1e-3 } },
  needs: [],
  params: curveParams,
  inputs: curveInputs,
  cost: curveCost,
  score: (context) => curveScore("insertion", context),
});
