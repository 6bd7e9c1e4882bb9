/** `xai-kit compare`: finished runs of several models in one document: consistency over the seeds of a model, UCES inside the named set. */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import {
  type ComparedRun,
  type Comparison,
  comparedSamples,
  comparisonPlaceOf,
  composeComparison,
  type ModelOverlaps,
  pixelsOf,
  textOf,
} from "../comparison/document.ts";
import { type KeptMaps, measureOverlaps, missingMaps } from "../comparison/measure.ts";
import { type ComparedModel, incomparable, modelsOf, seedOf } from "../comparison/models.ts";
import { defaultAlpha } from "../comparison/uces.ts";
import { KitError } from "../errors.ts";
import { writeError, writeFileAtomic } from "../files.ts";
import { keyedId } from "../results/sidecar.ts";
import { jsonLimits } from "../results/strict-json.ts";
import { readJournal } from "../runner/journal.ts";
import { documentsIn, readRun, validateFile } from "./documents.ts";
import type { Answer } from "./evaluate-earlier.ts";
import type { Io, Run } from "./io.ts";
import { integer } from "./options.ts";
import { readRegions } from "./regions.ts";
import { filesOf } from "./run-folder.ts";
import { counted } from "./run-text.ts";
import { table } from "./table.ts";
import { version } from "./version.ts";
import { paragraph } from "./width.ts";

export interface CompareOptions {
  readonly name: string;
  readonly alpha?: number;
  readonly reference?: number;
  readonly out?: string;
  readonly overwrite?: true;
}

export function registerCompare(program: Command, run: Run): void {
  program
    .command("compare")
    .description("compare finished runs of several models: consistency over seeds, UCES inside the named set")
    .argument("<runs...>", "run folders, run.json files, or folders of them")
    .requiredOption("--name <id>", "what the set is called; UCES says nothing outside of it", setName)
    .option(
      "--alpha <x>",
      `weight of classification in UCES; default: ${defaultAlpha}, the one that is handed in`,
      share,
    )
    .option(
      "--reference <seed>",
      "the training seed that the others are compared with; default: the lowest",
      integer("--reference", 0),
    )
    .option("-o, --out <file>", "default: xai-runs/comparisons/<data>/<name>.json")
    .option("--overwrite", "replace another comparison that is there")
    .addHelpText(
      "after",
      `
Runs are of one data set under one protocol. Those of one architecture and
training data whose cards tell different training seeds are seeds of one model:
its indicators are their means, and it has a consistency where all of them were
evaluated with --keep-regions. UCES needs three models that were evaluated with
average-drop, relative-confidence-gain, entropy, sparsity, deletion-auc and
insertion-auc.

The document names its runs by SHA-256, and everything in it can be computed
again from them but the overlaps of maps, which it holds.

Examples:
  $ xai-kit compare xai-runs/resnet-1 xai-runs/resnet-2 xai-runs/resnet-3 \\
      --name resnet-seeds
  $ xai-kit compare results/runs/phantom-cxr --name cxr-four --alpha 0.5`,
    )
    .action(
      run<[string[], CompareOptions]>(async (io, folders, options) => {
        const { value, text } = await compareRuns(io, folders, options);
        await io.result(value, text);
      }),
    );
}

/** An id of a set. Throws KitError E_USAGE. */
export function setName(text: string): string {
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 80) return text;
  throw new KitError("E_USAGE", {
    problem: `--name ${text} is no id`,
    next: "lower-case letters, digits and single hyphens: --name four-architectures",
  });
}

function share(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new KitError("E_USAGE", {
    problem: `--alpha ${text} is no number from 0 to 1`,
    next: `for example --alpha ${defaultAlpha}`,
  });
}

/** A run as `compare` reads it. */
export interface ReadRun extends ComparedRun {
  readonly folder: string;
}

/** Throws KitError E_COMPARE, E_RUN, E_REGIONS, E_EXISTS, E_WRITE. */
export async function compareRuns(
  io: Io,
  folders: readonly string[],
  options: CompareOptions,
): Promise<Answer> {
  const files: string[] = [];
  for (const folder of folders) files.push(...(await documentsIn(folder)).runs);
  const runs: ReadRun[] = [];
  const progress = io.progress("read", files.length);
  try {
    for (const file of new Set(files)) {
      io.signal.throwIfAborted();
      runs.push(await openRun(file));
      progress.tick(runs.length);
    }
  } finally {
    progress.done();
  }
  const comparison = await comparisonOf(io, runs, options);
  const out = options.out ?? join("xai-runs", "comparisons", ...comparisonPlaceOf(comparison).split("/"));
  await write(out, comparison, options.overwrite === true);
  return {
    value: { out, comparison },
    text: `${comparisonText(comparison, io.columns)}\ncomparison: ${out}\n`,
  };
}

/** Of runs with their folders, where maps were kept. Throws KitError E_COMPARE, E_REGIONS. */
export async function comparisonOf(
  io: Pick<Io, "say">,
  runs: readonly ReadRun[],
  { name, alpha = defaultAlpha, reference }: Pick<CompareOptions, "name" | "alpha" | "reference">,
): Promise<Comparison> {
  const overlaps = new Map<string, ModelOverlaps | undefined>();
  if (incomparable(runs).length === 0) {
    const several = modelsOf(runs).filter((model) => model.runs.length > 1);
    for (const model of several) overlaps.set(model.id, await overlapsOf(io, model, runs, reference));
  }
  return composeComparison({ name, kit: version, alpha, runs, overlapsOf: ({ id }) => overlaps.get(id) });
}

async function openRun(file: string): Promise<ReadRun> {
  const verdict = await validateFile(file);
  const run = await readRun(file, verdict);
  if (run !== undefined) return { folder: dirname(file), ...run };
  const [first] = verdict.problems;
  throw new KitError("E_COMPARE", {
    problem: `${file} is no valid run`,
    details: [
      first === undefined
        ? `there is no ${join(dirname(file), "scores.parquet")}`
        : `${first.path}: ${first.message}`,
    ],
    next: "xai-kit validate shows every problem; evaluate again",
  });
}

/** Undefined, and said why, where the maps of a seed were not kept. */
async function overlapsOf(
  io: Pick<Io, "say">,
  model: ComparedModel,
  runs: readonly ReadRun[],
  seed: number | undefined,
): Promise<ModelOverlaps | undefined> {
  const reference = model.runs.find((run) => seed === undefined || seedOf(run) === seed);
  if (reference === undefined) {
    throw new KitError("E_COMPARE", {
      problem: `no run of ${model.id} has the training seed ${seed}`,
      next: `--reference takes one of ${model.runs.map(seedOf).join(", ")}`,
    });
  }
  const kept = new Map<string, KeptMaps>();
  const published = new Map<string, (sample: string) => string>();
  for (const { sha256 } of model.runs) {
    const { folder, result, rows } = runs.find((run) => run.sha256 === sha256)!;
    const none = (why: string) => {
      io.say(`no consistency of ${model.id}: ${folder}: ${why}`);
      return undefined;
    };
    const pixels = pixelsOf(model);
    const maps = await readRegions(filesOf(folder).regions, pixels);
    if (maps === undefined) return none("evaluated without --keep-regions");
    let idOf = (sample: string) => sample;
    if (result.data.ids === "private") {
      const journal = await readJournal(filesOf(folder).journal);
      if (journal === undefined) return none("without its journal nobody can tell which image is which");
      const key = Buffer.from(journal.header.secret, "hex");
      idOf = (sample) => keyedId(sample, key);
    }
    const missing = missingMaps(rows, maps, idOf, pixels);
    if (missing.length > 0)
      return none(`${missing[0]}${missing.length > 1 ? `, and ${missing.length - 1} more` : ""}`);
    kept.set(sha256, maps);
    published.set(sha256, idOf);
  }
  const idOf = published.get(reference.sha256)!;
  const own = new Map([...kept.get(reference.sha256)!.keys()].map((sample) => [idOf(sample), sample]));
  const samples = comparedSamples(runs.find((run) => run.sha256 === reference.sha256)!);
  return measureOverlaps(model, {
    reference: reference.sha256,
    keptOf: (sha256) => kept.get(sha256)!,
    samples: samples.map((sample) => own.get(sample)!),
  });
}

async function write(out: string, comparison: Comparison, overwrite: boolean): Promise<void> {
  const text = textOf(comparison);
  if (text.length > jsonLimits.bytes) {
    throw new KitError("E_COMPARE", {
      problem: `the comparison would have ${text.length} bytes, and ${jsonLimits.bytes} are the most that is read`,
      next: "compare fewer seeds at once",
    });
  }
  if (existsSync(out)) {
    if ((await readFile(out, "utf8")) === text) return;
    if (!overwrite) {
      throw new KitError("E_EXISTS", {
        problem: `${out} holds another comparison`,
        next: "a name is given once: choose another --name or --out, or replace it with --overwrite",
      });
    }
  }
  try {
    await mkdir(dirname(out), { recursive: true });
  } catch (cause) {
    throw writeError(dirname(out), cause);
  }
  await writeFileAtomic(out, text);
}

const three = (value: number): string => value.toFixed(3);

/** A table of consistency for each model with seeds, one of UCES for all, and what is not there. */
export function comparisonText(
  { models, consistency, uces, gaps }: Comparison,
  columns: number | undefined,
): string {
  const width = columns ?? Number.POSITIVE_INFINITY;
  const parts = consistency.map(({ model, reference, samples, methods }) => {
    const { runs } = models.find(({ id }) => id === model)!;
    const seeds = runs.map(({ seed }) => seed);
    const first = runs.find(({ sha256 }) => sha256 === reference)!.seed;
    const title = `consistency of ${model}: seed ${first} with ${seeds.filter((s) => s !== first).join(", ")}, ${counted(samples.length, "image")}`;
    const ordered = [...methods.filter((m) => !m.control), ...methods.filter((m) => m.control)];
    return `${title}\n${table(
      [
        { title: "method" },
        { title: "consistency", better: "higher", format: three },
        { title: "95 % interval" },
        { title: "all pairs", format: three },
        { title: "fewest images" },
      ],
      ordered.map(({ method, control, value, interval, allPairs, pairs }) => [
        control ? `(${method})` : method,
        value,
        interval?.map(three).join(" – "),
        allPairs,
        Math.min(...pairs.map(({ n }) => n)),
      ]),
      { width },
    )}`;
  });
  const scored = uces?.methods.filter(({ reason }) => reason === null) ?? [];
  if (uces !== null && scored.length > 0) {
    const standing = (of: (typeof scored)[number], model: string) => of.models.find((m) => m.model === model);
    parts.push(
      `UCES ↑ inside this set, by the method that explains: ${uces.alpha} × classification + ${+(1 - uces.alpha).toFixed(12)} × explanation\n${table(
        [
          { title: "model" },
          { title: "classification", format: three },
          ...scored.map(({ method }) => ({ title: method, format: three })),
        ],
        models.map(({ id }) => [
          id,
          standing(scored[0], id)?.classification,
          ...scored.map((of) => standing(of, id)?.uces),
        ]),
        { width, split: true },
      )}`,
    );
  }
  const notes = [
    ...scored.flatMap(({ method, leftOut }) =>
      leftOut.length > 0 ? [`left out, equal for all models: ${leftOut.join(", ")} (${method})`] : [],
    ),
    ...(uces?.methods ?? []).flatMap(({ method, reason }) =>
      reason === null ? [] : [`no UCES by ${method}: ${reason}`],
    ),
    ...gaps.map(
      ({ metric, model, reason }) => `no ${metric}${model === null ? "" : ` of ${model}`}: ${reason}`,
    ),
  ];
  if (notes.length > 0) parts.push(notes.map((note) => paragraph(note, width, 0, 2)).join(""));
  return parts.join("\n");
}
