/** Which methods differ at all? Friedman's test, then Nemenyi's critical difference; and what the answer owes to weights. */
import type { Standing, WeightShares } from "../../kit/src/results/across-runs.ts";
import { alphas } from "../../kit/src/results/across-runs.ts";
import { number, percent } from "../lib/format.ts";
import { notEnough } from "./agreement.ts";
import { some, titleIn, type View } from "./views.ts";

export const standingOf = ({ set }: View, basis: string): Standing | undefined =>
  set.standings.find(({ of }) => of === basis);

/** "p < 0.001", "p = 0.024" */
export const pText = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${number(p, 3)}`);

export function differenceAnswer(view: View, standing: Standing | undefined): string {
  if (standing === undefined) return notEnough("no run ranks by this");
  const { friedman, groups, methods, reason } = standing;
  if (friedman === null) return notEnough(reason);
  const { fP, blocks } = friedman;
  const test = `Friedman’s test, ${pText(fP)}, ${some(blocks, "run")}`;
  if (fP >= alphas[0]) return `No difference between methods is shown (${test}).`;
  const [lead] = groups;
  const behind = methods.filter(({ method }) => !lead.includes(method));
  if (behind.length === 0) return `Methods differ (${test}), but no two can be told apart.`;
  const [best] = methods;
  const name = `${titleIn(view, best.method)} has the best mean rank (${number(best.averageRank, 1)} of ${methods.length})`;
  const others = lead.length - 1;
  const names = behind.map(({ method }) => titleIn(view, method)).join(", ");
  const told =
    others === 0 ? "every other method is behind" : `${others} cannot be told from it; behind are ${names}`;
  return `Methods differ (${test}). ${name}; ${told}.`;
}

/** "two facets" */
export const componentWords = (view: View, { over, components }: WeightShares): string =>
  over === "facets"
    ? `the facets ${components.join(" and ")}`
    : `the metrics ${components.map((id) => titleIn(view, id)).join(", ")}`;

export function weightAnswer(view: View, shares: WeightShares): string {
  const { methods, reason, components } = shares;
  if (reason !== null || methods.length === 0) return notEnough(reason);
  const [first, second] = methods;
  const title = titleIn(view, first.method);
  // a share of 1 is of the draws: its error says how far it may be from all
  if (second === undefined || second.share === 0) {
    return `No: ${title} leads however the ${components.length} are weighted.`;
  }
  const leads = methods.filter(({ share }) => share > 0).length;
  const share = `${title} leads under ${percent(first.share)} of the weightings, ${titleIn(view, second.method)} under ${percent(second.share)}`;
  return first.share > 0.5
    ? `In part: ${share}; ${leads} methods lead under some.`
    : `Yes: no method leads under half of the weightings (${share}); ${leads} lead under some.`;
}
