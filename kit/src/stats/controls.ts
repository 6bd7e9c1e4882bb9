/** Whether the controls of a run scored what their metrics say they must. */
import { type ControlId, controlIds, type Expected } from "./expectation.ts";
import type { Table } from "./table.ts";

export interface Violation {
  readonly control: ControlId;
  readonly metric: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * What differs from `expected`, by the ids of metrics, in a run's table. Metrics without expectations and controls that were not run are passed over; a control
 * without a score where another method has one is a violation unless that is what is expected.
 */
export function checkControls(
  { methods, groups, scores }: Table,
  expected: Readonly<Record<string, Expected>>,
): Violation[] {
  const violations: Violation[] = [];
  const valuesOf = (metric: string, control: ControlId) =>
    scores.get(metric)?.values[methods.indexOf(control)];
  for (const [metric, { values, group }] of scores) {
    if (!Object.hasOwn(expected, metric)) continue;
    for (const control of controlIds) {
      const column = valuesOf(metric, control);
      if (column === undefined) continue;
      const expectation = expected[metric][control];
      const complain = (wanted: string, found: string) =>
        violations.push({ control, metric, expected: wanted, found });
      const own = column.filter((v) => !Number.isNaN(v));
      if ("skipped" in expectation) {
        if (own.length > 0) complain("no score", `${own.length} scores, the first ${own[0]}`);
        continue;
      }
      if (own.length === 0) {
        if (values.some((other) => other.some((v) => !Number.isNaN(v)))) complain("a score", "none");
        continue;
      }
      if ("every" in expectation) {
        const { every, within } = expectation;
        const wrong = own.find((v) => !(Math.abs(v - every) <= within));
        if (wrong !== undefined) complain(`${every} ± ${within} on every image`, `${wrong}`);
      } else if ("above" in expectation) {
        const wrong = own.find((v) => !(v > expectation.above));
        if (wrong !== undefined) complain(`above ${expectation.above} on every image`, `${wrong}`);
      } else if ("mean" in expectation) {
        const { mean, within, errors } = expectation;
        const found = own.reduce((a, b) => a + b, 0) / own.length;
        const wanted = column.map(() => mean);
        const gap = errors ? meanDifference(column, wanted, group, groups.length) : { error: 0 };
        if (gap && !(Math.abs(found - mean) <= within + (errors ?? 0) * gap.error)) {
          complain(
            `a mean of ${mean} ± ${within}`,
            `${found}${errors ? ` (standard error ${gap.error})` : ""}`,
          );
        }
      } else if ("like" in expectation) {
        const { like, on = metric, within } = expectation;
        const other = valuesOf(on, like);
        if (other === undefined || scores.get(on)!.group.length !== group.length) continue;
        const gap = meanDifference(column, other, group, groups.length);
        const error = gap && Math.max(gap.error, chanceError(own, other), chanceError(other, own));
        if (gap && error !== undefined && !(Math.abs(gap.mean) <= within + 5 * error)) {
          complain(`the mean of ${like} on ${on}`, `${gap.mean} more (standard error ${error})`);
        }
      }
    }
  }
  return violations;
}

/** Hits and misses that came out alike on every image show no spread, yet they are draws: as many with the chance that the other control has. */
function chanceError(column: Float64Array, other: Float64Array): number {
  const own = column.filter((v) => !Number.isNaN(v));
  if (!own.every((v) => v === own[0] && (v === 0 || v === 1))) return 0;
  const known = other.filter((v) => !Number.isNaN(v));
  const chance = Math.min(1, Math.max(0, known.reduce((a, b) => a + b, 0) / known.length));
  return Math.sqrt((chance * (1 - chance)) / own.length);
}

/** Mean difference of two columns and its standard error over groups; undefined below eight groups, where the error says little. */
function meanDifference(a: Float64Array, b: Float64Array, group: Int32Array, groups: number) {
  const sums = new Float64Array(groups);
  const sizes = new Float64Array(groups);
  for (let u = 0; u < a.length; u++) {
    if (Number.isNaN(a[u]) || Number.isNaN(b[u])) continue;
    sums[group[u]] += a[u] - b[u];
    sizes[group[u]]++;
  }
  const count = sizes.filter((n) => n > 0).length;
  if (count < 8) return undefined;
  const n = sizes.reduce((x, y) => x + y, 0);
  const mean = sums.reduce((x, y) => x + y, 0) / n;
  // of a ratio: residuals of the group sums, as each group may hold more than one unit
  const squares = sums.reduce((total, sum, g) => total + (sum - mean * sizes[g]) ** 2, 0);
  return { mean, error: Math.sqrt((squares * count) / (count - 1)) / n };
}
