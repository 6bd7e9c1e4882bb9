/** What a run's folder holds for a report: of a finished run its documents, of an unfinished one what its journal adds up to. */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { KitError } from "../errors.ts";
import { systemCode } from "../files.ts";
import { dataUri, noteIn } from "../render/png.ts";
import type { Box, Reported, Sheet } from "../report/facts.ts";
import type { Run } from "../results/document.ts";
import { blockOf } from "../runner/classify.ts";
import { type Found, readJournal } from "../runner/journal.ts";
import { inShard, shardName } from "../runner/share.ts";
import { validateFile } from "./documents.ts";
import type { PictureNote } from "./evaluate-picture.ts";
import { type Curves, composeParts, filesOf } from "./run-folder.ts";

export interface Wanted {
  /** contact sheets at most */
  readonly pictures: number;
  /** without what belongs to a private data set */
  readonly public: boolean;
}

type Documents = Omit<Reported, "sheets" | "moreSheets" | "classNames" | "confidential"> & {
  readonly ownNames: readonly string[] | undefined;
};

/**
 * @param path  a run's folder, or the run.json in it
 * @throws KitError E_RUN where there is no run, nothing is explained yet, or the document is not of the right form; E_JOURNAL
 */
export async function readRunFolder(path: string, wanted: Wanted): Promise<Reported> {
  const folder = folderOf(path);
  const { ownNames, ...documents } = await documentsOf(folder);
  const { data } = documents.run.result;
  const hidden = data.ids === "private" && wanted.public;
  const { sheets, more } = await sheetsIn(filesOf(folder).pictures, hidden ? 0 : wanted.pictures);
  const classNames = data.classNames ?? (hidden ? null : (ownNames ?? null));
  return {
    ...documents,
    sheets,
    moreSheets: more,
    classNames,
    confidential: data.ids === "private" && (sheets.length > 0 || classNames !== null),
  };
}

export const folderOf = (path: string): string => (basename(path) === "run.json" ? dirname(path) : path);

async function documentsOf(folder: string): Promise<Documents> {
  const { run: file, journal } = filesOf(folder);
  if (!existsSync(folder)) throw noRun(folder, "there is no folder of that name");
  if (existsSync(file)) return finished(folder, await journalNames(journal));
  const found = await readJournal(journal);
  if (found === undefined) throw noRun(folder, "it holds neither run.json nor journal.jsonl");
  return unfinished(folder, found);
}

const noRun = (folder: string, why: string) =>
  new KitError("E_RUN", {
    problem: `there is no run in ${folder}`,
    details: [why],
    next: "give the folder that xai-kit evaluate wrote, or one of results/runs/<data>/<model>/",
  });

/** Class names that a private data set publishes nowhere; a journal that cannot be read is no reason for there being no report. */
const journalNames = async (path: string): Promise<readonly string[] | undefined> =>
  readJournal(path).then(namesOf, () => undefined);

const namesOf = (found: Found | undefined): readonly string[] | undefined =>
  found && (found.header.facts.card.classes ?? found.header.facts.data.classes);

async function finished(folder: string, ownNames: readonly string[] | undefined): Promise<Documents> {
  const { run: file, curves } = filesOf(folder);
  const verdict = await validateFile(file);
  const { run, identity, tier, problems, warnings } = verdict;
  if (run === undefined || identity === null) {
    throw new KitError("E_RUN", {
      problem: `${file} is not a run document`,
      details: problems.slice(0, 5).map(({ path, message }) => `${path}: ${message}`),
      next: "xai-kit validate lists every problem; the evaluation's own command makes the document again from its journal",
    });
  }
  return {
    run,
    identity,
    progress: undefined,
    recomputed: tier === "recomputed",
    problems: [...problems, ...warnings],
    refused: problems.length > 0,
    curves: await curvesOf(curves, run, identity),
    ownNames,
  };
}

/** Curves of this very run; undefined where none were kept. */
async function curvesOf(path: string, run: Run, identity: string): Promise<Curves["curves"] | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    // without such a metric none are missing
    return run.result.metrics.some(({ id }) => ["deletion-auc", "insertion-auc"].includes(id))
      ? undefined
      : [];
  }
  try {
    const curves = JSON.parse(text) as Curves;
    return curves.run === identity ? curves.curves : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The document that the journal would end in if it stopped here. */
async function unfinished(folder: string, found: Found): Promise<Documents> {
  const { header, images, units } = found;
  const { facts, shard, secret } = header;
  const explained = units.filter((unit) => unit.kind === "sample").length;
  if (explained === 0) {
    throw new KitError("E_RUN", {
      problem: `no image is explained yet in ${folder}`,
      details: [`${images.length} of ${facts.data.count} images are classified`],
      next: "wait, or run the same xai-kit evaluate again: it goes on where it stopped",
    });
  }
  const { mtime } = await stat(filesOf(folder).journal);
  const { run, curves } = composeParts({
    facts,
    secret,
    images: [...images].sort((a, b) => a.at - b.at),
    units,
    telemetry: {
      date: mtime.toISOString(),
      seconds: found.seconds,
      threads: found.threads,
      jobs: found.jobs,
      peakMemory: null,
    },
  });
  const ours = (at: number) => shard === null || inShard(at, shard);
  const due = Array.from({ length: facts.data.count }, (_, at) => at).filter((at) => ours(blockOf(at)));
  // what has not been done yet has not failed
  const failures = run.result.failures.filter(({ code }) => code !== "E_SAMPLE");
  return {
    run: { ...run, result: { ...run.result, failures } },
    identity: undefined,
    progress: {
      explained,
      of: facts.selected.filter((_, at) => ours(at)).length,
      classified: images.length,
      images: due.length,
      shard: shard === null ? undefined : shardName(shard),
    },
    recomputed: false,
    problems: [],
    refused: false,
    curves: curves.curves,
    ownNames: namesOf(found),
  };
}

/** Contact sheets in the order of their names, which is that of the selection. */
export async function sheetsIn(folder: string, most: number): Promise<{ sheets: Sheet[]; more: number }> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  const pictures = names.filter((name) => name.endsWith(".png")).sort();
  const sheets: Sheet[] = [];
  for (const name of pictures.slice(0, most)) {
    const sheet = sheetOf(name, await readFile(join(folder, name)));
    if (sheet) sheets.push(sheet);
  }
  return { sheets, more: Math.max(0, pictures.length - most) };
}

const signature = "89504e470d0a1a0a";

/** undefined for what is no PNG, as one that is being written */
function sheetOf(name: string, png: Buffer): Sheet | undefined {
  if (png.length < 33 || png.toString("hex", 0, 8) !== signature) return undefined;
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const note = noteIn(png);
  return {
    name: name.replace(/\.png$/, ""),
    picture: dataUri(png),
    width,
    height,
    shows: note === undefined ? undefined : showsOf(note, { width, height }),
  };
}

/** What a sheet says of itself; undefined where that is not of the form that `writePicture` gives it. */
function showsOf(note: string, sheet: Size): PictureNote | undefined {
  try {
    const said: unknown = JSON.parse(note);
    return isNote(said, sheet) ? said : undefined;
  } catch {
    return undefined;
  }
}

type Size = Pick<Box, "width" | "height">;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const areTexts = (...values: unknown[]): boolean => values.every((value) => typeof value === "string");

function isNote(value: unknown, sheet: Size): value is PictureNote {
  if (!isRecord(value)) return false;
  const { sample, predicted, probability, annotated, input, maps } = value;
  return (
    areTexts(sample, predicted, annotated) &&
    typeof probability === "number" &&
    isInside(input, sheet) &&
    Array.isArray(maps) &&
    maps.every((map) => isRecord(map) && isInside(map, sheet) && areTexts(map.method, map.words))
  );
}

function isInside(box: unknown, sheet: Size): boolean {
  if (!isRecord(box)) return false;
  const { x, y, width, height } = box;
  const whole = (v: unknown, least: number): v is number => Number.isInteger(v) && (v as number) >= least;
  return (
    whole(x, 0) &&
    whole(y, 0) &&
    whole(width, 1) &&
    whole(height, 1) &&
    x + width <= sheet.width &&
    y + height <= sheet.height
  );
}
