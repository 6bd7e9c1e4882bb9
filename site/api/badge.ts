/** A badge for a run, as shields.io reads it from an endpoint. Pure. */
import type { SiteRun, Tier } from "../lib/run.ts";

const colours: Readonly<Record<Tier, string>> = {
  submitted: "lightgrey",
  recomputed: "blue",
  reproduced: "green",
  attested: "brightgreen",
};

/** What is against a run is said before what is for it. */
export function badge({ tier, trust, result }: SiteRun) {
  const wrong = (trust?.errata.length ?? 0) > 0;
  return {
    schemaVersion: 1,
    label: `xai-kit, protocol ${result.protocol.id}`,
    message: wrong ? `${tier}, erratum` : tier,
    color: wrong ? "orange" : colours[tier],
  };
}

/** Markdown of the badge with a link to the run. */
export const badgeMarkdown = (endpoint: string, page: string): string =>
  `[![xai-kit](https://img.shields.io/endpoint?url=${encodeURIComponent(endpoint)})](${page})`;
