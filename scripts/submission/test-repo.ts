/** Git repositories for tests, made of commits whose trees may hold anything. */
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Content =
  | string
  | Uint8Array
  /** taken away */
  | null
  | { readonly mode: "100755" | "120000"; readonly data: string | Uint8Array }
  /** a submodule, or an object that is there */
  | { readonly mode: "160000" | "100644"; readonly id: string };

export type Files = Readonly<Record<string, Content>>;

export class TestRepo {
  readonly folder = mkdtempSync(join(tmpdir(), "xai-kit-repo-"));

  #seconds = 1_767_225_600;

  constructor() {
    this.git(["init", "--quiet", "--bare", "--initial-branch=main", "."]);
    this.git(["config", "core.compression", "0"]);
  }

  git(args: readonly string[], input: string | Uint8Array = ""): string {
    const { status, stdout, stderr } = spawnSync("git", args, {
      cwd: this.folder,
      input,
      maxBuffer: 2 ** 28,
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "A",
        GIT_AUTHOR_EMAIL: "a@example.org",
        GIT_COMMITTER_NAME: "A",
        GIT_COMMITTER_EMAIL: "a@example.org",
      },
    });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** A commit with these changes to its first parent; returns its id. */
  commit(parents: readonly string[], files: Files): string {
    const parts: (string | Uint8Array)[] = ["commit refs/heads/made\nmark :1\n"];
    parts.push(`committer A <a@example.org> ${this.#seconds++} +0000\ndata 1\nm\n`);
    if (parents.length === 0) this.git(["update-ref", "-d", "refs/heads/made"]);
    for (const [i, parent] of parents.entries()) parts.push(`${i === 0 ? "from" : "merge"} ${parent}\n`);
    for (const [path, content] of Object.entries(files)) {
      const name = quoted(path);
      if (content === null) parts.push(`D ${name}\n`);
      else if (typeof content === "object" && "id" in content)
        parts.push(`M ${content.mode} ${content.id} ${name}\n`);
      else {
        const { mode, data } =
          typeof content === "object" && "mode" in content ? content : { mode: "100644", data: content };
        const bytes = Buffer.from(data as Uint8Array);
        parts.push(`M ${mode} inline ${name}\ndata ${bytes.length}\n`, bytes, "\n");
      }
    }
    parts.push("\nget-mark :1\ndone\n");
    const stream = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
    return this.git(["fast-import", "--quiet", "--force", "--done"], stream);
  }

  blob(data: string | Uint8Array): string {
    return this.git(["hash-object", "-w", "--stdin"], data);
  }

  /** A tree with just these entries, in this order, whatever their names. */
  tree(entries: readonly { readonly mode: string; readonly name: string; readonly id: string }[]): string {
    const bytes = entries.map(({ mode, name, id }) =>
      Buffer.concat([Buffer.from(`${mode.replace(/^0/, "")} ${name}\0`), Buffer.from(id, "hex")]),
    );
    return this.git(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], Buffer.concat(bytes));
  }

  /** A commit of a tree as it is. */
  commitTree(tree: string, parent: string): string {
    return this.git(["commit-tree", tree, "-p", parent, "-m", "m"]);
  }
}

/** As fast-import reads a path that holds anything. */
const quoted = (path: string): string =>
  `"${[...Buffer.from(path)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}"`;
