/** `xai-kit datasets`: what of a data set is there, what is missing, and where it is to be had. Nothing is ever downloaded. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { Dataset, Sample, SampleInfo } from "../datasets/dataset.ts";
import { datasets } from "../datasets/index.ts";
import { definitionOf } from "../datasets/open.ts";
import { toUnit } from "../datasets/readers/image8.ts";
import { type GridPicture, grid } from "../render/grid.ts";
import { writePng } from "../render/png.ts";
import { type DataOptions, openData, withDataOptions } from "./data-options.ts";
import type { Io, Run } from "./io.ts";
import { ids, integer } from "./options.ts";
import { counted } from "./run-text.ts";
import { printable, table } from "./table.ts";
import { paragraph } from "./width.ts";

interface CheckOptions extends DataOptions {
  readonly classNames?: string[];
  readonly images: number;
  readonly all?: true;
  readonly out?: string;
}

export function registerDatasets(program: Command, run: Run): void {
  const command = program
    .command("datasets")
    .description("what of a data set is on the disk, and where it is to be had")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit datasets where
  $ xai-kit datasets check medmnist:bloodmnist --data-dir ~/medmnist`,
    );
  const checking = command
    .command("check")
    .description("open a data set: edition, counts, classes, annotations, and a picture of its first samples")
    .argument("<spec>", "as for evaluate --data");
  withDataOptions(checking)
    .option("--class-names <ids>", "in the order of a model's outputs", ids)
    .option("--images <n>", "samples in the picture", integer("--images", 0), 24)
    .option("--all", "open every image, not only those in the picture")
    .option("-o, --out <file>", "the picture; default: xai-runs/datasets/<id>.png")
    .addHelpText(
      "after",
      `
What does not agree with the published set is said, and is no error where the
set can be read all the same. Exit code 1 where it cannot.

Examples:
  $ xai-kit datasets check medmnist:pneumoniamnist --data-dir ~/medmnist
  $ xai-kit datasets check folder:photos --boxes photos/annotations.json --all
  $ xai-kit datasets check phantom-cxr --images 12 --out cxr.png`,
    )
    .action(run<[string, CheckOptions]>(check));
  const listing = command
    .command("ids")
    .description("the ids of a data set, one a line: a file of some of them is one for --split")
    .argument("<spec>", "as for evaluate --data");
  withDataOptions(listing)
    .option("--class-names <ids>", "in the order of a model's outputs", ids)
    .addHelpText(
      "after",
      `
The file stays on this machine; a run document holds its hash alone.

Examples:
  $ xai-kit datasets ids iq-othnccd --data-dir ~/iq > test.txt
  $ xai-kit datasets check iq-othnccd --data-dir ~/iq --split test.txt`,
    )
    .action(run<[string, DataOptions & Pick<CheckOptions, "classNames">]>(list));
  command
    .command("where")
    .description("how to obtain a data set, and under which licence")
    .argument("[spec]", "one of them; all without")
    .addHelpText(
      "after",
      `
Nothing is downloaded: most of these sets ask you to accept terms first.

Examples:
  $ xai-kit datasets where
  $ xai-kit datasets where iq-othnccd`,
    )
    .action(run<[string | undefined]>(where));
}

async function where(io: Io, spec: string | undefined): Promise<void> {
  const chosen = spec === undefined ? datasets : [definitionOf(spec)];
  const facts = chosen.map(({ id, title, licence, paper, where: place, offers }) => ({
    id,
    title,
    licence,
    paper,
    where: place,
    offers,
  }));
  const width = io.columns ?? Number.POSITIVE_INFINITY;
  const text = facts.map((set) =>
    [
      `${set.id}\n`,
      ...[
        set.title,
        `licence: ${set.licence}`,
        `described in: ${set.paper}`,
        `where: ${set.where}`,
        `--data ${set.offers.join(", ")}`,
      ].map((line) => paragraph(line, width, 2, 4)),
    ].join(""),
  );
  await io.result(spec === undefined ? facts : facts[0], text.join("\n"));
}

async function list(
  io: Io,
  spec: string,
  options: DataOptions & Pick<CheckOptions, "classNames">,
): Promise<void> {
  const dataset = await openData(spec, options, options.classNames);
  try {
    const names = (await dataset.index()).map(({ id }) => id);
    await io.result(names, names.map((name) => `${name}\n`).join(""));
  } finally {
    await dataset.close();
  }
}

async function check(io: Io, spec: string, options: CheckOptions): Promise<void> {
  const dataset = await openData(spec, options, options.classNames);
  try {
    const index = await dataset.index();
    const first = spread(index, options.images);
    const pictures = await read(io, dataset, options.all ? undefined : first, new Set(first));
    const out = options.out ?? join("xai-runs", "datasets", `${dataset.id}.png`);
    if (pictures.length > 0) {
      await mkdir(dirname(out), { recursive: true });
      await writePng(out, grid(pictures, { title: `${dataset.title}, ${dataset.edition}` }));
    }
    const facts = factsOf(dataset, index);
    const picture = pictures.length > 0 ? out : null;
    await io.result(
      { ...facts, opened: options.all ? index.length : first.length, picture },
      textOf(io, facts, picture),
    );
  } finally {
    await dataset.close();
  }
}

/** Of every class as many as of any other, the first of each. */
function spread(index: readonly SampleInfo[], most: number): string[] {
  const seen = new Map<string, number>();
  return index
    .map(({ id, labels }, at) => {
      const key = labels.join();
      const turn = seen.get(key) ?? 0;
      seen.set(key, turn + 1);
      return { id, turn, at };
    })
    .sort((a, b) => a.turn - b.turn || a.at - b.at)
    .slice(0, most)
    .map(({ id }) => id);
}

async function read(
  io: Io,
  dataset: Dataset,
  wanted: readonly string[] | undefined,
  shown: ReadonlySet<string>,
): Promise<GridPicture[]> {
  if (wanted?.length === 0) return [];
  const total = wanted?.length ?? dataset.count;
  const progress = io.progress("open", total);
  const pictures: GridPicture[] = [];
  try {
    let done = 0;
    for await (const sample of dataset.read(wanted)) {
      io.signal.throwIfAborted();
      progress.tick(++done, sample.id);
      if (shown.has(sample.id)) pictures.push(pictureOf(sample, dataset));
    }
  } finally {
    progress.done();
  }
  return pictures;
}

const pictureOf = (
  { id, labels, image, masks, boxes }: Sample,
  { classes }: Pick<Dataset, "classes">,
): GridPicture => ({
  image: { ...image, data: toUnit(image) },
  masks,
  boxes: boxes?.map(({ x0, y0, x1, y1 }) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })),
  lines: [labels.map((label) => classes[label]).join(", ") || "none", id],
});

function factsOf(dataset: Dataset, index: readonly SampleInfo[]) {
  const {
    id,
    title,
    edition,
    track,
    split,
    splitFile = null,
    task,
    classes,
    licence,
    ids: kept,
    notes,
    skipped,
  } = dataset;
  return {
    id,
    title,
    edition,
    track,
    split,
    splitFile,
    task,
    licence,
    ids: kept,
    images: index.length,
    annotated: index.filter((sample) => sample.annotated).length,
    groups: new Set(index.map((sample) => sample.group)).size,
    classes: classes.map((name, label) => {
      const own = index.filter((sample) => sample.labels.includes(label));
      return { name, images: own.length, annotated: own.filter((sample) => sample.annotated).length };
    }),
    notes,
    leftOut: skipped,
  };
}

function splitText({ split, splitFile }: Pick<ReturnType<typeof factsOf>, "split" | "splitFile">): string {
  const file = splitFile === null ? "" : ` by a file, sha256 ${splitFile.slice(0, 8)}`;
  if (split !== "unknown") return `${split} split${file}`;
  return file === ""
    ? "no official split: never ranked without one (--split FILE)"
    : `a selection of your own${file}, in place of an official split: never ranked`;
}

/** Told to people; ImageNet has a thousand. */
const mostClasses = 40;

function textOf(io: Io, facts: ReturnType<typeof factsOf>, picture: string | null): string {
  const { classes, notes, leftOut } = facts;
  const groups = facts.groups < facts.images ? `, of ${counted(facts.groups, "patient or source")}` : "";
  const split = splitText(facts);
  const width = io.columns ?? Number.POSITIVE_INFINITY;
  const said = (text: string) => paragraph(printable(text), width, 0, 2);
  return [
    said(`${facts.title} (${facts.id}), ${facts.edition}`),
    said(
      `${split}; ${counted(facts.images, "image")}${groups}; ${facts.annotated} with a mask or boxes; ${facts.task}; licence ${facts.licence}`,
    ),
    "\n",
    table(
      [{ title: "class" }, { title: "images" }, { title: "annotated" }],
      classes
        .slice(0, mostClasses)
        .map(({ name, images, annotated }) => [printable(name), images, annotated]),
      { width: io.columns },
    ),
    ...(classes.length > mostClasses ? [`and ${classes.length - mostClasses} more; --json has all\n`] : []),
    "\n",
    ...notes.map((note) => said(`note: ${note}`)),
    ...leftOut.map(({ what, reason }) => said(`left out: ${what}: ${reason}`)),
    ...(picture === null ? [] : [`picture: ${picture}\n`]),
  ].join("");
}
