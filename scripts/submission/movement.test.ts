import { describe, expect, it } from "vitest";
import type { Run, SiteRun } from "../../site/lib/run.ts";
import { architectures, domains, makeRun } from "../../site/test/make-runs.ts";
import { type Guide, type GuideAnswer, movementOf } from "./movement.ts";

const [domain, architecture] = [domains[0], architectures[0]];
const silent: Guide = () => [];

function siteRun(run: Run, id: string): SiteRun {
  return { ...run, id, pictures: [], tier: "recomputed" };
}
const first = siteRun(
  makeRun({ domain, architecture, date: "2026-01-01T00:00:00Z" }),
  "a/b/2026-01-01-00000001",
);
/** The same run, later, and changed. */
function later(change: (run: Run) => void = () => {}): SiteRun {
  const run = structuredClone(first) as Run;
  run.telemetry.date = "2026-01-02T00:00:00Z";
  change(run);
  return siteRun(run, "a/b/2026-01-02-00000002");
}
const ranking = (run: Run, of: string) => run.result.statistics.metrics.find((r) => r.of === of)!;
const title = (run: Run, id: string) => run.result.methods.find((m) => m.id === id)!.title;
const best = (run: Run, of: string) => ranking(run, of).places.find((p) => p.standard && p.rank === 1)!;
const movedBy = (run: SiteRun) => {
  const [move] = movementOf([first], [run], silent).runs;
  if (move.how !== "replaces") throw new Error(move.how);
  return move;
};

describe("movement", () => {
  it("of an equal run is none", () => {
    expect(movedBy(later())).toEqual({
      run: "a/b/2026-01-02-00000002",
      how: "replaces",
      other: first.id,
      bases: [],
    });
  });

  it("of a rank, of its interval and of a tie is said with both ends, and nothing else is", () => {
    const method = best(first, "deletion-auc").method;
    const ranks = movedBy(
      later((run) => {
        const place = best(run, "deletion-auc");
        place.rank = 4;
        place.interval = [2, 6];
      }),
    );
    expect(ranks.bases).toMatchObject([
      {
        basis: "Deletion AUC",
        methods: [
          { method: title(first, method), before: { rank: 1 }, after: { rank: 4, interval: [2, 6] } },
        ],
      },
    ]);
    const ties = movedBy(
      later((run) => {
        ranking(run, "deletion-auc").tieGroups = [];
      }),
    );
    const groups = ranking(first, "deletion-auc").tieGroups;
    const tied = new Set(groups.filter((group) => group.length > 1).flat());
    expect(tied.size).toBeGreaterThan(1);
    expect(ties.bases).toHaveLength(1);
    expect(new Set(ties.bases[0].methods.map((m) => m.method))).toEqual(
      new Set([...tied].map((id) => title(first, id))),
    );
    expect(ties.bases[0].methods[0].after?.tied).toEqual([]);
  });

  it("into and out of a ranking is a move without the other end", () => {
    const { method } = best(first, "infidelity");
    const { bases } = movedBy(
      later((run) => {
        const { places } = ranking(run, "infidelity");
        places.splice(
          places.findIndex((p) => p.method === method),
          1,
        );
        ranking(run, "infidelity").tieGroups = ranking(first, "infidelity").tieGroups;
      }),
    );
    const moved = bases.flatMap(({ methods }) => methods).filter((m) => m.method === title(first, method));
    expect(moved).toMatchObject([{ before: { rank: 1 }, after: null }]);
  });

  it("of the first run of a model is who leads, with those it is tied with", () => {
    const [move] = movementOf([], [first], silent).runs;
    if (move.how !== "new") throw new Error(move.how);
    const { method } = best(first, "deletion-auc");
    const group = ranking(first, "deletion-auc").tieGroups.find((g) => g.includes(method)) ?? [method];
    const leaders = move.leaders.find(({ basis }) => basis === "Deletion AUC")!.methods;
    expect(leaders[0]).toBe(title(first, method));
    expect(new Set(leaders)).toEqual(new Set(group.map((id) => title(first, id))));
  });

  it("is none for a run that is older than main's, or not ranked", () => {
    const newer = later();
    expect(movementOf([newer], [first], silent).runs).toEqual([
      { run: first.id, how: "behind", other: newer.id },
    ]);
    expect(
      movementOf([first], [later((r) => Object.assign(r.result, { standard: false }))], silent).runs,
    ).toMatchObject([{ how: "unranked" }]);
    const quick = makeRun({ domain, architecture, date: "2026-01-03T00:00:00Z", protocol: "quick" });
    expect(movementOf([first], [siteRun(quick, "q")], silent).runs).toMatchObject([{ how: "unranked" }]);
  });

  it("of two runs of one model is that of the newer", () => {
    const [a, b] = movementOf([], [first, later()], silent).runs;
    expect([a.how, b.how]).toEqual(["behind", "new"]);
  });

  it("of advice is each verdict that changes, whichever side knows the method", () => {
    const answer = (verdicts: Record<string, string>): GuideAnswer => ({
      family: "cnn",
      track: "synthetic",
      concern: "overall",
      advice: Object.entries(verdicts).map(([method, verdict]) => ({
        method,
        title: method.toUpperCase(),
        verdict,
      })),
    });
    const guide: Guide = (runs) => [
      runs.length === 0
        ? answer({ a: "maybe", b: "use", c: "unknown", d: "avoid" })
        : answer({ a: "use", b: "use", e: "unknown" }),
    ];
    const where = { family: "cnn", track: "synthetic", concern: "overall" };
    expect(movementOf([], [first], guide).guide).toEqual([
      { ...where, method: "A", before: "maybe", after: "use" },
      { ...where, method: "D", before: "avoid", after: "unknown" },
    ]);
  });
});
