/** What a report of a made run shows: drawn curves, and a sheet of one colour that says what it shows. */
import { dataUri, encodeIndexedPng } from "../src/render/png.ts";
import type { Reported, Sheet } from "../src/report/facts.ts";
import type { Run } from "../src/results/document.ts";
import type { MeanCurve } from "../src/runner/curves.ts";
import { type MadeOptions, madeRun } from "./made-run.ts";

export function madeReport(change: Partial<Reported> = {}, options: MadeOptions = {}): Reported {
  const { run, identity } = madeRun(options);
  return {
    run,
    identity,
    progress: undefined,
    recomputed: true,
    refused: false,
    problems: [],
    curves: curvesOf(run),
    sheets: [madeSheet(run, "one"), { ...madeSheet(run, "two"), shows: undefined }],
    moreSheets: 0,
    classNames: run.result.data.classNames,
    confidential: false,
    ...change,
  };
}

/** Falling and rising lines, two fills each; none of what does not apply. */
function curvesOf({ result }: Run): MeanCurve[] {
  const lines: Record<string, (x: number) => number> = {
    "deletion-auc": (x) => 0.9 - 0.8 * x,
    "insertion-auc": (x) => 0.1 + 0.8 * x,
  };
  return Object.entries(lines).flatMap(([metric, line]) =>
    result.methods
      .filter(({ status }) => status === "ok")
      .map(({ id: method }, k): MeanCurve => {
        const mean = Array.from({ length: 5 }, (_, step) => line(step / 4) * (1 - 0.02 * k));
        const shifted = (by: number) => mean.map((v) => Math.min(1, Math.max(0, v + by)));
        return {
          method,
          metric,
          n: 16,
          mean,
          interval: { low: shifted(-0.05), high: shifted(0.05) },
          references: { mean: shifted(-0.02), blur: shifted(0.02) },
        };
      }),
  );
}

const tile = 20;

export function madeSheet({ result }: Run, sample: string): Sheet {
  const methods = result.methods.filter(({ status }) => status === "ok");
  const [width, height] = [tile * (methods.length + 1), tile];
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => Math.floor((at % width) / tile));
  const colours = Array.from({ length: methods.length + 1 }, (_, k) => [20 * k, 120, 255 - 20 * k, 255]);
  return {
    name: `001-${sample}`,
    picture: dataUri(encodeIndexedPng({ width, height, pixels, colours: Uint8Array.from(colours.flat()) })),
    width,
    height,
    shows: {
      sample,
      predicted: "disc",
      probability: 0.75,
      annotated: "ring",
      input: { x: 0, y: 0, width: tile, height: tile },
      maps: methods.map(({ id }, k) => ({
        method: id,
        words: "most evidence on the left",
        x: tile * (k + 1),
        y: 0,
        width: tile,
        height: tile,
      })),
    },
  };
}
