/** `xai-kit evaluate`: the standard evaluation of a model's explanations on a data set. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { bundledModels } from "../bundled.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open.ts";
import { formatBytes } from "../engine/chunk.ts";
import { deviceName } from "../engine/device.ts";
import type { EngineTime } from "../engine/engine.ts";
import { KitError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { readCard } from "../node.ts";
import { methodOf, metricOf, protocolOf, protocols } from "../protocol/protocol.ts";
import { selectSamples } from "../protocol/select.ts";
import { writePng } from "../render/png.ts";
import { sheet } from "../render/sheet.ts";
import { modelIdOf, type Run as RunDocument } from "../results/document.ts";
import { blockOf, checkTask, classifyImages } from "../runner/classify.ts";
import { calibrate, rehearse, secondsFor, totalEffort } from "../runner/estimate.ts";
import { execute, type Failure, type SampleView } from "../runner/execute.ts";
import { factsOf, type RunFacts } from "../runner/facts.ts";
import { type Found, type Journal, openJournal, otherPlan, readJournal } from "../runner/journal.ts";
import { boxesOf, defaultResize, type Resize } from "../runner/pixels.ts";
import { type Plan, plan } from "../runner/plan.ts";
import { inShard, parseShard, type Shard, shardName } from "../runner/share.ts";
import { unmetNeeds } from "../runner/unmet.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { openEngines } from "./engines.ts";
import type { Io, Run } from "./io.ts";
import { cardWith, ids, integer, type ModelOptions, withModelOptions } from "./options.ts";
import { missingTile, pixelImage, tileOf } from "./pictures.ts";
import type { Progress } from "./progress.ts";
import { formatRoughly } from "./progress.ts";
import { counted, directed, reportText } from "./report.ts";
import { checkFolder, composeParts, filesOf, finishedRun, preparedFolder, writeRun } from "./run-folder.ts";
import {
  firstImages,
  opinionText,
  type SecondOpinion,
  secondOpinion,
  wantsSecondOpinion,
} from "./second-opinion.ts";
import { className, openSession, type Session, saysOnce } from "./session.ts";
import { table } from "./table.ts";
import { version } from "./version.ts";

interface Options extends ModelOptions {
  readonly data: string;
  readonly dataDir?: string;
  readonly split?: "train" | "val" | "test";
  readonly boxes?: string;
  readonly masks?: string;
  readonly protocol: string;
  readonly methods?: string[];
  readonly metrics?: string[];
  readonly samples?: number;
  readonly pictures: number;
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
      new Option(
        "--protocol <id>",
        "what is computed; quick: a first look in minutes; default: 1-draft",
      ).choices(protocols.map((p) => p.id)),
    )
    .option(
      "--methods <ids>",
      "comma-separated; default: the protocol's (a choice of one's own is never ranked)",
      ids,
    )
    .option("--metrics <ids>", "comma-separated; default: the protocol's", ids)
    .option("--samples <n>", "images to explain; default: the protocol's", integer("--samples", 1))
    .option("--pictures <n>", "contact sheets to draw", integer("--pictures", 0), 8)
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
    .option("--shard <i/n>", "only the i-th of n shares; join them with xai-kit merge", parseShard)
    .option("--dry-run", "show the plan and what it will take, and stop")
    .option("-o, --out <dir>", "where the run goes; default: xai-runs/<model>-<data>")
    .option("--overwrite", "replace the run that is there; one of the same plan that was stopped goes on");
  withModelOptions(command)
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

The run folder holds run.json (the run document, a draft), scores.parquet (every
score of every image), pictures/ (contact sheets) and journal.jsonl (what is
done: after a crash or Ctrl-C the same command goes on where it stopped; it
stays on this machine).`,
    )
    .action(run<[Typed]>(evaluate));
}

/** What a command answers: the object for --json, and the text. */
interface Answer {
  readonly value: object;
  readonly text: string;
}

async function evaluate(io: Io, typed: Typed): Promise<void> {
  const { model, data, protocol = "1-draft" } = typed;
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

async function evaluateOne(io: Io, options: Options): Promise<Answer> {
  const { shard } = options;
  const protocol = protocolOf(options.protocol);
  const methods = (options.methods ?? protocol.methods).map(methodOf);
  const metrics = (options.metrics ?? protocol.metrics).map(metricOf);
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
    const unmet = unmetNeeds(session.model);
    const plans = plan({
      protocol,
      methods,
      metrics,
      shape: session.model.shape,
      available: candidates.length,
      samples: options.samples,
      annotated,
      unmet: (need) => unmet[need] ?? undefined,
    });
    const selected = selectSamples(protocol.seed, dataset.base, candidates, plans.samples).map((s) => s.id);
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
    });
    sayPlan(io, plans);
    const kept = await toGoOn(out, found, facts, options);
    const finished = kept && (await finishedAnswer(io, out, kept, card));
    if (finished) return finished;

    const opinion = options.dryRun
      ? undefined
      : await opinionOn(session, io, dataset, [...selected, ...index.map((s) => s.id)], resize);

    const share = (position: number) => shard === undefined || inShard(position, shard);
    const positions = selected.map((_, at) => at).filter(share);
    engines = await openEngines(session, { ...options, onHalved, work: positions.length });
    const models = engines.models;
    // nobody would see it, or there is nothing left to do
    if (options.dryRun || (!io.quiet && kept?.absent === undefined)) {
      const estimate = await estimated(plans, engines, positions, dataset, annotated);
      io.say(estimate.text);
      if (options.dryRun) {
        const { text: _, ...numbers } = estimate;
        return { value: { ...planData(plans), estimate: numbers }, text: planText(plans, io.columns) };
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
        share,
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
          if (position >= options.pictures) return;
          await writePng(
            join(filesOf(out).pictures, pictureName(position, view.sample.id)),
            picture(view, plans, card, resize, model),
          );
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

/**
 * What an earlier command left in the folder, before any work.
 *
 * @throws KitError E_RUN_EXISTS for a run without its journal, E_JOURNAL for a corrupt one, E_WRITE
 */
async function lookInto(out: string, { overwrite }: Options): Promise<Found | undefined> {
  await checkFolder(out);
  const { journal, run } = filesOf(out);
  const found = await readJournal(journal).catch((error: unknown) => {
    if (overwrite && error instanceof KitError && error.code === "E_JOURNAL") return undefined;
    throw error;
  });
  if (found === undefined && existsSync(run) && !overwrite) {
    throw new KitError("E_RUN_EXISTS", {
      problem: `${out} holds a run already`,
      next: "choose another --out, or replace it with --overwrite",
    });
  }
  return found;
}

/** The journal to go on with; undefined to start anew. Throws KitError E_RUN_EXISTS for that of another plan. */
async function toGoOn(
  out: string,
  found: Found | undefined,
  facts: RunFacts,
  { overwrite, shard }: Options,
): Promise<Found | undefined> {
  if (found === undefined) return undefined;
  const others = otherPlan(found, facts, shard);
  const whole = found.absent !== undefined && (shard !== undefined || (await finishedRun(out)) !== undefined);
  if (others.length === 0) return whole && overwrite ? undefined : found;
  if (overwrite) return undefined;
  const shown = others.slice(0, 8);
  throw new KitError("E_RUN_EXISTS", {
    problem: `${out} holds ${found.absent === undefined ? "the beginning of " : ""}another run`,
    details: [
      ...shown,
      ...(others.length > shown.length ? [`and ${others.length - shown.length} more`] : []),
    ],
    next: "choose another --out, or replace it with --overwrite",
  });
}

/** Of a run that needs nothing more. */
async function finishedAnswer(
  io: Io,
  out: string,
  found: Found,
  card: ModelCard,
): Promise<Answer | undefined> {
  if (found.absent === undefined) return undefined;
  const { shard } = found.header;
  if (shard !== null) {
    io.say("this shard is finished already; --overwrite makes it again");
    return shardAnswer(
      out,
      shard,
      found.units.filter((u) => u.kind === "sample").length,
      found.images.length,
    );
  }
  const run = await finishedRun(out);
  if (run === undefined) return undefined; // all is done but the documents
  io.say("this run is finished already; --overwrite makes it again");
  return answerOf(io, out, run, card, existsSync(filesOf(out).pictures));
}

function answerOf(io: Io, out: string, { result }: RunDocument, card: ModelCard, pictures: boolean): Answer {
  const draft =
    result.standard && result.protocol.id !== "quick" ? "" : "; not the standard protocol, never ranked";
  return {
    value: { out, ...result },
    text: [
      reportText(result, { columns: io.columns, classNames: card.classes ?? [] }),
      `run: ${filesOf(out).run} (draft${draft})\n${pictures ? `pictures: ${filesOf(out).pictures}\n` : ""}`,
    ].join("\n"),
  };
}

const shardAnswer = (out: string, shard: Shard, samples: number, images: number): Answer => ({
  value: { out, shard: shardName(shard), samples, images },
  text: `shard ${shardName(shard)}: ${counted(samples, "image")} explained, ${counted(images, "image")} classified\nnext: xai-kit merge <the folders of all ${shard.of} shards> --out <dir>\n`,
});

function sayResumed(io: Io, found: Found, samples: number): void {
  const done = found.units.filter((u) => u.kind === "sample").length;
  io.say(
    `resumed: ${done} of ${counted(samples, "sample")} already done, ${counted(found.images.length, "image")} classified`,
  );
}

/** How much of the time of all engines went into what; kit/bench/memory.ts reads it. */
function timeText(now: EngineTime, before: EngineTime, ms: number, jobs: number): string {
  const share = (part: number) => `${((100 * part) / (ms * jobs)).toFixed(1)} %`;
  const [runs, loads] = [now.runs - before.runs, now.loads - before.loads];
  return `time: ${(ms / 1000).toFixed(1)} s on ${counted(jobs, "engine")}: ${share(runs)} in model runs, ${share(loads)} loading graphs, ${share(ms * jobs - runs - loads)} outside`;
}

interface Estimate {
  readonly forwards: number;
  readonly backwards: number;
  readonly seconds: number;
  readonly jobs: number;
  /** bytes */
  readonly memory: number;
  readonly text: string;
}

async function estimated(
  plans: Plan,
  engines: Pick<Awaited<ReturnType<typeof openEngines>>, "models" | "jobs" | "memory">,
  positions: readonly number[],
  dataset: Dataset,
  annotated: boolean,
): Promise<Estimate> {
  const { models, jobs, memory } = engines;
  const now = () => performance.now();
  const explaining = totalEffort(await rehearse(plans, models[0], { annotated, now }), positions, plans);
  const effort = { ...explaining, forwards: explaining.forwards + dataset.count };
  const { forwards, backwards } = effort;
  const speed = await calibrate(models.slice(0, jobs), { plan: plans, now });
  for (const model of models) Object.assign(model.passes, { forwards: 0, backwards: 0 });
  const seconds = secondsFor(effort, speed, jobs);
  return {
    forwards,
    backwards,
    seconds,
    jobs,
    memory,
    text: `estimate: ${forwards.toLocaleString("en")} forward passes, ${backwards.toLocaleString("en")} with a gradient; ≈ ${formatRoughly(seconds * 1000)} on ${counted(jobs, "engine")}; memory up to ${formatBytes(memory)}`,
  };
}

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

const planData = (plans: Plan) => ({
  protocol: plans.protocol.id,
  standard: plans.standard,
  samples: plans.samples,
  passes: plans.passes,
  methods: plans.methods.map((m) => ({
    id: m.method.id,
    params: m.params,
    notApplicable: m.notApplicable ?? null,
  })),
  metrics: plans.metrics.map((m) => ({ id: m.metric.id, params: m.params, samples: m.samples })),
});

function sayPlan(io: Io, plans: Plan): void {
  const missing = plans.methods.filter((m) => m.notApplicable !== undefined);
  io.say(
    `plan: protocol ${plans.protocol.id}${plans.standard ? "" : " (non-standard choice)"}, ${counted(plans.samples, "image")}, ${counted(
      plans.methods.length - missing.length,
      "method",
    )} × ${counted(plans.metrics.length, "metric")}, at most ${plans.passes.toLocaleString("en")} model passes`,
    ...missing.map((m) => `not applicable: ${m.method.id}: ${m.notApplicable}`),
  );
}

const planText = (plans: Plan, width: number | undefined): string =>
  `${table(
    [{ title: "method" }, { title: "parameters" }],
    plans.methods.map(({ method, params, notApplicable }) => [
      method.id,
      notApplicable === undefined ? paramsText(params) : "not applicable",
    ]),
    { width },
  )}\n${table(
    [{ title: "metric" }, { title: "images" }, { title: "parameters" }],
    plans.metrics.map(({ metric, samples, params }) => [metric.id, samples, paramsText(params)]),
    { width },
  )}`;

const paramsText = (params: Readonly<Record<string, unknown>>): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

/** In the order of the selection, and unique whatever the sample is called: `003-platelet_17.png`. */
const pictureName = (position: number, sample: string): string =>
  `${String(position + 1).padStart(3, "0")}-${sample.replace(/\.[a-z]+$/i, "").replaceAll(/[^a-z0-9-]+/gi, "_")}.png`;

/** Why units failed, each reason once; the run document has their codes. */
function sayFailures(io: Io, failures: readonly Failure[]): void {
  const counts = new Map<string, number>();
  for (const f of failures) {
    const line = `${f.method}${f.metric ? ` × ${f.metric}` : ""}: ${f.reason}  [${f.code}]`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  io.say(...[...counts].map(([line, n]) => `failed ${counted(n, "time")}: ${line}`));
}

function picture(
  { sample, x, prediction, probability, attributions, rows }: SampleView,
  plans: Plan,
  card: ModelCard,
  resize: Resize,
  model: Model,
) {
  const scoresOf = (method: string) => {
    const scores = rows.find((r) => r.method === method && r.targetKind === "predicted")?.scores ?? {};
    return ["deletion-auc", "insertion-auc", "infidelity"]
      .filter((id) => id in scores)
      .map((id) => `${directed(id)} ${scores[id].toFixed(3)}`);
  };
  const truth = sample.labels.map((l) => className(card, l)).join(", ");
  return sheet(
    [
      {
        title: `${className(card, prediction)} ${probability.toFixed(3)}`,
        lines: [`annotated: ${truth}`],
        image: pixelImage(x),
        boxes: sample.labels.flatMap((label) =>
          boxesOf(sample, label, model.shape, resize).map((b) => ({
            x: b.x0,
            y: b.y0,
            width: b.x1 - b.x0,
            height: b.y1 - b.y0,
          })),
        ),
        tiles: plans.methods.map(({ method, notApplicable }) => {
          const attribution = attributions.get(method.id);
          return attribution
            ? tileOf(method, attribution, scoresOf(method.id))
            : missingTile(method.id, notApplicable ?? "failed");
        }),
      },
    ],
    { title: sample.id, subtitle: `explained class: ${className(card, prediction)}` },
  );
}
