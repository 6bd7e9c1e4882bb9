/**
 * What every control must score on every metric: the check that a metric measures what it says. The controls cannot know the model, so
 * most of their scores are known beforehand, or must agree with one another.
 */
import type { Table } from "./table.ts";

export const controlIds = ["random", "sobel", "constant", "centre-gaussian"] as const;
export type ControlId = (typeof controlIds)[number];

export type Expectation =
  /** every score is `value` */
  | { readonly every: number; readonly within: number }
  /** the mean over images is `mean` */
  | { readonly mean: number; readonly within: number }
  /** never a score */
  | { readonly skipped: true }
  /** every score is above this */
  | { readonly above: number }
  /** the same mean as another control's (on the same metric unless told), to `within` and five standard errors */
  | { readonly like: ControlId; readonly on?: string; readonly within: number }
  /** not known beforehand, and why */
  | { readonly open: string };

type Expected = Readonly<Record<ControlId, Expectation>>;

const image = { open: "depends on image and model" } as const;

// removing a random half of the pixels leaves what inserting a random half shows: the areas agree, and ties are a random order too
const randomOrder: Expected = {
  random: { like: "constant", within: 1e-3 },
  constant: { like: "random", within: 1e-3 },
  sobel: image,
  "centre-gaussian": image,
};

// independent of the object: hits with its share of the image, whether by the first pixel or by as many as it has
const chance = (other: string): Expected => ({
  random: { like: "random", on: other, within: 1e-3 },
  constant: { like: "random", within: 1e-3 },
  sobel: image,
  "centre-gaussian": image,
});

export const expected: Readonly<Record<string, Expected>> = {
  infidelity: {
    // the sum over hidden cells is nearly their area: what one adds to the other is noise of single pixels
    random: { like: "constant", within: 0.05 },
    constant: { like: "random", within: 0.05 },
    sobel: image,
    "centre-gaussian": image,
  },
  "infidelity-raw": { random: image, sobel: image, constant: image, "centre-gaussian": image },
  "infidelity-scaled": { random: image, sobel: image, constant: image, "centre-gaussian": image },
  "max-sensitivity": {
    random: { every: 0, within: 0 },
    sobel: { above: 0 },
    constant: { every: 0, within: 0 },
    "centre-gaussian": { every: 0, within: 0 },
  },
  "deletion-auc": randomOrder,
  "insertion-auc": { ...randomOrder, random: { like: "random", on: "deletion-auc", within: 1e-3 } },
  sparseness: {
    random: { mean: 1 / 3, within: 0.02 }, // Gini of uniform numbers
    sobel: { above: 0 },
    constant: { every: 0, within: 1e-6 },
    // Gini of the bell, 0.3993 as sides grow; 0.3988 at 28 pixels
    "centre-gaussian": { every: 0.3993, within: 0.005 },
  },
  randomisation: {
    random: { every: 1, within: 1e-6 },
    sobel: { every: 1, within: 1e-6 },
    constant: { skipped: true },
    "centre-gaussian": { every: 1, within: 1e-6 },
  },
  "relevance-rank-accuracy": chance("pointing-game"),
  "pointing-game": chance("relevance-rank-accuracy"),
  cost: {
    random: { every: 0, within: 0 },
    sobel: { every: 0, within: 0 },
    constant: { every: 0, within: 0 },
    "centre-gaussian": { every: 0, within: 0 },
  },
};

export interface Violation {
  readonly control: ControlId;
  readonly metric: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * What differs from `expected` in a run's table. Metrics without expectations and controls that were not run are passed over; a control
 * without a score where another method has one is a violation unless that is what is expected.
 */
export function checkControls({ methods, groups, scores }: Table): Violation[] {
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
        const found = own.reduce((a, b) => a + b, 0) / own.length;
        if (!(Math.abs(found - expectation.mean) <= expectation.within)) {
          complain(`a mean of ${expectation.mean} ± ${expectation.within}`, `${found}`);
        }
      } else if ("like" in expectation) {
        const { like, on = metric, within } = expectation;
        const other = valuesOf(on, like);
        if (other === undefined || scores.get(on)!.group.length !== group.length) continue;
        const gap = meanDifference(column, other, group, groups.length);
        if (gap && !(Math.abs(gap.mean) <= within + 5 * gap.error)) {
          complain(`the mean of ${like} on ${on}`, `${gap.mean} more (standard error ${gap.error})`);
        }
      }
    }
  }
  return violations;
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
