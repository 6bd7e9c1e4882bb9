/** `xai-kit evaluate`: the standard evaluation of a model's explanations on a data set. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Dataset } from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open.ts";
import { KitError } from "../errors.ts";
import { writeError, writeFileAtomic } from "../files.ts";
import { toJson } from "../json.ts";
import type { Need } from "../methods/method.ts";
import type { Model } from "../model/model.ts";
import { machineFacts, readCard } from "../node.ts";
import { methodOf, metricOf, protocolOf, protocols } from "../protocol/protocol.ts";
import { selectSamples } from "../protocol/select.ts";
import { writePng } from "../render/png.ts";
import { sheet } from "../render/sheet.ts";
import { type Cell, composeRun } from "../results/document.ts";
import { classify } from "../runner/classify.ts";
import { execute, type SampleView } from "../runner/execute.ts";
import { boxesOf, defaultResize, type Resize } from "../runner/pixels.ts";
import { type Plan, plan } from "../runner/plan.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { ClassificationQuality } from "../stats/classification.ts";
import type { Io, Run } from "./io.ts";
import { cardWith, ids, integer, type ModelOptions, modelOption, withModelOptions } from "./options.ts";
import { checkWritable } from "./output.ts";
import { missingTile, pixelImage, tileOf } from "./pictures.ts";
import { className, openSession, type Session } from "./session.ts";
import { table } from "./table.ts";
import { version } from "./version.ts";
import { paragraph } from "./width.ts";

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
  readonly failFast?: true;
  readonly onFault: "stop" | "skip";
  readonly dryRun?: true;
  readonly overwrite?: true;
  readonly out?: string;
}

export function registerEvaluate(program: Command, run: Run): void {
  const command = program
    .command("evaluate")
    .description(
      "run the standard evaluation: classification quality, then every method scored by every metric",
    )
    .usage("--model <file> --data <spec> [options]")
    .requiredOption(...modelOption)
    .requiredOption("-d, --data <spec>", "medmnist:<name>[@size] or folder[:path]; see xai-kit list datasets")
    .option("--data-dir <dir>", "where the data set's files are")
    .addOption(new Option("--split <split>", "default: test").choices(["train", "val", "test"]))
    .option("--boxes <file>", "folder sets: COCO JSON with boxes")
    .option("--masks <dir>", "folder sets: mask PNGs in the same tree")
    .addOption(
      new Option("--protocol <id>", "what is computed; quick: a first look in minutes")
        .choices(protocols.map((p) => p.id))
        .default("1-draft"),
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
    .option("--dry-run", "show the plan and stop")
    .option("-o, --out <dir>", "where the run goes; default: xai-runs/<model>-<data>")
    .option("--overwrite", "replace the run that is there");
  withModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit evaluate --model resnet.onnx --data medmnist:pneumoniamnist \\
      --data-dir ~/medmnist --mean 0.5 --std 0.5 --resize bilinear
  $ xai-kit evaluate --model cnn.onnx --data folder:photos \\
      --boxes photos/annotations.json --protocol quick
  $ xai-kit evaluate --model vit.onnx --data medmnist:bloodmnist@224 \\
      --data-dir . --methods saliency,grad-cam --samples 32 --dry-run

The run folder holds run.json (the run document, a draft), scores.json (every
score of every image) and pictures/ (contact sheets).`,
    )
    .action(run<[Options]>(evaluate));
}

async function evaluate(io: Io, options: Options): Promise<void> {
  const started = performance.now();
  const protocol = protocolOf(options.protocol);
  const methods = (options.methods ?? protocol.methods).map(methodOf);
  const metrics = (options.metrics ?? protocol.metrics).map(metricOf);
  const dataset = await openData(options);
  let session: Session | undefined;
  try {
    const out = options.out ?? join("xai-runs", `${basename(options.model, ".onnx")}-${dataset.id}`);
    if (!options.dryRun) await checkRunFolder(out, options.overwrite === true);
    session = await openSession(options, io, { pixelChannels: dataset.channels });
    const { model } = session;
    const card = { ...session.card, classes: session.card.classes ?? [...dataset.classes] };
    const resize = card.input?.resize ?? defaultResize;
    io.say(
      `data: ${dataset.title}, ${dataset.split === "unknown" ? "" : `${dataset.split} split, `}${counted(dataset.count, "image")}, ${dataset.edition}`,
    );
    if (card.input?.resize === undefined) io.say(`assumed: images are resized by ${resize.method}`);

    const index = await dataset.index();
    const annotated = index.some((s) => s.annotated);
    const candidates = annotated ? index.filter((s) => s.annotated) : index;
    const plans = plan({
      protocol,
      methods,
      metrics,
      shape: model.shape,
      available: candidates.length,
      samples: options.samples,
      annotated,
      unmet: unmetNeeds(model),
    });
    sayPlan(io, plans);
    if (options.dryRun) {
      await io.result(planData(plans), planText(plans, io.columns));
      return;
    }

    const classifying = io.progress("classify", dataset.count);
    const { quality } = await classify(model, dataset, resize, {
      onImage: (done) => classifying.tick(done),
      signal: io.signal,
    }).finally(() => classifying.done());
    await makeRunFolder(out);

    const selected = selectSamples(protocol.seed, dataset.base, candidates, plans.samples).map((s) => s.id);
    const explaining = io.progress("explain", plans.passes);
    const execution = await execute({
      model,
      dataset,
      plan: plans,
      selected,
      resize,
      failFast: options.failFast,
      signal: io.signal,
      now: () => performance.now(),
      onProgress: (passes, note) => explaining.tick(Math.min(passes, plans.passes), note),
      async onSample(view, position) {
        io.signal.throwIfAborted();
        if (position >= options.pictures) return;
        await writePng(
          join(out, "pictures", pictureName(position, view.sample.id)),
          picture(view, plans, card, resize, model),
        );
      },
    }).finally(() => explaining.done());

    const seconds = (performance.now() - started) / 1000;
    const document = composeRun({
      kitVersion: version,
      engine: session.engine.info,
      model,
      card: session.card,
      modelSha256: session.sha256,
      dataset,
      resize,
      quality,
      plan: plans,
      execution,
      telemetry: { seconds, date: new Date().toISOString(), machine: machineFacts() },
    });
    io.signal.throwIfAborted();
    await writeFileAtomic(join(out, "scores.json"), toJson(execution.rows));
    await writeFileAtomic(join(out, "run.json"), toJson(document));
    for (const { what, reason } of dataset.skipped) io.say(`left out: ${what}: ${reason}`);
    const { cells } = document.result;
    await io.result(
      { out, ...document.result },
      [
        qualityText(quality, card, io.columns),
        cellTable(cells, plans, io.columns),
        notes(cells, plans, execution.failures)
          .map((note) => paragraph(note, io.columns ?? Number.POSITIVE_INFINITY, 0, 2))
          .join(""),
        `run: ${join(out, "run.json")} (draft${plans.standard && !protocol.quick ? "" : "; not the standard protocol, never ranked"})\n${options.pictures > 0 ? `pictures: ${join(out, "pictures")}\n` : ""}`,
      ].join("\n"),
    );
  } finally {
    await session?.close();
    await dataset.close();
  }
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

/** Why a need of a method cannot be met on this model. */
function unmetNeeds(model: Model): (need: Need) => string | undefined {
  let gradient: string | undefined;
  try {
    model.assertDifferentiable();
  } catch (error) {
    if (!(error instanceof KitError) || error.code !== "E_NO_GRADIENT") throw error;
    gradient = `no gradient for ${error.details.join("; ")}`;
  }
  return (need) => {
    if (need === "gradient") return gradient;
    return model.cam ? undefined : "the model has no tensor with a spatial grid";
  };
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

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

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

/** @throws KitError E_RUN_EXISTS before any work, when a run is there already and may not be replaced */
async function checkRunFolder(out: string, overwrite: boolean): Promise<void> {
  if (existsSync(join(out, "run.json")) && !overwrite) {
    throw new KitError("E_RUN_EXISTS", {
      problem: `${out} holds a run already`,
      next: "choose another --out, or replace it with --overwrite",
    });
  }
  // the first folder that exists decides whether the others can be made
  let folder = resolve(out);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  await checkWritable(join(folder, "run.json"));
}

/** The folder of a run, without what an earlier run left in it. */
async function makeRunFolder(out: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    for (const part of ["run.json", "scores.json", "pictures"]) {
      await rm(join(out, part), { recursive: true, force: true });
    }
    await mkdir(join(out, "pictures"));
  } catch (cause) {
    throw writeError(out, cause);
  }
}

/** In the order of the selection, and unique whatever the sample is called: `003-platelet_17.png`. */
const pictureName = (position: number, sample: string): string =>
  `${String(position + 1).padStart(3, "0")}-${sample.replace(/\.[a-z]+$/i, "").replaceAll(/[^a-z0-9-]+/gi, "_")}.png`;

function qualityText(quality: ClassificationQuality, card: ModelCard, width: number | undefined): string {
  const percent = (v: number) => v.toFixed(4);
  const overall = table(
    [
      { title: "n" },
      ...["AUROC", "AP", "macro-F1", "accuracy", "balanced"].map((title) => ({ title, format: percent })),
    ],
    [
      [
        quality.n,
        quality.auroc,
        quality.averagePrecision,
        quality.macroF1,
        quality.accuracy,
        quality.balancedAccuracy,
      ],
    ],
    { width, split: true },
  );
  if (quality.perClass.length > 20) return overall;
  const present = quality.perClass.filter((c) => c.truePositive + c.falseNegative > 0);
  return `${overall}\n${table(
    [
      { title: "class" },
      { title: "n" },
      ...["sensitivity", "specificity", "precision", "AUROC"].map((title) => ({ title, format: percent })),
    ],
    present.map((c) => [
      className(card, c.class),
      c.truePositive + c.falseNegative,
      c.sensitivity,
      c.specificity,
      c.precision,
      c.auroc,
    ]),
    { width },
  )}`;
}

/** Methods × metrics; controls below a gap, since they are not in the running. */
function cellTable(cells: readonly Cell[], plans: Plan, width: number | undefined): string {
  const columns = [
    { title: "method" },
    ...plans.metrics.map(({ metric }) => ({ title: metric.id, better: metric.better })),
  ];
  const row = (method: string, label: string) => [
    label,
    ...plans.metrics.map(
      ({ metric }) => cells.find((c) => c.method === method && c.metric === metric.id)?.mean,
    ),
  ];
  const rows = [
    ...plans.methods.filter((m) => !m.method.control).map((m) => row(m.method.id, m.method.id)),
    ...plans.methods.filter((m) => m.method.control).map((m) => row(m.method.id, `(${m.method.id})`)),
  ];
  return table(columns, rows, { width, split: true });
}

/** How to read the table, and why scores are missing in it. */
function notes(cells: readonly Cell[], plans: Plan, failures: readonly Failed[]): string[] {
  const controls = plans.methods.some((m) => m.method.control);
  return [
    `means over ${counted(plans.samples, "image")}; ↑ higher is better, ↓ lower is better${controls ? "; (controls) cannot know the model" : ""}`,
    ...plans.methods
      .filter((m) => m.notApplicable !== undefined)
      .map((m) => `not applicable: ${m.method.id}: ${m.notApplicable}`),
    ...cells.flatMap(({ method, metric, n, skips }) =>
      n > 0 ? [] : Object.keys(skips).map((reason) => `no score: ${method} × ${metric}: ${reason}`),
    ),
    ...failureNotes(failures),
  ];
}

interface Failed {
  readonly method: string;
  readonly metric: string | undefined;
  readonly reason: string;
}

function failureNotes(failures: readonly Failed[]): string[] {
  const counts = new Map<string, number>();
  for (const f of failures) {
    const line = `${f.method}${f.metric ? ` × ${f.metric}` : ""}: ${f.reason}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, n]) => `failed ${counted(n, "time")}: ${line}`);
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
      .map((id) => `${id} ${metricOf(id).better === "higher" ? "↑" : "↓"} ${scores[id].toFixed(3)}`);
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
