/**
 * One image explained, as one HTML file: every method's map beside the others. No script and no network: what can be switched is switched
 * by radio buttons that the style sheet reads. Names of files, models and classes are strangers' and stand isolated, so that one written
 * from right to left turns nothing around.
 */
import type { ScaleKind } from "./colour.ts";
import { html, type Markup, nothing, type Part, trusted } from "./html.ts";
import { formatValue } from "./sheet.ts";

/** A picture as `data:` URI. */
type Picture = string;

export interface PageMap {
  /** without its image: clear where there is no evidence */
  readonly layer: Picture;
  readonly scale: ScaleKind;
  readonly limit: number;
  /** some values are beyond the limit */
  readonly cut: boolean;
  /** for those who cannot see it: where the strongest evidence lies */
  readonly words: string;
}

export interface PageMethod {
  readonly id: string;
  readonly title: string;
  /** without one, `reason` says why */
  readonly map?: PageMap;
  readonly reason?: string;
  /** what is odd about the map */
  readonly note?: string;
  /** under the map: time, passes, scores */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly summary: string;
  readonly formula: string;
  readonly limits: string;
  /** "steps = 50" */
  readonly params: readonly string[];
  /** of the paper; undefined where there is none */
  readonly source?: { readonly name: string; readonly href: string };
}

export interface PageContent {
  /** of the image's file */
  readonly title: string;
  readonly model: string;
  readonly explained: { readonly name: string; readonly logit: number; readonly predicted: boolean };
  readonly predictions: readonly { readonly name: string; readonly probability: number }[];
  readonly image: {
    readonly picture: Picture;
    /** the same, pale: what maps are laid over */
    readonly pale: Picture;
    readonly width: number;
    readonly height: number;
    /** few pixels, each to be seen as a square */
    readonly coarse: boolean;
  };
  /** a bar of each scale, from its low end to its high one */
  readonly bars: Readonly<Record<ScaleKind, Picture>>;
  readonly groups: readonly {
    readonly title: string;
    readonly says: string;
    readonly methods: readonly PageMethod[];
  }[];
  /** Every number once more, to be compared. */
  readonly table: {
    readonly columns: readonly string[];
    /** in the order of the methods */
    readonly rows: ReadonlyMap<string, readonly string[]>;
    readonly note: string;
  };
  /** how the numbers came about */
  readonly about: readonly string[];
}

const name = (text: string): Markup => html`<bdi>${text}</bdi>`;
const each = <T>(items: readonly T[], draw: (item: T) => Markup): readonly Markup[] => items.map(draw);
const when = (condition: unknown, part: Markup): Markup => (condition ? part : nothing);

export function page(content: PageContent): string {
  const { title, image, groups, predictions, explained, bars } = content;
  const scales = new Set(groups.flatMap((g) => g.methods.flatMap((m) => (m.map ? [m.map.scale] : []))));
  const cut = groups.some((g) => g.methods.some((m) => m.map?.cut));
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="xai-kit">
<title>${title}: explanations side by side</title>
<style>
:root {
  --plain: url("${image.picture}");
  --pale: url("${image.pale}");
  --diverging: url("${bars.diverging}");
  --sequential: url("${bars.sequential}");
  --ratio: ${image.width} / ${image.height};
  --rendering: ${image.coarse ? "pixelated" : "auto"};
}
${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#maps">To the maps</a>
<header>
<h1>${name(title)}</h1>
<p>Explained: <b>${name(explained.name)}</b>${explained.predicted ? ", the prediction" : ", not the prediction"}; logit ${explained.logit.toFixed(2)}. Model: ${name(content.model)}.</p>
</header>
<main>
<section class="start" aria-labelledby="predictions">
<div class="view plain" role="img" aria-label="The image, as the model is shown it"></div>
<div>
<h2 id="predictions">Predictions</h2>
<table class="predictions">
<thead><tr><th scope="col">Class</th><th scope="col">Probability</th></tr></thead>
<tbody>${each(
    predictions,
    (p) => html`
<tr><th scope="row">${name(p.name)}</th><td><span class="share" style="--share: ${(100 * p.probability).toFixed(1)}%">${p.probability.toFixed(4)}</span></td></tr>`,
  )}
</tbody>
</table>
<h2>How to read the maps</h2>
<ul class="guide">${when(scales.has("diverging"), html`<li><span class="bar diverging"></span>Signed: red speaks for the explained class, blue against it; without colour: neither.</li>`)}${when(scales.has("sequential"), html`<li><span class="bar sequential"></span>One-sided: from nothing, where the bare image shows, to yellow, the strongest.</li>`)}
<li>Each map has its own scale: colours of two methods cannot be compared, places can.${cut ? " ≥ and ≤: stronger pixels share the last colour." : ""}</li></ul>
</div>
</section>
<fieldset class="look" id="maps">
<legend>Show</legend>
<label><input type="radio" name="look" id="look-over" checked>Map and image</label>
<label><input type="radio" name="look" id="look-image">Image</label>
<label><input type="radio" name="look" id="look-map">Map</label>
</fieldset>
${each(
  groups,
  (group) => html`<section class="group" aria-label="${group.title}">
<h2>${group.title} <small>${group.methods.length}</small></h2>
<p>${group.says}</p>
<div class="tiles">
${each(group.methods, tile)}</div>
</section>
`,
)}${numbers(content)}<section>
<h2>How this was made</h2>
<ul>${each(content.about, (line) => html`<li>${name(line)}</li>`)}</ul>
</section>
</main>
</body>
</html>
`;
  return document.markup;
}

function tile(method: PageMethod): Markup {
  const { id, title, map, reason = "no map", note = "", facts, params, source } = method;
  return html`<article class="tile" id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${title}</h3>
${
  map
    ? html`<div class="view"><img src="${map.layer}" alt="${title}: ${map.words}"></div>`
    : html`<p class="view none">${reason}</p>`
}
<div class="rest">${map ? scaleOf(map) : nothing}${when(note, html`<p class="note">${note}</p>`)}${when(
    facts.length > 0,
    html`<dl>${each(facts, ([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`,
  )}
<details>
<summary>What it is<span class="hidden">: ${title}</span></summary>
<p>${method.summary}</p>
<p class="formula">${method.formula}</p>
<p>${method.limits}</p>${when(params.length > 0, html`<p>${params.join(", ")}</p>`)}${
    source ? html`<p><a href="${source.href}" rel="noreferrer">${source.name}</a></p>` : nothing
  }
</details>
</div>
</article>
`;
}

function scaleOf({ scale, limit, cut }: PageMap): Markup {
  const value = formatValue(limit);
  const ends: Part[] =
    scale === "diverging"
      ? [`${cut ? "≤ " : ""}−${value}`, "0", `${cut ? "≥ " : ""}+${value}`]
      : ["0", `${cut ? "≥ " : ""}${value}`];
  return html`<div class="scale"><span class="bar ${scale}"></span>${each(ends, (end) => html`<span>${end}</span>`)}</div>`;
}

function numbers({ groups, table: { columns, rows, note } }: PageContent): Markup {
  return html`<section aria-labelledby="numbers">
<h2 id="numbers">Numbers</h2>
<p>${note}</p>
<div class="scroll" role="region" aria-label="Table of numbers" tabindex="0">
<table>
<thead><tr><th scope="col">Method</th>${each(columns, (c) => html`<th scope="col">${c}</th>`)}</tr></thead>
${each(
  groups,
  (group) => html`<tbody>
<tr><th scope="rowgroup" colspan="${columns.length + 1}">${group.title}</th></tr>${each(
    group.methods,
    ({ id, title }) => html`
<tr><th scope="row"><a href="#${id}">${title}</a></th>${each(rows.get(id) ?? [], (v) => html`<td>${v}</td>`)}</tr>`,
  )}
</tbody>
`,
)}</table>
</div>
</section>
`;
}

/** No colour alone: scales carry their numbers, states their words. Both themes follow the reader's system. */
const style = `
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --surface: #fff; --sunk: #f1f0ec; --ink: #18202c; --soft: #555f6e; --line: #dddbd4; --accent: #0a5884; --note: #7a4f00;
  font: 400 100% / 1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
  background: var(--paper); color: var(--ink);
  text-size-adjust: 100%; scroll-padding-top: 4rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #11151b; --surface: #171c24; --sunk: #1c222b; --ink: #e4e8ed; --soft: #a4aebb; --line: #2c343f; --accent: #7fc1ec; --note: #e0b04a;
  }
}
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0 auto; max-width: 100rem; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 3rem; overflow-wrap: anywhere; }
h1, h2, h3, p, ul, dl, dd { margin: 0; }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.2rem); line-height: 1.2; font-weight: 600; }
h2 { font-size: 1.3rem; line-height: 1.25; font-weight: 600; }
h2 small { color: var(--soft); font-size: 0.75em; font-weight: 400; }
h3 { font-size: 1rem; line-height: 1.3; font-weight: 600; }
p, li { max-width: 76ch; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: 0.18em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; padding: 0.5rem 1rem; background: var(--surface); }
.skip:focus { left: 0.5rem; top: 0.5rem; z-index: 3; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
header p { color: var(--soft); margin-top: 0.4rem; }
header b { color: var(--ink); }
section { margin-top: 2rem; }
section > p { color: var(--soft); }

.start { display: grid; grid-template-columns: minmax(0, 18rem) minmax(0, 1fr); gap: 1.5rem 2rem; align-items: start; }
.start h2 { font-size: 1.05rem; }
.start table { margin: 0.3rem 0 1.2rem; width: 100%; max-width: 34rem; }
.guide { list-style: none; padding: 0; }
.guide li { margin-top: 0.4rem; }
.guide .bar { display: inline-block; width: 5rem; margin-right: 0.6rem; vertical-align: middle; }
@media (max-width: 44rem) { .start { grid-template-columns: minmax(0, 1fr); } .start .view { max-width: 18rem; } }

.look {
  position: sticky; top: 0; z-index: 2; margin: 2rem 0 0; padding: 0.5rem 0; border: 0; border-bottom: 1px solid var(--line); background: var(--paper);
  display: flex; flex-wrap: wrap; gap: 0.1rem 1.25rem; min-width: 0;
}
.look legend { float: left; padding: 0; margin-right: 0.5rem; font-weight: 600; line-height: 2rem; }
.look label { display: inline-flex; align-items: center; gap: 0.4rem; min-height: 2rem; cursor: pointer; }
.look input { accent-color: var(--accent); margin: 0; width: 1.1rem; height: 1.1rem; }
@supports not selector(:has(*)) { .look { display: none; } }

/* titles of a row take as many lines as the longest, so that its maps stand on one line */
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(12rem, 100%), 1fr)); gap: 0.4rem 1.25rem; margin-top: 1rem; }
@media (max-width: 32rem) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 0.9rem; } }
.tile { display: grid; grid-row: span 3; grid-template-rows: subgrid; min-width: 0; margin-bottom: 1.2rem; scroll-margin-top: 4rem; }
.tile h3 { align-self: end; }
.tile .view { align-self: start; }
.tile .none { align-self: stretch; }
.rest { display: flex; flex-direction: column; gap: 0.4rem; min-width: 0; }
.tile:target h3 { text-decoration: underline 2px var(--accent); text-underline-offset: 0.25em; }
.view {
  aspect-ratio: var(--ratio); background: #f0f1f2 var(--pale) 0 0 / 100% 100% no-repeat; image-rendering: var(--rendering);
  print-color-adjust: exact; overflow: hidden;
}
.view img { display: block; width: 100%; height: 100%; image-rendering: var(--rendering); }
.plain { background-image: var(--plain); }
body:has(#look-image:checked) .tile .view { background-image: var(--plain); }
body:has(#look-image:checked) .tile img { opacity: 0; }
body:has(#look-map:checked) .tile .view { background-image: none; }
.tile .none {
  aspect-ratio: auto; min-height: 8rem; background: var(--sunk); border: 1px dashed var(--line); color: var(--soft); padding: 0.8rem; font-size: 0.9rem; line-height: 1.4;
}
body:has(#look-image:checked) .tile .none, body:has(#look-map:checked) .tile .none { background: var(--sunk); }
.bar { height: 0.5rem; background: 0 0 / 100% 100% no-repeat; print-color-adjust: exact; }
.bar.diverging { background-image: var(--diverging); }
.bar.sequential { background-image: var(--sequential); }
.scale { display: flex; flex-wrap: wrap; justify-content: space-between; font-size: 0.8rem; color: var(--soft); gap: 0.15rem 0.3rem; }
.scale .bar { flex: 1 0 100%; }
.note { color: var(--note); font-size: 0.85rem; }
dl { font-size: 0.85rem; line-height: 1.4; }
dl div { display: flex; justify-content: space-between; gap: 0 0.6rem; flex-wrap: wrap; border-top: 1px solid var(--line); padding: 0.1rem 0; }
dt { color: var(--soft); }
details { font-size: 0.85rem; line-height: 1.45; }
summary { cursor: pointer; color: var(--accent); padding: 0.15rem 0; }
details p { margin-top: 0.4rem; }
.formula { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: 0.95em; background: var(--sunk); padding: 0.4rem 0.5rem; }

table { border-collapse: collapse; font-size: 0.95rem; }
th { font-weight: 400; text-align: left; }
thead th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
td, thead th:not(:first-child) { text-align: right; white-space: nowrap; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
[scope="rowgroup"] { font-weight: 600; padding-top: 0.9rem; }
.scroll { overflow-x: auto; margin-top: 0.8rem; }
.predictions th { overflow-wrap: anywhere; }
.predictions td { width: 45%; }
.share { display: flex; align-items: center; gap: 0.7rem; }
.share::before { content: ""; flex: 1; height: 0.55rem; background: linear-gradient(to right, var(--accent) var(--share), var(--line) var(--share)); }
ul { padding-left: 1.2rem; }
@media print { .look { display: none; } .tile { break-inside: avoid; } }
`;
