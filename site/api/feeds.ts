/** What is new, for feed readers: runs, errata, lines of the ledger and protocols. Pure; the order of runs changes nothing. */
import { erratumAnchor } from "../lib/errata.ts";
import { modelTitle, trackLabel } from "../lib/labels.ts";
import type { Source } from "./resources.ts";
import { ledgerLines } from "./resources.ts";
import { titleOfErratum } from "./words.ts";

export interface Item {
  /** a tag URI: it stays when the site moves */
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** ISO time */
  readonly date: string;
  /** on the site, as `url` takes it */
  readonly path: string;
}

/** Older ones are in runs.json. */
export const mostItems = 50;

const tag = (what: string) => `tag:xai-kit.org,2026:${what}`;
const atMidnight = (date: string) => `${date}T00:00:00Z`;

/** Newest first. */
export function itemsOf(source: Source): Item[] {
  const { runs, errata, ledger, changes } = source;
  const nameOf = new Map(runs.map((run) => [run.id, nameOfRun(run)]));
  const items: Item[] = [
    ...runs.map((run): Item => {
      const { result, telemetry, id, tier } = run;
      const ranked = result.methods.filter(({ standard, control }) => standard && !control).length;
      const test = result.data.track === "synthetic" ? " Test data, not advice." : "";
      return {
        id: tag(`run/${id}`),
        title: `Run: ${nameOf.get(id)}`,
        text: `${ranked} standard methods on ${result.selection.samples} images (${trackLabel(result.data.track)}), protocol ${result.protocol.id}, ${tier}.${test}`,
        date: telemetry.date,
        path: `runs/${id}/`,
      };
    }),
    ...errata.map((erratum, k): Item => {
      return {
        id: tag(`erratum/${k + 1}`),
        title: `Erratum ${k + 1}: ${titleOfErratum(erratum)}`,
        text: erratum.reason,
        date: atMidnight(erratum.date),
        path: `changelog/#${erratumAnchor(k + 1)}`,
      };
    }),
    ...ledgerLines(ledger, runs).map((line): Item => {
      const name = line.id === null ? line.run : nameOf.get(line.id);
      return {
        id: tag(`ledger/${line.number}`),
        title: `${line.kind === "attested" ? "Attested" : "Reproduced"}: ${name}`,
        text: `By ${line.by}, ${line.evidence}.${line.counts ? "" : ` It does not count: ${line.against}.`}`,
        date: atMidnight(line.date),
        path: `ledger/#line-${line.number}`,
      };
    }),
    ...changes
      .filter(({ draft }) => !draft)
      .map(({ id, date, text }): Item => {
        return {
          id: tag(`protocol/${id}`),
          title: `Protocol ${id}`,
          text,
          date: atMidnight(date),
          path: `changelog/#protocol-${id}`,
        };
      }),
  ];
  return items
    .sort((a, b) => (a.date === b.date ? (a.id < b.id ? -1 : 1) : a.date > b.date ? -1 : 1))
    .slice(0, mostItems);
}

const nameOfRun = ({ result: { model, data } }: Source["runs"][number]): string =>
  `${modelTitle(model)} on ${data.title}`;

const title = "xai-kit: runs, errata and what speaks for them";

/** What XML 1.0 cannot hold, escaped or not, becomes a question mark. */
export const xml = (text: string): string =>
  text
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/**
 * Atom, RFC 4287. There is a protocol at least, so that the feed was updated at some time.
 *
 * @param addressOf  of a path of the site: with its host, or where that is not known without, which a reader resolves against the feed's own
 */
export function atom(items: readonly Item[], addressOf: (path: string) => string): string {
  const entries = items.map(({ id, title, text, date, path }) =>
    [
      "  <entry>",
      `    <id>${xml(id)}</id>`,
      `    <title>${xml(title)}</title>`,
      `    <updated>${xml(date)}</updated>`,
      `    <link rel="alternate" type="text/html" href="${xml(addressOf(path))}"/>`,
      `    <summary>${xml(text)}</summary>`,
      "  </entry>",
    ].join("\n"),
  );
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
    `  <id>${tag("feed")}</id>`,
    `  <title>${xml(title)}</title>`,
    `  <updated>${xml(items[0].date)}</updated>`,
    "  <author><name>xai-kit contributors</name></author>",
    "  <rights>CC BY 4.0</rights>",
    `  <link rel="self" type="application/atom+xml" href="${xml(addressOf("feed.xml"))}"/>`,
    `  <link rel="alternate" type="text/html" href="${xml(addressOf("changelog/"))}"/>`,
    ...entries,
    "</feed>",
    "",
  ].join("\n");
}

/** JSON Feed 1.1, whose addresses have a host or are left out. */
export function jsonFeed(items: readonly Item[], addressOf: (path: string) => string | undefined) {
  return {
    version: "https://jsonfeed.org/version/1.1",
    title,
    home_page_url: addressOf(""),
    feed_url: addressOf("feed.json"),
    language: "en",
    authors: [{ name: "xai-kit contributors" }],
    items: items.map(({ id, title, text, date, path }) => ({
      id,
      url: addressOf(path),
      title,
      content_text: text,
      date_published: date,
    })),
  };
}
