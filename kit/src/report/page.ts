/**
 * A run as one HTML file, to be read anywhere: no script, no network, nothing beside it. What can be switched is switched by radio buttons
 * that the style sheet reads. Everything a document says is a stranger's text.
 */
import { count, day, duration, percent } from "../format.ts";
import { html, type Markup, nothing, type Part } from "../render/html.ts";
import { curvesSection } from "./curves.ts";
import { capital, cellOf, counted, list, methodsOf, type Reported, rankings, titleOf } from "./facts.ts";
import { familiesOf, gatesSection, metricsSection, scoredMetrics } from "./metrics.ts";
import { each, name, sheetOf, when } from "./parts.ts";
import { pictureStyle, picturesSection } from "./pictures.ts";
import { ranksSection } from "./ranks.ts";
import { cautionsOf, cautionsSection, costSection, provenanceSection, qualitySection } from "./rest.ts";
import { pageOf } from "./shell.ts";

const contents = [
  ["ranks", "Ranks"],
  ["maps", "Maps"],
  ["curves", "Curves"],
  ["gates", "Gates"],
  ["scores", "Scores"],
  ["quality", "Classification"],
  ["cost", "Cost"],
  ["cautions", "Warnings"],
  ["provenance", "Provenance"],
] as const;

export function reportPage(report: Reported): string {
  const { model, data } = report.run.result;
  const title = `${model.id} on ${data.title}`;
  return pageOf({
    title: `${title}: evaluation of explanations`,
    variables: pictureStyle(report),
    skipTo: "ranks",
    heading: html`<h1>${name(model.id)} <span>on</span> ${name(data.title)}</h1>`,
    tags: tags(report),
    contents: html`${each(contents, ([id, text]) => html`<li><a href="#${id}">${text}</a>${id === "scores" ? families(report) : nothing}</li>`)}`,
    main: html`${notices(report)}${glance(report)}${ranksSection(report)}${picturesSection(report)}${curvesSection(report)}${gatesSection(report)}${metricsSection(report)}${qualitySection(report)}${costSection(report)}${cautionsSection(report)}${provenanceSection(report)}`,
  });
}

/** Of a section as long as there are metrics. */
const families = (report: Reported): Markup =>
  html`<ul>${each(familiesOf(report), (family) => html`<li><a href="#family-${family}">${capital(family)}</a></li>`)}</ul>`;

function tags({ run, progress }: Reported): Markup {
  const { result, telemetry } = run;
  const plain = [
    result.model.architecture ?? result.model.family,
    `protocol ${result.protocol.id}`,
    counted(progress?.explained ?? result.selection.samples, "image"),
    day(telemetry.date),
  ];
  const warn = [
    ...(progress ? ["unfinished"] : []),
    ...(result.protocol.id.endsWith("-draft") ? ["draft protocol"] : []),
    ...(result.standard && result.protocol.id !== "quick" ? [] : ["not the standard evaluation"]),
    ...(result.data.track === "synthetic" ? ["drawn images"] : []),
  ];
  return html`<ul class="tags" aria-label="Kind of run">${each(plain, (tag) => html`<li>${tag}</li>`)}${each(warn, (tag) => html`<li class="warn">${tag}</li>`)}</ul>
`;
}

/** What must be known before any number is read. */
function notices({ run, progress, confidential, refused }: Reported): Markup {
  const { result } = run;
  const texts: Part[] = [
    ...(progress
      ? [
          html`<b>Unfinished.</b> ${progress.shard === undefined ? "" : `Shard ${progress.shard} of a run: `}${count(progress.explained)} of ${counted(progress.of, "image")} explained, ${count(progress.classified)} of ${count(progress.images)} classified. Every number here will change; metrics that compare with a randomised model come last and may be missing.`,
        ]
      : []),
    ...(refused
      ? [html`<b>The validator does not accept this run.</b> See <a href="#cautions">what it says</a>.`]
      : []),
    ...(confidential
      ? [
          html`<b>Not for publication.</b> The data set is private, and this file holds its pictures and names. <code>xai-kit report --public</code> makes one without.`,
        ]
      : []),
    ...(result.protocol.id === "quick"
      ? [
          html`<b>A first look.</b> The quick protocol takes few images and a quarter of every budget: its order of methods may not hold.`,
        ]
      : result.standard
        ? []
        : [
            html`<b>A choice of one’s own.</b> Methods, metrics or images are not the protocol’s: such a run is never ranked beside others.`,
          ]),
  ];
  return html`${each(texts, (text) => html`<p class="notice">${text}</p>\n`)}`;
}

/** The answers first. */
function glance(report: Reported): Markup {
  const { run } = report;
  const { result, telemetry } = run;
  const { overall, facets } = rankings(report);
  const first = (places: typeof overall) => {
    const [best = []] = places.tieGroups;
    return html`<b>${list(best.map((id) => titleOf(report, id)))}</b>${when(best.length > 1, html` <small>not told apart</small>`)}`;
  };
  const ranked = overall.places.length > 0 ? [overall] : facets.filter((f) => f.places.length > 0);
  const gated = scoredMetrics(report).filter((metric) => metric.gate === "controls");
  const gates = methodsOf(report).real.map(({ id, title }) => {
    const own = gated.flatMap((metric) => cellOf(report, id, metric.id)?.gate ?? []);
    return { title, known: own.length, passed: own.filter((gate) => gate.passed).length };
  });
  const all = gates.filter(({ known, passed }) => known > 0 && passed === known);
  const cautions = cautionsOf(report).reduce((sum, { items }) => sum + items.length, 0);
  return html`<section class="glance" aria-label="At a glance">${sheetOf([
    ...ranked.map((ranking): [string, Part] => [
      ranking === overall ? "First overall" : `First by ${ranking.of}`,
      first(ranking),
    ]),
    ...(ranked.length === 0
      ? [["Ranks", `none: ${overall.reason ?? "nothing to compare"}`] as [string, Part]]
      : []),
    [
      "Pass every gate",
      gates.every(({ known }) => known === 0)
        ? "not known"
        : html`<b>${all.length === 0 ? "none" : list(all.map(({ title }) => title))}</b> <small>of ${counted(gates.filter(({ known }) => known > 0).length, "method")}, ${counted(gated.length, "gate")}</small>`,
    ],
    [
      "Accuracy of the model",
      html`<b>${percent(result.quality.accuracy)}</b> <small>${counted(result.quality.n, "image")}</small>`,
    ],
    [
      "Took",
      html`<b>${duration(telemetry.seconds)}</b> <small>${count(telemetry.passes.forwards + telemetry.passes.backwards)} passes</small>`,
    ],
    ["Warnings", cautions === 0 ? "none" : html`<a href="#cautions">${count(cautions)}</a>`],
  ])}</section>
`;
}
