/** A study's folder: `cells.json` (what it is made of), `runs/<cell>/`, `times/`, and what was found: `study.json` and `report.html`. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { KitError } from "../errors.ts";
import { systemCode, writeError, writeFileAtomic } from "../files.ts";
import { toJson } from "../json.ts";
import { methodOf } from "../protocol/protocol.ts";
import { dataUri } from "../render/png.ts";
import type { Box } from "../report/facts.ts";
import type { Run } from "../results/document.ts";
import { loadSharp } from "../sharp.ts";
import type { Tile } from "../studies/findings.ts";
import type { StudyPlan } from "../studies/inputs.ts";
import type { Found, Labels, StudyRun, StudySheet } from "../studies/study.ts";
import { comparisonOf, type ReadRun } from "./compare.ts";
import { readRun, validateFile } from "./documents.ts";
import type { Io } from "./io.ts";
import { sheetsIn } from "./report-folder.ts";
import { filesOf, finishedRun } from "./run-folder.ts";
import { runFolder } from "./study-plan.ts";
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
  readonly cells: readonly {
    readonly id: string;
    readonly labels: Labels;
    readonly pictures: number;
    readonly methods: readonly string[];
  }[];
  /** what the paper has and the inputs do not */
  readonly missing: readonly Labels[];
}

export const cellsOf = ({ study, firstLook, protocol, cells, missing }: StudyPlan): StudyCells => ({
  study: study.id,
  firstLook,
  protocol,
  cells: cells.map(({ id, labels, computes }) => ({
    id,
    labels,
    pictures: computes.pictures ?? 0,
    methods: computes.methods,
  })),
  missing,
});

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
    if (typeof found.study === "string" && Array.isArray(found.cells) && Array.isArray(found.missing))
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

/** Cells without a finished run. */
export async function unfinished(out: string, { cells }: StudyCells): Promise<string[]> {
  const found = await Promise.all(cells.map((cell) => finishedRun(runFolder(out, cell))));
  return cells.flatMap(({ id }, k) => (found[k] === undefined ? [id] : []));
}

export interface ReadStudy extends Found {
  readonly telemetry: readonly Run["telemetry"][];
  /** cells that gave no run, and why */
  readonly gaps: readonly { readonly labels: Labels; readonly reason: string }[];
}

export async function readStudy(
  io: Io,
  out: string,
  { cells }: StudyCells,
  wanted: { readonly compares: boolean; readonly public: boolean },
): Promise<ReadStudy> {
  const runs: (StudyRun & ReadRun)[] = [];
  const telemetry: Run["telemetry"][] = [];
  const gaps: ReadStudy["gaps"][number][] = [];
  const progress = io.progress("read", cells.length);
  try {
    for (const [k, { id, labels, pictures, methods }] of cells.entries()) {
      io.signal.throwIfAborted();
      const folder = runFolder(out, { id });
      const file = filesOf(folder).run;
      if ((await finishedRun(folder)) === undefined) gaps.push({ labels, reason: "not run yet" });
      else {
        const verdict = await validateFile(file);
        const run = await readRun(file, verdict);
        if (run === undefined) {
          const [first] = verdict.problems;
          const why = first === undefined ? "it has no scores beside it" : `${first.path}: ${first.message}`;
          gaps.push({ labels, reason: `its run is not valid: ${why}` });
        } else {
          const hidden = run.result.data.ids === "private" && wanted.public;
          const sheets = hidden ? [] : await cutSheets(filesOf(folder).pictures, pictures, methods);
          runs.push({ id, labels, folder, ...run, time: await readTime(out, id), sheets });
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
      if (!(error instanceof KitError) || error.code !== "E_COMPARE") throw error;
      notCompared.push(...error.details.map((line) => `${data}: ${line}`));
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
