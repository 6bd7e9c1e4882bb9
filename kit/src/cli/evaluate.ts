/** `xai-kit evaluate`: the standard evaluation of a model's explanations on a data set. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { bundledModels } from "../bundled.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open.ts";
import { deviceName } from "../engine/device.ts";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { readCard } from "../node.ts";
import {
  methodOf,
  metricOf,
  type Protocol,
  protocolOf,
  protocols,
  standardProtocol,
} from "../protocol/protocol.ts";
import { selectSamples } from "../protocol/select.ts";
import { modelIdOf } from "../results/document.ts";
import { blockOf, checkTask, classifyImages } from "../runner/classify.ts";
import { execute } from "../runner/execute.ts";
import { factsOf } from "../runner/facts.ts";
import { type Journal, openJournal } from "../runner/journal.ts";
import { checkExplained, type OpenedMaps, openMaps } from "../runner/maps.ts";
import { defaultResize, type Resize } from "../runner/pixels.ts";
import { plan, samplesOf } from "../runner/plan.ts";
import { inShard, parseShard, type Shard } from "../runner/share.ts";
import { comparedWith, unmetNeeds } from "../runner/unmet.ts";
import { compareRuns } from "./compare.ts";
import { openEngines } from "./engines.ts";
import {
  type Answer,
  answerOf,
  finishedAnswer,
  lookInto,
  sayResumed,
  sayUnkept,
  shardAnswer,
  toGoOn,
} from "./evaluate-earlier.ts";
import { askedMaps, type MapOptions, sayMaps, withMapOptions } from "./evaluate-maps.ts";
import { askedSet, type ModelSet, type SetOptions, withSetOptions } from "./evaluate-models.ts";
import { writePicture } from "./evaluate-picture.ts";
import { estimated, planData, planText, sayFailures, sayPlan, timeText } from "./evaluate-plan.ts";
import type { Io, Run } from "./io.ts";
import { cardWith, ids, integer, type ModelOptions, withModelOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { writeRegions } from "./regions.ts";
import { composeParts, filesOf, preparedFolder, writeRun } from "./run-folder.ts";
import { counted } from "./run-text.ts";
import {
  firstImages,
  opinionText,
  type SecondOpinion,
  secondOpinion,
  wantsSecondOpinion,
} from "./second-opinion.ts";
import { openSession, type Session, saysOnce } from "./session.ts";
import { version } from "./version.ts";

interface Options extends ModelOptions, MapOptions, SetOptions {
  readonly data: string;
  readonly dataDir?: string;
  readonly split?: "train" | "val" | "test";
  readonly boxes?: string;
  readonly masks?: string;
  readonly protocol: string;
  readonly methods?: string[];
  readonly metrics?: string[];
  readonly samples?: number;
  readonly further?: true;
  readonly pictures: number;
  readonly keepRegions?: true;
  readonly jobs?: number;
  readonly shard?: Shard;
  readonly failFast?: true;
  readonly onFault: "stop" | "skip";
  readonly dryRun?: true;
  readonly overwrite?: true;
  readonly out?: string;
}

/** As typed: without a model and a data set, the bundled ones are meant. */
type Typed = Omit<Options, "model" | "data" | "protocol"> &
  Partial<Pick<Options, "model" | "data" | "protocol">>;

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
    .option("-d, --data <spec>", "medmnist:<name>[@size] or folder[:path]; see xai-kit list datasets")
    .option("--data-dir <dir>", "where the data set's files are")
    .addOption(new Option("--split <split>", "default: test").choices(["train", "val", "test"]))
    .option("--boxes <file>", "folder sets: COCO JSON with boxes")
    .option("--masks <dir>", "folder sets: mask PNGs in the same tree")
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
    .addOption(
      new Option(
        "--on-fault <what>",
        "an unreadable image or annotation stops the run, or is left out and recorded",
      )
        .choices(["stop", "skip"])
        .default("stop"),
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
  options: Omit<Options, "model">,
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
function bundledChoice(typed: Typed): Options[] {
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

/** The protocol's methods and metrics, those asked for, or with all that there are behind the protocol's. */
function entriesOf({ methods: some, metrics: few, further }: Options, protocol: Protocol) {
  if (further && (some ?? few)) {
    throw new KitError("E_USAGE", {
      problem: `--further with --${some ? "methods" : "metrics"}`,
      next: "give --further for all there are beside the protocol's, or a choice of your own",
    });
  }
  const listed = (own: readonly string[], all: readonly { readonly id: string }[]) =>
    further ? [...own, ...all.map(({ id }) => id).filter((id) => !own.includes(id))] : own;
  return {
    methods: (some ?? listed(protocol.methods, methods)).map(methodOf),
    metrics: (few ?? listed(protocol.metrics, metrics)).map(metricOf),
  };
}

async function evaluateOne(io: Io, options: Options): Promise<Answer> {
  const { shard } = options;
  const protocol = protocolOf(options.protocol);
  const { methods, metrics } = entriesOf(options, protocol);
  const asked = askedMaps(options);
  const dataset = await openData(options);
  let session: Session | undefined;
  let engines: Awaited<ReturnType<typeof openEngines>> | undefined;
  const onHalved = saysOnce(io);
  try {
    const out = options.out ?? defaultOut(options, dataset);
    const found = options.dryRun ? undefined : await lookInto(out, options);
    // one thread per engine: more can change the last bits of a number with the size of its batch
    session = await openSession({ ...options, threads: options.threads ?? 1 }, io, {
      pixelChannels: dataset.channels,
      onHalved,
    });
    const card = { ...session.card, classes: session.card.classes ?? [...dataset.classes] };
    const resize = card.input?.resize ?? defaultResize;
    io.say(
      `data: ${dataset.title}, ${dataset.split === "unknown" ? "" : `${dataset.split} split, `}${counted(dataset.count, "image")}, ${dataset.edition}`,
    );
    if (card.input?.resize === undefined) io.say(`assumed: images are resized by ${resize.method}`);
    checkTask(session.model, dataset);

    const index = await dataset.index();
    const annotated = index.some((s) => s.annotated);
    const candidates = annotated ? index.filter((s) => s.annotated) : index;
    const unmet = unmetNeeds(session.model, methods, candidates.length - 1);
    const samples = samplesOf({ protocol, samples: options.samples, available: candidates.length });
    const order = selectSamples(protocol.seed, dataset.base, candidates, samples + comparedWith);
    const selected = order.slice(0, samples).map((s) => s.id);
    const following = order.slice(samples).map((s) => s.id);
    const opened: OpenedMaps[] = [];
    for (const one of asked) {
      opened.push(
        await openMaps(one, {
          shape: session.model.shape,
          classes: session.model.classes,
          selected: order.slice(0, samples),
          masks: annotated && metrics.some((metric) => metric.needs.includes("mask")),
        }),
      );
    }
    const plans = plan({
      protocol,
      methods,
      metrics,
      shape: session.model.shape,
      available: candidates.length,
      samples: options.samples,
      annotated,
      unmet,
      external: opened.map(({ facts }) => facts),
      further: options.further,
    });
    const facts = factsOf({
      kit: version,
      engine: session.engine.info,
      model: session.model,
      modelId: modelIdOf(session.card, options.model),
      modelSha256: session.sha256,
      card: session.card,
      dataset,
      resize,
      available: candidates.length,
      annotated,
      unmet,
      plan: plans,
      selected,
      following,
    });
    sayPlan(io, plans);
    sayMaps(io, opened);
    const kept = await toGoOn(out, found, facts, options);
    if (kept !== undefined && options.keepRegions) await sayUnkept(io, out, kept, selected);
    const finished = kept && (await finishedAnswer(io, out, kept, card));
    if (finished) return finished;

    const share = (position: number) => shard === undefined || inShard(position, shard);
    const positions = selected.map((_, at) => at).filter(share);
    await checkExplained(opened, {
      model: session.model,
      dataset,
      resize,
      samples: positions.map((at) => selected[at]),
      signal: io.signal,
    });
    const opinion = options.dryRun
      ? undefined
      : await opinionOn(session, io, dataset, [...selected, ...index.map((s) => s.id)], resize);

    engines = await openEngines(session, { ...options, onHalved, work: positions.length });
    const models = engines.models;
    // nobody would see it, or there is nothing left to do
    if (options.dryRun || (!io.quiet && kept?.absent === undefined)) {
      const images = index.filter((_, at) => share(blockOf(at))).length;
      const estimate = await estimated(plans, engines, { dataset, selected, positions, images, resize });
      io.say(estimate.text);
      if (options.dryRun) {
        const { text: _, ...numbers } = estimate;
        return {
          value: { ...planData(plans), selected, estimate: numbers },
          text: planText(plans, io.columns),
        };
      }
    }

    if (kept !== undefined) sayResumed(io, kept, positions.length);
    const sitting = {
      date: new Date().toISOString(),
      threads: session.engine.info.threads,
      jobs: engines.jobs,
      device: deviceName(session.engine.info),
      ...(opinion && { opinion }),
    };
    let begun: Promise<Journal> | undefined;
    // at the first result, so that what is refused leaves nothing behind
    const journal = () => {
      begun ??= preparedFolder(out, kept === undefined).then(() =>
        openJournal({
          path: filesOf(out).journal,
          facts,
          shard,
          found: kept,
          sitting,
          now: () => performance.now(),
        }),
      );
      return begun;
    };
    const sayHowOn = () => {
      if (begun) io.say("finished work is kept: the same command goes on where this one stopped");
    };
    io.signal.addEventListener("abort", sayHowOn, { once: true });
    const began = { at: performance.now(), ...engines.spent() };
    try {
      const [model, ...others] = models;
      const ours = index.filter((_, at) => share(blockOf(at))).length;
      const classifying = io.progress("classify", ours, kept?.images.length);
      const images = await classifyImages(model, dataset, resize, {
        others,
        share,
        log: { images: kept?.images ?? [], add: async (found) => (await journal()).addImages(found) },
        onImage: (done) => classifying.tick(done),
        signal: io.signal,
      }).finally(() => classifying.done());

      const { header, addUnit, finish, seconds } = await journal();

      const total = positions.reduce((sum, at) => sum + plans.passesAt(at), 0);
      let explaining: Progress | undefined;
      const units = [...(kept?.units ?? [])];
      const execution = await execute({
        model,
        others,
        dataset,
        plan: plans,
        selected,
        following,
        share,
        readMap: (method, sample, of) => opened.find(({ facts }) => facts.id === method)!.read(sample, of),
        resize,
        failFast: options.failFast,
        signal: io.signal,
        log: {
          units: kept?.units ?? [],
          async add(unit) {
            await addUnit(unit);
            units.push(unit);
          },
        },
        now: () => performance.now(),
        onProgress(passes, note) {
          explaining ??= io.progress("explain", total, Math.min(passes, total));
          explaining.tick(Math.min(passes, total), note);
        },
        async onSample(view, position) {
          io.signal.throwIfAborted();
          if (position < options.pictures) {
            await writePicture(filesOf(out).pictures, position, view, { plan: plans, card, resize, model });
          }
          if (options.keepRegions) await writeRegions(filesOf(out).regions, position, view, plans);
        },
      }).finally(() => explaining?.done());
      if (io.debug) io.say(timeText(engines.spent(), began, performance.now() - began.at, engines.jobs));
      io.signal.throwIfAborted();
      if (kept?.absent === undefined) await finish(ours - images.length);
      for (const { what, reason } of dataset.skipped) io.say(`left out: ${what}: ${reason}`);
      sayFailures(io, execution.failures);
      if (shard !== undefined) return shardAnswer(out, shard, positions.length, images.length);

      const composed = composeParts({
        facts,
        secret: header.secret,
        images,
        units,
        telemetry: {
          date: new Date().toISOString(),
          seconds: seconds(),
          threads: session.engine.info.threads,
          jobs: engines.jobs,
          peakMemory: process.resourceUsage().maxRSS * 1024,
        },
      });
      await writeRun(out, composed);
      return answerOf(io, out, composed.run, card, options.pictures > 0);
    } finally {
      io.signal.removeEventListener("abort", sayHowOn);
      await begun?.then(
        (opened) => opened.close(),
        () => undefined,
      ); // what it could not open was told
    }
  } finally {
    await engines?.close();
    await session?.close();
    await dataset.close();
  }
}

/** What the processor says of a GPU's numbers, on the first of these images. Throws KitError E_DEVICE where they are others. */
async function opinionOn(
  { engine, model }: Session,
  io: Io,
  dataset: Dataset,
  ids: readonly string[],
  resize: Resize,
): Promise<SecondOpinion | undefined> {
  if (!wantsSecondOpinion(engine)) return undefined;
  const images = await firstImages(dataset, ids, model.shape, resize);
  const opinion = await secondOpinion({ prepared: model.prepared, engine, images });
  io.say(opinionText(opinion));
  return opinion;
}

const defaultOut = ({ model, shard }: Options, { id }: Dataset): string =>
  join(
    "xai-runs",
    `${basename(model, ".onnx")}-${id}${shard === undefined ? "" : `-shard-${shard.index}-of-${shard.of}`}`,
  );

async function openData(options: Options): Promise<Dataset> {
  try {
    return await openDataset(options.data, {
      dir: options.dataDir,
      split: options.split,
      boxes: options.boxes,
      masks: options.masks,
      // needed before the model is read, to match folders with
      classes: cardWith(readCard(options.model, options.card), options).classes,
      onFault: options.onFault,
    });
  } catch (cause) {
    if (!(cause instanceof KitError) || cause.code !== "E_DATASET_SPEC" || !existsSync(options.data))
      throw cause;
    throw new KitError(cause.code, {
      problem: cause.message,
      next: `did you mean --data folder:${options.data}?`,
      cause,
    });
  }
}
