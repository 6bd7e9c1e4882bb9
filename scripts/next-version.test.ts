import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withVersion } from "./next-version.ts";

const lock = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");

describe("the next version", () => {
  it("changes one line of the lock file", () => {
    const changed = withVersion(lock, "kit", "9.8.7").split("\n");
    const lines = lock.split("\n");
    expect(changed).toHaveLength(lines.length);
    expect(changed.filter((line, i) => line !== lines[i])).toEqual(['      "version": "9.8.7",']);
  });

  it("is of a workspace that exists", () => {
    expect(() => withVersion(lock, "toolkit", "1.0.0")).toThrow("no workspace toolkit");
  });
});
