import { describe, expect, it } from "vitest";
import { formatDuration, formatRate, formatRoughly, progress, progressLine } from "./progress.ts";

/** A progress on a fake clock; `written` is what reached the stream. */
function fake(options: { isTTY: boolean; quiet?: boolean; total?: number; from?: number; columns?: number }) {
  const written: string[] = [];
  const clock = { time: 1_000_000 };
  const { columns, ...rest } = options;
  const bar = progress({
    label: "explain",
    quiet: false,
    ...rest,
    stream: { write: (text: string) => written.push(text), columns },
    now: () => clock.time,
  });
  const at = (seconds: number) => {
    clock.time = 1_000_000 + seconds * 1_000;
  };
  return { bar, written, at };
}

describe("progress without a terminal", () => {
  it("writes a whole line at most every five seconds, and one at the end", () => {
    const { bar, written, at } = fake({ isTTY: false, total: 100 });
    for (let k = 1; k <= 100; k++) {
      at(k * 0.12);
      bar.tick(k, "saliency");
    }
    bar.done();
    expect(written).toEqual([
      "explain: 42 % (42/100), 5.0 s, ≈ 10 s left, 8.3/s, saliency\n",
      "explain: 84 % (84/100), 10 s, ≈ 5 s left, 8.3/s, saliency\n",
      "explain: 100/100 in 12 s (8.3/s)\n",
    ]);
  });

  it("holds no control codes", () => {
    const { bar, written, at } = fake({ isTTY: false, total: 2 });
    at(6);
    bar.tick(1, "evil\u001b[2Jname");
    bar.log("a message");
    bar.done();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be absent
    expect(written.join("")).not.toMatch(/[\u001b\r]/);
    expect(written[1]).toBe("a message\n");
    expect(written[2]).toBe("explain: stopped at 1/2 in 6.0 s (10/min)\n");
  });
});

describe("progress on a terminal", () => {
  it("rewrites one line, cut to the width, and leaves the cursor below the last", () => {
    const { bar, written, at } = fake({ isTTY: true, total: 10, columns: 40 });
    bar.tick(0, "loading the model");
    at(0.05);
    bar.tick(1); // too soon to paint
    at(4);
    bar.tick(2, "integrated-gradients");
    bar.done();
    bar.done();
    expect(written).toEqual([
      "\r\x1b[Kexplain: 0 % (0/10), 0.0 s, loading th…",
      "\r\x1b[Kexplain: 20 % (2/10), 4.0 s, ≈ 20 s le…",
      "\r\x1b[Kexplain: stopped at 2/10 in 4.0 s (30/min)\n",
    ]);
  });

  it("puts messages above the line and paints it again", () => {
    const { bar, written } = fake({ isTTY: true, total: 10 });
    bar.tick(3);
    bar.log("skipped image 7");
    expect(written.slice(1)).toEqual(["\r\x1b[Kskipped image 7\n", "\r\x1b[Kexplain: 30 % (3/10), 0.0 s"]);
  });
});

describe("progress", () => {
  it("is silent when quiet", () => {
    const { bar, written, at } = fake({ isTTY: true, quiet: true, total: 1 });
    bar.tick(0);
    bar.log("x");
    at(60);
    bar.tick(1);
    bar.done();
    expect(written).toEqual([]);
  });

  it("does not take what an earlier run did for its own speed", () => {
    const state = { label: "run", total: 100, from: 90, done: 95, elapsed: 50_000 };
    expect(progressLine(state)).toBe("run: 95 % (95/100), 50 s, ≈ 50 s left, 6/min");
  });

  it("counts without a total", () => {
    expect(progressLine({ label: "read", from: 0, done: 7, elapsed: 700 })).toBe("read: 7, 0.7 s");
  });

  it("says 100 % only when all is done", () => {
    expect(progressLine({ label: "x", total: 1000, from: 0, done: 999, elapsed: 0 })).toContain("99 %");
  });
});

describe("times and rates", () => {
  it.each([
    [400, "0.4 s"],
    [9_949, "9.9 s"],
    [9_960, "10 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [192_000, "3 min 12 s"],
    [3_599_600, "1 h"],
    [7_500_000, "2 h 5 min"],
    [86_399_000, "1 d"],
    [4 * 3_600_000 + 3 * 86_400_000, "3 d 4 h"],
  ])("formatDuration(%d) = %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [300, "5 s"],
    [41_000, "45 s"],
    [56_000, "1 min"],
    [170_000, "3 min"],
    [7_000_000, "117 min"],
    [9_100_000, "2 h 30 min"],
  ])("formatRoughly(%d) = %s", (ms, text) => expect(formatRoughly(ms)).toBe(text));

  it.each([
    [250, "250/s"],
    [1.04, "1/s"],
    [0.5, "30/min"],
    [0.01, "36/h"],
  ])("formatRate(%d) = %s", (perSecond, text) => expect(formatRate(perSecond)).toBe(text));
});
