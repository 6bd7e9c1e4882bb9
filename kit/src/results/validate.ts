/**
 * May a run be believed? Strict JSON, then the schema, then what only the registries and the sidecar can tell. The same code for the
 * command line, for CI and in the browser; a file from a stranger ends in a list of problems, never in an exception.
 */
import { runSchema } from "../schemas.generated.ts";
import { checkDocument } from "./check-document.ts";
import { checkSidecar } from "./check-sidecar.ts";
import { identityOf, type Run } from "./document.ts";
import { readDocument } from "./read-document.ts";
import type { Path } from "./strict-json.ts";
import { Findings, type Problem, type Report } from "./verdict.ts";

export interface RunFiles {
  /** of the document, as messages call it */
  readonly name: string;
  /** run.json */
  readonly text: string | Uint8Array;
  /** scores.parquet; without it nothing is recomputed */
  readonly sidecar?: Uint8Array;
  readonly sidecarName?: string;
  /** "<data id>/<model id>/<YYYY-MM-DD>-<hash8>": the folder it claims in results/runs/ */
  readonly place?: string;
  /** hears of each part before it is looked at, with the number of problems before it, and the document once it has the right form */
  readonly onPart?: (part: Part, problems: number, run?: Run) => void;
}

/** What is asked of a run, in this order; a part that is never heard of was not looked at. */
export type Part = "form" | "registry" | "place" | "scores" | "controls";

export interface Verdict {
  readonly ok: boolean;
  /** of the result, when there is one of the right form */
  readonly identity: string | null;
  /** what the files alone support: every statistic recomputed, or not */
  readonly tier: "submitted" | "recomputed";
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** the document, when it has the right form */
  readonly run: Run | undefined;
}

const form = { schema: runSchema, file: "schemas/run/v1.schema.json" };
const advice = "correct the evaluation, not the document: its numbers come from the sidecar";

export function validateRun({
  name,
  text,
  sidecar,
  sidecarName = "scores.parquet",
  place,
  onPart = () => undefined,
}: RunFiles): Verdict {
  const findings = new Findings();
  const warnings = new Findings();
  const report = findings.report(name, advice);
  const verdict = (run?: Run): Verdict => {
    const problems = findings.list();
    const ok = problems.length === 0;
    return {
      ok,
      identity: run === undefined ? null : identityOf(run.result),
      tier: ok && sidecar !== undefined ? "recomputed" : "submitted",
      problems,
      warnings: warnings.list(),
      run,
    };
  };

  onPart("form", 0);
  const run = readDocument<Run>(text, form, report);
  if (run === undefined) return verdict();
  const begin = (part: Part) => onPart(part, findings.count, run);
  begin("registry");
  checkDocument(run, report, warnings.report(name, advice));
  if (place !== undefined) {
    begin("place");
    checkPlace(run, place, report);
  }
  if (sidecar === undefined) {
    warnings.report(name, "put scores.parquet beside it")(
      ["result", "sidecar"],
      "E_SIDECAR",
      "without its sidecar nothing can be recomputed",
    );
  } else if (findings.problems.every((p) => !blocking.has(p.code))) {
    begin("scores");
    const onControls = () => begin("controls");
    checkSidecar(run.result, sidecar, { findings, warnings, run: name, file: sidecarName, onControls });
  }
  return verdict(run);
}

/** With these a recomputation would not know what to compute. */
const blocking: ReadonlySet<string> = new Set(["E_PROTOCOL", "E_METHOD", "E_METRIC"]);

function checkPlace({ result, telemetry }: Run, place: string, report: Report): void {
  const identity = identityOf(result);
  const [data, model, folder = ""] = place.split("/").slice(-3);
  const wrong = (path: Path, is: string, wanted: string) =>
    report(path, "E_PLACE", `${is}, but the folder is ${place}`, `the folder of this run is ${wanted}`);
  const wanted = placeOf({ result, telemetry });
  if (data !== result.data.id) wrong(["result", "data", "id"], result.data.id, wanted);
  if (model !== result.model.id) wrong(["result", "model", "id"], result.model.id, wanted);
  if (folder.slice(0, 10) !== telemetry.date.slice(0, 10))
    wrong(["telemetry", "date"], telemetry.date, wanted);
  if (folder.slice(10) !== `-${identity.slice(0, 8)}`)
    wrong(["result"], `its identity is ${identity}`, wanted);
}

/** The folder of a run in results/runs/. */
export const placeOf = ({ result, telemetry }: Run): string =>
  `${result.data.id}/${result.model.id}/${telemetry.date.slice(0, 10)}-${identityOf(result).slice(0, 8)}`;
