/** What the API is tested with: runs of every kind, one of them hostile, errata and a ledger. */
import { readFileSync } from "node:fs";
import { canonicalJson } from "../../kit/src/json.ts";
import type { Erratum } from "../../kit/src/results/errata.ts";
import type { LedgerEntry } from "../../kit/src/results/ledger.ts";
import type { Comparison } from "../../kit/src/schemas.generated.ts";
import { withErrata } from "../lib/errata.ts";
import { protocolChanges } from "../lib/protocol-changes.ts";
import type { Run, SiteRun } from "../lib/run.ts";
import { type Held, tierOf } from "../lib/tier.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import type { Source } from "./resources.ts";

/** Ends whatever it stands in. */
export const hostile = `=1+1","\\"\u0007}{$x_1$ & #%~^</title><script>alert(1)</script>]]> é`;

const [domain, architecture] = [domains[0], architectures[0]];
const date = "2026-11-20T12:00:00Z";
const one = makeRun({ domain, architecture, date });
const other = structuredClone(one);
other.result.engine.package = "onnxruntime-web";
other.telemetry.date = "2026-11-21T12:00:00Z";
const odd = makeRun({ domain: domains[3], architecture: architectures[3], date, external: true });
odd.result.data.title = hostile;
odd.result.model.architecture = null;
const quick = makeRun({ domain, architecture, date: "2026-11-19T12:00:00Z", protocol: "quick" });

export const documents: readonly Run[] = [one, other, odd, quick];

export const ledger: readonly LedgerEntry[] = [
  {
    run: "a".repeat(64),
    kind: "reproduced",
    by: "some-one",
    date: "2026-12-01",
    evidence: "https://example.org/runs/1?a=1&b=2",
    reproduction: "b".repeat(64),
    note: "on another engine",
  },
  {
    run: "c".repeat(64),
    kind: "attested",
    by: "some-one",
    date: "2026-01-01",
    evidence: "https://example.org/attestations/1",
  },
];

export const errata: readonly Erratum[] = [
  {
    affects: { metric: "sparseness", revisions: { from: 1, to: 1 } },
    reason: "<b>Wrong</b> & \u0007 shifted",
    date: "2026-12-02",
  },
  {
    affects: { method: "lime", metric: "infidelity", revisions: { from: 1, to: 1 } },
    reason: "It was wrong.",
    date: "2026-12-03",
    evidence: "https://example.org/1",
  },
];

/** @param said  without: as it is today, with neither */
export function constructedSource(
  said: { readonly errata: readonly Erratum[]; readonly ledger: readonly LedgerEntry[] } = { errata, ledger },
): Source {
  const held = documents.map(
    (run, k): Held => ({
      identity: "abcd"[k].repeat(64),
      run,
      scores: run === quick ? undefined : run.result.sidecar,
    }),
  );
  const runs = held.map(({ identity, run }): SiteRun => {
    const { tier, evidence } = tierOf(held.find((h) => h.run === run)!, said.ledger, (id) =>
      held.find((h) => h.identity === id),
    );
    const { run: shown, marks } = withErrata(run, said.errata);
    const { data, model } = run.result;
    const id = `${data.id}/${model.id}/${run.telemetry.date.slice(0, 10)}-${identity.slice(0, 8)}`;
    return { ...shown, id, pictures: [], tier, trust: { identity, evidence, errata: marks } };
  });
  const comparison = JSON.parse(readFileSync("schemas/comparison/valid/no-maps.json", "utf8")) as Comparison;
  return {
    runs: runs.sort((a, b) => (a.id < b.id ? -1 : 1)),
    comparisons: [{ id: "phantom-cxr/no-maps", document: comparison }],
    changes: protocolChanges(),
    ...said,
  };
}

/** The document of a run as it lies in the repository. */
export const textOf = (run: SiteRun): string =>
  `${canonicalJson(documents["abcd".indexOf(run.trust!.identity[0])])}\n`;
