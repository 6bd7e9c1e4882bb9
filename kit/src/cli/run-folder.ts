/**
 * The files of a run: `journal.jsonl` while and after it runs; `run.json`, `scores.parquet` and, where metrics have some, `curves.json` once it
 * is whole; `pictures/`; `regions/`, where it is asked for. `report.html` is written by a command of its own.
 */
import { createHash, createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { writeError, writeFileAtomic } from "../files.ts";
import { canonicalJson } from "../json.ts";
import { machineFacts } from "../node.ts";
import { type Composed, composeRun, type Result, type Run, type Telemetry } from "../results/document.ts";
import { type Classified, fingerprintText, qualityOf } from "../runner/classify.ts";
import { type MeanCurve, meanCurves } from "../runner/curves.ts";
import { planOf, type RunFacts } from "../runner/facts.ts";
import type { Header } from "../runner/journal.ts";
import { assemble, type Unit } from "../runner/units.ts";
import { mean } from "../stats/summary.ts";
import { checkWritable } from "./output.ts";

export const filesOf = (out: string) => ({
  journal: join(out, "journal.jsonl"),
  run: join(out, "run.json"),
  scores: join(out, "scores.parquet"),
  curves: join(out, "curves.json"),
  pictures: join(out, "pictures"),
  regions: join(out, "regions"),
  report: join(out, "report.html"),
});

/** Throws KitError E_WRITE before any work where the folder cannot be made or written to. */
export async function checkFolder(out: string): Promise<void> {
  // the first folder that exists decides whether the others can be made
  let folder = resolve(out);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  await checkWritable(join(folder, "run.json"));
}

/** The folder; where a run begins, without what an earlier one left in it. Throws KitError E_WRITE. */
export async function preparedFolder(out: string, anew: boolean): Promise<void> {
  const { run, scores, curves, pictures, regions, report, journal } = filesOf(out);
  try {
    // the journal goes last: a document without one is known for somebody's run
    if (anew)
      for (const part of [report, pictures, regions, curves, scores, run, journal])
        await rm(part, { recursive: true, force: true });
    await mkdir(pictures, { recursive: true });
  } catch (cause) {
    throw writeError(out, cause);
  }
}

/** The document of a run that is whole; undefined where it is missing or not readable, and can be made again. */
export async function finishedRun(out: string): Promise<Run | undefined> {
  const { run, scores } = filesOf(out);
  if (!existsSync(run) || !existsSync(scores)) return undefined;
  try {
    return JSON.parse(await readFile(run, "utf8")) as Run;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export interface Parts {
  readonly facts: RunFacts;
  readonly secret: Header["secret"];
  /** in the order of the split */
  readonly images: readonly Classified[];
  /** in any order */
  readonly units: readonly Unit[];
  readonly telemetry: Pick<Telemetry, "date" | "seconds" | "threads" | "jobs" | "peakMemory">;
}

/** What `curves.json` holds: nothing that is published, and no id of an image. */
export interface Curves {
  /** identity of the run they are of */
  readonly run: string;
  readonly curves: readonly MeanCurve[];
}

export interface WholeRun extends Composed {
  readonly curves: Curves;
}

/** The run document of what journals hold: the same for one journal and for the shards of a run. */
export function composeParts({ facts, secret, images, units, telemetry }: Parts): WholeRun {
  const { model, card, data, resize, engine, kit, selected } = facts;
  const { prepared, shape } = model;
  const { cam, ...rest } = prepared;
  const key = Buffer.from(secret, "hex");
  const execution = assemble(selected, units);
  const plan = planOf(facts);
  const composed = composeRun({
    kitVersion: kit,
    engine,
    model: { shape, prepared: { ...rest, cam: cam ?? undefined } },
    modelId: model.id,
    modelSha256: model.sha256,
    card,
    dataset: data,
    fingerprint: fingerprint(images, data.ids === "private" ? key : undefined),
    idKey: data.ids === "private" ? key : undefined,
    resize,
    quality: qualityOf(images, { classes: prepared.classes, prepared }).quality,
    plan,
    execution,
    telemetry: {
      ...telemetry,
      machine: machineFacts(),
      passes: {
        forwards: execution.passes.forwards + images.length,
        backwards: execution.passes.backwards,
      },
      ...msPerImage(images),
      msPerAttribution: execution.msPerAttribution,
    },
  });
  return { ...composed, curves: { run: composed.identity, curves: meanCurves(plan, selected, units) } };
}

/** Of the images whose time was taken. */
function msPerImage(images: readonly Classified[]): Pick<Telemetry, "msPerImage"> {
  const ms = mean(images.flatMap((image) => image.ms ?? []));
  return ms === null ? {} : { msPerImage: ms };
}

function fingerprint(images: readonly Classified[], key: Buffer | undefined): Result["data"]["fingerprint"] {
  const kind = key === undefined ? "sha256" : "hmac-sha256";
  const hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  return { kind, value: hash.update(fingerprintText(images)).digest("hex") };
}

/** Each file appears whole, run.json last: it names the hash of the other. */
export async function writeRun(out: string, { text, sidecar, curves: found }: WholeRun): Promise<void> {
  const { run, scores, curves } = filesOf(out);
  await writeFileAtomic(scores, sidecar);
  if (found.curves.length > 0) await writeFileAtomic(curves, `${canonicalJson(found)}\n`);
  await writeFileAtomic(run, text);
}
