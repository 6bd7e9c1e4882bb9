/** Every score: one strip per metric, and which methods beat what cannot know the model. */
import { arrow, direction, estimate, percent } from "../format.ts";
import { protocols } from "../protocol/protocol.ts";
import { html, type Markup, nothing } from "../render/html.ts";
import { worstShareLimit } from "../stats/common.ts";
import { controlsOf } from "../stats/gates.ts";
import { typical } from "../stats/summarise.ts";
import { domainOf, strip, stripAxis } from "./charts.ts";
import {
  type Cell,
  capital,
  cellOf,
  counted,
  list,
  type MethodEntry,
  type MetricEntry,
  methodsOf,
  type Reported,
  registered,
  unbeatenOf,
} from "./facts.ts";
import { each, gateMark, methodName, name, scroll, section, when } from "./parts.ts";
import { pair } from "./ranks.ts";

/** Every metric but the cost, which is the same for every image and stands in a section of its own. */
export const scoredMetrics = ({ run }: Reported): readonly MetricEntry[] =>
  run.result.metrics.filter(({ family }) => family !== "cost");

export const familiesOf = (report: Reported): readonly string[] => [
  ...new Set(scoredMetrics(report).map(({ family }) => family)),
];

/** Metrics that a standard run has besides its protocol's; nothing is besides a choice of one's own. */
function isFurther({ run: { result } }: Reported, { id }: MetricEntry): boolean {
  const protocol = protocols.find((known) => known.id === result.protocol.id);
  return result.standard && protocol !== undefined && !protocol.metrics.includes(id);
}

export function metricsSection(report: Reported): Markup {
  const all = scoredMetrics(report);
  const strips = (metrics: readonly MetricEntry[]) => html`<div class="strips">
${each(metrics, (metric) => stripTable(report, metric))}</div>
`;
  return section(
    "scores",
    "Scores",
    html`Means over images, best first, with their 95&nbsp;% bootstrap intervals. Hollow dots are controls, which cannot know the model; the
upright line is the best of them. On metrics with a gate, ✓ beats every control and ✕ does not.`,
    html`${each(familiesOf(report), (family) => {
      const own = all.filter((metric) => metric.family === family);
      const core = own.filter((metric) => !isFurther(report, metric));
      const further = own.filter((metric) => isFurther(report, metric));
      return html`<h3 class="apart" id="family-${family}">${capital(family)}</h3>
${when(core.length > 0, strips(core))}${when(
  further.length > 0,
  html`<details class="further"><summary>${counted(further.length, "further metric")}: ${list(further.map(({ title }) => title))}</summary>
${strips(further)}</details>
`,
)}`;
    })}`,
  );
}

interface Entry {
  readonly method: MethodEntry;
  readonly cell: Cell;
  readonly value: number;
}

function stripTable(report: Reported, metric: MetricEntry): Markup {
  const { id, title, better, gate, samples } = metric;
  const sign = better === "higher" ? -1 : 1;
  const entries = report.run.result.methods.flatMap((method): Entry[] => {
    const cell = cellOf(report, method.id, id);
    const value = cell === undefined ? null : typical(cell);
    return cell && value !== null ? [{ method, cell, value }] : [];
  });
  entries.sort((a, b) => sign * (a.value - b.value));
  const real = entries.filter(({ method }) => !method.control);
  const controls = entries.filter(({ method }) => method.control);
  const without = report.run.result.methods.filter((m) => !entries.some(({ method }) => method.id === m.id));
  const domain = domainOf(entries.flatMap(({ value, cell }) => [value, ...(cell.interval ?? [])]));
  const gated = gate === "controls";
  const byMedian = entries.some(({ cell }) => cell.median !== undefined);
  const bar = gated && controls.length > 0 ? controls[0].value : null;
  const row = ({ method, cell, value }: Entry) => html`
<tr><th scope="row">${methodName(method)}${noteOf(report, cell)}</th><td class="chart">${strip(
    { value, interval: cell.interval && pair(cell.interval), control: method.control },
    domain,
    bar,
  )}</td><td class="num">${valueText(cell)}</td>${when(gated, html`<td class="gate">${method.control || cell.gate === null ? nothing : gateMark(cell.gate.passed)}</td>`)}</tr>`;
  return html`<article class="card" id="metric-${id}">
<h4 id="metric-${id}-title">${title} <span aria-hidden="true">${arrow(better)}</span> <small>${direction(better)}, ${counted(samples, "image")}</small></h4>
${
  entries.length === 0
    ? html`<p>No scores: ${reasonsOf(report, without, id)}.</p>`
    : html`<table class="strip-table" aria-labelledby="metric-${id}-title">
<thead><tr><th scope="col">Method</th><th scope="col" class="chart">${stripAxis(domain)}<span class="hidden">Chart</span></th><th scope="col" class="num">${byMedian ? "Median" : "Mean"} <small>95&nbsp;%</small></th>${when(gated, html`<th scope="col" class="gate"><span>Gate</span></th>`)}</tr></thead>
<tbody>${each(real, row)}
</tbody>
${when(controls.length > 0, html`<tbody class="controls">${each(controls, row)}\n</tbody>\n`)}</table>
${when(without.length > 0, html`<p class="foot">No score: ${reasonsOf(report, without, id)}.</p>`)}`
}
${aboutOf(metric)}</article>
`;
}

/** "0.412" and under it its interval, or in words why there is none. */
function valueText({ interval, noInterval, ...cell }: Cell): Markup {
  const [value, ...rest] = estimate(typical(cell), interval).split(" ");
  return rest.length > 0
    ? html`${value} <small>${rest.join(" ")}</small>`
    : html`${value} <small class="words">${noInterval ?? ""}</small>`;
}

/** What stands against a score. */
function noteOf(report: Reported, { gate, worstShare }: Cell): Markup {
  const unbeaten = unbeatenOf(report, { gate });
  const notes = [
    ...(unbeaten === undefined ? [] : [unbeaten]),
    ...(gate && gate.passed === null && gate.reason ? [gate.reason] : []),
    ...(worstShare !== null && worstShare > worstShareLimit
      ? [`empty or broken maps on ${percent(worstShare)} of the images`]
      : []),
  ];
  return when(notes.length > 0, html` <small class="note">${notes.join("; ")}</small>`);
}

/** "GradientSHAP (too few images), Constant (map is constant)" */
function reasonsOf(report: Reported, methods: readonly MethodEntry[], metric: string): Markup {
  const byReason = new Map<string, string[]>();
  for (const { id, title, status, reason } of methods) {
    const skips = Object.keys(cellOf(report, id, metric)?.skips ?? {});
    const why =
      status === "not-applicable"
        ? "not applicable"
        : status === "failed"
          ? "failed"
          : (skips[0] ?? reason ?? "none");
    byReason.set(why, [...(byReason.get(why) ?? []), title]);
  }
  return html`${[...byReason].map(([why, titles], k) => html`${k > 0 ? "; " : ""}${list(titles)} (${why})`)}`;
}

/** What the metric is, as long as the registry still means the same by it. */
function aboutOf(metric: MetricEntry): Markup {
  const entry = registered(metric);
  const params = Object.entries(metric.params).map(([key, value]) => `${key} = ${value}`);
  return html`<details><summary>What it is<span class="hidden">: ${metric.title}</span></summary>
${
  entry
    ? html`<p>${entry.summary}</p><p class="formula">${entry.formula}</p><p>${entry.limits}</p>`
    : html`<p>Revision ${metric.revision}, which this version of xai-kit does not know.</p>`
}${when(params.length > 0, html`<p class="soft">${params.join(", ")}</p>`)}${when(entry?.paper, html`<p class="soft">${name(entry?.paper ?? "")}</p>`)}</details>
`;
}

/** A row for each metric with a gate, a column for each method. */
export function gatesSection(report: Reported): Markup {
  const gated = scoredMetrics(report).filter((metric) => metric.gate === "controls");
  const { real, controls } = methodsOf(report);
  const scored = real.filter(({ id }) => gated.some((metric) => cellOf(report, id, metric.id)?.gate));
  if (gated.length === 0 || scored.length === 0) {
    return section(
      "gates",
      "Gates",
      "No method was compared with the controls: the run has no metric with a gate, or no scores on one.",
      nothing,
    );
  }
  return section(
    "gates",
    "Gates",
    html`A method counts on a metric only where it beats ${list(controls.map((m) => m.title))}: the 95&nbsp;% interval of the mean paired
difference lies above zero for each. ✓ beats them all, ✕ only as many as stand beside it, ? is not known; which ones is written at the scores.`,
    scroll(
      "Gates of every method",
      html`<table class="matrix grid gates">
<thead><tr><th scope="col">Metric</th>${each(scored, (method) => html`<th scope="col">${methodName(method)}</th>`)}</tr></thead>
<tbody>${each(
        gated,
        (metric) => html`
<tr><th scope="row">${metric.title}</th>${each(scored, ({ id }) => gateCell(report, cellOf(report, id, metric.id)))}</tr>`,
      )}
</tbody>
<tfoot><tr><th scope="row">Passed</th>${each(scored, ({ id }) => {
        const gates = gated.flatMap((metric) => cellOf(report, id, metric.id)?.gate ?? []);
        return html`<td>${gates.filter(({ passed }) => passed).length} of ${gates.length}</td>`;
      })}</tr></tfoot>
</table>`,
    ),
  );
}

function gateCell(report: Reported, cell: Cell | undefined): Markup {
  if (!cell?.gate) return html`<td class="none">–<span class="hidden"> no scores</span></td>`;
  const { against, passed } = cell.gate;
  const unbeaten = unbeatenOf(report, cell);
  const beaten = controlsOf(cell.gate, true).length;
  return html`<td>${gateMark(passed)}${
    unbeaten === undefined
      ? nothing
      : html` <small aria-hidden="true">${beaten} of ${Object.keys(against).length}</small><span class="hidden">: ${unbeaten}</span>`
  }</td>`;
}
