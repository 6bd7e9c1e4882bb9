/** What a command may touch of the process: its streams, its switches, and the signal that Ctrl-C gives. */

import { toJson } from "../json.ts";
import { writeResult } from "./output.ts";
import { type Progress, progress } from "./progress.ts";

export interface Switches {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

export interface Io extends Switches {
  readonly signal: AbortSignal;
  /** width of the terminal, when there is one or COLUMNS tells it */
  readonly columns: number | undefined;
  /** A message to stderr, one line each; nothing with --quiet. */
  say(...lines: readonly string[]): void;
  /** The result to stdout: the object with --json, else the text. */
  result(value: unknown, text: string): Promise<void>;
  /** `from`: what was done before this command */
  progress(label: string, total: number, from?: number): Progress;
}

/** Wraps a command's body: it is handed its Io; errors and Ctrl-C are dealt with in one place. */
export type Run = <A extends readonly unknown[]>(
  body: (io: Io, ...args: A) => Promise<void>,
) => (...args: A) => Promise<void>;

export function createIo(switches: Switches, signal: AbortSignal): Io {
  const { stdout, stderr } = process;
  return {
    ...switches,
    signal,
    columns: stdout.columns ?? columnsToldBy(process.env.COLUMNS),
    say(...lines) {
      if (!switches.quiet) for (const line of lines) stderr.write(`${line}\n`);
    },
    async result(value, text) {
      await writeResult(switches.json ? toJson(value) : text, { stdout });
    },
    progress: (label, total, from) =>
      progress({
        label,
        total,
        from,
        stream: stderr,
        isTTY: stderr.isTTY === true,
        quiet: switches.quiet,
        now: () => performance.now(),
      }),
  };
}

const columnsToldBy = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined;
