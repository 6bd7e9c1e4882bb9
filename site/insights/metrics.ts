/** Do metrics order methods alike? */
import type { Agreement } from "../../kit/src/results/across-agreement.ts";
import { findingOf, findingWords, notEnough, shadeOf, tauIs, tauText } from "./agreement.ts";
import { some, titleIn, type View } from "./views.ts";

export interface MatrixCell {
  /** undefined on the diagonal */
  readonly agreement: Agreement | undefined;
  readonly shade: number | undefined;
  /** "Infidelity and Sparseness: τ 0.39 [0.28, 0.53], alike" */
  readonly name: string;
}

export interface Matrix {
  readonly metrics: readonly { readonly id: string; readonly title: string }[];
  readonly rows: readonly (readonly MatrixCell[])[];
}

export function matrixOf(view: View): Matrix {
  const pairs = view.set.betweenMetrics;
  const ids = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
  const metrics = ids.map((id) => ({ id, title: titleIn(view, id) }));
  return {
    metrics,
    rows: metrics.map((row) =>
      metrics.map((column): MatrixCell => {
        const agreement = pairs.find(
          ({ a, b }) => (a === row.id && b === column.id) || (a === column.id && b === row.id),
        );
        if (agreement === undefined) return { agreement, shade: undefined, name: "the same metric" };
        const { tau, reason } = agreement;
        const said =
          tau === null ? (reason ?? "") : `τ ${tauText(agreement)}, ${findingWords[findingOf(agreement)]}`;
        return {
          agreement,
          shade: tau === null ? undefined : shadeOf(tau),
          name: `${row.title} and ${column.title}: ${said}`,
        };
      }),
    ),
  };
}

export function metricsAnswer(view: View): string {
  const pairs = view.set.betweenMetrics.filter(({ tau }) => tau !== null);
  if (pairs.length === 0)
    return notEnough(view.set.betweenMetrics[0]?.reason ?? "no two metrics rank the same runs");
  const told = pairs.filter(({ interval }) => interval !== null);
  const named = (pair: Agreement) => `${titleIn(view, pair.a)} and ${titleIn(view, pair.b)} (${tauIs(pair)})`;
  const order = (told.length > 0 ? told : pairs).toSorted((a, b) => a.tau! - b.tau!);
  const [least, most] = [order[0], order.at(-1)!];
  if (told.length === 0) {
    return `${notEnough(pairs[0].reason)} So far the most alike are ${named(most)}, the least ${named(least)}.`;
  }
  const count = (finding: string) => told.filter((pair) => findingOf(pair) === finding).length;
  const [alike, opposed] = [count("alike"), count("opposed")];
  const ends = [
    ...(alike > 0 ? [`most alike are ${named(most)}`] : []),
    ...(opposed > 0 ? [`most opposed ${named(least)}`] : []),
  ];
  const tail = ends.length === 0 ? "" : `; ${ends.join(", ")}`;
  const rest = told.length - alike - opposed;
  const open = rest === 0 ? "" : `; ${rest} cannot be told from unrelated`;
  return `Of ${some(told.length, "pair")} of metrics ${alike || "none"} order methods more alike than by chance and ${opposed || "none"} in more opposite ways${open}${tail}.`;
}
