/** Git, as far as handing in a run needs it: a commit made beside the working tree, which is not touched. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KitError } from "../errors.ts";
import { systemCode } from "../files.ts";

export interface Git {
  /** stdout of a command that must succeed, without the last newline. Throws KitError E_GIT with what git said. */
  run(args: readonly string[], options?: RunOptions): string;
  /** The same; undefined where git says no. */
  ask(args: readonly string[], options?: RunOptions): string | undefined;
}

export interface RunOptions {
  readonly input?: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Git in that folder; undefined where the folder is in no repository, or there is no git. */
export function gitIn(folder: string): Git | undefined {
  const call = (args: readonly string[], { input, env }: RunOptions = {}) =>
    spawnSync("git", args, {
      cwd: folder,
      input,
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", ...env },
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
  const ask: Git["ask"] = (args, options) => {
    const { status, stdout } = call(args, options);
    return status === 0 ? stdout.replace(/\n$/, "") : undefined;
  };
  if (ask(["rev-parse", "--git-dir"]) === undefined) return undefined;
  return {
    ask,
    run(args, options) {
      const { status, stdout, stderr, error } = call(args, options);
      if (status === 0) return stdout.replace(/\n$/, "");
      const said = (error === undefined ? stderr : error.message).trim().split("\n").filter(Boolean);
      throw new KitError("E_GIT", {
        problem: `git ${args[0]} failed in ${folder}`,
        details: said.slice(0, 8),
        next: adviceFor(said.join(" "), systemCode(error)),
        cause: error,
      });
    },
  };
}

function adviceFor(said: string, code: string | undefined): string {
  if (/tell me who you are|empty ident|no (name|email) was given/i.test(said))
    return 'tell git who you are: git config --global user.name "…" and user.email "…"; both become public';
  if (/No space left/i.test(said) || code === "ENOSPC")
    return "free some space, then run the same command again";
  if (/Permission denied|read-only/i.test(said)) return "use a clone that you may write to";
  return "mend what git says, then run the same command again: nothing was left half done";
}

export interface CommitOptions {
  /** where the commit stands on */
  readonly base: string;
  /** must not exist yet */
  readonly branch: string;
  readonly message: string;
  /** path in the repository → content */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * One commit on a new branch, made of objects alone: working tree, index and current branch stay as they are, and until the last step, which
 * names the branch, nothing refers to what was made.
 */
export function commitBeside(git: Git, { base, branch, message, files }: CommitOptions): string {
  const folder = mkdtempSync(join(tmpdir(), "xai-kit-index-"));
  const env = { GIT_INDEX_FILE: join(folder, "index") };
  try {
    git.run(["read-tree", base], { env });
    for (const [path, content] of files) {
      const blob = git.run(["hash-object", "-w", "--no-filters", "--stdin"], { input: content });
      git.run(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`], { env });
    }
    const tree = git.run(["write-tree"], { env });
    const commit = git.run(["commit-tree", tree, "-p", base, "-F", "-"], { input: message });
    git.run(["update-ref", `refs/heads/${branch}`, commit, "0".repeat(commit.length)]);
    return commit;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
