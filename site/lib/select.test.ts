import { describe, expect, it } from "vitest";
import type { SiteRun } from "./run.ts";
import { comparable, newest, whyUnranked } from "./select.ts";

interface Facts {
  data?: string;
  model?: string;
  protocol?: string;
  date?: string;
  standard?: boolean;
  track?: string;
  split?: string;
  splitFile?: object;
}
const run = (
  id: string,
  {
    data = "d",
    model = "m",
    protocol = "1",
    date = "2026-01-01",
    standard = true,
    track,
    split,
    splitFile,
  }: Facts,
) =>
  ({
    id,
    pictures: [],
    result: {
      data: { id: data, track, split, splitFile },
      model: { id: model },
      protocol: { id: protocol },
      standard,
    },
    telemetry: { date: `${date}T00:00:00Z` },
  }) as unknown as SiteRun;
const ids = (runs: readonly SiteRun[]) => runs.map((r) => r.id);

describe("newest", () => {
  it("keeps one run per data set, model and protocol, whatever the order", () => {
    const runs = [
      run("a", { date: "2026-01-01" }),
      run("b", { date: "2026-03-01" }),
      run("c", { date: "2026-02-01" }),
      run("d", { data: "other" }),
      run("e", { model: "other" }),
      run("f", { protocol: "quick" }),
    ];
    expect(ids(newest(runs))).toEqual(["b", "d", "e", "f"]);
    expect(ids(newest(runs.toReversed()))).toEqual(["b", "d", "e", "f"]);
  });
  it("decides between equal times by id", () => {
    const runs = [run("b", {}), run("a", {})];
    expect(ids(newest(runs))).toEqual(["b"]);
    expect(ids(newest(runs.toReversed()))).toEqual(["b"]);
  });
});

describe("comparable", () => {
  it("shows one protocol: released before draft before quick", () => {
    const quick = run("q", { protocol: "quick" });
    const draft = run("d", { protocol: "2-draft" });
    const released = run("r", { protocol: "1" });
    expect(ids(comparable([quick, draft, released]))).toEqual(["r"]);
    expect(ids(comparable([quick, draft]))).toEqual(["d"]);
    expect(ids(comparable([quick]))).toEqual(["q"]);
    expect(comparable([])).toEqual([]);
  });
  it("leaves out runs that departed from the protocol, unless there are only such", () => {
    const changed = run("c", { standard: false });
    expect(ids(comparable([changed, run("s", {})]))).toEqual(["s"]);
    expect(ids(comparable([changed]))).toEqual(["c"]);
  });
});

describe("whyUnranked", () => {
  const splitFile = { kind: "sha256", value: "0" };
  it.each([
    [{ protocol: "2-draft", track: "synthetic", split: "test" }, undefined],
    [{ protocol: "quick" }, "quick runs are never ranked"],
    [{ standard: false }, "not the protocol as it stands, so not ranked"],
    [{ track: "own", split: "unknown" }, "a data set of one’s own, so not ranked"],
    [{ track: "medical", split: "unknown" }, "no official test split, so not ranked"],
    [
      { track: "medical", split: "unknown", splitFile },
      "a selection of one’s own in place of the official split, so not ranked",
    ],
    [{ track: "ct", split: "test", splitFile }, undefined],
  ])("%j", (facts, reason) => expect(whyUnranked(run("a", facts))).toBe(reason));
});
