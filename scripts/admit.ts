/** The two ends of admitting a pull request, around check-submission.ts: which one is it, and telling GitHub what was found. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Verdict } from "./submission/check.ts";
import { commentOf, marker, plain } from "./submission/comment.ts";
import { isObjectId } from "./submission/git-objects.ts";
import { GitHub, type State } from "./submission/github.ts";

const help = `usage: node scripts/admit.ts find | report FILE

The steps of .github/workflows/admit.yml that talk to GitHub. The one between them, check-submission.ts, has no token.

  find         finds the open pull request of the run in $GITHUB_EVENT_PATH, sets its status to pending, and writes
               found, pr, head and from_fork to $GITHUB_OUTPUT
  report FILE  sets the commit status "submission" by the verdict in FILE, or to error where there is none, and edits the one comment;
               needs $PR and $HEAD_SHA

Both need GITHUB_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_SERVER_URL and GITHUB_RUN_ID, as workflows have them.

  node scripts/admit.ts report "$RUNNER_TEMP/verdict.json"`;

type Environment = Readonly<Record<string, string | undefined>>;

/** What is read of a workflow_run event. Branch names are a stranger's text. */
interface Event {
  readonly workflow_run: {
    readonly event: string;
    readonly head_sha: string;
    readonly head_branch: string | null;
    readonly head_repository: {
      readonly full_name: string;
      readonly owner: { readonly login: string };
    } | null;
  };
  readonly repository: { readonly default_branch: string };
}

/** @returns lines for $GITHUB_OUTPUT, and what to say */
export async function find(
  event: Event,
  github: GitHub,
  { repository, url }: { repository: string; url: string },
): Promise<{ readonly outputs: readonly string[]; readonly says: string }> {
  const { workflow_run: run, repository: own } = event;
  const nothing = (says: string) => ({ outputs: ["found=false"], says });
  if (run.event !== "pull_request") return nothing(`a ${run.event} is no pull request`);
  const { head_sha: head, head_branch: branch, head_repository: from } = run;
  if (!isObjectId(head)) throw new Error("the event's head_sha is not 40 hex digits");
  if (branch === null || from === null) return nothing("its repository is gone");
  // a run of a fork does not say which pull request it belongs to
  const open = await github.pullRequestsOf(from.owner.login, branch, own.default_branch);
  const found = open.find(
    (pr) =>
      pr.head.sha === head &&
      pr.head.repo?.full_name === from.full_name &&
      pr.base.ref === own.default_branch &&
      Number.isSafeInteger(pr.number),
  );
  if (found === undefined)
    return nothing("no open pull request has this commit as its last: closed, or pushed to");
  await github.setStatus(head, "pending", "reading the runs", url);
  const fromFork = from.full_name !== repository;
  return {
    outputs: ["found=true", `pr=${found.number}`, `head=${head}`, `from_fork=${fromFork}`],
    says: `pull request ${found.number} at ${head}, ${fromFork ? "from a fork" : "from this repository"}`,
  };
}

/** The state and description of the commit status. */
export function statusOf(verdict: Verdict | undefined): readonly [State, string] {
  if (verdict === undefined || verdict.broken)
    return ["error", "the check itself failed: a maintainer has to look at it"];
  if (verdict.kind === "code") return ["success", "no run here: code owners decide"];
  const { length: runs } = verdict.runs;
  if (verdict.admitted)
    return ["success", `admitted: ${runs} run${runs === 1 ? "" : "s"}, statistics recomputed`];
  const { length: problems } = verdict.problems;
  return ["failure", `not admitted: ${problems} problem${problems === 1 ? "" : "s"}, see the comment`];
}

/** @param verdict  undefined if the check left none */
export async function report(
  verdict: Verdict | undefined,
  github: GitHub,
  { pr, head, url }: { pr: number; head: string; url: string },
): Promise<string> {
  if (verdict !== undefined && verdict.head !== head)
    throw new Error(`the verdict is on ${verdict.head}, not on ${head}`);
  const now = await github.pullRequest(pr);
  if (now.state !== "open" || now.head.sha !== head)
    return `pull request ${pr} is closed or has another last commit by now: nothing to say about ${head}`;
  const [state, description] = statusOf(verdict);
  await github.setStatus(head, state, description, url);
  if (verdict !== undefined) {
    // a pull request without runs hears of it only if one with runs was there before
    await github.comment(pr, marker, commentOf(verdict), verdict.kind !== "code");
  }
  return `${state}: ${description}`;
}

/** undefined if there is none, or half of one: the check was stopped */
function readVerdict(file: string): Verdict | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Verdict;
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? plain(error.message) : "not JSON"}`);
    return undefined;
  }
}

async function main(env: Environment): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean" } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [command, file = ""] = positionals;
  if (command !== "find" && command !== "report") {
    console.error("error: neither find nor report\n  next: see --help");
    return 2;
  }
  const needed = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "") throw new Error(`$${name} is not set`);
    return value;
  };
  const repository = needed("GITHUB_REPOSITORY");
  const github = new GitHub({ api: needed("GITHUB_API_URL"), repository, token: needed("GITHUB_TOKEN") });
  const url = `${needed("GITHUB_SERVER_URL")}/${repository}/actions/runs/${needed("GITHUB_RUN_ID")}`;
  if (command === "find") {
    const event = JSON.parse(readFileSync(needed("GITHUB_EVENT_PATH"), "utf8")) as Event;
    const { outputs, says } = await find(event, github, { repository, url });
    appendFileSync(needed("GITHUB_OUTPUT"), outputs.map((line) => `${line}\n`).join(""));
    console.log(says);
    return 0;
  }
  const [pr, head] = [Number(needed("PR")), needed("HEAD_SHA")];
  if (!Number.isSafeInteger(pr) || pr < 1 || !isObjectId(head)) throw new Error("$PR or $HEAD_SHA is none");
  console.log(await report(readVerdict(file), github, { pr, head, url }));
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    process.exitCode = await main(process.env);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`error: ${plain(message)}\n  next: look at GitHub's status, and run this job again`);
    process.exitCode = 1;
  }
}
