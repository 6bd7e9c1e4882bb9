/** Radars come alive when they are seen: tooltips by Chart.js, and one method brought forward in all of them. */
import type { Chart } from "chart.js";
import { type Radar, type RadarColours, radarConfig } from "../charts/rank-radar.ts";
import { slots } from "../charts/series.ts";
import { panelShown, themeChanged } from "./events.ts";

interface Live {
  readonly radar: Radar;
  readonly canvas: HTMLCanvasElement;
  chart: Chart | undefined;
}

const live = new Map<HTMLElement, Live>();
let shown: string | undefined;

/** Colours as the page has them now; light-dark() is only resolved on an element. */
function colours(): RadarColours {
  const probe = document.body.appendChild(document.createElement("span"));
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return hex(getComputedStyle(probe).color);
  };
  const found = {
    ink: read("--soft"),
    grid: read("--line"),
    surface: read("--surface"),
    font: getComputedStyle(document.body).fontFamily,
    series: Array.from({ length: slots }, (_, slot) => read(`--m${slot}`)),
  };
  probe.remove();
  return found;
}

/** "rgb(10, 95, 158)" → "#0a5f9e" */
const hex = (rgb: string): string =>
  `#${(rgb.match(/\d+/g) ?? [])
    .slice(0, 3)
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("")}`;

async function wake(plot: HTMLElement): Promise<void> {
  const data = plot.querySelector("script[type='application/json']")?.textContent;
  const drawing = plot.querySelector("svg");
  if (live.has(plot) || !data || !drawing) return;
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", drawing.getAttribute("aria-label") ?? "");
  const entry: Live = { radar: JSON.parse(data), canvas, chart: undefined };
  live.set(plot, entry);
  const { Chart } = await import("./chart.ts");
  drawing.replaceWith(canvas);
  entry.chart = new Chart(canvas, radarConfig(entry.radar, colours(), shown));
}

function redraw(): void {
  const palette = colours();
  for (const { radar, chart } of live.values()) {
    if (chart === undefined) continue;
    const { data, options } = radarConfig(radar, palette, shown);
    chart.data = data;
    chart.options = options ?? {};
    chart.update("none");
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    void wake(target as HTMLElement);
  }
});
// forced colours are the browser's to choose, and it cannot choose them on a canvas
const forced = matchMedia("(forced-colors: active)").matches;
function watch(): void {
  if (forced) return;
  for (const plot of document.querySelectorAll<HTMLElement>("[data-radar]")) {
    if (!live.has(plot)) seen.observe(plot);
  }
}
watch();

/** In drawings that no chart has replaced. */
function bringForward(): void {
  for (const series of document.querySelectorAll<SVGGElement>(".radar .series")) {
    series.classList.toggle("shown", series.dataset.method === shown);
    series.classList.toggle("faded", shown !== undefined && series.dataset.method !== shown);
  }
}

document.querySelector("[data-series-pick]")?.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  shown = target.value || undefined;
  bringForward();
  redraw();
});
document.addEventListener(themeChanged, redraw);
// a panel may have come with drawings of its own
document.addEventListener(panelShown, () => {
  watch();
  bringForward();
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
// a printer gets the drawing at its own size
addEventListener("beforeprint", () => {
  for (const { chart } of live.values()) chart?.resize();
});
