/** A results repository of one's own: what this one holds, in a local bare repository that can be cloned and pushed to. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Nobody's own settings, and an author. */
export const gitEnv = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Ada Contributor",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada Contributor",
  GIT_COMMITTER_EMAIL: "ada@example.org",
};

/** Throws what git said, where it says no. */
export function git(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("git", args, {
    cwd,
    env: { ...process.env, ...gitEnv },
    encoding: "utf8",
  });
  if (status !== 0) throw error ?? new Error(`git ${args.join(" ")}\n${stderr}`);
  return stdout.trim();
}

/** @param without  folders below results/runs/ that are left out: "phantom-shapes/shapes-resnet" */
export function makeResultsRepository(folder: string, without: readonly string[] = []): string {
  const work = join(folder, "first-commit");
  const bare = join(folder, "results.git");
  mkdirSync(work, { recursive: true });
  for (const part of ["schemas", "results"]) cpSync(join(root, part), join(work, part), { recursive: true });
  for (const run of without) rmSync(join(work, "results", "runs", run), { recursive: true, force: true });
  git(work, "init", "-q", "-b", "main");
  git(work, "add", ".");
  git(work, "commit", "-qm", "Results so far");
  git(folder, "clone", "-q", "--bare", work, bare);
  rmSync(work, { recursive: true, force: true });
  return bare;
}
