/** Deletion and insertion curves: small frames side by side, one per method. */
import { number, percent } from "../format.ts";
import { html, type Markup, nothing } from "../render/html.ts";
import type { MeanCurve } from "../runner/curves.ts";
import { curvePanel, lineKey, topOf } from "./charts.ts";
import { cellOf, counted, list, type MetricEntry, type Reported, titleOf } from "./facts.ts";
import { each, scroll, section, when } from "./parts.ts";

/** The area under equal steps over [0, 1]. */
export const areaOf = (values: readonly number[]): number =>
  values.slice(1).reduce((sum, v, k) => sum + (v + values[k]) / 2, 0) / (values.length - 1);

/** What stood for removed pixels, in words. */
const fills: Readonly<Record<string, string>> = {
  mean: "the mean colour",
  blur: "the blurred image",
  black: "black",
  given: "a given reference",
};
const fillOf = (reference: string): string => fills[reference] ?? reference;

export function curvesSection(report: Reported): Markup {
  const { curves } = report;
  const title = "Curves";
  if (curves === undefined || curves.length === 0) {
    const why =
      curves === undefined
        ? "No curves were kept with this run: it was made before they were, or came without its curves.json. Its scores hold their areas alone."
        : "The run has no metric that is the area of a curve.";
    return section("curves", title, why, nothing);
  }
  const metrics = report.run.result.metrics.filter(({ id }) => curves.some((curve) => curve.metric === id));
  return section(
    "curves",
    title,
    html`The probability of the explained class while pixels are replaced (or put back) in the order of the map: mean over images, with the
95&nbsp;% interval at each step. What an area leaves out is to be seen here: where the curve falls or rises.`,
    html`${each(metrics, (metric) =>
      curvesOf(
        report,
        metric,
        curves.filter((curve) => curve.metric === metric.id),
      ),
    )}`,
  );
}

function curvesOf(report: Reported, metric: MetricEntry, curves: readonly MeanCurve[]): Markup {
  const { id, title, better } = metric;
  const sign = better === "higher" ? -1 : 1;
  const sorted = [...curves].sort((a, b) => sign * (areaOf(a.mean) - areaOf(b.mean)));
  const isControl = (method: string) =>
    report.run.result.methods.find((m) => m.id === method)?.control === true;
  const real = sorted.filter((curve) => !isControl(curve.method));
  const controls = sorted.filter((curve) => isControl(curve.method));
  const best = controls[0];
  const references = [...new Set(curves.flatMap((curve) => Object.keys(curve.references)))];
  const top = topOf(
    curves.flatMap(({ mean, interval, references: own }) => [
      mean,
      ...(interval ? [interval.high] : []),
      ...Object.values(own),
    ]),
  );
  const panelOf = (curve: MeanCurve) => html`<figure class="panel">
<figcaption>${titleOf(report, curve.method)}${when(isControl(curve.method), html` <small>control</small>`)} <small class="area">${number(areaOf(curve.mean), 3)}</small></figcaption>
${curvePanel({
  words: wordsOf(titleOf(report, curve.method), title, curve),
  main: { values: curve.mean, interval: curve.interval },
  parts: references.flatMap((reference) =>
    curve.references[reference] ? [curve.references[reference]] : [],
  ),
  behind: curve === best ? undefined : best?.mean,
  top,
})}</figure>
`;
  const several = references.length > 1;
  return html`<div class="curve-block">
<h3 class="apart" id="curve-${id}">${title} <small>${better} area is better, ${counted(Math.max(...curves.map((c) => c.n)), "image")}</small></h3>
<ul class="legend">
<li>${lineKey("main")} mean${several ? " of both fills" : ""}</li>
${when(
  curves.some((c) => c.interval),
  html`<li>${lineKey("band")} 95&nbsp;% interval</li>`,
)}${
  several
    ? each(
        references,
        (reference, k) => html`<li>${lineKey(k % 2 ? "part part1" : "part part0")} ${fillOf(reference)}</li>`,
      )
    : nothing
}${best ? html`<li>${lineKey("behind")} best control: ${titleOf(report, best.method)}</li>` : nothing}
<li class="soft">across: share of pixels changed</li>
</ul>
<div class="panels">
${each([...real, ...controls], panelOf)}</div>
${several ? orderNote(report, metric, real, references) : nothing}
<details><summary>The curves of ${title} as a table</summary>
${scroll(
  `Curves of ${title}`,
  html`<table class="matrix steps">
<thead><tr><th scope="col">Method</th><th scope="col" class="num">Area</th>${when(several, html`${each(references, (r) => html`<th scope="col" class="num">Area, ${fillOf(r)}</th>`)}`)}${each(
    sorted[0].mean,
    (_, k) =>
      html`<th scope="col" class="num">${percent(k / (sorted[0].mean.length - 1)).replace(/\.0/, "")}</th>`,
  )}</tr></thead>
<tbody>${each(
    [...real, ...controls],
    (curve) => html`
<tr><th scope="row">${titleOf(report, curve.method)}</th><td class="num">${number(cellOf(report, curve.method, id)?.mean ?? areaOf(curve.mean), 3)}</td>${when(several, html`${each(references, (r) => html`<td class="num">${curve.references[r] ? number(areaOf(curve.references[r]), 3) : "–"}</td>`)}`)}${each(curve.mean, (v) => html`<td class="num">${number(v, 3)}</td>`)}</tr>`,
  )}
</tbody>
</table>`,
)}</details>
</div>
`;
}

/** Whether what stands for removed pixels decides which method is best. */
function orderNote(
  report: Reported,
  { better, title }: MetricEntry,
  real: readonly MeanCurve[],
  references: readonly string[],
): Markup {
  if (real.length < 2) return nothing;
  const sign = better === "higher" ? -1 : 1;
  const orders = references.map((reference) =>
    [...real]
      .filter((curve) => curve.references[reference])
      .sort((a, b) => sign * (areaOf(a.references[reference]) - areaOf(b.references[reference])))
      .map((curve) => curve.method),
  );
  const firsts = new Set(orders.map(([first]) => first));
  const same = orders.every((order) => order.join() === orders[0].join());
  const text = same
    ? `The methods come in the same order with ${list(references.map(fillOf))}.`
    : firsts.size > 1
      ? `The fill decides which method is best by ${title}: ${list(references.map((r, k) => `with ${fillOf(r)} ${titleOf(report, orders[k][0])}`))}.`
      : `The order of the methods depends on the fill; ${titleOf(report, orders[0][0])} is best with each.`;
  return html`<p class="foot">${text}</p>`;
}

function wordsOf(method: string, title: string, { mean }: MeanCurve): string {
  const at = (share: number) => number(mean[Math.round(share * (mean.length - 1))], 2);
  return `${title} of ${method}: from ${at(0)} to ${at(1)}; ${at(0.25)} after a quarter of the pixels, ${at(0.5)} after half, ${at(0.75)} after three quarters; area ${number(areaOf(mean), 3)}`;
}
