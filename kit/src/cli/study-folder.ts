/** A study's folder: `cells.json` (what it is made of), `runs/<cell>/`, `times/`, and what was found: `study.json` and `report.html`. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { KitError } from "../errors.ts";
import { systemCode, writeError, writeFileAtomic } from "../files.ts";
import { toJson } from "../json.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { dataUri } from "../render/png.ts";
import type { Box } from "../report/facts.ts";
import type { Result, Run } from "../results/document.ts";
import { loadSharp } from "../sharp.ts";
import type { Tile } from "../studies/findings.ts";
import type { StudyPlan } from "../studies/inputs.ts";
import type { Found, Labels, StudyRun, StudySheet } from "../studies/study.ts";
import { comparisonOf, type ReadRun } from "./compare.ts";
import { readRun, validateFile } from "./documents.ts";
import type { Io } from "./io.ts";
import { sheetsIn } from "./report-folder.ts";
import { filesOf, finishedRun } from "./run-folder.ts";
import { type CellInputs, type CheckedCell, runFolder } from "./study-plan.ts";
import { readTime } from "./study-time.ts";

export const studyFiles = (out: string) => ({
  cells: join(out, "cells.json"),
  findings: join(out, "study.json"),
  report: join(out, "report.html"),
});

/** What the report must know of the inputs; no path stands in it. */
export interface StudyCells {
  readonly study: string;
  readonly firstLook: boolean;
  readonly protocol: string;
  /** null: the protocol's */
  readonly samples: number | null;
  readonly cells: readonly StudyCell[];
  /** what the paper has and the inputs do not */
  readonly missing: readonly Labels[];
}

interface StudyCell {
  readonly id: string;
  readonly labels: Labels;
  readonly pictures: number;
  readonly methods: readonly string[];
  readonly metrics: readonly string[];
  /** null: of another shard, which has not been here */
  readonly inputs: CellInputs | null;
}

/** @param before  what was here, where other shards have said what their cells are of */
export function cellsOf(
  { study, firstLook, protocol, samples, cells, missing }: StudyPlan,
  checked: readonly CheckedCell[],
  before?: StudyCells,
): StudyCells {
  const inputs = new Map(before?.cells.map((cell) => [cell.id, cell.inputs]));
  for (const own of checked) inputs.set(own.cell.id, own.inputs);
  return {
    study: study.id,
    firstLook,
    protocol,
    samples: samples ?? null,
    cells: cells.map(({ id, labels, computes }) => ({
      id,
      labels,
      pictures: computes.pictures ?? 0,
      methods: computes.methods,
      metrics: computes.metrics,
      inputs: inputs.get(id) ?? null,
    })),
    missing,
  };
}

/** What a run is of that its cell is not: a run that was made before the inputs changed is no run of the study. */
export function otherInputs(
  { protocol, model, data, selection, methods, metrics }: Result,
  study: Pick<StudyCells, "protocol" | "samples">,
  cell: Pick<StudyCell, "methods" | "metrics" | "inputs">,
): string[] {
  const { inputs } = cell;
  const asked = study.samples ?? protocolOf(study.protocol).samples;
  const computed = methods.flatMap(({ id, status }) => (status === "external" ? [] : [id]));
  const measured = metrics.map(({ id }) => id);
  // without annotations, what needs them is not measured
  const due = cell.metrics.filter((id) => measured.includes(id) || !metricOf(id).needs.includes("mask"));
  const splitFile = data.splitFile?.kind === "hmac-sha256" ? null : (data.splitFile?.value ?? null);
  const same: readonly (readonly [what: string, is: boolean])[] = [
    ["protocol", protocol.id === study.protocol],
    ["model", inputs === null || inputs.model === model.sha256],
    ["data", inputs === null || inputs.data === data.id],
    ["split", inputs === null || (inputs.split === data.split && inputs.splitFile === splitFile)],
    ["samples", selection.samples === Math.min(asked, inputs?.available ?? selection.samples)],
    ["methods", equalSets(computed, cell.methods)],
    ["metrics", equalSets(measured, due)],
  ];
  return same.flatMap(([what, is]) => (is ? [] : [what]));
}

const equalSets = (a: readonly string[], b: readonly string[]): boolean =>
  a.every((own) => b.includes(own)) && b.every((own) => a.includes(own));

/** Throws KitError E_STUDY where the folder is that of another study, or of its first look; E_WRITE. */
export async function writeCells(out: string, cells: StudyCells): Promise<void> {
  const found = await readCells(out);
  const kind = ({ study, firstLook }: StudyCells) => `${study}${firstLook ? ", a first look" : ""}`;
  if (found !== undefined && kind(found) !== kind(cells)) {
    throw new KitError("E_STUDY", {
      problem: `${out} holds another study: ${kind(found)}`,
      next: "choose another --out",
    });
  }
  try {
    await mkdir(out, { recursive: true });
  } catch (cause) {
    throw writeError(out, cause);
  }
  await writeFileAtomic(studyFiles(out).cells, toJson(cells));
}

/** Undefined where no study was begun. Throws KitError E_STUDY for a file that is not ours. */
export async function readCells(out: string): Promise<StudyCells | undefined> {
  const { cells: file } = studyFiles(out);
  try {
    const found = JSON.parse(await readFile(file, "utf8")) as StudyCells;
    if (
      typeof found.study === "string" &&
      Array.isArray(found.missing) &&
      Array.isArray(found.cells) &&
      found.cells.every((cell) => Array.isArray(cell?.methods) && Array.isArray(cell.metrics))
    )
      return found;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new KitError("E_STUDY", {
    problem: `${file} is not what a study wrote`,
    next: "remove it, and run the study again: what is finished is kept",
  });
}

/** Cells without a finished run of what they are now. */
export async function unfinished(out: string, study: StudyCells): Promise<string[]> {
  const { cells } = study;
  const found = await Promise.all(cells.map((cell) => finishedRun(runFolder(out, cell))));
  return cells.flatMap((cell, k) => {
    const run = found[k];
    const open = run === undefined || (isWhole(run) && otherInputs(run.result, study, cell).length > 0);
    return open ? [cell.id] : [];
  });
}

/** Has a document the parts that are compared? It is validated later. */
function isWhole({ result }: Run): boolean {
  const parts: readonly unknown[] = [result?.protocol, result?.model, result?.data, result?.selection];
  return (
    parts.every((part) => typeof part === "object" && part !== null) &&
    Array.isArray(result.methods) &&
    Array.isArray(result.metrics)
  );
}

export interface ReadStudy extends Found {
  readonly telemetry: readonly Run["telemetry"][];
  /** cells that gave no run, and why */
  readonly gaps: readonly { readonly labels: Labels; readonly reason: string }[];
}

export async function readStudy(
  io: Io,
  out: string,
  study: StudyCells,
  wanted: { readonly compares: boolean; readonly public: boolean },
): Promise<ReadStudy> {
  const runs: (StudyRun & ReadRun)[] = [];
  const telemetry: Run["telemetry"][] = [];
  const gaps: ReadStudy["gaps"][number][] = [];
  const { cells } = study;
  const progress = io.progress("read", cells.length);
  try {
    for (const [k, cell] of cells.entries()) {
      const { id, labels, pictures, methods } = cell;
      io.signal.throwIfAborted();
      const folder = runFolder(out, { id });
      const file = filesOf(folder).run;
      if ((await finishedRun(folder)) === undefined) gaps.push({ labels, reason: "not run yet" });
      else {
        const verdict = await validateFile(file);
        const run = await readRun(file, verdict);
        if (run === undefined) {
          const [first] = verdict.problems;
          // messages name files, which are nobody's business on a page
          const why = first === undefined ? "it has no scores beside it" : `${first.path}  [${first.code}]`;
          gaps.push({ labels, reason: `its run is not valid: ${why}` });
        } else if (otherInputs(run.result, study, cell).length > 0) {
          const what = otherInputs(run.result, study, cell).join(", ");
          gaps.push({ labels, reason: `its run is of other inputs: ${what}` });
        } else {
          const hidden = run.result.data.ids === "private" && wanted.public;
          const sheets = hidden ? [] : await cutSheets(filesOf(folder).pictures, pictures, methods);
          runs.push({
            id,
            labels,
            folder,
            ...run,
            time: await readTime(out, id, run.result.model.sha256),
            sheets,
          });
          telemetry.push(verdict.run!.telemetry);
        }
      }
      progress.tick(k + 1);
    }
  } finally {
    progress.done();
  }
  const compared = wanted.compares ? await compareRuns(runs) : { comparisons: [], notCompared: [] };
  return { runs, telemetry, gaps, ...compared };
}

/** Runs of each data set beside each other, where they can be. */
async function compareRuns(
  runs: readonly (StudyRun & ReadRun)[],
): Promise<Pick<Found, "comparisons" | "notCompared">> {
  const comparisons: Found["comparisons"][number][] = [];
  const notCompared: string[] = [];
  for (const data of new Set(runs.map(({ result }) => result.data.id))) {
    const own = runs.filter(({ result }) => result.data.id === data);
    try {
      // what it would say names folders; the document says the same without
      comparisons.push(await comparisonOf({ say() {} }, own, { name: "study" }));
    } catch (error) {
      if (!(error instanceof KitError)) throw error;
      if (error.code === "E_COMPARE") notCompared.push(...error.details.map((line) => `${data}: ${line}`));
      // these name files
      else if (["E_REGIONS", "E_JOURNAL"].includes(error.code))
        notCompared.push(`${data}: what a run kept of its maps cannot be read  [${error.code}]`);
      else throw error;
    }
  }
  return { comparisons, notCompared };
}

/** The pictures of each sheet by themselves, controls left aside. */
async function cutSheets(folder: string, most: number, methods: readonly string[]): Promise<StudySheet[]> {
  const { sheets } = await sheetsIn(folder, most);
  const cut: StudySheet[] = [];
  for (const { picture, shows } of sheets) {
    if (shows === undefined) continue;
    const png = Buffer.from(picture.slice(picture.indexOf(",") + 1), "base64");
    const tile = async ({ x, y, width, height }: Box, words: string, says: string): Promise<Tile> => {
      const sharp = await loadSharp();
      const part = sharp(png).extract({ left: x, top: y, width, height }).removeAlpha();
      return {
        picture: dataUri(await part.png({ compressionLevel: 9 }).toBuffer()),
        width,
        height,
        words,
        says,
      };
    };
    const { sample, annotated, predicted, probability } = shows;
    const own = shows.maps.filter(({ method }) => methods.includes(method) && !methodOf(method).control);
    cut.push({
      sample,
      annotated,
      predicted,
      probability,
      input: await tile(shows.input, "the image as the model sees it", ""),
      maps: new Map(
        await Promise.all(
          own.map(
            async (map) =>
              [map.method, await tile(map, map.words, `${predicted} ${probability.toFixed(2)}`)] as const,
          ),
        ),
      ),
    });
  }
  return cut;
}
