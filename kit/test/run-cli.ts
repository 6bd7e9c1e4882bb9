/** The command line, run inside the test or as a process. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { main } from "../src/cli/program.ts";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** In this process: fast, and the same code but for `process.exit`. */
export async function cli(...argv: string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const into =
    (parts: string[]) =>
    (text: unknown, ...rest: unknown[]): boolean => {
      parts.push(String(text));
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(into(out)),
    vi.spyOn(process.stderr, "write").mockImplementation(into(err)),
  ];
  try {
    const code = await main(argv);
    return { code, out: out.join(""), err: err.join("") };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** The result of `--json`, after a look at the exit code. */
export async function json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
  const { code, out, err } = await cli(...argv, "--json", "--quiet");
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return JSON.parse(out) as T;
}

const entry = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** As a process of its own. */
export function spawned(
  argv: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: NodeJS.ProcessEnv },
): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...argv], {
    cwd,
    env: { ...process.env, NODE_NO_WARNINGS: "1", COLUMNS: undefined, ...env },
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

/** As a process that is sent SIGINT when `when` appears on stderr; `wait` is how long it then took to end. */
export function interrupted(
  argv: readonly string[],
  { cwd, when }: { cwd: string; when: RegExp },
): Promise<Ran & { wait: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...argv], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err, sent] = ["", "", 0];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      if (sent > 0 || !when.test(err)) return;
      sent = performance.now();
      child.kill("SIGINT");
    });
    child.on("error", reject);
    // as a shell says it
    child.on("close", (code, signal) =>
      resolve({ code: signal === "SIGINT" ? 130 : code, out, err, wait: performance.now() - sent }),
    );
  });
}
