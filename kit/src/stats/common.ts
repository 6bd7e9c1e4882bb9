/** The images on which methods are compared: the same for all, so that no method gains by failing on hard ones. */
import type { Scores } from "./table.ts";

export interface Common {
  /** oriented[m][u]: higher is better; standard methods have a value on every unit kept, further ones where they were asked, controls may not (NaN) */
  readonly oriented: readonly Float64Array[];
  /** group of each unit kept */
  readonly group: Int32Array;
  /** units on which no method has a value */
  readonly dropped: number;
  /** share[m] of the units kept, of those that method m was asked about, on which it took the worst value */
  readonly share: Float64Array;
}

/** Beyond this share of worst values a method is not recommended on the metric. */
export const worstShareLimit = 0.2;

export type Role = "standard" | "further" | "control";

/**
 * Where a method returned a zero, constant or non-finite map it takes the worst value among the standard methods and the controls on
 * that image; so it does where it failed although another standard method has a value (the protocol names the maps only: failing must
 * not pay either). Further methods take that worst value but never set it, and units are dropped on the word of the standard methods
 * alone, or of the further ones where a run has no standard method: so that they move nothing.
 *
 * A further method that was asked about the first samples only is compared on those.
 *
 * A method without any value keeps none: the metric does not apply to it, and it has no place in the comparison.
 */
export function commonSet(scores: Scores, roles: readonly Role[], better: "higher" | "lower"): Common {
  const sign = better === "higher" ? 1 : -1;
  const signed = scores.values.map((column) => column.map((v) => sign * v));
  const applies = signed.map((column) => column.some((v) => !Number.isNaN(v)));
  const all = roles.map((_, m) => m);
  const judges = (["standard", "further"] as const)
    .map((role) => all.filter((m) => roles[m] === role && applies[m]))
    .find((list) => list.length > 0);
  const units = Array.from(scores.group.keys());
  const kept = units.filter((u) => judges?.some((m) => !Number.isNaN(signed[m][u])));
  const share = new Float64Array(roles.length);
  const setters = [...(judges ?? []), ...all.filter((m) => roles[m] === "control")];
  const worst = kept.map((u) => {
    const values = setters.map((m) => signed[m][u]).filter((v) => !Number.isNaN(v));
    return values.reduce((a, b) => Math.min(a, b));
  });
  const oriented = signed.map((column, m) => {
    if (roles[m] === "control" || !applies[m]) return Float64Array.from(kept, (u) => column[u]);
    const isAsked = (u: number) => roles[m] === "standard" || scores.asked[m][u] === 1;
    const asked = kept.filter(isAsked).length;
    return Float64Array.from(kept, (u, at) => {
      if (!isAsked(u)) return Number.NaN;
      if (!Number.isNaN(column[u]) && !scores.defective[m][u]) return column[u];
      share[m] += 1 / asked;
      return worst[at];
    });
  });
  return {
    oriented,
    group: Int32Array.from(kept, (u) => scores.group[u]),
    dropped: units.length - kept.length,
    share,
  };
}
