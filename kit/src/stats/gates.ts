/** Does a method beat what cannot know the model? */
import { groupsWith, type Interval, interval, type Resamples, resampledMeans } from "./bootstrap.ts";

export interface Gate {
  /** beats every control; `null`: not known, and no control is known to be unbeaten */
  readonly passed: boolean | null;
  /** control → 95 % interval of the mean by which the method is better; `null` where not known */
  readonly against: Readonly<Record<string, Interval | null>>;
  /** why `passed` is not true */
  readonly reason: string | null;
}

/** Whether a method is better than a control by this interval of the difference. */
export const beats = (difference: readonly number[] | null): boolean | null =>
  difference && difference[0] > 0;

/** The controls that a method beats (`true`), does not beat, or was not compared with (`null`). */
export const controlsOf = (
  { against }: { readonly against: Readonly<Record<string, readonly number[] | null>> },
  beaten: boolean | null,
): readonly string[] => Object.keys(against).filter((control) => beats(against[control]) === beaten);

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
  methods: readonly { readonly values: Float64Array }[],
  controls: readonly { readonly id: string; readonly values: Float64Array | undefined }[],
  group: Int32Array,
  resamples: Resamples,
): Gate[] {
  const pairs = methods.flatMap((m) =>
    controls.map(({ values }) => m.values.map((v, u) => v - (values?.[u] ?? Number.NaN))),
  );
  const means = resampledMeans(pairs, group, resamples);
  return methods.map((_, m) => {
    const against = Object.fromEntries(
      controls.map(({ id }, c) => {
        const at = m * controls.length + c;
        return [id, groupsWith(pairs[at], group) > 1 ? interval(means[at]) : null];
      }),
    );
    const unbeaten = controlsOf({ against }, false);
    const unknown = controls
      .filter(({ id, values }) => against[id] === null && values?.every(Number.isNaN) !== true)
      .map((control) => control.id);
    const compared = Object.values(against).some((difference) => difference !== null);
    const passed = unbeaten.length > 0 ? false : unknown.length > 0 || !compared ? null : true;
    const reason =
      passed === false
        ? `does not beat ${unbeaten.join(", ")}`
        : unknown.length > 0
          ? `no comparison with ${unknown.join(", ")}`
          : passed === null
            ? "no control has a score"
            : null;
    return { passed, against, reason };
  });
}
