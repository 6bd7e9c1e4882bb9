/**
 * Every run, read once per build. A plain module and no content collection: Astro would write all documents into one JavaScript module
 * first, which at a thousand runs is over a hundred megabytes.
 */
import { runCheck } from "./check-run.ts";
import { readRuns } from "./read-runs.ts";
import { errataIn, ledgerIn } from "./record.ts";
import type { SiteRun } from "./run.ts";
import { newest } from "./select.ts";

/** Set by astro.config.mjs. */
const results = process.env.XAI_RESULTS ?? "results";

let read: Promise<SiteRun[]> | undefined;

/** All runs: each has its page. */
export function allRuns(): Promise<SiteRun[]> {
  read ??= readRuns(results, runCheck());
  return read;
}

let current: Promise<readonly SiteRun[]> | undefined;

/** The runs that tables and charts speak of. */
export function currentRuns(): Promise<readonly SiteRun[]> {
  current ??= allRuns().then(newest);
  return current;
}

/** Every line of the ledger, in its order. */
export const allLedger = async () =>
  ledgerIn(results, new Set((await allRuns()).flatMap(({ trust }) => trust?.identity ?? [])));

/** Every erratum, in the order of their lines. */
export const allErrata = () => errataIn(results);

export const resultsFolder = results;
