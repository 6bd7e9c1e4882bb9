/** Lighthouse on pages of a built site, as a phone on a slow network sees them. */
import lighthouse from "lighthouse";
import type { OpenSite } from "./open-site.ts";

export const categories = ["performance", "accessibility", "best-practices", "seo"] as const;

export interface Scores {
  /** 0 to 100 */
  readonly scores: Readonly<Record<(typeof categories)[number], number>>;
  /** what cost points: "total-blocking-time 0.5" */
  readonly lost: readonly string[];
}

/**
 * Performance is timed, and what else the machine does only ever takes from it: so a page that misses `enough` is measured again, up to
 * three times, and its best counts.
 *
 * @param page below the site's address, "" for the start page
 */
export async function lighthouseOn(site: OpenSite, page: string, enough: number): Promise<Scores> {
  let best: Scores | undefined;
  for (let attempt = 0; attempt < 3; attempt++) {
    const found = await measure(site, page);
    if (best === undefined || found.scores.performance > best.scores.performance) best = found;
    if (best.scores.performance >= enough) break;
  }
  return best!;
}

async function measure({ address, debuggingPort }: OpenSite, page: string): Promise<Scores> {
  const result = await lighthouse(`${address}${page}`, {
    port: debuggingPort,
    output: "json",
    logLevel: "error",
    onlyCategories: [...categories],
  });
  if (!result) throw new Error(`Lighthouse measured nothing on /${page}`);
  const { audits, runtimeError, categories: found } = result.lhr;
  if (runtimeError) throw new Error(`Lighthouse on /${page}: ${runtimeError.message}`);
  const weighed = categories.flatMap((id) => found[id].auditRefs.filter(({ weight }) => weight > 0));
  return {
    scores: Object.fromEntries(
      categories.map((id) => [id, Math.round(100 * (found[id].score ?? 0))]),
    ) as Scores["scores"],
    lost: weighed.flatMap(({ id }) => {
      const { score } = audits[id];
      return score !== null && score < 0.9 ? [`${id} ${score}`] : [];
    }),
  };
}
