/** How well the model classifies, what explaining cost, what went wrong, and where all of it comes from. */
import { bytes, count, duration, minute, number, percent } from "../format.ts";
import { html, type Markup, nothing, type Part } from "../render/html.ts";
import { commandOf, kitCommand } from "../results/command.ts";
import type { Result } from "../results/document.ts";
import { worstShareLimit } from "../stats/common.ts";
import { lengthBar } from "./charts.ts";
import { counted, list, type Reported, titleOf } from "./facts.ts";
import { each, methodName, name, scroll, section, sheetOf, when } from "./parts.ts";

/** More classes than this are not listed one by one. */
const mostClasses = 40;
const mostConfused = 16;

const classNameOf =
  ({ classNames }: Reported) =>
  (index: number): string =>
    classNames?.[index] ?? `class ${index}`;

export function qualitySection(report: Reported): Markup {
  const { quality } = report.run.result;
  const className = classNameOf(report);
  const { perClass, confusion } = quality;
  const several = perClass.length <= mostClasses;
  return section(
    "quality",
    "Classification",
    html`How well the model itself does on ${counted(quality.n, "image")} of the split${report.progress ? " so far" : ""}: an explanation of a model that does
not know the classes explains little.`,
    html`<div class="split">
<div class="card">${sheetOf([
      ["Accuracy", percent(quality.accuracy)],
      ["Balanced accuracy", percent(quality.balancedAccuracy)],
      ["AUROC", number(quality.auroc, 3)],
      ["Average precision", number(quality.averagePrecision, 3)],
      ["Macro F1", number(quality.macroF1, 3)],
      ["Micro F1", number(quality.microF1, 3)],
      ["Sensitivity", number(quality.sensitivity, 3)],
      ["Specificity", number(quality.specificity, 3)],
      ["Precision", number(quality.precision, 3)],
    ])}</div>
${
  several
    ? scroll(
        "Classification of every class",
        html`<table class="matrix">
<thead><tr><th scope="col">Class</th>${each(["Images", "AUROC", "F1", "Sensitivity", "Specificity", "Precision"], (title) => html`<th scope="col" class="num">${title}</th>`)}</tr></thead>
<tbody>${each(
          perClass,
          (c) => html`
<tr><th scope="row">${name(className(c.class))}</th><td class="num">${count(c.truePositive + c.falseNegative)}</td>${each([c.auroc, c.f1, c.sensitivity, c.specificity, c.precision], (v) => html`<td class="num">${number(v, 3)}</td>`)}</tr>`,
        )}
</tbody>
</table>`,
      )
    : html`<p>${counted(perClass.length, "class")} are too many to list; run.json has each.</p>`
}</div>
${
  confusion && confusion.length <= mostConfused
    ? html`<h3 class="apart">Confusion</h3>
<p class="says">Rows are the true classes, columns the predicted ones; the deeper the colour, the larger the share of the row.</p>
${scroll(
  "Confusion matrix",
  html`<table class="matrix confusion">
<thead><tr><th scope="col">True class</th>${each(confusion, (_, k) => html`<th scope="col" class="num">${name(className(k))}</th>`)}</tr></thead>
<tbody>${each(confusion, (row, k) => {
    const all = row.reduce((a, b) => a + b, 0);
    return html`
<tr><th scope="row">${name(className(k))}</th>${each(row, (n) => html`<td class="num shade" style="--near: ${all > 0 ? Math.round((100 * n) / all) : 0}%">${count(n)}</td>`)}</tr>`;
  })}
</tbody>
</table>`,
)}`
    : nothing
}`,
  );
}

export function costSection(report: Reported): Markup {
  const { result, telemetry } = report.run;
  const { passes, msPerAttribution } = telemetry;
  const rows = result.methods.filter(({ cost, status }) => cost !== null && status === "ok");
  const msOf = (id: string) => (Object.hasOwn(msPerAttribution, id) ? msPerAttribution[id] : undefined);
  const most = Math.max(0, ...rows.map(({ id }) => msOf(id) ?? 0));
  return section(
    "cost",
    "Cost",
    "What one map takes: model passes as each method needs them alone, and the time it took here, where methods share what they can. A backward pass counts its forward one too.",
    html`<div class="split">
<div class="scroll" role="region" aria-label="Cost of every method" tabindex="0"><table class="matrix cost">
<thead><tr><th scope="col">Method</th><th scope="col" class="num">Forward</th><th scope="col" class="num">Backward</th><th scope="col" class="num">ms per map</th><th scope="col" class="chart"><span class="hidden">Chart of the time</span></th></tr></thead>
<tbody>${each(
      rows,
      (method) => html`
<tr><th scope="row">${methodName(method)}${when(method.control, html` <small>control</small>`)}</th><td class="num">${count(method.cost!.forwards)}</td><td class="num">${count(method.cost!.backwards)}</td><td class="num">${number(msOf(method.id))}</td><td class="chart">${lengthBar(msOf(method.id) ?? 0, most)}</td></tr>`,
    )}
</tbody>
</table></div>
<div class="card">${sheetOf([
      ["Passes in all", `${count(passes.forwards)} forward, ${count(passes.backwards)} backward`],
      ["Time", duration(telemetry.seconds)],
      ...(telemetry.msPerImage === undefined
        ? []
        : [["ms per image classified", number(telemetry.msPerImage)] as const]),
      ["Engines, threads each", `${telemetry.jobs}, ${telemetry.threads}`],
      ["Peak memory", telemetry.peakMemory === null ? "– not known" : bytes(telemetry.peakMemory)],
      [
        "Machine",
        `${telemetry.machine.cpu ?? "unknown processor"}, ${counted(telemetry.machine.cores, "core")}, ${bytes(telemetry.machine.memory)}`,
      ],
    ])}</div>
</div>
`,
  );
}

/** One kind of thing that a reader should know before trusting the numbers. */
interface Caution {
  readonly title: string;
  readonly items: readonly Part[];
}

/** Everything that is missing, broken or guessed. */
export function cautionsOf(report: Reported): Caution[] {
  const { result } = report.run;
  const { methods, statistics, failures, quality, model, data } = result;
  const title = (id: string) => titleOf(report, id);
  const className = classNameOf(report);
  const skips = new Map<string, { n: number; cells: Set<string> }>();
  for (const { method, metric, skips: own } of statistics.cells) {
    for (const [reason, n] of Object.entries(own)) {
      const key = `${title(metric)}: ${reason}`;
      const found = skips.get(key) ?? { n: 0, cells: new Set<string>() };
      skips.set(key, { n: found.n + n, cells: found.cells.add(title(method)) });
    }
  }
  const broken = statistics.cells.filter((c) => (c.worstShare ?? 0) > worstShareLimit);
  const cautions: Caution[] = [
    {
      title: "What the validator says",
      items: report.problems.map(
        ({ code, path, message }) => html`${name(message)} <small>${path}, ${code}</small>`,
      ),
    },
    {
      title: "Methods without maps",
      items: methods
        .filter(({ status }) => status === "not-applicable" || status === "failed")
        .map(
          (m) =>
            html`${m.title}: ${m.status === "failed" ? "failed" : "not applicable"}: ${name(m.reason ?? "")}`,
        ),
    },
    {
      title: "Failures",
      items: failures.map(
        ({ method, metric, code, n }) =>
          html`${title(method)}${metric ? ` × ${title(metric)}` : ""}: ${code}, ${counted(n, "time")}`,
      ),
    },
    {
      title: "Scores that were skipped",
      items: [...skips].map(
        ([what, { n, cells }]) =>
          html`${name(what)} <small>${counted(n, "score")} of ${list([...cells])}</small>`,
      ),
    },
    {
      title: "Empty or broken maps, counted as the worst score",
      items: broken.map(
        (c) => `${title(c.method)} on ${title(c.metric)}: ${percent(c.worstShare)} of the images`,
      ),
    },
    {
      title: "Classification scores that are not defined",
      items: [
        ...(quality.leftOut.length > 0
          ? [`Always or never present, and left out: ${list(quality.leftOut.slice(0, 20).map(className))}`]
          : []),
        ...quality.gaps.slice(0, 20).map((gap) => `${className(gap.class)}, ${gap.score}: ${gap.reason}`),
      ],
    },
    { title: "Assumed of the model, since nobody said", items: model.assumptions.map(name) },
    { title: "Notes of the data set", items: data.notes.map(name) },
  ];
  return cautions.filter(({ items }) => items.length > 0);
}

export function cautionsSection(report: Reported): Markup {
  const cautions = cautionsOf(report);
  return section(
    "cautions",
    "Warnings, skips and failures",
    cautions.length > 0
      ? "Everything that is missing, broken or was guessed."
      : "Nothing is missing, nothing failed, nothing was guessed.",
    html`${each(
      cautions,
      ({ title, items }) => html`<h3 class="apart">${title}</h3>
<ul>${each(items, (item) => html`<li>${item}</li>`)}</ul>
`,
    )}`,
  );
}

const params = (entry: object): string =>
  Object.entries(entry)
    .map(([key, value]) => `${key} = ${value}`)
    .join(", ");

const trainingOf = ({ explanationLoss: loss, ...training }: NonNullable<Result["model"]["training"]>) =>
  params({ ...training, ...(loss && { "explanation loss": `${loss.formulation}, α ${loss.alpha}` }) });

const hash = (value: string): Markup => html`<code>${value}</code>`;

export function provenanceSection(report: Reported): Markup {
  const { run, identity, progress, recomputed } = report;
  const { result, telemetry } = run;
  const { model, data, protocol, preprocessing, engine, statistics, selection, sidecar } = result;
  const elsewhere = result.methods.flatMap(({ title, external }) =>
    external ? [{ title, ...external }] : [],
  );
  const numbers = (values: readonly number[] | null) => values?.map((v) => number(v, 3)).join(", ") ?? "none";
  return section(
    "provenance",
    "Provenance",
    progress
      ? "The same command goes on where this run stopped. The weights are those with the SHA-256 below."
      : "An equal run has an equal result, byte for byte on cpu and wasm, and the identity below. The weights are those with the SHA-256 below.",
    html`<div class="command"><pre><code>${commandOf(run)}</code></pre></div>
<div class="sheets">
<div><h3>Model</h3>${sheetOf([
      ["Id", model.id],
      ["Architecture, family", `${model.architecture ?? "not stated"}, ${model.family}`],
      ["Task", `${model.task}, ${counted(model.classes, "class")}`.replace("classs", "classes")],
      ["Weights, SHA-256", hash(model.sha256)],
      ["Opset", model.opset],
      ["CAM layer", model.camLayer === null ? "none found" : hash(model.camLayer)],
      ["Training", model.training ? name(trainingOf(model.training)) : "not stated"],
    ])}</div>
<div><h3>Data</h3>${sheetOf([
      ["Set", html`${name(data.title)} (${data.id})`],
      ["Edition, split", html`${name(data.edition)}, ${data.split}`],
      [
        "Images",
        `${count(data.count)} in the split, ${count(selection.samples)} to explain, the first ${count(selection.rerun)} by metrics that ask much`,
      ],
      ["Ids", data.ids],
      [`Fingerprint, ${data.fingerprint.kind}`, hash(data.fingerprint.value)],
      [
        "Input",
        `${preprocessing.channels} × ${preprocessing.height} × ${preprocessing.width}, ${preprocessing.resize.method}`,
      ],
      ["Mean; sd", `${numbers(preprocessing.mean)}; ${numbers(preprocessing.std)}`],
      ["Reference colour", numbers(preprocessing.reference)],
    ])}</div>
<div><h3>How</h3>${sheetOf([
      ["Protocol", `${protocol.id}${result.standard ? "" : ", changed"}`],
      ["Protocol, SHA-256", hash(protocol.sha256)],
      ["xai-kit", html`${result.kit} <small>(${kitCommand(result.kit)})</small>`],
      ["Engine", `${engine.package} ${engine.version}, ${engine.provider}`],
      [
        "Intervals",
        `${count(statistics.draws)} resamples over ${counted(statistics.groups, "group")} of images`,
      ],
      ...(elsewhere.map(({ title, source, files, sha256: own }) => [
        `${title}, computed elsewhere`,
        html`${counted(files, "map")} by ${name(source)} ${hash(own)}`,
      ]) as [string, Part][]),
    ])}</div>
<div><h3>Run</h3>${sheetOf([
      ["Date", minute(telemetry.date)],
      ["Identity", identity === undefined ? "none: the run is not finished" : hash(identity)],
      ["Scores", `${count(sidecar.rows)} rows${progress ? " so far" : `, ${bytes(sidecar.bytes)}`}`],
      ...((progress
        ? []
        : [
            ["Scores, SHA-256", hash(sidecar.sha256)],
            [
              "Checked",
              recomputed
                ? "every statistic was computed again from the scores, and is the same"
                : "not: see the warnings",
            ],
          ]) as [string, Part][]),
      [
        "Platform",
        `${telemetry.machine.platform} ${telemetry.machine.arch}, Node ${telemetry.machine.node ?? "unknown"}`,
      ],
    ])}</div>
</div>
${parametersOf(report)}`,
  );
}

type Entry = { readonly id: string; readonly revision: number; readonly params: object };

/** Every parameter, since a number means nothing without. */
function parametersOf({ run }: Reported): Markup {
  const { methods, metrics } = run.result;
  return html`<details><summary>Revisions and parameters of methods and metrics</summary>
${scroll(
  "Parameters",
  html`<table class="matrix">
<thead><tr><th scope="col">Entry</th><th scope="col" class="num">Revision</th><th scope="col">Parameters</th></tr></thead>
${each([methods, metrics] as (readonly Entry[])[], (entries) => html`<tbody>${each(entries, (entry) => html`\n<tr><th scope="row">${entry.id}</th><td class="num">${entry.revision}</td><td class="wide">${params(entry.params) || "none"}</td></tr>`)}\n</tbody>\n`)}</table>`,
)}</details>
`;
}
