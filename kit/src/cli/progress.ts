/**
 * How far the work is, on stderr: one rewritten line on a terminal, else a plain line at most every five seconds.
 * The cursor is never hidden, so no crash or kill can leave a terminal without one.
 */
import { printable } from "./table.ts";
import { clipToWidth } from "./width.ts";

export interface ProgressOptions {
  readonly label: string;
  /** Units of work in all; undefined if nobody knows. */
  readonly total?: number;
  /** Units already done when this run began (a resumed run): shown, but not part of the rate. */
  readonly from?: number;
  readonly stream: { write(text: string): unknown; readonly columns?: number };
  readonly isTTY: boolean;
  readonly quiet: boolean;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
}

export interface Progress {
  /** `done` counts from 0 to `total`, those of `from` included. */
  tick(done: number, note?: string): void;
  /** Prints a message above the progress line. */
  log(message: string): void;
  /** Ends with one line that stays. Call it in a `finally`; a second call does nothing. */
  done(): void;
}

const terminalPause = 100;
const linePause = 5_000;

export function progress(options: ProgressOptions): Progress {
  const { label, total, from = 0, stream, isTTY, quiet, now } = options;
  if (quiet) return { tick() {}, log() {}, done() {} };

  const begin = now();
  const clearLine = "\r\x1b[K";
  let state: ProgressState = { label, total, from, done: from, elapsed: 0 };
  let painted = isTTY ? Number.NEGATIVE_INFINITY : begin;
  let onScreen = false;
  let ended = false;

  const paint = () => {
    const line = progressLine(state);
    // one column short of the edge: some terminals wrap a full line and then cannot rewrite it
    if (isTTY) stream.write(`${clearLine}${clipToWidth(line, Math.max(20, stream.columns ?? 80) - 1)}`);
    else stream.write(`${line}\n`);
    onScreen = isTTY;
    painted = now();
  };

  return {
    tick(done, note) {
      if (ended) return;
      state = { ...state, done, note: note && printable(note), elapsed: now() - begin };
      if (now() - painted >= (isTTY ? terminalPause : linePause)) paint();
    },
    log(message) {
      stream.write(`${onScreen ? clearLine : ""}${message}\n`);
      if (onScreen) paint();
    },
    done() {
      if (ended) return;
      ended = true;
      const line = finalLine({ ...state, elapsed: now() - begin });
      stream.write(`${onScreen ? clearLine : ""}${line}\n`);
    },
  };
}

export interface ProgressState {
  readonly label: string;
  readonly total?: number;
  readonly from: number;
  readonly done: number;
  readonly note?: string;
  /** milliseconds */
  readonly elapsed: number;
}

/** `explain: 42 % (54/128), 1 min 3 s, ≈ 2 min left, 0.85/s, saliency` */
export function progressLine(state: ProgressState): string {
  const { label, note, elapsed } = state;
  const parts = [amount(state), formatDuration(elapsed), timeLeft(state), rate(state), note];
  return `${label}: ${parts.filter((part) => part !== undefined && part !== "").join(", ")}`;
}

function finalLine(state: ProgressState): string {
  const { label, total, done, elapsed } = state;
  const stopped = total !== undefined && done < total ? "stopped at " : "";
  const speed = rate(state);
  const count = total === undefined ? `${done}` : `${done}/${total}`;
  return `${label}: ${stopped}${count} in ${formatDuration(elapsed)}${speed ? ` (${speed})` : ""}`;
}

function amount({ done, total }: ProgressState): string {
  if (total === undefined || total <= 0) return `${done}`;
  // floored, so that 100 % means all of it
  return `${Math.floor((100 * done) / total)} % (${done}/${total})`;
}

function timeLeft({ done, from, total, elapsed }: ProgressState): string | undefined {
  const fresh = done - from;
  // the first seconds hold model loading and the like: a guess from them would only mislead
  if (total === undefined || fresh <= 0 || done >= total || elapsed < 2_000) return undefined;
  return `≈ ${formatRoughly((elapsed / fresh) * (total - done))} left`;
}

function rate({ done, from, elapsed }: ProgressState): string | undefined {
  if (done <= from || elapsed < 1_000) return undefined;
  return formatRate((done - from) / (elapsed / 1_000));
}

/** Units a second, told per second, minute or hour, whichever gives a number of 1 or more. */
export function formatRate(perSecond: number): string {
  const [value, unit] =
    perSecond >= 1
      ? [perSecond, "s"]
      : perSecond >= 1 / 60
        ? [perSecond * 60, "min"]
        : [perSecond * 3_600, "h"];
  return `${value < 99.5 ? Number(value.toPrecision(2)) : Math.round(value)}/${unit}`;
}

/** `0.4 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h` */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 9_950) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return two(seconds, 60, "min", "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return two(minutes, 60, "h", "min");
  return two(Math.round(minutes / 60), 24, "d", "h");
}

const two = (value: number, base: number, large: string, small: string): string =>
  value % base === 0
    ? `${value / base} ${large}`
    : `${Math.floor(value / base)} ${large} ${value % base} ${small}`;

/** A duration to the precision an estimate deserves: 5 s steps, then minutes, then 5 min steps above 2 h. */
export function formatRoughly(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 55) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} s`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 120) return `${minutes} min`;
  return formatDuration(Math.round(minutes / 5) * 5 * 60_000);
}
