/** Does a method beat what cannot know the model? */
import { groupsWith, type Interval, interval, type Resamples, resampledMeans } from "./bootstrap.ts";

/** A method against one control. `difference`: 95 % interval of the mean by which the method is better; `null` where not known. */
export interface Duel {
  readonly control: string;
  readonly difference: Interval | null;
  readonly beaten: boolean | null;
}

export interface Gate {
  readonly method: string;
  /** beats every control; `null`: not known, and no control is known to be unbeaten */
  readonly passed: boolean | null;
  readonly against: readonly Duel[];
  /** why `passed` is not true */
  readonly reason: string | null;
}

/**
 * "Intervals apart" is read as paired: the 95 % bootstrap interval of the mean difference on the common images lies above 0, which is
 * the same 97.5 % of paired resamples that ranks ask for. Two intervals that do not overlap would ask for more and ignore that the
 * images are the same.
 *
 * A control that was run and has no score on any image (a correlation with a constant map) leaves nothing to beat.
 *
 * @param methods   values[image], higher is better
 * @param controls  every control there is; one that was not run leaves the gate not known
 */
export function gates(
  methods: readonly { readonly id: string; readonly values: Float64Array }[],
  controls: readonly { readonly id: string; readonly values: Float64Array | undefined }[],
  group: Int32Array,
  resamples: Resamples,
): Gate[] {
  const pairs = methods.flatMap((m) =>
    controls.map(({ values }) => m.values.map((v, u) => v - (values?.[u] ?? Number.NaN))),
  );
  const means = resampledMeans(pairs, group, resamples);
  return methods.map(({ id }, m) => {
    const against = controls.map(({ id: control }, c): Duel => {
      const at = m * controls.length + c;
      const difference = groupsWith(pairs[at], group) > 1 ? interval(means[at]) : null;
      return { control, difference, beaten: difference && difference[0] > 0 };
    });
    const unbeaten = against.filter((duel) => duel.beaten === false).map((duel) => duel.control);
    const unknown = controls
      .filter(({ values }, c) => against[c].beaten === null && values?.every(Number.isNaN) !== true)
      .map((control) => control.id);
    const passed = unbeaten.length > 0 ? false : unknown.length > 0 || against.every(noDuel) ? null : true;
    const reason =
      passed === false
        ? `does not beat ${unbeaten.join(", ")}`
        : unknown.length > 0
          ? `no comparison with ${unknown.join(", ")}`
          : passed === null
            ? "no control has a score"
            : null;
    return { method: id, passed, against, reason };
  });
}

const noDuel = (duel: Duel): boolean => duel.beaten === null;
