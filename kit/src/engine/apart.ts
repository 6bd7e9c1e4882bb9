/**
 * Trying a device in a process of its own: a driver that crashes takes that process and not ours, one that hangs is ended, and what
 * libraries write on stderr is kept instead of shown.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Attempt, failed } from "./attempt.ts";
import type { Candidate } from "./channel.ts";

export interface Apart {
  readonly repeats?: number;
  /** milliseconds; the first start of a driver compiles and caches */
  readonly patience?: number;
  /** what to start in place of `apart-entry`, for tests */
  readonly entry?: URL;
}

/** The entry lies beside this module, in the source tree (.ts) as in the built package (.js). */
const beside = new URL(
  import.meta.url.endsWith(".ts") ? "./apart-entry.ts" : "./apart-entry.js",
  import.meta.url,
);

export interface Task {
  readonly candidate: Candidate;
  readonly repeats: number;
}

/** Stderr of native libraries may be long, and its beginning tells most. */
const enough = 4_000;

/** Never rejects for what the device or its driver does. Cost: the start of a process and of the device, a few tenths of a second at least. */
export function tryApart(
  candidate: Candidate,
  { repeats = 1, patience = 120_000, entry = beside }: Apart = {},
): Promise<Attempt> {
  const child = fork(fileURLToPath(entry), {
    execArgv: ["--no-warnings"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (said.length < enough) said = (said + text).slice(0, enough);
  });
  return new Promise((resolve) => {
    let answer: Attempt | undefined;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, patience);
    child.on("message", (message) => {
      answer = message as Attempt;
    });
    child.on("error", (error) => finish(`cannot start a process to try it: ${error.message}`));
    // after stderr has ended too
    child.on("close", (status, signal) =>
      finish(
        late
          ? `it gave no answer in ${patience / 1000} s`
          : `it crashed the process that tried it (${signal ?? `exit status ${status}`})`,
      ),
    );
    const finish = (death: string) => {
      clearTimeout(timer);
      const words = said.trim();
      resolve({
        ...told(answer ?? crashed(candidate, death), candidate, words),
        ...(words !== "" && { said: words }),
      });
    };
    child.send({ candidate, repeats } satisfies Task, () => undefined); // what cannot be sent ends in "close"
  });
}

/** A library that the loader misses is named on stderr alone: ONNX Runtime's error says only that there is no adapter. */
const told = (answer: Attempt, candidate: Candidate, words: string): Attempt =>
  !answer.ok && /cannot open shared object file/.test(words) ? failed(candidate, words) : answer;

/** A crash is the driver's or the library's: no word of theirs explains it. */
const crashed = (candidate: Candidate, death: string): Attempt => ({
  ...failed(candidate, ""),
  reason: death,
  next: "install a newer driver, or use another device",
});
