/** What a study found as one HTML file: the question, what was run, the findings, what is missing, and where all of it comes from. */
import { count, day, duration } from "../format.ts";
import { html, type Markup, nothing, type Part } from "../render/html.ts";
import type { Run } from "../results/document.ts";
import type { Section } from "../studies/findings.ts";
import type { Study, StudyRun } from "../studies/study.ts";
import { counted } from "./facts.ts";
import { blockMarkup, figureStyle } from "./figures.ts";
import { each, name, scroll, section, sheetOf, when } from "./parts.ts";
import { pageOf } from "./shell.ts";

export interface StudyReport {
  readonly study: Study;
  readonly kit: string;
  readonly firstLook: boolean;
  readonly protocol: string;
  readonly runs: readonly StudyRun[];
  /** of each run */
  readonly telemetry: readonly Run["telemetry"][];
  readonly gaps: readonly string[];
  readonly sections: readonly Section[];
}

export function studyPage(report: StudyReport): string {
  const { study, sections } = report;
  const contents = [
    ...sections.map(({ id, title }) => [id, title]),
    ["differs", "What differs"],
    ["missing", "What is missing"],
    ["provenance", "Provenance"],
  ];
  return pageOf({
    title: `${study.title}: ${report.firstLook ? "a first look" : "a study run again"}`,
    style: figureStyle,
    skipTo: sections[0]?.id ?? "missing",
    heading: html`<h1>${study.title}</h1>`,
    tags: tags(report),
    contents: html`${each(contents, ([id, text]) => html`<li><a href="#${id}">${text}</a></li>`)}`,
    main: html`${notices(report)}${about(report)}${each(sections, drawn)}${differences(report)}${missingSection(report)}${provenance(report)}`,
  });
}

function tags({ study, firstLook, protocol, runs, telemetry }: StudyReport): Markup {
  const dates = telemetry.map(({ date }) => day(date)).sort();
  const plain = [
    study.id,
    counted(runs.length, "run"),
    `protocol ${protocol}`,
    ...(dates.length > 0 ? [dates[dates.length - 1]] : []),
  ];
  const warn = [
    ...(firstLook ? ["a first look"] : []),
    ...(runs.length > 0 && runs.every(({ result }) => result.data.track === "synthetic")
      ? ["drawn images"]
      : []),
  ];
  return html`<ul class="tags" aria-label="Kind of study">${each(plain, (tag) => html`<li>${tag}</li>`)}${each(warn, (tag) => html`<li class="warn">${tag}</li>`)}</ul>
`;
}

function notices({ study, firstLook, protocol, runs, sections, gaps }: StudyReport): Markup {
  const shown = sections.some(({ blocks }) => blocks.some(({ kind }) => kind === "montage"));
  const confidential = shown && runs.some(({ result }) => result.data.ids === "private");
  const texts: Part[] = [
    ...(firstLook
      ? [
          html`<b>A first look.</b> Small bundled models on drawn pictures stand in for those of the paper, a few images each, under the quick protocol. It shows what the study says and how; it says nothing of the paper’s models, and is never ranked.`,
        ]
      : protocol === "quick"
        ? [
            html`<b>A first look.</b> The quick protocol takes a quarter of every budget: its orders may not hold, and it is never ranked.`,
          ]
        : []),
    ...(confidential
      ? [
          html`<b>Not for publication.</b> A data set is private, and this file holds its pictures and class names. <code>xai-kit study ${study.id} --report --public</code> makes one without.`,
        ]
      : []),
    ...(gaps.length > 0
      ? [
          html`<b>Not complete.</b> ${counted(gaps.length, "gap")}: see <a href="#missing">what is missing</a>.`,
        ]
      : []),
  ];
  return html`${each(texts, (text) => html`<p class="notice">${text}</p>\n`)}`;
}

function about({ study, runs, telemetry }: StudyReport): Markup {
  const seconds = telemetry.reduce((sum, own) => sum + own.seconds, 0);
  const passes = telemetry.reduce((sum, own) => sum + own.passes.forwards + own.passes.backwards, 0);
  const different = (of: (run: StudyRun) => string) => new Set(runs.map(of)).size;
  return html`<p class="lead">${study.question}</p>
<div class="sheets about">${sheetOf([
    ["Paper", study.paper],
    ["There", study.did],
    [
      "Here",
      `${counted(runs.length, "run")}: ${counted(
        different(({ result }) => result.model.sha256),
        "model",
      )} on ${counted(
        different(({ result }) => result.data.id),
        "data set",
      )}`,
    ],
    ["Took", `${duration(seconds)}, ${count(passes)} passes`],
  ])}</div>
`;
}

const drawn = ({ id, title, says, blocks, gaps }: Section): Markup =>
  section(
    id,
    title,
    says,
    html`${each(blocks, blockMarkup)}${when(
      gaps.length > 0,
      html`<details${gaps.length < 6 ? open : nothing}><summary>${counted(gaps.length, "gap")}</summary><ul>${each(gaps, (gap) => html`<li>${gap}</li>`)}</ul></details>
`,
    )}`,
  );

const open = html` open`;

const differences = ({ study }: StudyReport): Markup =>
  section(
    "differs",
    "What differs",
    "From the paper, whatever the models and the data.",
    html`<ul>${each(study.differs, (text) => html`<li>${text}</li>`)}</ul>
`,
  );

const missingSection = ({ gaps, firstLook }: StudyReport): Markup =>
  section(
    "missing",
    "What is missing",
    gaps.length > 0
      ? "Cells that the paper has and this study does not."
      : firstLook
        ? "Every cell of the first look is there; of the paper’s own, none was tried."
        : "Nothing: every cell of the paper is there.",
    when(
      gaps.length > 0,
      html`<ul>${each(gaps, (gap) => html`<li>${name(gap)}</li>`)}</ul>
`,
    ),
  );

function provenance({ study, kit, runs }: StudyReport): Markup {
  const engines = [
    ...new Set(
      runs.map(({ result: { engine } }) => `${engine.package} ${engine.version}, ${engine.provider}`),
    ),
  ];
  const protocols = [
    ...new Set(runs.map(({ result: { protocol } }) => `${protocol.id} (sha256 ${protocol.sha256})`)),
  ];
  return section(
    "provenance",
    "Provenance",
    "Every number on this page was computed from these runs; each statistic in them was computed again from its scores before.",
    html`<div class="sheets">${sheetOf([
      ["Kit", `xai-kit ${kit}, study ${study.id}`],
      ["Engine", engines.join("; ")],
      ["Protocol", protocols.join("; ")],
    ])}</div>
${scroll(
  "Runs",
  html`<table class="matrix hashes">
<thead><tr><th scope="col">Cell</th>${each(study.axes, ({ title }) => html`<th scope="col">${title}</th>`)}<th scope="col">Data</th><th scope="col" class="num">Images</th><th scope="col" class="num">Explained</th><th scope="col">Run</th></tr></thead>
<tbody>${each(
    runs,
    ({ id, labels, sha256, result }) => html`
<tr><th scope="row">${id}</th>${each(study.axes, (axis) => html`<td>${axis.id in labels ? name(String(labels[axis.id])) : "–"}</td>`)}<td>${name(result.data.title)}</td><td class="num">${count(result.data.count)}</td><td class="num">${count(result.selection.samples)}</td><td><code>${sha256.slice(0, 16)}</code></td></tr>`,
  )}
</tbody>
</table>`,
)}`,
  );
}
