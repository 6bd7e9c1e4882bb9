import { describe, expect, it } from "vitest";
import type { LedgerEntry } from "../../kit/src/results/ledger.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import type { Run } from "./run.ts";
import { type Held, tierOf } from "./tier.ts";

const made = makeRun({
  domain: domains[0],
  architecture: architectures[0],
  date: "2026-11-20T12:00:00Z",
});
const held = (letter: string, change: (run: Run) => void = () => {}): Held => {
  const run = structuredClone(made);
  change(run);
  const { bytes, sha256 } = run.result.sidecar;
  return { identity: letter.repeat(64), run, scores: { bytes, sha256 } };
};
const own = held("a");
/** the same on another engine: another result, hence another identity */
const again = (change?: (run: Run) => void) =>
  held("b", (run) => {
    run.result.engine = { ...run.result.engine, package: "onnxruntime-web", provider: "wasm" };
    run.result.sidecar.sha256 = "c".repeat(64);
    change?.(run);
  });

const attested: LedgerEntry = {
  run: own.identity,
  kind: "attested",
  by: "maker",
  date: "2026-12-01",
  evidence: "https://example.org/attestations/1",
};
const reproduced: LedgerEntry = {
  ...attested,
  kind: "reproduced",
  by: "somebody-else",
  reproduction: "b".repeat(64),
};
const judge = (ledger: readonly LedgerEntry[], other: Held | undefined = again(), run: Held = own) => {
  const all = [run, ...(other ? [other] : [])];
  const { tier, evidence } = tierOf(run, ledger, (id) => all.find(({ identity }) => identity === id));
  return { tier, against: evidence.map((e) => e.against) };
};
const cellIn = (run: Run, method: string, metric: string) =>
  run.result.statistics.cells.find((cell) => cell.method === method && cell.metric === metric)!;

describe("the tier of a run", () => {
  it("is recomputed beside the scores that it names, and submitted without them", () => {
    expect(judge([])).toEqual({ tier: "recomputed", against: [] });
    for (const scores of [
      undefined,
      { ...own.scores!, bytes: own.scores!.bytes + 1 },
      { ...own.scores!, sha256: "0".repeat(64) },
    ]) {
      expect(judge([], undefined, { ...own, scores }).tier).toBe("submitted");
    }
  });

  it("is reproduced where another run of the same found the same", () => {
    expect(judge([reproduced])).toEqual({ tier: "reproduced", against: [undefined] });
  });

  it("is attested before it is reproduced, and keeps both lines", () => {
    expect(judge([attested])).toEqual({ tier: "attested", against: [undefined] });
    expect(judge([reproduced, attested])).toEqual({ tier: "attested", against: [undefined, undefined] });
  });

  it("takes nothing from lines about other runs", () => {
    expect(judge([{ ...attested, run: "b".repeat(64) }])).toEqual({ tier: "recomputed", against: [] });
  });

  it("takes nothing from what a document says of itself", () => {
    const boasting = held("a", (run) =>
      Object.assign(run.result, { tier: "attested", evidence: [attested] }),
    );
    expect(judge([], undefined, boasting).tier).toBe("recomputed");
  });

  it("stays submitted without its scores, whoever vouches for it", () => {
    const bare = { ...own, scores: undefined };
    const why = "the run lies here without the scores that it names";
    expect(judge([attested, reproduced], again(), bare)).toEqual({ tier: "submitted", against: [why, why] });
  });

  it.each<[string, Partial<LedgerEntry>, Held | undefined, string]>([
    [
      "that names the run itself",
      { reproduction: own.identity },
      again(),
      "names the run itself, which is no evidence of another",
    ],
    [
      "whose reproduction is not here",
      { reproduction: "d".repeat(64) },
      again(),
      "the run that it names is not here",
    ],
    ["that names no reproduction", { reproduction: undefined }, again(), "the run that it names is not here"],
    ["dated before the run", { date: "2026-11-19" }, again(), "dated before the run"],
    [
      "dated before its reproduction",
      {},
      again((run) => {
        run.telemetry.date = "2026-12-02T00:00:00Z";
      }),
      "dated before the run that it names",
    ],
    [
      "whose reproduction is there without scores",
      {},
      { ...again(), scores: undefined },
      "the run that it names lies here without its scores",
    ],
    [
      "of another model",
      {},
      again((run) => {
        run.result.model.sha256 = "e".repeat(64);
      }),
      "the run that it names has another model",
    ],
    [
      "of other images and another protocol",
      {},
      again((run) => {
        run.result.data.fingerprint.value = "e".repeat(64);
        run.result.protocol = { id: "quick", sha256: "e".repeat(64) };
      }),
      "the run that it names has another data set, another protocol",
    ],
    [
      "of another choice of images",
      {},
      again((run) => {
        run.result.selection.samples--;
      }),
      "the run that it names has another choice of images",
    ],
    [
      "that found something else",
      {},
      again((run) => {
        const cell = cellIn(run, "saliency", "infidelity");
        cell.mean = cell.interval![1] + 0.01;
      }),
      "1 of 114 values are not found again",
    ],
    [
      "that counted other passes",
      {},
      again((run) => {
        cellIn(run, "saliency", "cost").mean! += 1;
      }),
      "1 of 114 values are not found again",
    ],
    [
      "that left something out",
      {},
      again((run) => {
        run.result.statistics.cells = run.result.statistics.cells.filter(
          ({ metric }) => metric !== "sparseness",
        );
      }),
      "14 of 114 values are not found again",
    ],
    [
      "by another revision of a method",
      {},
      again((run) => {
        run.result.methods.find(({ id }) => id === "lime")!.revision = 2;
      }),
      "8 of 114 values are not found again",
    ],
  ])("does not follow from a line %s", (_, change, other, why) => {
    expect(judge([{ ...reproduced, ...change }], other)).toEqual({ tier: "recomputed", against: [why] });
  });

  it("does not follow from a reproduction by who made the run, where that is known", () => {
    const why = "by who made the run, as the ledger has it";
    // the attestation is dated before the run, so that it proves nothing but who made it
    const maker = { ...attested, date: "2026-11-01" };
    expect(judge([maker, { ...reproduced, by: "Maker" }])).toEqual({
      tier: "recomputed",
      against: ["dated before the run", why],
    });
    const both = { ...attested, run: "b".repeat(64) };
    expect(judge([maker, both, reproduced]).against).toEqual(["dated before the run", why]);
  });

  it("allows for what devices differ by", () => {
    const close = again((run) => {
      const cell = cellIn(run, "saliency", "infidelity");
      cell.mean! += 0.2 * (cell.interval![1] - cell.mean!);
      cellIn(run, "constant", "infidelity").mean! += 1e-6;
    });
    expect(judge([reproduced], close).tier).toBe("reproduced");
  });
});
