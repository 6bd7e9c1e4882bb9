/** `xai-kit report`: a run folder as one HTML file that needs nothing else. */
import type { Command } from "commander";
import { formatBytes } from "../engine/chunk.ts";
import { writeFileAtomic } from "../files.ts";
import { reportPage } from "../report/page.ts";
import { cautionsOf } from "../report/rest.ts";
import type { Io, Run } from "./io.ts";
import { integer } from "./options.ts";
import { checkWritable } from "./output.ts";
import { folderOf, readRunFolder } from "./report-folder.ts";
import { filesOf } from "./run-folder.ts";

interface Options {
  readonly out?: string;
  readonly pictures: number;
  readonly public?: true;
}

export function registerReport(program: Command, run: Run): void {
  program
    .command("report")
    .description("make one HTML page of a run: ranks, scores, gates, curves, maps, cost, provenance")
    .argument("<run>", "a run's folder, or its run.json; a run that is not finished is marked so")
    .option("-o, --out <file>", "where the page goes; default: report.html in the run's folder")
    .option("--pictures <n>", "contact sheets in it at most", integer("--pictures", 0), 8)
    .option("--public", "of a private data set: without its pictures and class names")
    .addHelpText(
      "after",
      `
The page is one file without scripts: it opens offline, in light and dark, on
paper and on a phone. The run is validated first; what the validator says stands
in the page. Curves and maps are shown where the folder has them (curves.json,
pictures/).

Examples:
  $ xai-kit report xai-runs/resnet50-bloodmnist
  $ xai-kit report xai-runs/resnet50-photos --public --out photos.html
  $ xai-kit report results/runs/phantom-cxr/cxr-vit/2026-11-21-03d9e7f0 \\
      --out cxr-vit.html`,
    )
    .action(run<[string, Options]>(report));
}

async function report(io: Io, path: string, options: Options): Promise<void> {
  const out = options.out ?? filesOf(folderOf(path)).report;
  const found = await readRunFolder(path, { pictures: options.pictures, public: options.public === true });
  await checkWritable(out);
  io.signal.throwIfAborted();
  const page = reportPage(found);
  await writeFileAtomic(out, page);
  const { progress, identity = null, curves, sheets, confidential, refused } = found;
  const warnings = cautionsOf(found).reduce((sum, { items }) => sum + items.length, 0);
  if (progress)
    io.say(`note: the run is not finished: ${progress.explained} of ${progress.of} images are explained`);
  if (refused) io.say("warning: the validator does not accept this run; the page says why");
  if (confidential)
    io.say(
      "note: the data set is private, and the page holds its pictures and names: --public leaves them out",
    );
  await io.result(
    {
      out,
      identity,
      finished: progress === undefined,
      curves: (curves?.length ?? 0) > 0,
      pictures: sheets.length,
      confidential,
      warnings,
    },
    `report: ${out} (${formatBytes(Buffer.byteLength(page))})\n`,
  );
}
