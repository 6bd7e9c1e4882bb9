import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { bundledModels } from "../bundled.ts";
import { KitError } from "../errors.ts";
import { protocols, standardProtocol } from "../protocol/protocol.ts";
import { parseShard } from "../runner/share.ts";
import { compareRuns } from "./compare.ts";
import { withDataOptions } from "./data-options.ts";
import type { Answer } from "./evaluate-earlier.ts";
import { askedMaps, withMapOptions } from "./evaluate-maps.ts";
import { askedSet, type ModelSet, withSetOptions } from "./evaluate-models.ts";
import { type EvaluateOptions, evaluateOne } from "./evaluate-one.ts";
import type { Io, Run } from "./io.ts";
import { ids, integer, withModelOptions } from "./options.ts";
import { counted } from "./run-text.ts";

/** As typed: without a model and a data set, the bundled ones are meant. */
type Typed = Omit<EvaluateOptions, "model" | "data" | "protocol"> &
  Partial<Pick<EvaluateOptions, "model" | "data" | "protocol">>;

export function registerEvaluate(program: Command, run: Run): void {
  const command = program
    .command("evaluate")
    .description(
      "run the standard evaluation: classification quality, then every method scored by every metric",
    )
    .usage("[--model <file> --data <spec>] [options]")
    .option(
      "-m, --model <file>",
      "the ONNX model; without --model and --data: the bundled ones, a first look",
    )
    .option("-d, --data <spec>", "medmnist:<name>[@size] or folder[:path]; see xai-kit list datasets");
  withDataOptions(command)
    .addOption(
      new Option("--protocol <id>", "what is computed; quick: a first look in minutes; default: 1").choices(
        protocols.map((p) => p.id),
      ),
    )
    .option(
      "--methods <ids>",
      "comma-separated; default: the protocol's (a choice of one's own is never ranked)",
      ids,
    )
    .option("--metrics <ids>", "comma-separated; default: the protocol's", ids)
    .option("--samples <n>", "images to explain; default: the protocol's", integer("--samples", 1))
    .option(
      "--further",
      "every other method and metric too, on the protocol's first images: they are placed among its methods and move none",
    )
    .option("--pictures <n>", "contact sheets to draw", integer("--pictures", 0), 8)
    .option(
      "--keep-regions",
      "keep where relevance is at least 0.5, one bit per pixel of each map, for xai-kit compare; stays here",
    )
    .option("--fail-fast", "stop at the first method or metric that fails instead of recording it")
    .option(
      "--jobs <n>",
      "engines at work at once; default: one per core, as a quarter of the free memory (4 GiB if there is) allows",
      integer("--jobs", 1),
    )
    .option("--shard <i/n>", "only the i-th of n shares; xai-kit merge joins them", parseShard)
    .option("--dry-run", "show the plan and what it will take, and stop")
    .option("-o, --out <dir>", "where the run goes; default: xai-runs/<model>-<data>")
    .option("--overwrite", "replace the run that is there; one of the same plan that was stopped goes on");
  withModelOptions(withMapOptions(withSetOptions(command)))
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit evaluate
  $ xai-kit evaluate --model resnet.onnx --data medmnist:pneumoniamnist \\
      --data-dir ~/medmnist --mean 0.5 --std 0.5 --resize bilinear
  $ xai-kit evaluate --model cnn.onnx --data folder:photos \\
      --boxes photos/annotations.json --protocol quick
  $ xai-kit evaluate --model vit.onnx --data medmnist:bloodmnist@224 \\
      --data-dir . --methods saliency,grad-cam --samples 32 --dry-run
  $ xai-kit evaluate --model cnn.onnx --data folder:photos \\
      --maps maps --as my-method --map sum --source https://example.org/paper
  $ xai-kit evaluate --models seed-1.onnx seed-2.onnx seed-3.onnx \\
      --name my-seeds --data medmnist:bloodmnist --data-dir .

The run folder holds run.json (the run document), scores.parquet (every
score of every image), curves.json (mean deletion and insertion curves),
pictures/ (contact sheets) and journal.jsonl (what is done: after a crash or
Ctrl-C the same command goes on where it stopped; it stays on this machine).
The report command makes one page of them.`,
    )
    .action(run<[Typed]>(evaluate));
}

async function evaluate(io: Io, typed: Typed): Promise<void> {
  const { model, data, protocol = standardProtocol.id } = typed;
  const set = askedSet(typed);
  if (set !== undefined && data !== undefined) return evaluateSet(io, set, { ...typed, data, protocol });
  if (model !== undefined && data !== undefined) {
    const { value, text } = await evaluateOne(io, { ...typed, model, data, protocol });
    await io.result(value, text);
    return;
  }
  if (model !== undefined || data !== undefined) {
    throw new KitError("E_USAGE", {
      problem: model === undefined ? "--data without --model" : "--model without --data",
      next: "give both; or neither, for the bundled models; xai-kit evaluate --help shows the options",
    });
  }
  if (askedMaps(typed).length > 0) {
    throw new KitError("E_USAGE", {
      problem: "--maps without --model and --data",
      next: "maps belong to one model and one data set: name both",
    });
  }
  const answers: Answer[] = [];
  const chosen = bundledChoice(typed);
  io.say(
    `bundled models on drawn pictures, a first look: ${chosen.map((c) => basename(c.model, ".onnx")).join(", ")} on ${chosen[0].data}, protocol ${chosen[0].protocol}, ${chosen[0].samples ?? "all its"} images each`,
    "more: --protocol, --samples; your own: --model <file> --data <spec>",
  );
  for (const [k, options] of chosen.entries()) {
    const name = basename(options.model, ".onnx");
    io.say("", `${name} (${k + 1} of ${chosen.length})`);
    const { value, text } = await evaluateOne(io, options);
    answers.push({ value, text: `${name} on ${options.data}\n\n${text}` });
  }
  await io.result({ runs: answers.map((a) => a.value) }, answers.map((a) => a.text).join("\n"));
}

/** What is finished already is read, so that the same command goes on where it stopped. */
async function evaluateSet(
  io: Io,
  { name, models, comparison }: ModelSet,
  options: Omit<EvaluateOptions, "model">,
): Promise<void> {
  const answers: Answer[] = [];
  for (const [k, { model, out }] of models.entries()) {
    const id = basename(model, ".onnx");
    io.say(...(k > 0 ? [""] : []), `${id} (${k + 1} of ${models.length})`);
    const { value, text } = await evaluateOne(io, { ...options, model, out, keepRegions: true });
    answers.push({ value, text: `${id} on ${options.data}\n\n${text}` });
  }
  if (!options.dryRun) {
    io.say("", `compare ${counted(models.length, "run")}`);
    const folders = models.map(({ out }) => out);
    // a function of the runs: nothing is lost by writing it again
    const { value, text } = await compareRuns(io, folders, { name, out: comparison, overwrite: true });
    answers.push({ value, text });
  }
  await io.result({ runs: answers.map((a) => a.value) }, answers.map((a) => a.text).join("\n"));
}

/** Little enough for a minute on two cores: every architecture once, on one domain, on a few images. */
function bundledChoice(typed: Typed): EvaluateOptions[] {
  const all = bundledModels();
  const own = all.filter((m) => m.dataset === all[0]?.dataset);
  return own.map(({ id, path, dataset }) => ({
    ...typed,
    model: path,
    data: dataset,
    protocol: typed.protocol ?? "quick",
    samples: typed.samples ?? (typed.protocol === undefined ? 8 : undefined),
    pictures: typed.pictures,
    out: typed.out === undefined ? undefined : join(typed.out, `${id}-${dataset}`),
  }));
}
