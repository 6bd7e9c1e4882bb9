/**
 * Every check of a pull request that can be made of two files alone, by the functions that CI calls: what stands here only sorts their answers.
 * Pure: bytes in, a report out; the worker and tests call it.
 */
import { admission } from "../../kit/src/results/admission.ts";
import type { Run } from "../../kit/src/results/document.ts";
import { jsonLimits } from "../../kit/src/results/strict-json.ts";
import { type Part, placeOf, type Verdict, validateRun } from "../../kit/src/results/validate.ts";
import { mostProblems, type Problem } from "../../kit/src/results/verdict.ts";
import { home, kindOf } from "../../scripts/submission/paths.ts";
import { type CheckId, checks } from "./checks.ts";

export interface RunFile {
  /** as it was dropped, with its folders */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface CheckOptions {
  readonly document: RunFile;
  readonly sidecar: RunFile | undefined;
  /** see `Picked` */
  readonly place: string | undefined;
  /** ISO time, now and `clockTolerance` */
  readonly latest: string;
  readonly onStage?: (stage: Stage) => void;
}

/** What is at work, and how much of it there is. */
export type Stage =
  | { readonly part: "reading" | "form" | "meaning" }
  | ({ readonly part: "scores" } & Counted);

/** What is computed again, and from how many rows of scores. */
export interface Counted {
  readonly cells: number;
  readonly rows: number;
}

/** Without a code where only pull requests are refused for it. */
export type Fault = Omit<Problem, "code"> & Partial<Pick<Problem, "code">>;

export interface Outcome {
  readonly id: CheckId;
  /** null: not looked at */
  readonly passed: boolean | null;
  readonly faults: readonly Fault[];
  /** why it was not looked at, or what is left for the pull request's check */
  readonly open: string | undefined;
}

export interface Report {
  /** nothing of what was looked at is wrong */
  readonly ok: boolean;
  readonly tier: Verdict["tier"];
  readonly identity: string | null;
  /** "<data>/<model>/<date>-<hash8>", of a document of the right form */
  readonly place: string | undefined;
  readonly outcomes: readonly Outcome[];
  /** what does not refuse it, and how it will be shown */
  readonly notes: readonly string[];
  /** by the document */
  readonly counted: Counted | undefined;
}

export function checkRun({
  document,
  sidecar,
  place,
  latest,
  onStage = () => undefined,
}: CheckOptions): Report {
  const begun: { readonly part: Part; readonly problems: number }[] = [];
  const { run, problems, warnings, tier, identity } = validateRun({
    name: document.path,
    text: document.bytes,
    sidecar: sidecar?.bytes,
    sidecarName: sidecar?.path,
    place,
    onPart(part, before, known) {
      begun.push({ part, problems: before });
      if (part !== "controls") onStage(stageOf(part, known));
    },
  });
  /** Of a part, if it was looked at, and its problems had a place in the list. */
  const of = (part: Part): readonly Problem[] | undefined => {
    const at = begun.findIndex((entry) => entry.part === part);
    if (at < 0 || begun[at].problems >= mostProblems) return undefined;
    return problems.slice(begun[at].problems, begun[at + 1]?.problems);
  };
  const registry = of("registry");
  const asked = run && admission(run, latest);
  const refusals = asked?.refusals.map((refusal) => ({ file: document.path, ...refusal }));
  const claimed = place ?? (run && placeOf(run));

  const names = claimed === undefined ? undefined : faultsOfNames(claimed, document, sidecar);

  const found: Readonly<Record<CheckId, readonly Fault[] | undefined>> = {
    additions: names === undefined || (names.length === 0 && sidecar === undefined) ? undefined : names,
    form: isComparison(document)
      ? [notARun(document.path)]
      : [...(of("form") ?? []), ...(registry?.filter(isPrivate) ?? [])],
    registry: registry?.filter((problem) => !isPrivate(problem)),
    numbers: of("scores"),
    controls: of("controls"),
    place: refusals && [...(of("place") ?? []), ...refusals.filter((refusal) => !isProtocol(refusal))],
    names: undefined,
    protocol: refusals?.filter(isProtocol),
  };
  const noScores = sidecar === undefined ? warnings.find(({ code }) => code === "E_SIDECAR") : undefined;
  return {
    ok: Object.values(found).every((faults = []) => faults.length === 0),
    tier,
    identity,
    place: claimed,
    outcomes: checks.map(({ id, rest }): Outcome => {
      const faults = found[id];
      const needsScores = id === "additions" || id === "numbers" || id === "controls";
      return {
        id,
        passed: faults === undefined ? null : faults.length === 0,
        faults: faults ?? [],
        open:
          faults === undefined && id !== "names"
            ? needsScores && noScores !== undefined
              ? `${noScores.message}: ${noScores.next}`
              : "not looked at, because of what was found before"
            : rest && `only the pull request’s check can tell ${rest}`,
      };
    }),
    notes: [...warnings.filter((w) => w !== noScores).map(({ message }) => message), ...(asked?.notes ?? [])],
    counted: run && countedIn(run),
  };
}

const isPrivate = ({ code }: Problem): boolean => code === "E_PRIVATE";
const isProtocol = ({ path }: Fault): boolean => path === "$.result.protocol.id";

const countedIn = ({ result }: Run): Counted => ({
  cells: result.statistics.cells.length,
  rows: result.sidecar.rows,
});

function stageOf(part: Exclude<Part, "controls">, run: Run | undefined): Stage {
  if (part === "form") return { part };
  return part === "scores" && run !== undefined ? { part, ...countedIn(run) } : { part: "meaning" };
}

/** As a pull request that adds just these files; a file that is not here yet is not held against it. */
function faultsOfNames(place: string, document: RunFile, sidecar: RunFile | undefined): readonly Fault[] {
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  const names = [nameOf(document.path), sidecar === undefined ? "scores.parquet" : nameOf(sidecar.path)];
  const changes = names.map((name) => ({
    path: `${home}${place}/${name}`,
    before: undefined,
    after: { mode: "100644", id: "" },
  }));
  const kind = kindOf(changes, { existing: [], fromFork: true });
  return kind.kind === "refused" ? kind.problems : [];
}

/** As the command line tells them apart: by what a document says it is. */
const isComparison = ({ path, bytes }: RunFile): boolean =>
  !/(^|\/)run\.json$/.test(path) &&
  bytes.length <= jsonLimits.bytes &&
  new TextDecoder().decode(bytes).includes('"schema":"xai-kit/comparison/');

const notARun = (file: string): Fault => ({
  file,
  path: "$.schema",
  message: "a comparison of runs, and no run",
  next: "xai-kit validate computes it again from the runs it names",
});
