/** `xai-kit study`: a published study again with one command: every cell an evaluation, and a page of what they say together. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { studyModels } from "../bundled.ts";
import { formatBytes } from "../engine/chunk.ts";
import { KitError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { decimalsOf, number } from "../format.ts";
import { toJson } from "../json.ts";
import { studyPage } from "../report/study-page.ts";
import { parseShard, type Shard, shardName } from "../runner/share.ts";
import { type Column, isEstimate, type Table, type Value } from "../studies/findings.ts";
import { studies, studyOf } from "../studies/index.ts";
import { firstLookOf, missingWords, type StudyPlan, templateOf } from "../studies/inputs.ts";
import { type Study, wordsOf } from "../studies/study.ts";
import { evaluateOne } from "./evaluate-one.ts";
import type { Io, Run } from "./io.ts";
import { integer, withComputingOptions } from "./options.ts";
import { checkWritable } from "./output.ts";
import { formatRoughly } from "./progress.ts";
import { counted } from "./run-text.ts";
import {
  cellsOf,
  readCells,
  readStudy,
  type StudyCells,
  studyFiles,
  unfinished,
  writeCells,
} from "./study-folder.ts";
import { type CheckedCell, type Computing, checkedCells, readInputs } from "./study-plan.ts";
import { measureTime } from "./study-time.ts";
import { table } from "./table.ts";
import { version } from "./version.ts";
import { paragraph } from "./width.ts";

interface Options extends Computing {
  readonly inputs?: string;
  readonly writeInputs?: string;
  readonly dryRun?: true;
  readonly report?: true;
  readonly public?: true;
  readonly shard?: Shard;
  readonly out?: string;
}

export function registerStudy(program: Command, run: Run): void {
  const command = program
    .command("study")
    .description(
      "run a published study again: every model on every data set, then one page of what they say together",
    )
    .usage("[id] [options]")
    .argument("[id]", "the study; without one: what there is")
    .option(
      "--inputs <file>",
      "your models and data (JSON); without it: bundled models on drawn pictures, a first look",
    )
    .option(
      "--write-inputs <file>",
      "write an inputs file to be filled in, with every cell that the paper has",
    )
    .option("--dry-run", "check everything, show the plan and what it will take, and stop")
    .option("--report", "only make the page again from the runs that are there")
    .option("--public", "of private data sets: a page without their pictures and class names")
    .option(
      "--shard <i/n>",
      "only every n-th cell, beginning with the i-th; folders can be shared or copied together",
      parseShard,
    )
    .option(
      "--jobs <n>",
      "engines at work at once; default: one per core, as memory allows",
      integer("--jobs", 1),
    )
    .addOption(
      new Option(
        "--on-fault <what>",
        "an unreadable image or annotation ends the reading, or is left out and recorded",
      )
        .choices(["stop", "skip"])
        .default("stop"),
    )
    .option("-o, --out <dir>", "default: xai-runs/studies/<id>")
    .option("--overwrite", "make runs again that were made otherwise");
  withComputingOptions(command)
    .addHelpText(
      "after",
      `
Each cell of a study is an evaluation in <out>/runs/<cell>/: what was stopped
goes on with the same command, and what is finished is not done again. When
all cells are there, study.json (every number) and report.html are written.
A study with gaps runs, and its report names them.

Examples:
  $ xai-kit study
  $ xai-kit study kowsar-2026
  $ xai-kit study kowsar-2026 --write-inputs inputs.json
  $ xai-kit study kowsar-2026 --inputs inputs.json --dry-run
  $ xai-kit study kowsar-2026 --inputs inputs.json --shard 1/4
  $ xai-kit study kowsar-2026 --report`,
    )
    .action(run<[string | undefined, Options]>(study));
}

async function study(io: Io, id: string | undefined, options: Options): Promise<void> {
  if (id === undefined) {
    const listed = studies.map((s) => ({
      id: s.id,
      title: s.title,
      paper: s.paper,
      question: s.question,
      cells: s.wanted.length,
    }));
    const text = table(
      [{ title: "study" }, { title: "cells" }, { title: "title" }],
      listed.map((s) => [s.id, s.cells, s.title]),
      { width: io.columns },
    );
    await io.result(
      { studies: listed },
      `${text}\nnext: xai-kit study <id>, or --write-inputs for your own models and data\n`,
    );
    return;
  }
  const chosen = studyOf(id);
  const out = options.out ?? join("xai-runs", "studies", id);
  if (options.writeInputs !== undefined) return writeTemplate(io, chosen, options.writeInputs);
  if (options.report) {
    const cells = await readCells(out);
    if (cells?.study !== id) {
      throw new KitError("E_STUDY", {
        problem:
          cells === undefined ? `no study was begun in ${out}` : `${out} holds the study ${cells.study}`,
        next: `xai-kit study ${id} begins one; --out names another folder`,
      });
    }
    return report(io, chosen, out, cells, options);
  }
  const plan =
    options.inputs === undefined
      ? firstLookOf(chosen, studyModels())
      : await readInputs(chosen, options.inputs);
  io.say(`${chosen.title} (${chosen.paper})`);
  if (plan.firstLook) {
    io.say(
      `bundled models on drawn pictures: a first look, never ranked; ${counted(plan.cells.length, "cell")}, protocol ${plan.protocol}, ${plan.samples} images each`,
      "your own models and data: --write-inputs, then --inputs",
    );
  }
  for (const gap of missingWords(chosen, plan.missing)) io.say(`not in the inputs: ${gap}`);
  const { shard } = options;
  const checked = await checkedCells(io, plan, {
    ...{ out, shard, engine: options.engine, device: options.device, threads: options.threads },
    ...{ memory: options.memory, batch: options.batch, jobs: options.jobs },
    ...{ onFault: options.onFault, overwrite: options.overwrite },
  });
  if (options.dryRun) return dryRun(io, plan, checked);
  const cells = cellsOf(plan, checked, await readCells(out));
  await writeCells(out, cells);
  await runCells(io, chosen, out, plan, checked);

  const open = await unfinished(out, cells);
  if (open.length === 0) return report(io, chosen, out, cells, options);
  await io.result(
    {
      out,
      shard: shard === undefined ? null : shardName(shard),
      finished: cells.cells.length - open.length,
      open,
    },
    `${cells.cells.length - open.length} of ${counted(cells.cells.length, "cell")} finished; the report is written when all are in ${join(out, "runs")}\nnext: the other shards, or xai-kit study ${id} --report for what there is\n`,
  );
}

async function writeTemplate(io: Io, chosen: Study, file: string): Promise<void> {
  if (existsSync(file)) {
    throw new KitError("E_EXISTS", {
      problem: `${file} is there already`,
      next: "choose another name, or remove it",
    });
  }
  const template = templateOf(chosen);
  await writeFileAtomic(file, `${JSON.stringify(template, null, 2)}\n`);
  await io.result(
    { file, cells: template.cells.length },
    `inputs: ${file}, ${counted(template.cells.length, "cell")}\nnext: put your files where it says, or your paths into it, and leave out what you do not have;\n  xai-kit study ${chosen.id} --inputs ${file} --dry-run\n`,
  );
}

interface Estimated {
  readonly forwards: number;
  readonly backwards: number;
  readonly seconds: number;
}

/** What evaluate would say of each cell. */
async function dryRun(io: Io, plan: StudyPlan, checked: readonly CheckedCell[]): Promise<void> {
  const estimates: (Estimated & { readonly samples: number })[] = [];
  const progress = io.progress("estimate", checked.length);
  try {
    for (const [k, { options }] of checked.entries()) {
      const { value } = await evaluateOne({ ...io, say() {} }, { ...options, dryRun: true });
      const { estimate, samples } = value as { estimate: Estimated; samples: number };
      estimates.push({ ...estimate, samples });
      progress.tick(k + 1);
    }
  } finally {
    progress.done();
  }
  const passes = ({ forwards, backwards }: Estimated) => forwards + backwards;
  const total = estimates.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = checked.map(({ cell, images, classes }, k) => ({
    id: cell.id,
    labels: cell.labels,
    data: cell.data,
    images,
    classes,
    explained: estimates[k].samples,
    passes: passes(estimates[k]),
    seconds: estimates[k].seconds,
  }));
  const words = missingWords(plan.study, plan.missing);
  const text = table(
    [
      ...["cell", "data"].map((title) => ({ title })),
      ...["classes", "images", "explained", "passes"].map((title) => ({
        title,
        format: (n: number) => n.toLocaleString("en"),
      })),
      { title: "time", align: "right" as const },
    ],
    rows.map((row) => [
      wordsOf(row.labels),
      row.data,
      row.classes,
      row.images,
      row.explained,
      row.passes,
      `≈ ${formatRoughly(row.seconds * 1000)}`,
    ]),
    { width: io.columns },
  );
  await io.result(
    {
      study: plan.study.id,
      firstLook: plan.firstLook,
      protocol: plan.protocol,
      cells: rows,
      missing: plan.missing,
      seconds: total,
    },
    `${text}\n${counted(rows.length, "cell")}, ≈ ${formatRoughly(total * 1000)} in all${words.length > 0 ? `; ${counted(plan.missing.length, "cell")} of the paper not among them` : ""}\n`,
  );
}

/** A cell that fails stands in nobody's way; all that failed are told at the end. Throws KitError E_STUDY_CELLS. */
async function runCells(
  io: Io,
  chosen: Study,
  out: string,
  plan: StudyPlan,
  checked: readonly CheckedCell[],
): Promise<void> {
  const failed: string[] = [];
  for (const [k, { cell, options }] of checked.entries()) {
    io.signal.throwIfAborted();
    io.say("", `cell ${k + 1} of ${checked.length}: ${wordsOf(cell.labels)}`);
    try {
      await evaluateOne(io, options);
      if (chosen.times) await measureTime(io, out, cell.id, options);
    } catch (error) {
      if (!(error instanceof KitError) || everybodys.includes(error.code) || io.signal.aborted) throw error;
      io.say(`failed: ${error.message}  [${error.code}]`);
      failed.push(
        `${cell.id}: ${error.message}  [${error.code}]`,
        ...error.details.map((line) => `  ${line}`),
      );
    }
  }
  if (failed.length === 0) return;
  throw new KitError("E_STUDY_CELLS", {
    problem: `not every cell of ${plan.study.id} could be run`,
    details: failed,
    next: `mend these and give the same command again: what is finished is kept; xai-kit study ${plan.study.id} --out ${out} --report makes the page of what there is`,
  });
}

/** What every cell after this one would meet too. */
const everybodys: readonly string[] = ["E_USAGE", "E_DEVICE", "E_WRITE", "E_INTERRUPTED"];

async function report(
  io: Io,
  chosen: Study,
  out: string,
  cells: StudyCells,
  options: { readonly public?: true },
): Promise<void> {
  const { findings: file, report: pageFile } = studyFiles(out);
  const found = await readStudy(io, out, cells, {
    compares: chosen.compares === true,
    public: options.public === true,
  });
  if (found.runs.length === 0) {
    throw new KitError("E_STUDY", {
      problem: `no cell in ${out} is finished`,
      next: `xai-kit study ${chosen.id} runs them`,
    });
  }
  await checkWritable(pageFile);
  io.signal.throwIfAborted();
  const sections = await chosen.analyse(found);
  const gaps = [
    ...found.gaps.map(({ labels, reason }) => `${wordsOf(labels)}: ${reason}`),
    ...missingWords(chosen, cells.missing).map((words) => `${words} (not in the inputs)`),
  ];
  const common = {
    study: chosen,
    kit: version,
    firstLook: cells.firstLook,
    protocol: cells.protocol,
    gaps,
    sections,
  };
  const page = studyPage({ ...common, runs: found.runs, telemetry: found.telemetry });
  const value = {
    schema: "xai-kit/study/1",
    study: chosen.id,
    title: chosen.title,
    paper: chosen.paper,
    kit: version,
    firstLook: cells.firstLook,
    protocol: cells.protocol,
    cells: found.runs.map(({ id, labels, sha256, result, time }) => ({
      id,
      labels,
      run: sha256,
      model: result.model.id,
      data: result.data.id,
      images: result.data.count,
      explained: result.selection.samples,
      ranked: result.standard && cells.protocol !== "quick",
      ...(time && { time }),
    })),
    gaps,
    // pictures are the page's
    sections: sections.map((section) => ({
      ...section,
      blocks: section.blocks.filter(({ kind }) => kind !== "montage"),
    })),
  };
  await writeFileAtomic(file, toJson(value));
  await writeFileAtomic(pageFile, page);
  const tables = sections.flatMap(({ blocks }) => blocks.filter((block) => block.kind === "table"));
  await io.result(
    { out, ...value },
    [
      ...tables.map((block) => tableText(block, io.columns)),
      [
        ...gaps.map((gap) => paragraph(`missing: ${gap}`, io.columns ?? Number.POSITIVE_INFINITY, 0, 2)),
        `${counted(found.runs.length, "cell")}${cells.firstLook ? ", a first look: bundled models on drawn pictures, never ranked" : ""}\n`,
        `numbers: ${file}\nreport: ${pageFile} (${formatBytes(Buffer.byteLength(page))})\n`,
      ].join(""),
    ].join("\n"),
  );
}

/** Numbers without their intervals, which the page and study.json have. */
const tableText = ({ title, of, columns, rows }: Table, width: number | undefined): string =>
  `${title}\n${table(
    [
      { title: of },
      ...columns.map(({ title: text, better, decimals }) => ({
        title: text,
        better,
        ...(decimals !== undefined && { format: (value: number) => value.toFixed(decimals) }),
      })),
    ],
    rows.map(({ label, note, values }) => [
      note === undefined ? label : `${label} (${note})`,
      ...values.map((value, k) => plain(value, columns[k])),
    ]),
    { width, split: true },
  )}`;

function plain(value: Value, { decimals }: Column) {
  if (!isEstimate(value)) return value;
  const { value: own, sd } = value;
  if (own === null || sd === undefined) return own;
  const digits = decimals ?? decimalsOf(own);
  return `${number(own, digits)} ± ${number(sd, digits)}`;
}
