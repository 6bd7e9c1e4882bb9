/** May a valid comparison stand in results/? What is asked beyond its truth. */
import type { Admission } from "../results/admission.ts";
import { at } from "../results/strict-json.ts";
import type { Comparison } from "./document.ts";
import { defaultAlpha } from "./uces.ts";

export function comparisonAdmission({ uces, consistency, gaps }: Comparison): Admission {
  const refusals: Admission["refusals"][number][] = [];
  if (uces !== null && uces.alpha !== defaultAlpha) {
    refusals.push({
      path: at(["uces", "alpha"]),
      code: "E_ADMISSION",
      message: `${uces.alpha}, where all sets are compared with ${defaultAlpha}; readers weigh as they like`,
      next: "compare again without --alpha",
    });
  }
  if (consistency.length === 0 && (uces === null || uces.methods.every(({ reason }) => reason !== null))) {
    refusals.push({
      path: at(["gaps"]),
      code: "E_ADMISSION",
      message: "neither consistency nor UCES is in it",
      next: "xai-kit compare says what is missing",
    });
  }
  return {
    refusals,
    notes: gaps.map(
      ({ metric, model, reason }) => `no ${metric}${model === null ? "" : ` of ${model}`}: ${reason}`,
    ),
  };
}
