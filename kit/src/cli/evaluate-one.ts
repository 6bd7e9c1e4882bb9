/** One evaluation, from the flags to the run folder: what is there already is taken up, what is missing is done. */
import { basename, join } from "node:path";
import type { Dataset } from "../datasets/dataset.ts";
import { deviceName } from "../engine/device.ts";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { readCard } from "../node.ts";
import { methodOf, metricOf, type Protocol, protocolOf } from "../protocol/protocol.ts";
import { selectSamples } from "../protocol/select.ts";
import { modelIdOf } from "../results/document.ts";
import { blockOf, checkTask, classifyImages } from "../runner/classify.ts";
import { execute } from "../runner/execute.ts";
import { factsOf } from "../runner/facts.ts";
import { type Journal, openJournal } from "../runner/journal.ts";
import { checkExplained, type OpenedMaps, openMaps } from "../runner/maps.ts";
import { defaultResize, type Resize } from "../runner/pixels.ts";
import { plan, samplesOf } from "../runner/plan.ts";
import { inShard, type Shard } from "../runner/share.ts";
import { comparedWith, unmetNeeds } from "../runner/unmet.ts";
import { type DataOptions, openData } from "./data-options.ts";
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
import { askedMaps, type MapOptions, sayMaps } from "./evaluate-maps.ts";
import type { SetOptions } from "./evaluate-models.ts";
import { writePicture } from "./evaluate-picture.ts";
import { estimated, planData, planText, sayFailures, sayPlan, timeText } from "./evaluate-plan.ts";
import type { Io } from "./io.ts";
import { cardWith, type ModelOptions } from "./options.ts";
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

export interface EvaluateOptions extends ModelOptions, DataOptions, MapOptions, SetOptions {
  readonly data: string;
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
  readonly dryRun?: true;
  readonly overwrite?: true;
  readonly out?: string;
}

/** The protocol's methods and metrics, those asked for, or with all that there are behind the protocol's. */
function entriesOf({ methods: some, metrics: few, further }: EvaluateOptions, protocol: Protocol) {
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

export async function evaluateOne(io: Io, options: EvaluateOptions): Promise<Answer> {
  const { shard } = options;
  const protocol = protocolOf(options.protocol);
  const { methods, metrics } = entriesOf(options, protocol);
  const asked = askedMaps(options);
  // the classes are needed before the model is read, to match the data set's with
  const { classes } = cardWith(readCard(options.model, options.card), options);
  const dataset = await openData(options.data, options, classes);
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
        now: () => performance.now(),
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

const defaultOut = ({ model, shard }: EvaluateOptions, { id }: Dataset): string =>
  join(
    "xai-runs",
    `${basename(model, ".onnx")}-${id}${shard === undefined ? "" : `-shard-${shard.index}-of-${shard.of}`}`,
  );
