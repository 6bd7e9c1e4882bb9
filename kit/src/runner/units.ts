/** What a run consists of once it is done: units that can be written down, and the rows they add up to in whatever order they came. */
import type { Model } from "../model/model.ts";

/** The scores of one method on one sample for one explained class. */
export interface Row {
  readonly sample: string;
  readonly group: string;
  readonly method: string;
  /** class index */
  readonly target: number;
  readonly targetKind: "predicted" | "annotated";
  /** null where nobody has said yes or no to the predicted class: neither right nor wrong */
  readonly correct: boolean | null;
  /** why the map says nothing: zero, constant or not finite */
  readonly defect: string | null;
  readonly scores: Record<string, number>;
  readonly skips: Record<string, string>;
}

export interface Failure {
  readonly sample: string;
  readonly method: string;
  readonly metric?: string;
  readonly code: string;
  readonly reason: string;
}

/** What one score is the area of: values at equal steps, by what stood for removed pixels ("mean", "blur"). */
export interface SampleCurve {
  readonly method: string;
  readonly metric: string;
  readonly points: Readonly<Record<string, readonly number[]>>;
}

/** One sample: every method, and every metric but those under a randomised model. */
export interface SampleUnit {
  readonly kind: "sample";
  readonly sample: string;
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  readonly passes: Model["passes"];
  /** per method: milliseconds of its attributions, and how many; telemetry */
  readonly times: Readonly<Record<string, readonly [total: number, count: number]>>;
  /** of the scores that have some; published nowhere */
  readonly curves?: readonly SampleCurve[];
}

/** The same sample under the randomised model: what it adds to the rows. */
export interface RandomisedUnit {
  readonly kind: "randomised";
  readonly sample: string;
  readonly rows: readonly Pick<Row, "method" | "target" | "targetKind" | "scores" | "skips">[];
  readonly failures: readonly Failure[];
  readonly passes: Model["passes"];
}

export type Unit = SampleUnit | RandomisedUnit;

export interface Execution {
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  /** per method, mean wall time of one attribution */
  readonly msPerAttribution: Readonly<Record<string, number>>;
  readonly passes: Model["passes"];
}

/** The rows of all units in the order of the selection; those of a sample in the order they were found, which is the plan's. */
export function assemble(selected: readonly string[], units: readonly Unit[]): Execution {
  const position = new Map(selected.map((id, i) => [id, i]));
  const ordered = [...units].sort(
    (a, b) =>
      (position.get(a.sample) ?? 0) - (position.get(b.sample) ?? 0) ||
      Number(a.kind === "randomised") - Number(b.kind === "randomised"),
  );
  const rows: Row[] = [];
  const found = new Map<string, Row>();
  const keyOf = (sample: string, row: Pick<Row, "method" | "target" | "targetKind">) =>
    JSON.stringify([sample, row.method, row.target, row.targetKind]);
  const times: Record<string, [total: number, count: number]> = {};
  const passes = { forwards: 0, backwards: 0 };
  for (const unit of ordered) {
    passes.forwards += unit.passes.forwards;
    passes.backwards += unit.passes.backwards;
    for (const row of unit.rows) {
      const key = keyOf(unit.sample, row);
      if ("sample" in row) {
        const own: Row = { ...row, scores: { ...row.scores }, skips: { ...row.skips } };
        rows.push(own);
        found.set(key, own);
      } else {
        Object.assign(found.get(key)?.scores ?? {}, row.scores);
        Object.assign(found.get(key)?.skips ?? {}, row.skips);
      }
    }
    if (unit.kind === "randomised") continue;
    for (const [method, [total, count]] of Object.entries(unit.times)) {
      const [t, n] = times[method] ?? [0, 0];
      times[method] = [t + total, n + count];
    }
  }
  return {
    rows,
    failures: ordered.flatMap((unit) => unit.failures),
    msPerAttribution: Object.fromEntries(Object.entries(times).map(([id, [total, n]]) => [id, total / n])),
    passes,
  };
}
