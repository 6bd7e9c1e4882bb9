/** Does a method beat what cannot know the model? */
import { groupsWith, type Interval, interval, type Resamples, resampledMeans } from "./bootstrap.ts";
import type { Common } from "./common.ts";

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
 * @param controls  every control there is; one without scores leaves the gate not known
 */
export function gates(
  methods: readonly { readonly id: string; readonly values: Float64Array }[],
  controls: readonly { readonly id: string; readonly values: Float64Array | undefined }[],
  group: Common["group"],
  resamples: Resamples,
): Gate[] {
  const known = controls.flatMap(({ id, values }) => (values ? [{ id, values }] : []));
  const differences = methods.flatMap((m) => known.map((c) => m.values.map((v, u) => v - c.values[u])));
  const means = resampledMeans(differences, group, resamples);
  return methods.map(({ id }, m) => {
    const against = controls.map(({ id: control }): Duel => {
      const at = m * known.length + known.findIndex((c) => c.id === control);
      const column = known.some((c) => c.id === control) ? differences[at] : undefined;
      const difference = column && groupsWith(column, group) > 1 ? interval(means[at]) : null;
      return { control, difference, beaten: difference && difference[0] > 0 };
    });
    const unbeaten = against.filter((duel) => duel.beaten === false).map((duel) => duel.control);
    const unknown = against.filter((duel) => duel.beaten === null).map((duel) => duel.control);
    if (unbeaten.length > 0) {
      return { method: id, passed: false, against, reason: `does not beat ${unbeaten.join(", ")}` };
    }
    if (unknown.length > 0) {
      return { method: id, passed: null, against, reason: `no comparison with ${unknown.join(", ")}` };
    }
    return { method: id, passed: true, against, reason: null };
  });
}
