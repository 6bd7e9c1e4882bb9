/** `xai-kit explain`: what a model sees in one picture, by one method or by all of them side by side. */
import { basename, extname, resolve } from "node:path";
import type { Command } from "commander";
import { decodeImage8 } from "../datasets/readers/image.ts";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { attribute, type Method } from "../methods/method.ts";
import { createProbe } from "../model/probe.ts";
import { resolveParams } from "../params.ts";
import { methodOf, protocolOf } from "../protocol/protocol.ts";
import { robustLimit } from "../render/colour.ts";
import { overlay } from "../render/overlay.ts";
import { writePng } from "../render/png.ts";
import { type SheetTile, sheet } from "../render/sheet.ts";
import { rngOf } from "../rng.ts";
import { explainedClass } from "../runner/execute.ts";
import { defaultResize, pixelsOf } from "../runner/pixels.ts";
import type { Run } from "./io.ts";
import { assignments, classIndex, ids, type ModelOptions, modelOption, withModelOptions } from "./options.ts";
import { checkWritable } from "./output.ts";
import { missingTile, pixelImage, tileOf } from "./pictures.ts";
import { className, openSession } from "./session.ts";
import { table } from "./table.ts";

interface Options extends ModelOptions {
  readonly method?: string[];
  readonly param?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly bare?: true;
  readonly out?: string;
}

interface Outcome {
  readonly method: string;
  readonly status: "ok" | "not-applicable";
  readonly ms: number | null;
  readonly reason: string | null;
}

export function registerExplain(program: Command, run: Run): void {
  const command = program
    .command("explain")
    .description("explain one picture: its predictions, and a picture of what each method found")
    .usage("<image> --model <file> [options]")
    .argument("<image>", "PNG, JPEG, TIFF, WebP or GIF")
    .requiredOption(...modelOption)
    .option(
      "--method <ids>",
      "one or several, comma-separated; `all` for the controls too; default: every method but the controls",
      ids,
    )
    .option("-p, --param <name=value>", "parameter, with a single --method", assignments("--param"))
    .option("-t, --target <class>", "class to explain, by name or index; default: the prediction")
    .option("--bare", "with a single --method: the overlay alone, without titles and scale")
    .option("-o, --out <file.png>", "default: <image>.explained.png in the current folder");
  withModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit explain cat.png --model squeezenet.onnx \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 \\
      --class-names imagenet.json
  $ xai-kit explain scan.png --model resnet.onnx --method grad-cam \\
      --class-names normal,pneumonia --target pneumonia --out scan-cam.png
  $ xai-kit explain scan.png --model resnet.onnx --method integrated-gradients \\
      --param steps=200 --bare`,
    )
    .action(
      run<[string, Options]>(async (io, path, options) => {
        const chosen = chosenMethods(options.method);
        for (const [flag, value] of [
          ["--param", options.param],
          ["--bare", options.bare],
        ] as const) {
          if (value === undefined || chosen.length === 1) continue;
          throw new KitError("E_USAGE", {
            problem: `${flag} goes with one method`,
            next: "name it with --method",
          });
        }
        for (const method of chosen) resolveParams(method.id, method.params, options.param);
        const out = options.out ?? `${basename(path, extname(path))}.explained.png`;
        if (resolve(out) === resolve(path)) {
          throw new KitError("E_USAGE", {
            problem: "--out is the picture itself",
            next: "choose another --out",
          });
        }
        await checkWritable(out);
        const image = await decodeImage8(path);
        const session = await openSession(options, io);
        const { model, card } = session;
        try {
          const x = pixelsOf(image, model.shape, card.input?.resize ?? defaultResize);
          const any = createProbe({ model, x, target: 0 });
          const logits = await any.logits();
          const probabilities = model.probabilities(logits);
          const target =
            options.target === undefined
              ? explainedClass(model, logits)
              : targetOf(options.target, card.classes, model.classes);
          const probe = createProbe({ model, x, target });
          const progress = chosen.length > 1 ? io.progress("explain", chosen.length) : undefined;
          const tiles: SheetTile[] = [];
          const outcomes: Outcome[] = [];
          for (const [k, method] of chosen.entries()) {
            io.signal.throwIfAborted();
            progress?.tick(k, method.id);
            const start = performance.now();
            try {
              const attribution = await attribute(method, probe, {
                params: options.param,
                rng: streams(method),
              });
              const ms = performance.now() - start;
              tiles.push(tileOf(method, attribution, [`${ms.toFixed(0)} ms`]));
              outcomes.push({ method: method.id, status: "ok", ms, reason: null });
            } catch (error) {
              io.signal.throwIfAborted();
              if (!(error instanceof KitError) || chosen.length === 1) throw error;
              const reason = [error.message, ...error.details].join("; ");
              tiles.push(missingTile(method.id, error.message));
              outcomes.push({ method: method.id, status: "not-applicable", ms: null, reason });
            }
            progress?.tick(k + 1, method.id);
          }
          progress?.done();
          const name = className(card, target);
          const shown = pixelImage(x);
          const [{ map, scale }] = tiles;
          io.signal.throwIfAborted();
          await writePng(
            out,
            options.bare && map
              ? overlay(shown, map, { scale: scale ?? "sequential", limit: robustLimit(map.data) })
              : sheet([{ title: `${name} ${probabilities[target].toFixed(3)}`, image: shown, tiles }], {
                  title: basename(path),
                  subtitle: `explained class: ${name}, logit ${logits[target].toFixed(2)}; model ${basename(options.model)}`,
                }),
          );
          const top = [...probabilities.keys()]
            .sort((a, b) => probabilities[b] - probabilities[a])
            .slice(0, 5);
          const predictions = top.map((index) => ({
            index,
            class: className(card, index),
            probability: probabilities[index],
          }));
          await io.result(
            {
              out,
              target,
              class: name,
              predictions,
              methods: outcomes,
              assumptions: session.model.prepared.assumptions,
            },
            `${predictionText(predictions, io.columns)}\n${outcomeText(outcomes, io.columns)}\nexplained: ${name}${options.target === undefined ? ", the prediction" : ""}\npicture: ${out}\n`,
          );
        } finally {
          await session.close();
        }
      }),
    );
}

const predictionText = (
  predictions: readonly { index: number; class: string; probability: number }[],
  width: number | undefined,
): string =>
  table(
    [
      { title: "index", align: "right" },
      { title: "class" },
      { title: "probability", format: (v) => v.toFixed(4) },
    ],
    predictions.map((p) => [p.index, p.class, p.probability]),
    { width },
  );

/** Times; and why there is none, under the table. */
const outcomeText = (outcomes: readonly Outcome[], width: number | undefined): string =>
  table(
    [{ title: "method" }, { title: "ms", format: (v) => v.toFixed(0) }],
    outcomes.map((o) => [o.method, o.ms]),
    { width },
  ) + outcomes.map((o) => (o.reason === null ? "" : `not applicable: ${o.method}: ${o.reason}\n`)).join("");

const chosenMethods = (named: readonly string[] | undefined): readonly Method[] =>
  named?.includes("all") ? methods : (named?.map(methodOf) ?? methods.filter((m) => !m.control));

const streams = (method: Method) => (purpose: string) =>
  rngOf(protocolOf("1-draft").seed, "explain", method.id, purpose);

function targetOf(text: string, names: readonly string[] | undefined, classes: number): number {
  const index = classIndex(text, names, classes);
  if (index !== undefined) return index;
  throw new KitError("E_TARGET", {
    problem: `there is no class "${text}"`,
    next: `give an index from 0 to ${classes - 1}${names ? `, or a name: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}` : ", or tell the names with --class-names"}`,
  });
}
