/** The steps of admit.yml as the workflow runs them: processes of their own, a remote to fetch from, and a GitHub to talk to. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sidecarLimits } from "../../kit/src/results/sidecar.ts";
import { find, report, statusOf } from "../admit.ts";
import { marker } from "./comment.ts";
import { bot, FakeGitHub } from "./fake-github.ts";
import { GitHub, type PullRequest } from "./github.ts";
import { TestRepo } from "./test-repo.ts";
import { testRun } from "./test-runs.ts";

const folder = mkdtempSync(join(tmpdir(), "xai-kit-admit-"));
const remote = new TestRepo();
const clone = join(folder, "clone");
const github = new FakeGitHub();
let api = "";

const mine = testRun();
const main = remote.commit([], { "README.md": "Read me.\n", ...testRun({ model: "others" }).files });
const good = remote.commit([main], mine.files);
const bad = remote.commit([main], { ...mine.files, "README.md": "@everyone" });
const large = remote.commit([main], {
  ...mine.files,
  [`${mine.folder}/scores.parquet`]: new Uint8Array(sidecarLimits.bytes + 1),
});
const code = remote.commit([main], { "kit/a.ts": "" });
const gate = remote.commit([main], {
  ".github/workflows/validate.yml": "jobs: { a: { steps: [{ run: exit 0 }] } }",
});

beforeAll(async () => {
  remote.git(["update-ref", "refs/heads/main", main]);
  for (const key of ["allowFilter", "allowAnySHA1InWant"])
    remote.git(["config", `uploadpack.${key}`, "true"]);
  remote.git(["clone", "--quiet", `file://${remote.folder}`, clone]);
  api = await github.listen();
});
beforeEach(() => {
  github.seen.length = 0;
  github.comments = [];
  github.faults = [];
});
afterAll(() => {
  github.close();
  for (const path of [folder, remote.folder]) rmSync(path, { recursive: true });
});

const stranger = { full_name: "stranger/xai-kit", owner: { login: "stranger" } };
const own = { full_name: "xai-kit/xai-kit", owner: { login: "xai-kit" } };
const pull = (sha: string, from = stranger): PullRequest => ({
  number: 7,
  state: "open",
  head: { sha, repo: from },
  base: { ref: "main" },
});
const eventOf = (sha: string, from: typeof own | null = stranger, event = "pull_request") => ({
  workflow_run: { event, head_sha: sha, head_branch: "a branch & more", head_repository: from },
  repository: { default_branch: "main" },
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A script with only what its step is given. */
async function step(script: string, args: string[], env: Record<string, string>): Promise<Ended> {
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], {
    cwd: clone,
    env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_GLOBAL: "/dev/null", ...env },
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (part: Buffer) => out.push(part));
  child.stderr.on("data", (part: Buffer) => err.push(part));
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? -1)));
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

const withToken = () => ({
  GITHUB_TOKEN: "a-token",
  GITHUB_API_URL: api,
  GITHUB_REPOSITORY: "xai-kit/xai-kit",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_RUN_ID: "42",
});

/** find, check and report; `between` happens before the last. */
async function admit(event: unknown, between: () => void = () => {}) {
  const [eventFile, output, verdict, summary] = ["event.json", "output", "verdict.json", "summary.md"].map(
    (name) => join(folder, name),
  );
  for (const file of [output, verdict, summary]) rmSync(file, { force: true });
  writeFileSync(eventFile, JSON.stringify(event));
  const found = await step("admit.ts", ["find"], {
    ...withToken(),
    GITHUB_EVENT_PATH: eventFile,
    GITHUB_OUTPUT: output,
  });
  const outputs = existsSync(output) ? readFileSync(output, "utf8") : "";
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(outputs)?.[1] ?? "";
  if (value("found") !== "true") return { found, outputs };
  const checked = await step(
    "check-submission.ts",
    ["--fetch", "origin", "--base", "HEAD", "--json", verdict],
    {
      HEAD_SHA: value("head"),
      FROM_FORK: value("from_fork"),
      GITHUB_STEP_SUMMARY: summary,
    },
  );
  between();
  const reported = await step("admit.ts", ["report", verdict], {
    ...withToken(),
    PR: value("pr"),
    HEAD_SHA: value("head"),
  });
  return { found, outputs, checked, reported, summary: existsSync(summary) && readFileSync(summary, "utf8") };
}

const statuses = () =>
  github
    .writes()
    .filter(({ path }) => path.startsWith("statuses/"))
    .map(({ path, body }) => [path.slice(9), body?.state]);

describe("a pull request of a fork", () => {
  it("with a valid run is admitted: status, and one comment", async () => {
    github.pulls = [{ ...pull(main), number: 6 }, pull(good)];
    const { found, outputs, checked, reported, summary } = await admit(eventOf(good));
    expect(found.stderr).toBe("");
    expect(outputs).toBe(`found=true\npr=7\nhead=${good}\nfrom_fork=true\n`);
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect(reported).toMatchObject({ code: 0, stderr: "" });
    expect(github.seen[0].path).toBe(
      "pulls?state=open&head=stranger%3Aa+branch+%26+more&base=main&per_page=100",
    );
    expect(github.seen.every(({ authorization }) => authorization === "Bearer a-token")).toBe(true);
    expect(github.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST statuses/${good}`,
      `POST statuses/${good}`,
      "POST issues/7/comments",
    ]);
    expect(github.writes()[1].body).toEqual({
      state: "success",
      context: "submission",
      description: "admitted: 1 run, statistics recomputed",
      target_url: "https://github.com/xai-kit/xai-kit/actions/runs/42",
    });
    const [comment] = github.comments;
    expect(comment.body).toContain("## Admitted: 1 run");
    expect(comment.body).toBe(summary);
    expect(comment.body).toContain(good);
    expect(comment.body).toContain(main);
  });

  it("leaves nothing in the work tree, and no branch", () => {
    const git = (...args: string[]) => spawnSync("git", args, { cwd: clone, encoding: "utf8" }).stdout;
    expect(git("status", "--porcelain")).toBe("");
    expect(git("for-each-ref", "--format=%(refname)", "--contains", good)).toBe("");
    expect(git("rev-parse", "HEAD").trim()).toBe(main);
  });

  it("with more than a run is refused, in the comment that is there already", async () => {
    github.pulls = [pull(bad)];
    github.comments = [
      { id: 1, body: `${marker}\nAdmitted!`, user: { login: "stranger", type: "User" } },
      ...Array.from({ length: 120 }, (_, i) => ({ id: 10 + i, body: "hello", user: null })),
      { id: 900, body: `${marker}\nbefore`, user: bot },
    ];
    const { checked, reported } = await admit(eventOf(bad));
    expect(checked).toMatchObject({ code: 1 });
    expect(checked?.stdout).toContain('it changes results and other files as well: "README.md"');
    expect(reported).toMatchObject({
      code: 0,
      stdout: "failure: not admitted: 1 problem, see the comment\n",
    });
    expect(statuses()).toEqual([
      [bad, "pending"],
      [bad, "failure"],
    ]);
    expect(github.writes().at(-1)).toMatchObject({ method: "PATCH", path: "issues/comments/900" });
    expect(github.comments).toHaveLength(122);
    expect(github.comments[0].body).toContain("Admitted!");
  });

  it("that was pushed to meanwhile gets neither status nor comment", async () => {
    github.pulls = [pull(good)];
    const { reported } = await admit(eventOf(good), () => {
      github.pulls = [pull(bad)];
    });
    expect(reported).toMatchObject({ code: 0 });
    expect(reported?.stdout).toContain("has another last commit by now");
    expect(statuses()).toEqual([[good, "pending"]]);
    expect(github.comments).toEqual([]);
  });

  it("with a file beyond the limits is refused without fetching it", async () => {
    github.pulls = [pull(large)];
    const { checked } = await admit(eventOf(large));
    expect(checked?.stdout).toContain("is so large that it was not fetched; at most 16777216 are read");
    expect(statuses().at(-1)).toEqual([large, "failure"]);
  });

  it("that rewrites validate.yml is not admitted, whatever its own workflows say", async () => {
    github.pulls = [pull(gate)];
    const { outputs, checked } = await admit(eventOf(gate));
    expect(outputs).toContain("from_fork=true");
    expect(checked?.stdout).toContain("this file decides about pull requests");
    expect(statuses().at(-1)).toEqual([gate, "failure"]);
  });

  it("whose commit cannot be fetched ends in an error, and not in silence", async () => {
    const nowhere = "1".repeat(40);
    github.pulls = [pull(nowhere)];
    const { checked, reported } = await admit(eventOf(nowhere));
    expect(checked).toMatchObject({ code: 3, stderr: expect.stringContaining("error: git fetch") });
    expect(reported?.code).toBe(0);
    expect(statuses().at(-1)).toEqual([nowhere, "error"]);
  });
});

describe("a pull request without a run", () => {
  it("is for code owners: no comment", async () => {
    github.pulls = [pull(code)];
    const { reported } = await admit(eventOf(code));
    expect(reported?.stdout).toBe("success: no run here: code owners decide\n");
    expect(github.comments).toEqual([]);
  });

  it("may change the workflows from a branch of the repository", async () => {
    github.pulls = [pull(gate, own)];
    github.comments = [{ id: 5, body: `${marker}\nearlier`, user: bot }];
    const { outputs } = await admit(eventOf(gate, own));
    expect(outputs).toContain("from_fork=false");
    expect(statuses().at(-1)).toEqual([gate, "success"]);
    // a run was in it before
    expect(github.comments).toMatchObject([{ id: 5, body: expect.stringContaining("## No run here") }]);
  });
});

describe("find", () => {
  const client = (delays = [1, 1, 1]) =>
    new GitHub({ api, repository: "xai-kit/xai-kit", token: "t", delays });
  const found = (event: Parameters<typeof find>[0]) =>
    find(event, client(), { repository: "xai-kit/xai-kit", url: "https://x" });

  it("does nothing for other events, and for commits that are no longer the last", async () => {
    github.pulls = [pull(good)];
    expect(await found(eventOf(good, own, "push"))).toMatchObject({ outputs: ["found=false"] });
    expect(await found(eventOf(bad))).toMatchObject({ outputs: ["found=false"] });
    expect(await found(eventOf(good, null))).toMatchObject({ outputs: ["found=false"] });
    github.pulls = [
      { ...pull(good), base: { ref: "other" } },
      { ...pull(good), head: { sha: good, repo: null } },
    ];
    expect(await found(eventOf(good))).toMatchObject({ outputs: ["found=false"] });
    expect(github.writes()).toEqual([]);
  });

  it("takes no commit id that is none", async () => {
    await expect(found(eventOf("main\nfound=true"))).rejects.toThrow("40 hex digits");
  });

  it("tries again when GitHub stumbles, and says what GitHub said when it refuses", async () => {
    github.pulls = [pull(good)];
    github.faults = [502, 503];
    expect(await found(eventOf(good))).toMatchObject({
      outputs: ["found=true", "pr=7", expect.anything(), expect.anything()],
    });
    github.faults = [403];
    await expect(found(eventOf(good))).rejects.toThrow('GET pulls: GitHub answered 403: {"message":"no"}');
    github.faults = [500, 500, 500, 500];
    await expect(found(eventOf(good))).rejects.toThrow("answered 500");
  });

  it("makes no second comment when the answer to the first got lost", async () => {
    github.faults = ["answered", "lost"]; // none is there; one is made
    await client().comment(7, marker, `${marker}\nx`, true);
    expect(github.seen.map(({ method }) => method)).toEqual(["GET", "POST", "GET", "PATCH"]);
    expect(github.comments).toHaveLength(1);
  });
});

describe("report", () => {
  it("says of a check that left nothing that it failed", () => {
    expect(statusOf(undefined)[0]).toBe("error");
  });

  it("takes no verdict on another commit", async () => {
    const client = new GitHub({ api, repository: "xai-kit/xai-kit", token: "t", delays: [] });
    await expect(
      report({ head: bad } as Parameters<typeof report>[0], client, { pr: 7, head: good, url: "" }),
    ).rejects.toThrow("the verdict is on");
    expect(github.seen).toEqual([]);
  });
});

describe("admit.ts", () => {
  it("explains itself, and ends with 2 for what it does not know", async () => {
    expect(await step("admit.ts", ["--help"], {})).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("usage:"),
    });
    expect((await step("admit.ts", ["merge"], {})).code).toBe(2);
    const missing = await step("admit.ts", ["find"], {});
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("$GITHUB_REPOSITORY is not set"),
    });
  });
});
