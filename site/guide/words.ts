/** How the guide says its answers. */

import { count } from "../lib/format.ts";
import type { SiteRun } from "../lib/run.ts";
import type { Advice, Answer } from "./guide.ts";
import { plural, type Verdict } from "./rules.ts";

/** In the order in which they are shown; the mark only echoes the title. */
export const verdictWords: Readonly<Record<Verdict, { readonly title: string; readonly mark: string }>> = {
  use: { title: "Use", mark: "✓" },
  maybe: { title: "Maybe", mark: "~" },
  avoid: { title: "Avoid", mark: "✕" },
  neither: { title: "No recommendation", mark: "=" },
  unknown: { title: "Not enough evidence", mark: "?" },
};
export const verdictOrder = Object.keys(verdictWords) as Verdict[];

const families: Readonly<Record<string, string>> = {
  cnn: "Convolutional models",
  transformer: "Transformers",
  contrastive: "Contrastive models",
};
const images: Readonly<Record<string, string>> = {
  natural: "natural images",
  medical: "medical images",
  cxr: "chest X-rays",
  ct: "CT",
  synthetic: "synthetic images",
};

/** "Transformers on chest X-rays" */
export const scopeWords = ({ family, track }: Pick<Answer, "family" | "track">): string =>
  `${families[family] ?? family} on ${images[track] ?? track}`;

/** A reader's limits of cost, in model passes for one map. */
export const costLimits: readonly number[] = [10, 100, 1000, 10_000];

/** Whether a method keeps to a limit; one of unknown cost is not set aside. */
export const isWithin = ({ passes }: Pick<Advice, "passes">, limit: number | undefined): boolean =>
  limit === undefined || passes === null || passes <= limit;

/** The answer in a line; with a limit, of the methods that keep to it. Evidence and verdicts do not change with it. */
export function headline(
  { advice }: { readonly advice: readonly Pick<Advice, "title" | "verdict" | "passes">[] },
  limit?: number,
): string {
  const kept = advice.filter((one) => isWithin(one, limit));
  const beyond = advice.length - kept.length;
  if (limit === undefined || beyond === 0) return answerIn(kept);
  const more = `${plural(beyond, "method")} ${beyond === 1 ? "takes" : "take"} more than ${count(limit)} passes`;
  return kept.length === 0 ? `None within the limit: ${more}.` : `${answerIn(kept)} ${more}.`;
}

function answerIn(advice: readonly Pick<Advice, "title" | "verdict">[]): string {
  const titles = (verdict: Verdict) => advice.filter((a) => a.verdict === verdict).map((a) => a.title);
  const use = titles("use");
  if (use.length > 0) return `Use ${either(use)}.`;
  const maybe = titles("maybe");
  if (maybe.length > 0) return `Maybe ${either(maybe)}: one run short of a recommendation.`;
  return advice.every(({ verdict }) => verdict === "unknown")
    ? "Not enough evidence."
    : "No method can be recommended.";
}

/** "A", "A or B", "A, B or C" */
const either = (titles: readonly string[]): string =>
  titles.length < 2 ? titles.join() : `${titles.slice(0, -1).join(", ")} or ${titles.at(-1)}`;

const distinct = (runs: readonly SiteRun[], of: (run: SiteRun) => string) => [...new Set(runs.map(of))];

/** "8 runs on 4 data sets with 8 models" */
export function countedWords({ runs }: Answer["counted"]): string {
  const data = distinct(runs, ({ result }) => result.data.base).length;
  const models = distinct(runs, ({ result }) => result.model.sha256).length;
  return `${plural(runs.length, "run")} on ${plural(data, "data set")} with ${plural(models, "model")}`;
}

/** "protocol 1, tier recomputed" */
export const basisWords = ({ runs, protocol }: Answer["counted"]): string =>
  `protocol ${protocol}, tier ${distinct(runs, ({ tier }) => tier).join(" or ")}`;

/** "superseded by a newer run (2), …" */
export const asideWords = (aside: Answer["counted"]["aside"]): string =>
  aside.map(({ reason, n }) => `${reason} (${n})`).join(", ");
