/** The figures of a study as markup, each a pure function of its block of findings. All can be read without colour and without a script. */
import { decimalsOf, interval, missing, number } from "../format.ts";
import { html, type Markup, nothing } from "../render/html.ts";
import type {
  Block,
  Boxes,
  Column,
  Confusions,
  Estimate,
  Heat,
  Montage,
  Radars,
  Scatter,
  Table,
  Tile,
  Value,
} from "../studies/findings.ts";
import { boxStrip, boxTicks, domainOf, stripAxis, ticksOf } from "./charts.ts";
import { counted } from "./facts.ts";
import { each, name, scroll, when } from "./parts.ts";

export const blockMarkup = (block: Block): Markup =>
  html`<h3 class="apart" id="${block.id}">${block.title}</h3>
${when(block.says, html`<p class="says">${block.says ?? ""}</p>\n`)}${bodyOf(block)}`;

function bodyOf(block: Block): Markup {
  switch (block.kind) {
    case "table":
      return table(block);
    case "heat":
      return heat(block);
    case "radars":
      return radars(block);
    case "boxes":
      return boxes(block);
    case "scatter":
      return scatter(block);
    case "confusions":
      return confusions(block);
    case "montage":
      return montage(block);
  }
}

const arrowOf = ({ better }: Pick<Column, "better">): Markup =>
  better === undefined
    ? nothing
    : html` <span aria-hidden="true">${better === "higher" ? "↑" : "↓"}</span><span class="hidden">, ${better} is better</span>`;

function table({ title, of, columns, rows, notes = [] }: Table): Markup {
  const isNumber = columns.map((_, c) => rows.every(({ values }) => typeof values[c] !== "string"));
  return html`${scroll(
    title,
    html`<table class="matrix figures${rows.some(({ label }) => label.length > sentence) ? " sentences" : ""}">
<thead><tr><th scope="col">${of}</th>${each(columns, (column, c) => html`<th scope="col"${isNumber[c] ? numeric : nothing}>${column.title}${arrowOf(column)}</th>`)}</tr></thead>
<tbody>${each(
      rows,
      ({ label, note, values }) => html`
<tr><th scope="row">${name(label)}${when(note, html` <small>${note ?? ""}</small>`)}</th>${each(columns, (column, c) => cell(values[c] ?? null, column))}</tr>`,
    )}
</tbody>
</table>`,
  )}
${each(notes, (note) => html`<p class="foot">${note}</p>\n`)}`;
}

const numeric = html` class="num"`;
/** Labels that are longer are read, not looked up, and have more room. */
const sentence = 50;

function cell(value: Value, { decimals }: Column): Markup {
  if (value === null)
    return html`<td class="num none">${missing}<span class="hidden"> does not apply</span></td>`;
  if (typeof value === "string") return html`<td>${value}</td>`;
  if (typeof value === "number")
    return html`<td class="num">${number(value, decimals ?? (Number.isInteger(value) ? 0 : undefined))}</td>`;
  return html`<td class="num">${estimate(value, decimals)}</td>`;
}

/** The value, and below it its interval and number, or why it has none. */
function estimate({ value, sd, interval: range, n, reason }: Estimate, decimals?: number): Markup {
  if (value === null)
    return html`<span class="none">${missing}</span> <small class="why">${reason ?? ""}</small>`;
  const digits = decimals ?? decimalsOf(value);
  const below = [
    ...(range === null ? [] : [interval(range, digits)]),
    ...(n === null ? [] : [`n ${n.toLocaleString("en-GB")}`]),
  ];
  const spread = sd === undefined ? nothing : html` ± ${number(sd, digits)}`;
  return html`${number(value, digits)}${spread}${when(below.length > 0, html` <small>${below.join(" ")}</small>`)}`;
}

/** The values alone, so that the eye has them together; how sure they are stands in a table below. */
function heat({ title, of, columns, rows, domain: [worst, best], decimals, cells }: Heat): Markup {
  const near = ({ value }: Estimate) =>
    Math.round(100 * Math.min(1, Math.max(0, ((value ?? worst) - worst) / (best - worst || 1))));
  return html`${scroll(
    title,
    html`<table class="matrix grid heat">
<thead><tr><th scope="col">${of}</th>${each(columns, (column) => html`<th scope="col" class="num">${column}</th>`)}</tr></thead>
<tbody>${each(
      rows,
      (row, r) => html`
<tr><th scope="row">${name(row)}</th>${each(cells[r], (own) =>
        own.value === null
          ? html`<td class="num none">${missing}<span class="hidden"> ${own.reason ?? "not known"}</span></td>`
          : html`<td class="num shade" style="--near: ${near(own)}%">${number(own.value, decimals)}</td>`,
      )}</tr>`,
    )}
</tbody>
</table>`,
  )}
${when(
  cells.some((row) => row.some(({ interval: range, n }) => range !== null || n !== null)),
  html`<details><summary>With intervals</summary>
${table({
  kind: "table",
  id: "heat",
  title: `${title}, with intervals`,
  of,
  columns: columns.map((column, c) => ({ id: `column-${c}`, title: column, decimals })),
  rows: rows.map((label, r) => ({ label, values: cells[r] })),
})}</details>
`,
)}`;
}

const radius = 42;
const centre = 50;
const round = (value: number): number => Math.round(value * 10) / 10;

/** Of axis k of n at this share of the radius; the first points up. */
function spoke(k: number, n: number, share: number): readonly [x: number, y: number] {
  const angle = (2 * Math.PI * k) / n - Math.PI / 2;
  return [round(centre + radius * share * Math.cos(angle)), round(centre + radius * share * Math.sin(angle))];
}

const ring = (n: number, share: number): string =>
  Array.from({ length: n }, (_, k) => spoke(k, n, share).join(",")).join(" ");

/** A polygon over the axes that have a value; those without are left at a gap, so that nothing looks like the worst. */
function radar(values: readonly (number | null)[], words: string): Markup {
  const n = values.length;
  const known = values.flatMap((value, k) => (value === null ? [] : [{ value, at: spoke(k, n, value) }]));
  return html`<svg class="radar" role="img" aria-label="${words}" viewBox="0 0 100 100">${[0.5, 1].map(
    (share) => html`<polygon class="web" points="${ring(n, share)}"/>`,
  )}${values.map((value, k) => {
    const [x, y] = spoke(k, n, 1);
    return html`<line class="web${value === null ? " open" : ""}" x1="${centre}" y1="${centre}" x2="${x}" y2="${y}"/>`;
  })}<polygon class="shape" points="${known.map(({ at }) => at.join(",")).join(" ")}"/>${known.map(
    ({ at: [x, y] }) => html`<circle class="corner" cx="${x}" cy="${y}" r="2"/>`,
  )}</svg>`;
}

/** The axes by their names, once for all polygons. */
function radarKey(axes: readonly string[]): Markup {
  const n = axes.length;
  return html`<svg class="radar key" role="img" aria-label="Axes, clockwise from the top: ${axes.join(", ")}" viewBox="-70 -14 240 128"><polygon class="web" points="${ring(n, 1)}"/>${axes.map(
    (axis, k) => {
      const [x, y] = spoke(k, n, 1);
      const [tx, ty] = spoke(k, n, 1.14);
      const anchor = Math.abs(tx - centre) < 2 ? "middle" : tx > centre ? "start" : "end";
      return html`<line class="web" x1="${centre}" y1="${centre}" x2="${x}" y2="${y}"/><text x="${tx}" y="${ty + 3}" text-anchor="${anchor}">${axis}</text>`;
    },
  )}</svg>`;
}

function radars({ title, of, axes, columns, rows, values }: Radars): Markup {
  const words = (own: readonly (number | null)[]) =>
    axes.map((axis, k) => `${axis} ${own[k] === null ? "not known" : number(own[k], 2)}`).join(", ");
  return html`<div class="split figure-radars">
<div class="card">${radarKey(axes)}<p class="foot">Axes of every polygon; centre 0, inner line 0.5, edge 1.</p></div>
${scroll(
  title,
  html`<table class="matrix radar-table">
<thead><tr><th scope="col">${of}</th>${each(columns, (column) => html`<th scope="col">${name(column)}</th>`)}</tr></thead>
<tbody>${each(
    rows,
    (row, r) => html`
<tr><th scope="row">${row}</th>${each(columns, (column, c) =>
      values[r][c].every((value) => value === null)
        ? html`<td class="none">${missing}<span class="hidden"> not ranked</span></td>`
        : html`<td>${radar(values[r][c], `${row}, ${column}: ${words(values[r][c])}`)}</td>`,
    )}</tr>`,
  )}
</tbody>
</table>`,
)}
</div>
<details><summary>The numbers</summary>
${each(columns, (column, c) =>
  table({
    kind: "table",
    id: `radar-${c}`,
    title: `${title}, ${column}`,
    of: column,
    columns: axes.map((axis, k) => ({ id: `axis-${k}`, title: axis, decimals: 2 })),
    rows: rows.map((label, r) => ({ label, values: values[r][c] })),
  }),
)}</details>
`;
}

function boxes({ title, of, over, x, rows }: Boxes): Markup {
  const all = rows.flatMap(({ points }) => points.map(({ value }) => value));
  if (all.length === 0) return html`<p class="foot">Nothing was measured.</p>\n`;
  const domain = domainOf(all);
  const text = (value: number) => number(value, x.decimals ?? decimalsOf(value));
  const names = [...new Set(rows.flatMap(({ points }) => points.map(({ label }) => label)))];
  return html`${scroll(
    title,
    html`<table class="matrix figures box-plots">
<thead><tr><th scope="col">${of}</th><th scope="col" class="chart">${stripAxis(domain, boxTicks)}<span class="hidden">Box plot</span></th><th scope="col" class="num">Median${arrowOf(x)}</th><th scope="col" class="num">Quartiles</th><th scope="col" class="num">Mean</th></tr></thead>
<tbody>${each(
      rows,
      ({ label, note, points, box }) => html`
<tr><th scope="row">${name(label)}${when(note, html` <small>${note ?? ""}</small>`)}</th><td class="chart">${boxStrip(
        box,
        points.map(({ value }) => value),
        domain,
        note === "control",
      )}</td>${
        box === null
          ? html`<td class="num none">${missing}<span class="hidden"> not measured</span></td><td></td><td></td>`
          : html`<td class="num">${text(box.median)} <small>n ${box.n}</small></td><td class="num">${text(box.low)} – ${text(box.high)}</td><td class="num">${text(box.mean)}</td>`
      }</tr>`,
    )}
</tbody>
</table>`,
  )}
<details><summary>The points: ${over}</summary>
${table({
  kind: "table",
  id: "points",
  title: `${title}, by ${over}`,
  of,
  columns: names.map((own, k) => ({ id: `point-${k}`, title: own, decimals: x.decimals })),
  rows: rows.map(({ label, note, points }) => ({
    label,
    note,
    values: names.map((own) => {
      const found = points.filter((point) => point.label === own);
      return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0) / found.length;
    }),
  })),
})}</details>
`;
}

const frame = { width: 300, height: 250, left: 44, right: 14, above: 12, below: 40 };

interface Scale {
  /** in [0, 1] */
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
  readonly text: (tick: number) => string;
  readonly logarithmic: boolean;
}

/** Logarithmic where values are far apart, or a few of them would push all others into one corner. */
const farApart = 8;

function scaleOf(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const logarithmic = least > 0 && most / least > farApart;
  const [low, high] = logarithmic ? [Math.log(least), Math.log(most)] : domainOf(values);
  const room = (high - low) * 0.08 || 0.5;
  const [from, to] = [!logarithmic && low === 0 ? 0 : low - room, high + room];
  const place = (value: number) => ((logarithmic ? Math.log(value) : value) - from) / (to - from);
  if (!logarithmic) {
    const ticks = ticksOf([from, to], 5);
    return { place, ticks, text: (tick) => tickText(tick, ticks), logarithmic };
  }
  const powers = Array.from({ length: 40 }, (_, k) => 10 ** (k - 20));
  const steps = most / least > 300 ? [1] : [1, 2, 5];
  const ticks = powers
    .flatMap((power) => steps.map((step) => Number((step * power).toPrecision(1))))
    .filter((tick) => Math.log(tick) >= from && Math.log(tick) <= to);
  return {
    place,
    ticks,
    text: (tick) => number(tick, Math.max(0, Math.ceil(-Math.log10(tick) - 1e-9))),
    logarithmic,
  };
}

function scatter({ title, x, y, points, joined, panels }: Scatter): Markup {
  const all = panels.flatMap(({ at }) => at);
  const valuesOf = (axis: "x" | "y") =>
    all.flatMap((point) => {
      const { value, interval: range } = point[axis];
      return value === null ? [] : [value, ...(joined && range ? range : [])];
    });
  if (valuesOf("x").length === 0 || valuesOf("y").length === 0)
    return html`<p class="foot">Nothing was measured.</p>\n`;
  const [across, up] = [scaleOf(valuesOf("x")), scaleOf(valuesOf("y"))];
  const px = (value: number) =>
    round(frame.left + across.place(value) * (frame.width - frame.right - frame.left));
  const py = (value: number) =>
    round(frame.height - frame.below - up.place(value) * (frame.height - frame.below - frame.above));
  const axisText = (column: Column, { logarithmic }: Scale) =>
    `${column.title}${column.better === "higher" ? " ↑" : column.better === "lower" ? " ↓" : ""}${logarithmic ? ", logarithmic" : ""}`;
  return html`<div class="plots">${each(panels, ({ title: of, at }) => {
    const shown = at.flatMap((point, k) =>
      point.x.value === null || point.y.value === null
        ? []
        : [{ k, x: px(point.x.value), y: py(point.y.value) }],
    );
    return html`
<figure class="plot"><figcaption>${name(of)}</figcaption>
<svg role="img" aria-label="${title}, ${of}: ${counted(shown.length, "point")}; the numbers stand below" viewBox="0 0 ${frame.width} ${frame.height}">${across.ticks.map(
      (tick) =>
        html`<line class="grid" x1="${px(tick)}" x2="${px(tick)}" y1="${frame.above}" y2="${frame.height - frame.below}"/><text x="${px(tick)}" y="${frame.height - frame.below + 15}" text-anchor="middle">${across.text(tick)}</text>`,
    )}${up.ticks.map(
      (tick) =>
        html`<line class="grid" y1="${py(tick)}" y2="${py(tick)}" x1="${frame.left}" x2="${frame.width - frame.right}"/><text x="${frame.left - 6}" y="${py(tick) + 4}" text-anchor="end">${up.text(tick)}</text>`,
    )}<text class="axis" x="${(frame.left + frame.width - frame.right) / 2}" y="${frame.height - 6}" text-anchor="middle">${axisText(x, across)}</text><text class="axis" transform="translate(11 ${(frame.above + frame.height - frame.below) / 2}) rotate(-90)" text-anchor="middle">${axisText(y, up)}</text>${when(joined, html`${path(shown)}${shown.flatMap(({ k, ...own }) => whiskers(at[k], own, { px, py }))}`)}${shown.map(
      (point) => html`<circle cx="${point.x}" cy="${point.y}" r="3"/>`,
    )}${apart(shown).map((point) => html`<text class="tag" x="${point.x}" y="${point.y}">${point.k + 1}</text>`)}</svg></figure>`;
  })}
</div>
<ol class="keys">${each(points, (point) => html`<li>${point}</li>`)}</ol>
<details><summary>The numbers</summary>
${each(panels, ({ title: of, at }) =>
  table({
    kind: "table",
    id: "points",
    title: `${title}, ${of}`,
    of,
    columns: [x, y],
    rows: at.map((point, k) => ({ label: points[k], values: [point.x, point.y] })),
  }),
)}</details>
`;
}

const path = (points: readonly Placed[]): Markup =>
  points.length < 2
    ? nothing
    : html`<path class="line" d="${points.map(({ x, y }, k) => `${k === 0 ? "M" : "L"}${x} ${y}`).join("")}"/>`;

function whiskers(
  { x, y }: { readonly x: Estimate; readonly y: Estimate },
  at: { readonly x: number; readonly y: number },
  { px, py }: Readonly<Record<"px" | "py", (value: number) => number>>,
): Markup[] {
  return [
    ...(x.interval === null
      ? []
      : [
          html`<line class="whisker" x1="${px(x.interval[0])}" x2="${px(x.interval[1])}" y1="${at.y}" y2="${at.y}"/>`,
        ]),
    ...(y.interval === null
      ? []
      : [
          html`<line class="whisker" x1="${at.x}" x2="${at.x}" y1="${py(y.interval[0])}" y2="${py(y.interval[1])}"/>`,
        ]),
  ];
}

const tickText = (tick: number, all: readonly number[]): string => {
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(tick) || 1;
  return number(tick, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
};

interface Placed {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

/** A number beside each point, at the first of some places where it covers neither a point nor another number. */
function apart(points: readonly Placed[]): Placed[] {
  const places = [
    [7, 4],
    [-7, 4],
    [0, -6],
    [0, 14],
    [9, -5],
    [-9, -5],
    [9, 13],
    [-9, 13],
    [17, 4],
    [-17, 4],
    [0, -17],
    [0, 25],
  ].map(([dx, dy]) => ({ dx: dx > 0 ? dx + 3 : dx < 0 ? dx - 3 : 0, dy }));
  const taken: Placed[] = [];
  for (const { k, x, y } of points) {
    const free = places.find(({ dx, dy }) => {
      const box = { x: x + dx, y: y + dy - 4 };
      const clear = (other: { x: number; y: number }, w: number, h: number) =>
        Math.abs(other.x - box.x) >= w || Math.abs(other.y - box.y) >= h;
      return (
        taken.every((t) => clear({ x: t.x, y: t.y - 4 }, 14, 11)) &&
        points.every((p) => p.k === k || clear(p, 10, 9))
      );
    });
    const { dx, dy } = free ?? places[0];
    taken.push({ k, x: x + dx, y: y + dy });
  }
  return taken;
}

function confusions({ panels }: Confusions): Markup {
  return html`<div class="plots matrices">${each(panels, ({ title, classes, counts }, at) => {
    const share = (row: readonly number[], k: number) => {
      const n = row.reduce((a, b) => a + b, 0);
      return n === 0 ? 0 : Math.round((100 * row[k]) / n);
    };
    return html`
<div class="card"><h4 id="confusion-${at}">${name(title)}</h4>
${scroll(
  `Confusion matrix of ${title}`,
  html`<table class="matrix grid confusion" aria-labelledby="confusion-${at}">
<thead><tr><th scope="col">True</th>${each(classes, (own) => html`<th scope="col" class="num">${name(own)}</th>`)}</tr></thead>
<tbody>${each(
    counts,
    (row, r) => html`
<tr><th scope="row">${name(classes[r])}</th>${each(row, (n, k) => html`<td class="num shade" style="--near: ${share(row, k)}%">${r === k ? html`<b>${n}</b>` : n}</td>`)}</tr>`,
  )}
</tbody>
</table>`,
)}</div>`;
  })}
</div>
`;
}

function montage({ title, columns, rows }: Montage): Markup {
  return scroll(
    title,
    html`<table class="maps montage" style="--images: ${columns.length + 1}">
<thead><tr><th scope="col">Image</th><th scope="col">As the model sees it</th>${each(columns, (column) => html`<th scope="col">${name(column)}</th>`)}</tr></thead>
<tbody>${each(
      rows,
      ({ label, input, tiles }) => html`
<tr><th scope="row">${name(label)}</th>${each([input, ...tiles], (tile, k) => picture(tile, k === 0 ? label : `${label}, ${columns[k - 1]}`))}</tr>`,
    )}
</tbody>
</table>`,
  );
}

const picture = (tile: Tile | null, of: string): Markup =>
  tile === null
    ? html`<td class="none">${missing}<span class="hidden"> no map</span></td>`
    : html`<td><img class="tile" src="${tile.picture}" width="${tile.width}" height="${tile.height}" alt="${of}: ${tile.words}">${when(tile.says, html`<span class="of">${name(tile.says)}</span>`)}</td>`;

export const figureStyle = `
.figures td small { display: block; }
.figures .why { white-space: normal; display: block; min-width: 6rem; }
.figures thead th { white-space: normal; }
.figure-radars > .card { flex: 0 1 19rem; }
.figure-radars > .scroll { flex: 1 1 20rem; }
.radar { width: 100%; max-width: 7rem; height: auto; margin: 0 auto; }
.radar.key { max-width: none; }
.radar .web { fill: none; stroke: var(--line-strong); stroke-width: 0.6; }
.radar .open { stroke-dasharray: 2 2; }
.radar .shape { fill: var(--accent); fill-opacity: 0.28; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; }
.radar .corner { fill: var(--accent); }
.radar text { fill: var(--ink); font-size: 10px; }
.radar-table td, .radar-table thead th { text-align: center; min-width: 6rem; padding: 0.25rem; }
.radar-table thead th:first-child { text-align: left; padding: 0.35rem 0.75rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem 1.5rem; margin-top: 0.75rem; align-items: start; }
.matrices { grid-template-columns: repeat(auto-fit, minmax(min(25rem, 100%), 1fr)); }
.matrices .scroll { border: 0; margin-top: 0.25rem; }
.confusion th, .confusion td { padding: 0.3rem 0.5rem; }
.plot figcaption { font-weight: 600; margin-bottom: 0.25rem; }
.plot svg { width: 100%; max-width: 30rem; height: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 3px; }
.plot .grid { stroke: var(--line); }
.plot circle { fill: var(--accent); }
.plot text { fill: var(--soft); font-size: 11px; }
.plot .whisker { stroke: var(--accent); stroke-width: 3; opacity: 0.35; }
.plot .line { fill: none; stroke: var(--ink); stroke-width: 1.3; }
.box-plots td, .box-plots th { padding-top: 0.2rem; padding-bottom: 0.2rem; }
.box-plots .chart { min-width: 15rem; width: 45%; padding-left: 0; padding-right: 0; }
.box-plots .chart .strip { display: block; overflow: visible; }
.strip .whisker { stroke: var(--ink); }
.strip .box { fill: var(--accent); fill-opacity: 0.22; stroke: var(--accent); }
.strip .middle { stroke: var(--accent); stroke-width: 2.5; }
.strip .point { fill: var(--ink); fill-opacity: 0.75; }
.strip text.mean { fill: var(--ink); font-size: 14px; font-weight: 700; }
.strip.control .box { fill: none; stroke: var(--soft); }
.strip.control .middle { stroke: var(--soft); }
.plot .tag { fill: var(--ink); font-size: 11px; font-weight: 600; text-anchor: middle; }
.keys { columns: 3 11rem; font-size: 0.93rem; margin-top: 0.6rem; padding-left: 1.6rem; max-width: 60rem; }
.montage .tile { height: auto; display: block; }
.montage th:first-child { width: 7.5rem; vertical-align: top; }
.lead { font-size: 1.15rem; margin-top: 1.5rem; max-width: 62ch; }
.about { max-width: 60rem; margin-top: 1rem; }
.figures th:first-child { min-width: 8rem; }
.sentences th:first-child { width: 55%; }
.hashes { font-size: 0.9rem; }
.hashes code { overflow-wrap: anywhere; }
@media (max-width: 30rem) {
  .radar-table td, .radar-table thead th { min-width: 4.6rem; padding: 0.15rem; }
  .montage .tile { width: 6.5rem; }
  .sentences th:first-child { min-width: 11rem; }
  .sentences td:last-child { min-width: 17rem; }
  .box-plots .chart { min-width: 11.5rem; }
}
@media (forced-colors: active) {
  .radar .shape, .plot circle { stroke: CanvasText; fill: CanvasText; }
}
`;
