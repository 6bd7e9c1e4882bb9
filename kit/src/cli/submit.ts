/** `xai-kit submit`: a finished run on a branch of its own, ready for a pull request; and before that, what the pull request makes public. */
import { existsSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { formatBytes } from "../engine/chunk.ts";
import { KitError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { admission, clockTolerance, submittedFiles } from "../results/admission.ts";
import type { Run as RunDocument } from "../results/document.ts";
import { decodeSidecar } from "../results/sidecar.ts";
import { placeOf } from "../results/validate.ts";
import { validateFile } from "./documents.ts";
import { commitBeside, type Git, gitIn } from "./git.ts";
import type { Io, Run } from "./io.ts";
import { type Fact, factsOf, rowFacts } from "./public-facts.ts";
import { printable } from "./table.ts";
import { repository } from "./version.ts";
import { wrapText } from "./width.ts";

interface Options {
  readonly repo?: string;
  readonly base?: string;
  readonly dryRun?: true;
}

export function registerSubmit(program: Command, run: Run): void {
  program
    .command("submit")
    .description("put a finished run on a branch for a pull request, after showing what becomes public")
    .argument("<run>", "a run's folder, or its run.json")
    .option("--repo <dir>", "your clone of the results repository; default: the one you are in")
    .option(
      "--base <ref>",
      "what the branch stands on; default: main of upstream, else of origin, else yours",
    )
    .option("--dry-run", "show what becomes public and where it would go, and stop")
    .addHelpText(
      "after",
      `
The run is validated first, as CI will. Then one commit with run.json and
scores.parquet is made on a new branch; your working tree and current branch
stay as they are. Pictures, the journal and images stay on this machine. Nothing
is sent anywhere: pushing is left to you, and the command for it is printed.

Examples:
  $ xai-kit submit xai-runs/resnet50-bloodmnist --dry-run
  $ xai-kit submit xai-runs/resnet50-bloodmnist --repo ~/xai-kit`,
    )
    .action(run<[string, Options]>(submit));
}

/** A run that may be handed in: its files, and where they go. */
interface Submission {
  readonly run: RunDocument;
  readonly identity: string;
  /** path in the repository → content */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** results/runs/<data>/<model>/<date>-<hash8> */
  readonly place: string;
  readonly notes: readonly string[];
}

async function submit(io: Io, given: string, { repo, base, dryRun }: Options): Promise<void> {
  const submission = await checked(given);
  const { run, identity, place, files, notes } = submission;
  const git = gitIn(folderOf(repo));
  const facts = publicFacts(submission, git);
  const said = [...shown(facts, io.columns), ...notes.map((note) => `note: ${note}`)];
  const answer = {
    identity,
    place,
    files: [...files].map(([path, { length }]) => ({ path, bytes: length })),
    public: facts,
  };
  if (dryRun) {
    await io.result(
      { ...answer, branch: null, commit: null, next: [] },
      `${said.join("\n")}\n\ndry run: nothing was written\n`,
    );
    return;
  }
  io.say(...said, "");
  const target = targetOf(folderOf(repo), git, base);
  io.signal.throwIfAborted();
  const made =
    target.git === undefined
      ? await written(target.root, files)
      : committed(target.git, { run, identity, place, files }, target.base);
  if (made.note !== undefined) io.say(`note: ${made.note}`);
  const next = nextSteps(target.root, made, place);
  await io.result(
    { ...answer, branch: made.branch, commit: made.commit, next },
    `${made.says}\n\nnext:\n${next.map((step) => `  ${step}\n`).join("")}`,
  );
}

/** Throws KitError E_RUN for what is no run, E_SUBMIT with every problem of one that would be refused. */
async function checked(given: string): Promise<Submission> {
  const found = await stat(given).catch(() => undefined);
  const file = found?.isDirectory() ? join(given, "run.json") : given;
  const verdict = await validateFile(file);
  const { run, identity } = verdict;
  const problems = [...verdict.problems];
  const sidecar = join(dirname(file), "scores.parquet");
  if (run === undefined || identity === null || problems.length > 0) throw refused(file, problems);
  if (!existsSync(sidecar))
    throw refused(file, [
      { path: "scores.parquet", message: "is missing: nothing can be recomputed without it", next: "" },
    ]);
  const { refusals, notes } = admission(run, new Date(Date.now() + clockTolerance).toISOString());
  if (refusals.length > 0) throw refused(file, refusals);
  const place = `results/runs/${placeOf(run)}`;
  const files = new Map<string, Uint8Array>();
  for (const name of submittedFiles) files.set(`${place}/${name}`, await readFile(join(dirname(file), name)));
  return { run, identity, place, files, notes };
}

function refused(
  file: string,
  problems: readonly { path: string; message: string; next: string }[],
): KitError {
  return new KitError("E_SUBMIT", {
    problem: `${file} would be refused`,
    details: problems.slice(0, 12).map(({ path, message }) => `${path}: ${message}`),
    next: problems.find(({ next }) => next !== "")?.next ?? "evaluate again",
  });
}

function folderOf(repo: string | undefined): string {
  const folder = resolve(repo ?? ".");
  if (existsSync(folder)) return folder;
  throw new KitError("E_REPO", {
    problem: `there is no folder ${repo}`,
    next: "give your clone: --repo <dir>",
  });
}

type Target =
  | { readonly root: string; readonly git?: undefined }
  | { readonly root: string; readonly git: Git; readonly base: Base };

/** What the branch stands on: its name here, and the commit. */
interface Base {
  readonly name: string;
  readonly id: string;
}

/** By this file a copy of the repository is known. */
const schema = "schemas/run/v1.schema.json";

/** The clone, or an unpacked copy of the repository where there is no git. Throws KitError E_REPO. */
function targetOf(folder: string, git: Git | undefined, base: string | undefined): Target {
  const root = git?.ask(["rev-parse", "--show-toplevel"]) || folder; // a bare one has none
  if (git === undefined) {
    if (existsSync(join(root, schema))) return { root };
  } else {
    const found = baseOf(git, base);
    if (git.ask(["cat-file", "-e", `${found.id}:${schema}`]) !== undefined) return { root, git, base: found };
  }
  throw new KitError("E_REPO", {
    problem: `${root} is no copy of the results repository`,
    next: `fork ${repository}, git clone your fork, and name the clone: --repo <dir>`,
  });
}

interface Made {
  readonly says: string;
  /** what the check will ask that only main can answer */
  readonly note?: string;
  readonly branch: string | null;
  readonly commit: string | null;
  readonly remote: string | null;
}

async function written(root: string, files: Submission["files"]): Promise<Made> {
  // run.json last: it names the hash of the other, and without it the folder is no run yet
  for (const [path, content] of [...files].reverse()) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFileAtomic(join(root, path), content);
  }
  return {
    says: `written to ${root}: there is no git there, so no branch was made`,
    branch: null,
    commit: null,
    remote: null,
  };
}

function committed(git: Git, { run, identity, place, files }: Omit<Submission, "notes">, base: Base): Made {
  // pushing to the repository itself is for its maintainers: the fork is the other one
  const remotes = git.ask(["remote"])?.split("\n").filter(Boolean) ?? [];
  const isOurs = (name: string) => sameRepository(git.ask(["remote", "get-url", name]) ?? "", repository);
  const remote =
    remotes.find((name) => name === "origin" && !isOurs(name)) ?? remotes.find((n) => !isOurs(n)) ?? null;
  const [data, model] = [run.result.data.id, run.result.model.id];
  const runs = git
    .run(["ls-tree", "--name-only", "-z", "--full-tree", base.id, `${dirname(place)}/`])
    .split("\0")
    .filter(Boolean);
  // whatever its date: the same result is the same run
  const there = runs.filter((path) => path.endsWith(`-${identity.slice(0, 8)}`));
  if (there.length > 0) {
    throw new KitError("E_SUBMIT", {
      problem: `this run is in ${base.name} already: ${there[0]}`,
      next: "nothing needs to be done; other models and data sets are welcome",
    });
  }
  const branch = `run/${data}-${model}-${identity.slice(0, 8)}`;
  const old = git.ask(["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`]);
  if (old !== undefined) {
    const same = [...files].every(
      ([path, content]) =>
        git.ask(["rev-parse", `${old}:${path}`]) === git.run(["hash-object", "--stdin"], { input: content }),
    );
    if (same) return { says: `branch ${branch} holds this run already`, branch, commit: old, remote };
    throw new KitError("E_SUBMIT", {
      problem: `there is a branch ${branch} that holds something else`,
      next: `look at it (git log ${branch}), then remove it (git branch -D ${branch}) and run the same command again`,
    });
  }
  const message = `Run: ${model} on ${data}\n\nprotocol ${run.result.protocol.id}, ${run.result.selection.samples} images, ${run.result.engine.package} (${run.result.engine.provider})\nidentity ${identity}\n`;
  const commit = commitBeside(git, { base: base.id, branch, message, files });
  return {
    says: `branch ${branch}: one commit (${commit.slice(0, 8)}) on ${base.name}; your working tree is as it was`,
    note:
      runs.length === 0
        ? undefined
        : `${base.name} has ${runs[0]}: another run of a model of this name is taken only if it has the same weights, and a method or metric has been revised since`,
    branch,
    commit,
    remote,
  };
}

/** Main of the repository itself where a clone knows it, so that the pull request holds the run and nothing else. */
function baseOf(git: Git, given: string | undefined): Base {
  const candidates = given === undefined ? ["upstream/main", "origin/main", "main"] : [given];
  for (const name of candidates) {
    const id = git.ask(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`]);
    if (id !== undefined) return { name, id };
  }
  throw new KitError("E_REPO", {
    problem: `this clone has no ${candidates.join(", no ")}`,
    next: "git fetch origin, or name what the branch shall stand on: --base <ref>",
  });
}

/** Of addresses as git takes them: https, ssh, with or without .git. */
const sameRepository = (a: string, b: string): boolean => nameIn(a) === nameIn(b);
const nameIn = (address: string): string =>
  address
    .toLowerCase()
    .replace(/(\.git)?\/*$/, "")
    .split(/[:/]/)
    .slice(-2)
    .join("/");

/** Everything a pull request would make public. */
function publicFacts(
  { run, files }: Submission,
  git: Git | undefined,
): readonly (readonly [string, readonly Fact[]])[] {
  const [document, sidecar] = [...files];
  const rows = decodeSidecar(sidecar[1]);
  const author = git?.ask(["var", "GIT_AUTHOR_IDENT"])?.replace(/ \d+ [+-]\d+$/, "");
  return [
    [`${document[0]} (${formatBytes(document[1].length)})`, factsOf(run)],
    [`${sidecar[0]} (${formatBytes(sidecar[1].length)})`, rowFacts(rows, run.result.data.ids)],
    [
      "the commit",
      [
        { what: "author", value: author ?? "your name and address, as git has them" },
        { what: "date", value: "when it is made, in UTC" },
        { what: "licence", value: "CC BY 4.0, as all results" },
      ],
    ],
  ];
}

function shown(parts: ReturnType<typeof publicFacts>, columns = 100): string[] {
  const lines = parts.flatMap(([title, facts]) => {
    const width = Math.max(...facts.map(({ what }) => what.length)) + 6;
    return [
      `  ${printable(title)}`,
      ...facts.flatMap(({ what, value }) =>
        wrapText(printable(value), columns - width).map((line, k) =>
          `${(k === 0 ? `    ${what}` : "").padEnd(width)}${line}`.trimEnd(),
        ),
      ),
    ];
  });
  return ["This becomes public, and nothing else:", ...lines];
}

function nextSteps(root: string, { branch, remote }: Made, place: string): string[] {
  if (branch === null)
    return [
      `on ${repository}: fork, Add file, Upload files, into ${place}`,
      "open the pull request it offers; checks answer in minutes",
    ];
  const at = root === process.cwd() ? "git" : `git -C ${quoted(root)}`;
  return [
    `${at} push ${remote ?? "<your fork>"} ${branch}`,
    `open a pull request from it: ${repository}/compare/main...<your name>:${branch.replaceAll("/", "%2F")}?expand=1`,
    "a comment there says within minutes what was checked, what to change, and what would move in the ranks",
  ];
}

/** For a shell, where it needs it. */
const quoted = (path: string): string =>
  /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
