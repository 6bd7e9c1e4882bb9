/** Git, as far as handing in a run needs it: a commit made beside the working tree, which is not touched. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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

/** What a hook, or `git rebase --exec`, says of the repository it runs in: it must not decide about another one. */
const ofRepository =
  /^GIT_(DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|GRAFT_FILE|SHALLOW_FILE|REPLACE_REF_BASE|IMPLICIT_WORK_TREE|INTERNAL_SUPER_PREFIX)$/;

/**
 * Git in that folder; undefined where the folder is in no repository.
 *
 * @throws KitError E_GIT where there is a repository that git does not open, or no git to open it
 */
export function gitIn(folder: string): Git | undefined {
  const own = Object.entries(process.env).filter(([name]) => !ofRepository.test(name));
  const call = (args: readonly string[], { input, env }: RunOptions = {}) =>
    spawnSync("git", args, {
      cwd: folder,
      input,
      env: { ...Object.fromEntries(own), GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", ...env },
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
  const refused = (args: readonly string[], { stderr, error }: ReturnType<typeof call>) => {
    const said = (error === undefined ? stderr : error.message).trim().split("\n").filter(Boolean);
    return new KitError("E_GIT", {
      problem: `git ${args[0]} failed in ${folder}`,
      details: said.slice(0, 8),
      next: adviceFor(said.join(" "), systemCode(error)),
      cause: error,
    });
  };
  const ask: Git["ask"] = (args, options) => {
    const { status, stdout } = call(args, options);
    return status === 0 ? stdout.replace(/\n$/, "") : undefined;
  };
  const first = ["rev-parse", "--git-dir"];
  const opened = call(first);
  if (opened.status !== 0) {
    const none = /not a git repository/.test(opened.stderr ?? "") || systemCode(opened.error) === "ENOENT";
    if (none && !hasRepository(folder)) return undefined;
    throw refused(first, opened);
  }
  return {
    ask,
    run(args, options) {
      const ran = call(args, options);
      if (ran.status === 0) return ran.stdout.replace(/\n$/, "");
      throw refused(args, ran);
    },
  };
}

/** A .git in the folder or above it. */
function hasRepository(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return true;
    if (dirname(at) === at) return false;
  }
}

function adviceFor(said: string, code: string | undefined): string {
  if (/tell me who you are|empty ident|no (name|email) was given/i.test(said))
    return 'tell git who you are: git config --global user.name "…" and user.email "…"; both become public';
  if (code === "ENOENT") return "install git, or put it on the PATH";
  if (/dubious ownership/.test(said))
    return "tell git that you trust this clone (the command stands above), or use one of your own";
  if (/No space left/i.test(said) || code === "ENOSPC")
    return "free some space, then run the same command again";
  if (/Permission denied|read-only/i.test(said)) return "use a clone that you may write to";
  return "mend what git says, then run the same command again: nothing was left half done";
}

/** Who commits, as it becomes public: "Ada <ada@example.org>". Throws KitError E_GIT where git does not know. */
const authorOf = (git: Git): string => git.run(["var", "GIT_AUTHOR_IDENT"]).replace(/ \d+ [+-]\d+$/, "");

export interface CommitOptions {
  /** id of the commit it stands on */
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
  // the author alone, and no time zone: what is not shown before does not become public
  const [, name = "", mail = ""] = /^(.*) <(.*)>$/.exec(authorOf(git)) ?? [];
  const now = `${Math.floor(Date.now() / 1000)} +0000`;
  const identity = {
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: mail,
    GIT_COMMITTER_DATE: now,
    GIT_AUTHOR_DATE: now,
  };
  try {
    git.run(["read-tree", base], { env });
    for (const [path, content] of files) {
      const blob = git.run(["hash-object", "-w", "--no-filters", "--stdin"], { input: content });
      git.run(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`], { env });
    }
    const tree = git.run(["write-tree"], { env });
    const commit = git.run(["commit-tree", tree, "-p", base, "-F", "-"], { input: message, env: identity });
    git.run(["update-ref", `refs/heads/${branch}`, commit, "0".repeat(commit.length)]);
    return commit;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
