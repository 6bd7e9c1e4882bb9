/**
 * Corrections to what is published. A result is never edited or taken back: a line of results/errata.jsonl says which cells a fault was
 * found in, and whoever shows results leaves those out of every order. Pure.
 */
import type { Frozen } from "../json.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import type * as schemas from "../schemas.generated.ts";
import { erratumSchema } from "../schemas.generated.ts";
import type { Result } from "./document.ts";
import { readDocument } from "./read-document.ts";
import { Findings, type Problem } from "./verdict.ts";

export type Erratum = Frozen<schemas.Erratum>;

/** The entries of a document whose methods and metrics are looked at. */
type Entries = {
  readonly [K in "methods" | "metrics"]: readonly Pick<Result[K][number], "id" | "revision">[];
};

const form = { schema: erratumSchema, file: "schemas/errata/v1.schema.json" };
const advice = "correct the line; what is published already only ever gets lines added";

/** One erratum per line, each in canonical form, each ended by a newline. */
export function readErrata(
  text: string,
  name: string,
): { readonly errata: readonly Erratum[]; readonly problems: readonly Problem[] } {
  const findings = new Findings();
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const errata = lines.flatMap((line, k) => {
    const report = findings.report(`${name}, line ${k + 1}`, advice);
    const last = k === lines.length - 1 && !text.endsWith("\n");
    const erratum = readDocument<Erratum>(last ? line : `${line}\n`, form, report);
    if (erratum === undefined) return [];
    const { method, metric, revisions } = erratum.affects;
    const corrected = metric === undefined ? find(methods, method) : find(metrics, metric);
    if (metric !== undefined && method !== undefined && find(methods, method) === undefined) {
      report(["affects", "method"], "E_ERRATUM", `there is no method ${method}`);
    }
    if (corrected === undefined) {
      const what = metric === undefined ? "method" : "metric";
      report(["affects", what], "E_ERRATUM", `there is no ${what} ${metric ?? method}`);
    } else if (revisions.from > revisions.to || revisions.to > corrected.revision) {
      const { from, to } = revisions;
      report(
        ["affects", "revisions"],
        "E_ERRATUM",
        `revisions ${from} to ${to} of ${corrected.id}, of which there are ${corrected.revision}`,
      );
    }
    return [erratum];
  });
  return { errata, problems: findings.list() };
}

const find = <T extends { readonly id: string }>(registry: readonly T[], id: string | undefined) =>
  registry.find((entry) => entry.id === id);

/** What is wrong with the score of a method by a metric in a document; nothing for one that stands. */
export function errataOf(
  errata: readonly Erratum[],
  document: Entries,
  method: string,
  metric: string,
): readonly Erratum[] {
  return errata.filter(({ affects }) => {
    if ((affects.method ?? method) !== method || (affects.metric ?? metric) !== metric) return false;
    const revision =
      affects.metric === undefined ? find(document.methods, method) : find(document.metrics, metric);
    return (
      revision !== undefined &&
      affects.revisions.from <= revision.revision &&
      revision.revision <= affects.revisions.to
    );
  });
}

/**
 * Methods and metrics that a document has in an older revision than the kit, and of which no erratum says what that changed. A revision
 * is raised when numbers change, so that the numbers before it must be spoken of.
 */
export function unexplained(errata: readonly Erratum[], document: Entries): readonly string[] {
  const silent = (kind: "method" | "metric", { id, revision }: Entries["methods"][number]) => {
    const known = kind === "method" ? find(methods, id) : find(metrics, id);
    if (known === undefined || revision >= known.revision) return [];
    const spoken = errata.some(
      ({ affects }) =>
        affects[kind] === id &&
        (kind === "metric" || affects.metric === undefined) &&
        affects.revisions.from <= revision &&
        revision <= affects.revisions.to,
    );
    return spoken ? [] : [`${id}, revision ${revision} of ${known.revision}`];
  };
  return [
    ...document.methods.flatMap((m) => silent("method", m)),
    ...document.metrics.flatMap((m) => silent("metric", m)),
  ];
}
