/** An erratum in words. */
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import type { Erratum } from "../../kit/src/results/errata.ts";

/** "LIME by Infidelity, revision 1" */
export function titleOfErratum({ affects }: Erratum): string {
  const { method, metric, revisions } = affects;
  const titleOf = (registry: readonly { readonly id: string; readonly title: string }[], id: string) =>
    registry.find((entry) => entry.id === id)?.title ?? id;
  const named = [
    ...(method === undefined ? [] : [titleOf(methods, method)]),
    ...(metric === undefined ? [] : [titleOf(metrics, metric)]),
  ].join(" by ");
  const { from, to } = revisions;
  return `${named}, ${from === to ? `revision ${from}` : `revisions ${from} to ${to}`}`;
}
