/** The style sheet of a report. Colours come in pairs, light first, and follow the reader's system unless told; never colour alone. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#faf9f6, #11151b); --surface: light-dark(#fff, #171c24); --sunk: light-dark(#f1f0ec, #1c222b);
  --ink: light-dark(#18202c, #e4e8ed); --soft: light-dark(#555f6e, #a4aebb);
  --line: light-dark(#dddbd4, #2c343f); --line-strong: light-dark(#a8a69e, #55606e);
  --accent: light-dark(#0a5884, #7fc1ec); --note: light-dark(#7a4f00, #e0b04a); --note-paper: light-dark(#fbf3df, #2a2416);
  --good: light-dark(#1d6b45, #76cfa1); --bad: light-dark(#9b2f2a, #f09a92);
  font: 400 100% / 1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
  background: var(--paper); color: var(--ink);
  text-size-adjust: 100%; scroll-padding-top: 1rem;
}
:root:has(#theme-light:checked) { color-scheme: light; }
:root:has(#theme-dark:checked) { color-scheme: dark; }
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0 auto; max-width: 96rem; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 4rem; overflow-wrap: anywhere; }
h1, h2, h3, h4, p, ul, dl, dd, figure, pre { margin: 0; }
h1 { font-size: clamp(1.6rem, 1.2rem + 1.8vw, 2.4rem); line-height: 1.15; font-weight: 600; letter-spacing: -0.015em; text-wrap: balance; }
h1 span { font-weight: 400; color: var(--soft); }
h2 { font-size: 1.45rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.008em; }
h3 { font-size: 1.1rem; line-height: 1.3; font-weight: 600; }
h4 { font-size: 1rem; line-height: 1.3; font-weight: 600; }
h3.apart { margin-top: 1.75rem; }
small { font-size: 0.85em; font-weight: 400; color: var(--soft); }
p, li { max-width: 76ch; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: 0.18em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
code { font: 0.88em / 1.4 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; padding: 0.5rem 1rem; background: var(--surface); }
.skip:focus { left: 0.5rem; top: 0.5rem; z-index: 3; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.soft { color: var(--soft); }
.says { color: var(--soft); margin-top: 0.35rem; }
.foot { color: var(--soft); font-size: 0.9rem; margin-top: 0.6rem; }

header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: start; gap: 1rem 2rem; padding-bottom: 1.25rem; border-bottom: 1px solid var(--line-strong); }
.tags { list-style: none; padding: 0; margin-top: 0.7rem; display: flex; flex-wrap: wrap; gap: 0.4rem; }
.tags li { border: 1px solid var(--line-strong); border-radius: 3px; padding: 0 0.5rem; font-size: 0.85rem; line-height: 1.6; }
.tags .warn { color: var(--note); background: var(--note-paper); border-color: currentColor; }
.theme { border: 0; padding: 0; margin: 0; min-width: 0; display: flex; flex-wrap: wrap; gap: 0 0.9rem; font-size: 0.9rem; color: var(--soft); }
.theme legend { float: left; padding: 0; margin-right: 0.2rem; line-height: 2rem; }
.theme label { display: inline-flex; align-items: center; gap: 0.35rem; min-height: 2rem; cursor: pointer; }
.theme input { accent-color: var(--accent); margin: 0; }
@supports not selector(:has(*)) { .theme { display: none; } }

nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1.1rem; }
nav { padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
nav a { display: inline-block; padding: 0.2rem 0; text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav ul ul { display: none; }
main { min-width: 0; }
@media (min-width: 75rem) {
  .body { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: 2.5rem; }
  nav { border: 0; padding: 1.5rem 0 0; position: sticky; top: 0; align-self: start; }
  nav ul { flex-direction: column; }
  nav ul ul { display: flex; padding-left: 0.8rem; font-size: 0.88rem; }
}

section { margin-top: 3rem; }
section.glance { margin-top: 1.5rem; }
.notice { max-width: none; margin-top: 1rem; padding: 0.6rem 0.9rem; background: var(--note-paper); border-left: 3px solid var(--note); }
.glance .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(10rem, 100%), 1fr)); gap: 1rem 1.5rem; }
.glance .facts div { display: block; border: 0; padding: 0; }
.glance dt { font-size: 0.9rem; }
.glance dd { font-size: 1.1rem; line-height: 1.35; text-align: left; }
.glance b { font-weight: 600; }

.facts { font-size: 0.95rem; line-height: 1.4; }
.facts div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.25rem; padding: 0.3rem 0; border-top: 1px solid var(--line); }
.facts div:first-child { border-top: 0; }
.facts dt { color: var(--soft); }
.facts dd { min-width: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 1rem 1.5rem; align-items: start; margin-top: 1rem; }
.sheets { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.5rem 2.5rem; margin-top: 1.25rem; }
.sheets dd { flex: 1 1 15rem; }
.sheets dt { flex: 0 0 9.5rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 3px; padding: 0.9rem 1rem; min-width: 0; break-inside: avoid; }
.strips { columns: 2 27rem; column-gap: 1.5rem; margin-top: 0.75rem; }
.strips .card { margin-bottom: 1.25rem; container-type: inline-size; }
.split { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1rem 1.5rem; margin-top: 1rem; }
.split > .card { flex: 1 1 17rem; }
.split > .scroll { flex: 2 1 30rem; margin-top: 0; max-width: 100%; }

table { border-collapse: collapse; font-size: 0.93rem; line-height: 1.35; overflow-wrap: break-word; }
th { font-weight: 400; text-align: left; }
thead th { font-weight: 600; font-size: 0.88rem; color: var(--soft); vertical-align: bottom; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); }
tr > :last-child { padding-right: 0; }
tbody:last-child tr:last-child > * { border-bottom: 0; }
.num { text-align: right; white-space: nowrap; }
td.none { color: var(--soft); }
.scroll { position: relative; overflow-x: auto; overscroll-behavior-x: contain; background: var(--surface); border: 1px solid var(--line); border-radius: 3px; margin-top: 0.75rem; min-width: 0; }
.matrix, .maps { border-collapse: separate; border-spacing: 0; }
.matrix { min-width: 100%; }
.matrix th, .matrix td { padding: 0.35rem 0.75rem; }
.matrix thead th { border-bottom-color: var(--line-strong); min-width: 5.5rem; }
.matrix tbody + tbody tr:first-child > * { border-top: 1px solid var(--line-strong); }
.matrix th:first-child, .maps th:first-child { position: sticky; left: 0; z-index: 1; background: var(--surface); min-width: 7.5rem; max-width: 13rem; }
.matrix .wide { min-width: 20rem; }
.grid th, .grid td { padding-inline: 0.5rem; }
.grid thead th { min-width: 4.6rem; white-space: normal; }
.gates td { white-space: nowrap; }
tfoot > tr > * { border-top: 1px solid var(--line-strong); border-bottom: 0; }
.shade { print-color-adjust: exact; background: color-mix(in srgb, var(--accent) calc(var(--near) * 0.3), transparent); }
.shade small { color: inherit; }
.steps thead th, .confusion thead th { min-width: 0; }

.rank-table, .strip-table { width: 100%; margin-top: 0.5rem; }
.chart { width: 36%; padding-left: 0; vertical-align: middle; }
.rank-table .chart { width: 30%; }
.rank-table th, .rank-table td { padding-right: 0.6rem; }
.ends { display: flex; justify-content: space-between; font-weight: 400; }
.rank { font-weight: 600; }
.strip-table th[scope="row"], .rank-table th[scope="row"] { overflow-wrap: break-word; min-width: 6rem; }
.strip-table td.num small { display: inline-block; min-width: 7.2rem; margin-left: 0.35rem; }
@container (max-width: 29rem) { .strip-table td.num small { display: block; min-width: 0; } }
.strip-table td.num .words { white-space: normal; }
.strip-table .gate { text-align: center; width: 2.5rem; }
.strip-table .controls tr:first-child > * { border-top: 1px solid var(--line-strong); }
.strip-table .controls th { color: var(--soft); }
.note { display: block; color: var(--note); line-height: 1.3; }
.mark { font-weight: 700; }
.mark.good { color: var(--good); } .mark.bad { color: var(--bad); } .mark.open { color: var(--note); }
svg { display: block; }
.strip { overflow: visible; }
.strip-table td.chart { position: relative; }
.strip-table td .strip { position: absolute; inset: 0; height: 100%; width: calc(100% - 0.9rem); }
.strip .grid { stroke: var(--line); }
.strip circle.grid { stroke: none; fill: var(--line-strong); }
.strip .bar { stroke: var(--note); stroke-width: 1.5; stroke-dasharray: 4 3; }
.strip .interval { stroke: var(--accent); stroke-width: 5; stroke-linecap: round; opacity: 0.42; }
.strip .dot { fill: var(--accent); }
.strip.control .interval { stroke: var(--soft); }
.strip.control .dot { fill: var(--surface); stroke: var(--soft); stroke-width: 2; }
.strip text, .curve text { fill: var(--soft); font-size: 11px; font-weight: 400; }
.curve text { font-size: 12px; }
.length { max-width: 14rem; min-width: 5rem; }
.length rect { fill: var(--accent); opacity: 0.6; }
td.chart { min-width: 5rem; }

.legend { list-style: none; padding: 0; margin-top: 0.5rem; display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; font-size: 0.9rem; }
.legend li { display: inline-flex; align-items: center; gap: 0.45rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(12rem, 45%), 1fr)); gap: 0.9rem 1.25rem; margin-top: 0.75rem; }
.panel { break-inside: avoid; min-width: 0; display: grid; grid-row: span 2; grid-template-rows: subgrid; row-gap: 0.15rem; }
.panel figcaption { align-self: end; font-size: 0.93rem; display: flex; flex-wrap: wrap; gap: 0 0.5rem; align-items: baseline; }
.panel .area { margin-left: auto; }
.curve { width: 100%; height: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 3px; }
.curve.key { width: 28px; height: 12px; border: 0; background: none; }
.curve path { fill: none; stroke-linejoin: round; }
.curve .grid { stroke: var(--line); }
.curve .main { stroke: var(--accent); stroke-width: 2; }
.curve .band { fill: var(--accent); opacity: 0.2; stroke: none; }
.curve .part { stroke: var(--accent); stroke-width: 1; }
.curve .part0 { stroke-dasharray: 5 3; }
.curve .part1 { stroke-dasharray: 1.5 2.5; }
.curve .behind { stroke: var(--note); stroke-width: 1.5; }

.maps { font-size: 0.9rem; }
.maps th, .maps td { padding: 0.4rem 0.3rem; vertical-align: top; border-bottom: 0; }
.maps thead th { font-weight: 400; color: var(--ink); }
.maps th:first-child { padding-left: 0.75rem; width: 9rem; vertical-align: middle; }
.maps thead th small { display: block; }
.maps .of { display: block; margin-top: 0.25rem; }
.maps small { overflow-wrap: anywhere; }
.tile { width: clamp(6rem, (min(100vw, 96rem) - 31rem) / var(--images), 14rem); background-repeat: no-repeat; print-color-adjust: exact; }
.maps tbody .tile { margin-top: 0; }
.whole { display: block; max-width: none; height: auto; background-size: 100% 100%; print-color-adjust: exact; }
details { margin-top: 0.75rem; font-size: 0.93rem; }
summary { cursor: pointer; color: var(--accent); padding: 0.15rem 0; }
details p { margin-top: 0.4rem; }
.further { font-size: inherit; }
.further > summary { max-width: 48rem; }
.formula { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: 0.9em; background: var(--sunk); padding: 0.4rem 0.55rem; max-width: none; }
.command { margin-top: 1rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 3px; padding: 0.7rem 0.9rem; }
.command pre { white-space: pre-wrap; }
ul { padding-left: 1.2rem; margin-top: 0.4rem; }
nav ul { margin-top: 0; }

@media (max-width: 30rem) {
  th, td { padding-right: 0.55rem; }
  .card { padding: 0.8rem; }
  td.chart { min-width: 3rem; }
  .strip-table th[scope="row"], .rank-table th[scope="row"] { min-width: 4.5rem; }
  .strip-table .gate { width: 1.5rem; }
  .strip-table th.gate { font-size: 0.75rem; }
  .chart { width: 34%; }
  .rank-table .chart { width: 26%; }
  .matrix th:first-child, .maps th:first-child { min-width: 8rem; max-width: 8rem; padding-right: 0.4rem; }
}
/* no room for the line: its numbers stay */
@media (max-width: 22rem) {
  .rank-table .chart { display: none; }
  .strip-table th, .strip-table td { padding-right: 0.3rem; }
  .strip-table th[scope="row"] { overflow-wrap: anywhere; }
  th.gate span { position: absolute; clip-path: inset(50%); width: 1px; overflow: hidden; }
}
@media print {
  :root { color-scheme: light; background: none; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  .theme, nav, .skip { display: none; }
  .body { display: block; }
  .scroll { overflow: visible; border: 0; }
  .matrix th:first-child, .maps th:first-child { position: static; }
  .matrix { font-size: 7.5pt; min-width: 0; }
  .matrix th, .matrix td, .grid thead th { padding: 0.15rem 0.3rem; min-width: 0; }
  .tile { width: clamp(2rem, 32rem / var(--images), 8rem); }
  .matrix thead th, .maps .of { font-size: inherit; }
  .maps { font-size: 8pt; }
  .maps small { font-size: 7pt; }
  h2, h3, h4 { break-after: avoid; }
  tr { break-inside: avoid; }
  details.further::details-content { content-visibility: visible; height: auto; }
}
@media (forced-colors: active) {
  .strip .dot, .length rect { fill: CanvasText; }
  .strip .interval, .curve .main, .curve .part { stroke: CanvasText; }
}
`;
