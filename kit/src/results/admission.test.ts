import { describe, expect, it } from "vitest";
import { madeRun } from "../../test/made-run.ts";
import { admission } from "./admission.ts";
import type { Run } from "./document.ts";

/** A run with other words in it; numbers do not matter here. */
function run(change: (run: Record<"result" | "telemetry", Record<string, unknown>>) => void): Run {
  const made = JSON.parse(madeRun().text);
  made.result.protocol.id = "2-draft";
  change(made);
  return made as Run;
}
const latest = "2026-01-03T04:00:00.000Z";

describe("what may stand in results/", () => {
  it("takes a draft run on drawn pictures, without remark", () => {
    expect(
      admission(
        run(() => undefined),
        latest,
      ),
    ).toEqual({ refusals: [], notes: [] });
  });

  it("refuses a first look, naming the protocol that counts", () => {
    const { refusals } = admission(
      run(({ result }) => Object.assign(result.protocol as object, { id: "quick" })),
      latest,
    );
    expect(refusals).toEqual([
      expect.objectContaining({
        path: "$.result.protocol.id",
        code: "E_ADMISSION",
        next: "evaluate again with --protocol 1",
      }),
    ]);
  });

  it.each(["medical", "natural", "cxr", "ct", "own"])("refuses a draft on the track %s", (track) => {
    const { refusals } = admission(
      run(({ result }) => Object.assign(result.data as object, { track })),
      latest,
    );
    expect(refusals.map((r) => r.message)).toEqual([
      `protocol 2-draft is a draft, and drafts appear only in the synthetic track, not in ${track}`,
    ]);
  });

  it.each([
    ["2026-01-03T03:59:59Z", 0],
    ["2026-01-03T04:00:01Z", 1],
  ])("a run of %s, %i refusals", (date, count) => {
    const { refusals } = admission(
      run(({ telemetry }) => Object.assign(telemetry, { date })),
      latest,
    );
    expect(refusals).toHaveLength(count);
  });

  it("says how a run will be shown that is not ranked", () => {
    const { refusals, notes } = admission(
      run(({ result }) => {
        result.standard = false;
        (result.data as Record<string, unknown>).split = "unknown";
      }),
      latest,
    );
    expect(refusals).toEqual([]);
    expect(notes).toEqual([
      "not the protocol as it stands: shown, not ranked",
      "the set has no official split, and no file gave one: shown, not ranked",
    ]);
  });

  it.each([
    ["unknown", ["a selection of one's own in place of the official split: shown, not ranked"]],
    ["test", []],
  ])("knows what a split file made: %s", (split, notes) => {
    const chosen = run(({ result }) =>
      Object.assign(result.data as object, { split, splitFile: { kind: "sha256", value: "0".repeat(64) } }),
    );
    expect(admission(chosen, latest).notes).toEqual(notes);
  });
});
