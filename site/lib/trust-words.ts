/** Tiers and what speaks for or against a run, in words. Pure. */
import { count } from "./format.ts";
import type { SiteRun, Tier } from "./run.ts";

export interface TierWords {
  readonly id: Tier | "reported";
  readonly means: string;
  readonly evidence: string;
  /** how a run gets there */
  readonly way: string;
  /** whether anybody can take this way yet */
  readonly open: boolean;
}

/** From what is believed least. */
export const tiers: readonly TierWords[] = [
  {
    id: "reported",
    means: "Somebody published it.",
    evidence: "The publication.",
    way: "Values of others stand apart from runs, each with its source; they are never ranked beside runs.",
    open: true,
  },
  {
    id: "submitted",
    means: "A run document of the right form.",
    evidence: "run.json alone: its scores per image are not here, or are not those that it names.",
    way: "Not taken any more: a run is handed in with its scores.",
    open: false,
  },
  {
    id: "recomputed",
    means: "Every mean, interval, rank and gate follows from the scores of each image.",
    evidence:
      "scores.parquet beside the document, byte for byte the one that it names; main’s check has computed everything again from it.",
    way: "Hand in a run: `xai-kit evaluate`, then `xai-kit submit`.",
    open: true,
  },
  {
    id: "reproduced",
    means: "Somebody else made the run again and found the same.",
    evidence:
      "A line of the ledger that names another run here, beside its own scores: of the same images, model, protocol and preprocessing, by somebody else as far as is known, with every value in the 95 % interval of the first.",
    way: "Not yet possible: the command that would do it, `xai-kit verify`, does not exist yet.",
    open: false,
  },
  {
    id: "attested",
    means: "The run was made in the open, by a workflow of ours, from the model that it names.",
    evidence: "A line of the ledger with the attestation.",
    way: "Not yet possible: the workflow does not exist yet.",
    open: false,
  },
];

export interface Said {
  readonly text: string;
  readonly href?: string;
  /** false: it is listed and counts for nothing */
  readonly counts: boolean;
}

/** What the tier of a run rests on, its files first. */
export function evidenceWords({ tier, trust, result }: SiteRun): readonly Said[] {
  const { rows } = result.sidecar;
  const files =
    tier === "submitted"
      ? { text: "The document alone; the scores that it names do not lie beside it.", counts: true }
      : {
          text: `Computed again from its ${count(rows)} rows of scores.`,
          counts: true,
        };
  return [
    files,
    ...(trust?.evidence ?? []).map(({ entry, against }): Said => {
      const done = entry.kind === "attested" ? "Attested" : "Reproduced";
      const why = against === undefined ? "" : `, which does not count: ${against}`;
      return {
        text: `${done} by ${entry.by} on ${entry.date}${why}.`,
        href: entry.evidence,
        counts: against === undefined,
      };
    }),
  ];
}
