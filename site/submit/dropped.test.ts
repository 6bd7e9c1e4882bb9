import { describe, expect, it } from "vitest";
import { pick } from "./dropped.ts";

const files = (...paths: string[]) => paths.map((path) => ({ path }));
const taken = (paths: string[], held?: string) => {
  const picked = pick(files(...paths), held === undefined ? undefined : { path: held });
  return "problem" in picked ? picked.problem : [picked.document.path, picked.sidecar?.path, picked.others];
};

describe("which files are the run", () => {
  it.each<[string[], unknown[]]>([
    [["run.json"], ["run.json", undefined, 0]],
    [
      ["scores.parquet", "run.json"],
      ["run.json", "scores.parquet", 0],
    ],
    [
      ["a/run.json", "a/scores.parquet", "a/sheet.png", "a/journal.jsonl"],
      ["a/run.json", "a/scores.parquet", 2],
    ],
    [
      ["run (1).json", "scores (1).parquet"],
      ["run (1).json", "scores (1).parquet", 0],
    ],
    [
      ["a/run.json", "a/other.json", "b/scores.parquet"],
      ["a/run.json", undefined, 2],
    ],
  ])("of %j", (paths, expected) => {
    expect(taken(paths)).toEqual(expected);
  });

  it("joins scores that come alone to the document of before, which another document replaces", () => {
    expect(taken(["scores.parquet"], "a/run.json")).toEqual(["a/run.json", "scores.parquet", 0]);
    expect(taken(["run.json"], "a/run.json")).toEqual(["run.json", undefined, 0]);
    expect(taken(["sheet.png"], "a/run.json")).toBe("there is no run in it");
  });

  it("says what is missing, and what is too much", () => {
    expect(taken([])).toBe("nothing was dropped");
    expect(taken(["scores.parquet"])).toBe("there is no run in it");
    expect(taken(["a", "b", "c", "d", "e"].map((run) => `${run}/run.json`))).toBe(
      "5 documents are in it: a/run.json, b/run.json, c/run.json, d/run.json and 1 more",
    );
  });

  it("believes only the folders of results/runs/", () => {
    const place = (path: string) => {
      const picked = pick(files(path));
      return "problem" in picked ? picked : picked.place;
    };
    expect(place("results/runs/a/b/2026-01-01-12345678/run.json")).toBe("a/b/2026-01-01-12345678");
    expect(place("xai-kit/results/runs/a/b/c/run.json")).toBe("a/b/c");
    expect(place("runs/a/b/c/run.json")).toBeUndefined();
    expect(place("2026-01-01-12345678/run.json")).toBeUndefined();
  });
});
