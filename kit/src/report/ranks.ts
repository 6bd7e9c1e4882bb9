/** Which methods come first, and how sure that is. */
import { number, ranks as range } from "../format.ts";
import { html, type Markup, nothing } from "../render/html.ts";
import { rankStrip } from "./charts.ts";
import {
  capital,
  fieldOf,
  list,
  methodsOf,
  type Ranking,
  type Reported,
  rankings,
  tiedWith,
  titleOf,
} from "./facts.ts";
import { each, scroll, section, when } from "./parts.ts";

/** Of a facet, or overall. */
const headingOf = (of: string): string => capital(of);

export function ranksSection(report: Reported): Markup {
  const { overall, facets, metrics } = rankings(report);
  const summed = [overall, ...facets];
  if (summed.every((r) => r.places.length === 0) && metrics.length === 0) {
    return section("ranks", "Ranks", `No ranks: ${overall.reason ?? "nothing to compare"}.`, nothing);
  }
  return section(
    "ranks",
    "Ranks",
    html`Among the standard methods of this run. The dot is the rank, the line its 95&nbsp;% interval; “=” marks methods that the images do not
separate. Further methods, in brackets, are placed among them without moving them.`,
    html`<div class="columns">
${each(
  summed.filter(({ places }) => places.length > 0),
  (ranking) => rankTable(report, ranking),
)}</div>
${each(
  summed.filter(({ places }) => places.length === 0),
  ({ of, reason }) => html`<p class="foot">${headingOf(of)}: no ranking: ${reason ?? "not known"}.</p>\n`,
)}${when(metrics.length > 0, matrix(report, [...summed.filter((r) => r.places.length > 0), ...metrics]))}`,
  );
}

/** "2", or "2=" where others have the same */
const rankText = (ranking: Ranking, method: string, rank: number): string =>
  `${rank}${tiedWith(ranking, method).length > 0 ? "=" : ""}`;

function rankTable(report: Reported, ranking: Ranking): Markup {
  const { of, places } = ranking;
  const field = fieldOf(ranking);
  const title = headingOf(of);
  return html`<article class="card">
<h3 id="rank-${of}">${title}</h3>
<table class="rank-table" aria-labelledby="rank-${of}">
<thead><tr><th scope="col" class="num">Rank</th><th scope="col">Method</th><th scope="col" class="chart"><span class="ends"><span>1</span><span>${field}</span></span><span class="hidden">Interval of the rank</span></th><th scope="col" class="num">95&nbsp;%</th><th scope="col" class="num">Score</th></tr></thead>
<tbody>${each(places, (place) => {
    const { method, standard, rank, interval, score } = place;
    const tied = tiedWith(ranking, method);
    return html`
<tr><td class="num rank">${standard ? rankText(ranking, method, rank) : `(${rank})`}</td><th scope="row">${titleOf(report, method)}${when(
      tied.length > 0,
      html`<span class="hidden">, tied with ${list(tied.map((id) => titleOf(report, id)))}</span>`,
    )}${when(!standard, html` <small>further</small>`)}</th><td class="chart">${rankStrip({ rank, interval: pair(interval) }, field)}</td><td class="num soft">${range(interval)}</td><td class="num">${number(score, 2)}</td></tr>`;
  })}
</tbody>
</table>
</article>
`;
}

export const pair = ([low, high]: readonly number[]): readonly [number, number] => [low, high];

/** Every rank there is: a row for each ranking, a column for each method. */
function matrix(report: Reported, all: readonly Ranking[]): Markup {
  const ranked = methodsOf(report).real.filter(({ id }) =>
    all.some(({ places }) => places.some((place) => place.method === id)),
  );
  return html`<h3 class="apart">Every rank</h3>
<p class="says">Rank with its 95&nbsp;% interval; the deeper the colour, the nearer to the first.</p>
${scroll(
  "Rank of every method by every metric",
  html`<table class="matrix grid">
<thead><tr><th scope="col">By</th>${each(ranked, ({ title }) => html`<th scope="col" class="num">${title}</th>`)}</tr></thead>
<tbody>${each(
    all,
    (ranking) => html`
<tr><th scope="row">${nameOf(report, ranking)}</th>${each(ranked, ({ id }) => rankCell(ranking, id))}</tr>`,
  )}
</tbody>
</table>`,
)}`;
}

const nameOf = (report: Reported, { of }: Ranking): string =>
  report.run.result.metrics.some(({ id }) => id === of) ? titleOf(report, of) : headingOf(of);

function rankCell(ranking: Ranking, method: string): Markup {
  const place = ranking.places.find((p) => p.method === method);
  if (place === undefined) return html`<td class="num none">–<span class="hidden"> no rank</span></td>`;
  const { rank, standard, interval } = place;
  const field = fieldOf(ranking);
  const near = field < 2 ? 1 : 1 - (Math.min(rank, field) - 1) / (field - 1);
  return html`<td class="num shade" style="--near: ${Math.round(100 * near)}%">${standard ? rankText(ranking, method, rank) : `(${rank})`} <small>${range(interval)}</small></td>`;
}
