import { randomOrder } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { curveCost, curveInputs, curveParams, curveScore } from "./curve.ts";

/** Deletion AUC, arXiv:1806.07421. */
export const deletionAuc = defineMetric({
  id: "deletion-auc",
  title: "Deletion AUC",
  paper: "arXiv:1806.07421",
  revision: 1,
  formula: "∫₀¹ p(x with its strongest share s replaced by r) ds",
  summary: "Area under the class probability while the most relevant pixels are removed first.",
  limits:
    "Partly removed images leave the data distribution, and scattered maps fool the model faster than compact ones.",
  family: "faithfulness",
  better: "lower",
  range: [0, 1],
  gate: "controls",
  controls: randomOrder,
  needs: [],
  params: curveParams,
  inputs: curveInputs,
  cost: curveCost,
  score: (context) => curveScore("deletion", context),
});
