import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exitCodeOf, textOf } from "./check-submission.ts";
import { TestRepo } from "./submission/test-repo.ts";
import { testRun } from "./submission/test-runs.ts";

const folder = mkdtempSync(join(tmpdir(), "xai-kit-check-"));
const repo = new TestRepo();
afterAll(() => {
  for (const path of [folder, repo.folder]) rmSync(path, { recursive: true });
});
const main = repo.commit([], { "README.md": "Read me.\n" });
repo.git(["branch", "main", main]);
const script = fileURLToPath(new URL("check-submission.ts", import.meta.url));
const run = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [script, ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", ...env },
  });
const check = (head: string, args: string[] = [], env = {}) =>
  run(["--repo", repo.folder, "--base", "main", "--head", head, ...args], env);

describe("check-submission", () => {
  it("admits: 0, a line a check, verdict and comment as files, and the summary of a workflow", () => {
    const [json, comment, summary] = ["v.json", "c.md", "s.md"].map((name) => join(folder, name));
    const head = repo.commit([main], testRun().files);
    const files = ["--json", json, "--comment", comment, "--now", "2026-02-01"];
    const { status, stdout, stderr } = check(head, files, { GITHUB_STEP_SUMMARY: summary });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.match(/^ {2}✓ /gm)).toHaveLength(5);
    expect(stdout).toMatch(/admitted, runs: 1\n$/);
    expect(JSON.parse(readFileSync(json, "utf8"))).toMatchObject({ admitted: true, head, base: main });
    expect(readFileSync(comment, "utf8")).toContain("## Admitted: 1 run");
    expect(readFileSync(summary, "utf8")).toBe(readFileSync(comment, "utf8"));
  });

  it("refuses: 1, with what to do, also of a run whose day has not come", () => {
    const head = repo.commit([main], testRun().files);
    const { status, stdout } = check(head, ["--now", "2025-02-01"]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/problem: .*run\.json: \$\.telemetry\.date: .* has not come yet\n {2}next: /);
    expect(stdout).toMatch(/refused, problems: 1\n$/);
  });

  it("leaves code to people: 0; a fork's gate is refused, also where only the environment tells", () => {
    const head = repo.commit([main], { ".github/workflows/validate.yml": "exit 0" });
    expect(check(head)).toMatchObject({ status: 0, stdout: expect.stringContaining("code owners decide") });
    expect(check(head, ["--from-fork"]).status).toBe(1);
    expect(check(head, [], { FROM_FORK: "true" }).status).toBe(1);
    expect(check(head, [], { FROM_FORK: "" }).status).toBe(1);
    expect(check(head, [], { FROM_FORK: "false" }).status).toBe(0);
  });

  it("ends with 2 for wrong options and 3 for what is not there", () => {
    expect(run(["--help"])).toMatchObject({ status: 0, stdout: expect.stringContaining("usage:") });
    expect(run(["--what"])).toMatchObject({ status: 2, stderr: expect.stringContaining("see --help") });
    expect(check("main")).toMatchObject({ status: 2, stderr: expect.stringContaining("40 hex digits") });
    expect(check(main, ["--now", "soon"]).status).toBe(2);
    expect(check("1".repeat(40))).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("no commit 1111"),
    });
  });

  it("prints nothing that a workflow's runner or a terminal would obey", () => {
    const text = textOf({
      kind: "refused",
      admitted: false,
      broken: false,
      base: main,
      head: main,
      checks: [],
      problems: [
        { file: "a\n::error::x", path: "##[set-env name=A]b", message: "\u001b[2J", next: "c\r::d" },
      ],
      runs: [],
      comparisons: [],
      movement: null,
    });
    expect(text).not.toMatch(/^\s*::|##\[|\p{Cc}(?<!\n)/mu);
    expect(exitCodeOf({ kind: "refused", broken: true } as Parameters<typeof exitCodeOf>[0])).toBe(3);
  });
});
