/** Memory of a process, seen from outside. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Bytes; mapped files count, as `ps` counts them. */
export interface Rss {
  readonly now: number;
  /** since the process began; undefined where only Linux would tell */
  readonly peak: number | undefined;
}

/** Undefined once the process is gone, and on Windows. */
export function rssOf(pid: number): Rss | undefined {
  try {
    if (process.platform !== "linux") {
      const kib = Number(execFileSync("ps", ["-o", "rss=", "-p", `${pid}`], { encoding: "utf8" }));
      return { now: kib * 1024, peak: undefined };
    }
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const [now, peak] = ["VmRSS", "VmHWM"].map((field) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]),
    );
    return Number.isFinite(now) ? { now: now * 1024, peak: peak * 1024 } : undefined;
  } catch {
    return undefined;
  }
}

/** Looks every `ms` until stopped; `stop` gives the highest seen, in bytes. */
export function watchRss(pid: number, ms = 100, onLook: (rss: Rss) => void = () => {}): { stop(): number } {
  let highest = 0;
  const look = () => {
    const rss = rssOf(pid);
    if (rss === undefined) return;
    highest = Math.max(highest, rss.peak ?? rss.now);
    onLook(rss);
  };
  look();
  const timer = setInterval(look, ms);
  return {
    stop() {
      clearInterval(timer);
      return highest;
    },
  };
}
