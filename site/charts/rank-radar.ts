/** Ranks of one run's methods by the core metrics: a radar whose outer edge is the best rank. */
import type { ChartConfiguration } from "chart.js";
import { ranks } from "../lib/format.ts";
import { coreMetrics, fieldOf, placeOf, rankingOf } from "../lib/rankings.ts";
import type { Run } from "../lib/run.ts";
import { dashOf, markerPath, round, shapeOf, slotOf } from "./series.ts";

export interface RadarPoint {
  readonly rank: number;
  readonly interval: readonly number[];
  /** 1 the best rank, 0 the last */
  readonly height: number;
}

export interface RadarSeries {
  readonly method: string;
  readonly title: string;
  readonly slot: number;
  /** one per axis; null: no rank there */
  readonly points: readonly (RadarPoint | null)[];
}

export interface Radar {
  readonly axes: readonly { readonly id: string; readonly title: string; readonly short: string }[];
  readonly series: readonly RadarSeries[];
}

/** Axis titles where there is little room. */
const shortTitles: Readonly<Record<string, string>> = {
  "max-sensitivity": "Stability",
  randomisation: "Sanity",
  "deletion-auc": "Deletion",
  "insertion-auc": "Insertion",
  "relevance-rank-accuracy": "Localisation",
};

/** Standard methods that ran, on the core metrics this run has. */
export function radarOf(run: Run): Radar {
  const metrics = coreMetrics.flatMap((id) => run.result.metrics.find((metric) => metric.id === id) ?? []);
  const methods = run.result.methods.filter((m) => m.standard && !m.control && m.status === "ok");
  return {
    axes: metrics.map(({ id, title }) => ({ id, title, short: shortTitles[id] ?? title })),
    series: methods.map(({ id, title }) => ({
      method: id,
      title,
      slot: slotOf(id),
      points: metrics.map((metric): RadarPoint | null => {
        const ranking = rankingOf(run, metric.id);
        const place = placeOf(ranking, id);
        if (ranking === undefined || place === undefined) return null;
        const field = fieldOf(ranking);
        const height = field < 2 ? 1 : 1 - (place.rank - 1) / (field - 1);
        return { rank: place.rank, interval: place.interval, height };
      }),
    })),
  };
}

/** The last rank stays off the centre, where all axes are one point. */
const hub = 0.16;

export interface RadarColours {
  readonly ink: string;
  readonly grid: string;
  readonly surface: string;
  readonly font: string;
  readonly series: readonly string[];
}

/** `shown`: the method to stand out; the others fade. */
export function radarConfig(
  radar: Radar,
  colours: RadarColours,
  shown?: string,
): ChartConfiguration<"radar"> {
  const faded = (method: string) => shown !== undefined && shown !== method;
  return {
    type: "radar",
    data: {
      labels: radar.axes.map((axis) => axis.short),
      datasets: radar.series.map(({ method, title, slot, points }) => ({
        label: title,
        data: points.map((point) => point?.height ?? null),
        borderColor: colours.series[slot] + (faded(method) ? "26" : ""),
        pointBackgroundColor: faded(method) ? "transparent" : colours.series[slot],
        pointBorderColor: faded(method) ? "transparent" : colours.surface,
        pointStyle: shapeOf(slot),
        pointRadius: 4,
        pointHoverRadius: 6,
        pointHitRadius: faded(method) ? 0 : 8,
        borderWidth: shown === method ? 2.5 : 1.75,
        borderDash: [...dashOf(slot)],
        fill: false,
        spanGaps: false,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "point", intersect: true },
      plugins: {
        legend: { display: false },
        tooltip: {
          displayColors: false,
          titleFont: { family: colours.font },
          bodyFont: { family: colours.font },
          callbacks: {
            title: (items) => radar.axes[items[0]?.dataIndex ?? 0].title,
            label: ({ datasetIndex, dataIndex }) =>
              faded(radar.series[datasetIndex].method) ? "" : spoken(radar.series[datasetIndex], dataIndex),
          },
        },
      },
      scales: {
        r: {
          min: -hub / (1 - hub),
          max: 1,
          ticks: { display: false, stepSize: 0.2 },
          grid: { color: colours.grid, circular: true },
          angleLines: { color: colours.grid },
          pointLabels: { color: colours.ink, font: { family: colours.font, size: 13 } },
        },
      },
    },
  };
}

/** "Saliency: rank 2 (95 % 1–3)" */
export function spoken({ title, points }: RadarSeries, axis: number): string {
  const point = points[axis];
  return point === null
    ? `${title}: no rank`
    : `${title}: rank ${point.rank} (95 % ${ranks(point.interval)})`;
}

export interface RadarDrawing {
  readonly width: number;
  readonly height: number;
  readonly rings: readonly number[];
  readonly centre: readonly [number, number];
  readonly spokes: readonly {
    readonly x: number;
    readonly y: number;
    readonly label: string;
    readonly labelX: number;
    readonly labelY: number;
    readonly anchor: "start" | "middle" | "end";
  }[];
  readonly lines: readonly {
    readonly slot: number;
    readonly method: string;
    readonly path: string;
    readonly marks: string;
  }[];
}

/** The same radar as shapes, drawn when the site is built. */
export function radarDrawing(radar: Radar, width = 340, height = 280): RadarDrawing {
  const centre = [width / 2, height / 2] as const;
  const radius = Math.min(width / 2 - 48, height / 2 - 24);
  const n = radar.axes.length;
  const at = (axis: number, distance: number): [number, number] => {
    const angle = (2 * Math.PI * axis) / n - Math.PI / 2;
    return [round(centre[0] + distance * Math.cos(angle)), round(centre[1] + distance * Math.sin(angle))];
  };
  const reach = (height: number) => radius * (hub + (1 - hub) * height);
  return {
    width,
    height,
    centre,
    rings: [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => round(reach(share))),
    spokes: radar.axes.map((axis, k) => {
      const [x, y] = at(k, radius);
      const [labelX, labelY] = at(k, radius + 12);
      const side = Math.round((labelX - centre[0]) / 12);
      const anchor = side > 0 ? "start" : side < 0 ? "end" : "middle";
      return { x, y, label: axis.short, labelX, labelY: labelY + 4, anchor };
    }),
    lines: radar.series.map(({ slot, method, points }) => ({
      slot,
      method,
      path: outline(points.map((point, k) => (point === null ? null : at(k, reach(point.height))))),
      marks: points
        .flatMap((point, k) => (point === null ? [] : [markerPath(slot, ...at(k, reach(point.height)))]))
        .join(""),
    })),
  };
}

/** A closed line; where a point is missing, the line is open there. */
function outline(points: readonly ([number, number] | null)[]): string {
  const gap = points.indexOf(null);
  if (gap < 0) return points.length === 0 ? "" : `M${points.map((p) => p?.join(" ")).join("L")}Z`;
  // begin behind a gap, so that no stretch is cut in two
  const turned = [...points.slice(gap), ...points.slice(0, gap)];
  let path = "";
  let pen = "M";
  for (const point of turned) {
    if (point === null) pen = "M";
    else {
      path += pen + point.join(" ");
      pen = "L";
    }
  }
  return path;
}
