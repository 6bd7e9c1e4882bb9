/**
 * May a pull request's runs come in? Its files are read from the object store and judged as data, with the code beside this file; what only
 * the repository knows (is the run here already?) is asked of main.
 */
import { comparisonAdmission } from "../../kit/src/comparison/admission.ts";
import type { ComparedRun } from "../../kit/src/comparison/document.ts";
import { validateComparison } from "../../kit/src/comparison/validate.ts";
import { admission, clockTolerance } from "../../kit/src/results/admission.ts";
import { identityOf } from "../../kit/src/results/document.ts";
import { decodeSidecar } from "../../kit/src/results/sidecar.ts";
import { validateRun } from "../../kit/src/results/validate.ts";
import { guideOf } from "../../site/guide/guide.ts";
import type { Run, SiteRun } from "../../site/lib/run.ts";
import { changesBetween } from "./changes.ts";
import { doubtsOf } from "./claims.ts";
import { commitsOf, GitError, mergeBases, readObjects, sizesOf } from "./git-objects.ts";
import { type Movement, movementOf } from "./movement.ts";
import { comparedOnMain, filesOnMain, runsOnMain } from "./on-main.ts";
import { home, type Kind, kindOf, limits, type Refusal, type SubmittedRun } from "./paths.ts";

export interface CheckOptions {
  /** of the repository */
  readonly folder: string;
  /** what main is called there */
  readonly base: string;
  /** 40 hex digits */
  readonly head: string;
  readonly fromFork: boolean;
  readonly now: Date;
}

export interface Check {
  readonly name: string;
  /** null: not looked at, because of what was found before */
  readonly passed: boolean | null;
}

export interface AddedRun {
  readonly place: string;
  readonly identity: string;
  readonly tier: "submitted" | "recomputed";
  readonly notes: readonly string[];
}

export interface AddedComparison {
  readonly place: string;
  readonly notes: readonly string[];
}

export interface Verdict {
  /** "code": no run in it, so people decide */
  readonly kind: "code" | "submission" | "refused";
  /** a submission without a fault */
  readonly admitted: boolean;
  /** the check itself failed */
  readonly broken: boolean;
  /** commits: main as it was, and the pull request's last */
  readonly base: string;
  readonly head: string;
  readonly checks: readonly Check[];
  readonly problems: readonly Refusal[];
  readonly runs: readonly AddedRun[];
  readonly comparisons: readonly AddedComparison[];
  readonly movement: Movement | null;
}

/** Far more than a pull request of people has; a walk must end. */
const mostChanges = 20_000;

const names = [
  "stands on main",
  "adds runs or comparisons and touches nothing else",
  "is of a size that results have",
  "is valid, and every statistic follows from the scores",
  "is new, and what it claims of its data, model, protocol and day holds",
] as const;

/** @throws GitError if the repository has not what it is asked for */
export function checkSubmission(options: CheckOptions): Verdict {
  const { folder, fromFork } = options;
  const [base, head] = commitsOf(folder, [options.base, options.head]);
  if (base === undefined) throw new GitError(`there is no commit ${options.base} in ${folder}`);
  if (head === undefined)
    throw new GitError(`there is no commit ${options.head} in ${folder}: fetch it first`);
  const verdict = (passed: number, rest: Partial<Verdict>): Verdict => ({
    kind: "refused",
    admitted: false,
    broken: false,
    base,
    head,
    checks: names.map((name, i) => ({ name, passed: i < passed ? true : i === passed ? false : null })),
    problems: [],
    runs: [],
    comparisons: [],
    movement: null,
    ...rest,
  });
  const refuse = (passed: number, message: string, next: string) =>
    verdict(passed, { problems: [{ file: "", path: "", message, next }] });

  const bases = mergeBases(folder, base, head);
  if (bases.length !== 1) {
    return refuse(
      0,
      bases.length === 0
        ? "its history has nothing in common with main"
        : "it has several common commits with main",
      "make the branch from main, or rebase it on main",
    );
  }
  const changes = changesBetween(folder, bases[0], head, mostChanges);
  if (changes.more)
    return refuse(1, `it has more than ${mostChanges} changes`, "make several pull requests of it");
  const onMain = filesOnMain(folder, base);
  const kind = kindOf(changes.list, { existing: [...onMain.keys()], fromFork });
  if (kind.kind === "refused") return verdict(1, { problems: kind.problems });
  if (kind.kind === "code") return verdict(2, { kind: "code", checks: [] });

  const tooLarge = sizeFaults(folder, kind);
  if (tooLarge.length > 0) return verdict(2, { problems: tooLarge });

  try {
    const judged = kind.runs.map((submitted) => ({ ...submitted, ...judge(folder, submitted) }));
    const invalid = judged.flatMap(({ problems }) => problems);
    if (invalid.length > 0) return verdict(3, { problems: invalid });

    const before = runsOnMain(folder, onMain);
    const added = judged.map(
      ({ place, run }): SiteRun => ({ ...(run as Run), id: place, pictures: [], tier: "recomputed" }),
    );
    const latest = new Date(options.now.getTime() + clockTolerance).toISOString();
    const asked = added.map((run) => admission(run, latest));
    const sets = judgeComparisons(folder, kind, judged, comparedOnMain(folder, onMain, before));
    const untrue = sets.flatMap(({ problems }) => problems);
    if (untrue.length > 0) return verdict(3, { problems: untrue });
    const broken = added.flatMap((run, i) => {
      const file = judged[i].document.path;
      const known = [...before, ...added.slice(0, i)].find((other) => isSame(other, run));
      return [
        ...(known === undefined ? [] : [twice(file, known.id)]),
        ...asked[i].refusals.map(({ path, message, next }) => ({ file, path, message, next })),
        ...(known === undefined ? doubtsOf(run, [...before, ...added.slice(0, i)]) : []).map((doubt) => ({
          file,
          ...doubt,
        })),
      ];
    });
    broken.push(...sets.flatMap(({ refusals }) => refusals));
    if (broken.length > 0) return verdict(4, { problems: broken });

    return verdict(names.length, {
      kind: "submission",
      admitted: true,
      runs: judged.map(({ place, identity, tier, warnings }, i) => ({
        place,
        identity: identity!,
        tier,
        notes: [...warnings.map(({ message }) => message), ...asked[i].notes],
      })),
      comparisons: sets.map(({ place, notes }) => ({ place, notes })),
      movement: movementOf(before, added, guideOf),
    });
  } catch (error) {
    // whatever a document did to make this happen must not decide, and must not stop the answer
    const message = error instanceof Error ? `${error.name}: ${error.message}` : "unknown";
    return {
      ...verdict(3, {
        problems: [
          {
            file: "",
            path: "",
            message: `the check itself failed: ${message}`,
            next: "open an issue; this is our fault",
          },
        ],
      }),
      broken: true,
    };
  }
}

type Submission = Extract<Kind, { kind: "submission" }>;

function sizeFaults(folder: string, { runs, comparisons }: Submission): Refusal[] {
  const files = [
    ...runs.flatMap(({ document, sidecar }) => [
      { ...document, most: limits.bytes["run.json"] },
      { ...sidecar, most: limits.bytes["scores.parquet"] },
    ]),
    ...comparisons.map(({ document }) => ({ ...document, most: limits.comparisonBytes })),
  ];
  const sizes = sizesOf(
    folder,
    files.map(({ id }) => id),
  );
  const next = "hand in the files as the evaluation wrote them";
  const faults = files.flatMap(({ path, id, most }): Refusal[] => {
    const size = sizes.get(id);
    if (size !== undefined && size <= most) return [];
    const has = size === undefined ? "is so large that it was not fetched" : `has ${size} bytes`;
    return [{ file: path, path: "", message: `${has}; at most ${most} are read`, next }];
  });
  const total = files.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
  if (faults.length > 0 || total <= limits.total) return faults;
  const message = `its files have ${total} bytes; at most ${limits.total} are read of one pull request`;
  return [{ file: "", path: "", message, next: "make several pull requests of it" }];
}

function judge(folder: string, { place, document, sidecar }: SubmittedRun) {
  const objects = readObjects(folder, [document.id, sidecar.id]);
  const scores = objects.get(sidecar.id)!.bytes;
  const verdict = validateRun({
    name: document.path,
    text: objects.get(document.id)!.bytes,
    sidecar: scores,
    sidecarName: sidecar.path,
    place,
  });
  return { ...verdict, scores };
}

/** Each is computed again from the runs it names, which came with it or are on main. */
function judgeComparisons(
  folder: string,
  { comparisons }: Submission,
  judged: readonly ReturnType<typeof judge>[],
  onMain: (sha256: string) => ComparedRun | undefined,
) {
  const runOf = (sha256: string): ComparedRun | undefined => {
    const own = judged.find(({ identity }) => identity === sha256);
    if (own?.run === undefined) return onMain(sha256);
    return { sha256, result: own.run.result, rows: decodeSidecar(new Uint8Array(own.scores)).rows };
  };
  return comparisons.map(({ place, document: { path, id } }) => {
    const text = readObjects(folder, [id]).get(id)!.bytes;
    const { problems, comparison } = validateComparison({ name: path, text, place, runOf });
    const { refusals, notes } =
      comparison === undefined || problems.length > 0
        ? { refusals: [], notes: [] }
        : comparisonAdmission(comparison);
    return {
      place,
      problems,
      refusals: refusals.map(({ path: at, message, next }) => ({ file: path, path: at, message, next })),
      notes,
    };
  });
}

/** Equal results have equal identities, whose beginning is in the folder's name. */
const isSame = (a: SiteRun, b: SiteRun): boolean =>
  a.id.slice(-8) === b.id.slice(-8) && identityOf(a.result) === identityOf(b.result);

const twice = (file: string, known: string): Refusal => ({
  file,
  path: "$.result",
  message: `the same result is in ${home}${known} already`,
  next: "nothing is left to do: it is on the leaderboard",
});
