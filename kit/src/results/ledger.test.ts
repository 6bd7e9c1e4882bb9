import { describe, expect, it } from "vitest";
import { canonicalJson } from "../json.ts";
import { readLedger } from "./ledger.ts";

const [one, two, strange] = ["a", "b", "c"].map((letter) => letter.repeat(64));
const runs = new Set([one, two]);
const attested = {
  run: one,
  kind: "attested",
  by: "some-one",
  date: "2026-12-01",
  evidence: "https://example.org/attestations/1",
};
const reproduced = { ...attested, kind: "reproduced", reproduction: two };
const line = (entry: object) => `${canonicalJson(entry)}\n`;

describe("the ledger", () => {
  it("is read line by line", () => {
    expect(readLedger(line(attested) + line(reproduced), "l", runs)).toEqual({
      entries: [attested, reproduced],
      problems: [],
    });
    expect(readLedger("", "l", runs)).toEqual({ entries: [], problems: [] });
  });

  it.each([
    ["no JSON", "{\n", "l, line 1 $ E_JSON"],
    ["an empty line", `${line(attested)}\n`, "l, line 2 $ E_JSON"],
    ["another form", line({ ...attested, kind: "recomputed" }), "l, line 1 $.kind E_SCHEMA"],
    ["a key too many", line({ ...attested, tier: "attested" }), "l, line 1 $.tier E_SCHEMA"],
    [
      "an address to run",
      line({ ...attested, evidence: "javascript:alert(1)" }),
      "l, line 1 $.evidence E_SCHEMA",
    ],
    [
      "a reproduction that names no run",
      line({ ...attested, kind: "reproduced" }),
      "l, line 1 $.reproduction E_SCHEMA",
    ],
    ["another way of writing it", line(attested).replace(":", ": "), "l, line 1 $ E_CANONICAL"],
    ["no newline at the end", line(attested).trim(), "l, line 1 $ E_CANONICAL"],
    ["a run that is not here", line({ ...attested, run: strange }), "l, line 1 $.run E_LEDGER"],
    [
      "a reproduction that is not here",
      line({ ...reproduced, reproduction: strange }),
      "l, line 1 $.reproduction E_LEDGER",
    ],
    ["an attestation of two", line({ ...attested, reproduction: two }), "l, line 1 $.reproduction E_LEDGER"],
    ["a day that never was", line({ ...attested, date: "2026-02-30" }), "l, line 1 $.date E_LEDGER"],
    ["a line twice", line(attested) + line(attested), "l, line 2 $ E_LEDGER"],
  ])("with %s is refused", (_, text, problem) => {
    const { problems } = readLedger(text, "l", runs);
    expect(problems.map(({ file, path, code }) => `${file} ${path} ${code}`)).toContain(problem);
  });

  it("knows days", () => {
    const faults = (date: string) => readLedger(line({ ...attested, date }), "l", runs).problems.length;
    for (const date of ["2024-02-29", "2026-02-28", "2026-12-31", "2000-02-29"]) expect(faults(date)).toBe(0);
    for (const date of ["2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"])
      expect(faults(date)).toBe(1);
  });

  it("says which run it does not know", () => {
    const [problem] = readLedger(line({ ...attested, run: strange }), "l", runs).problems;
    expect(problem.message).toBe(`there is no run ${strange}`);
  });
});
