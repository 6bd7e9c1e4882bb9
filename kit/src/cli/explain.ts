/** `xai-kit explain`: what a model sees in one picture, by one method or by all of them side by side. */
import { basename, dirname, extname, join } from "node:path";
import type { Command } from "commander";
import { decodeImage8 } from "../datasets/readers/image.ts";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { attribute, type Method } from "../methods/method.ts";
import { createProbe } from "../model/probe.ts";
import { methodOf, protocolOf } from "../protocol/protocol.ts";
import { writePng } from "../render/png.ts";
import { type SheetTile, sheet } from "../render/sheet.ts";
import { explainedClass } from "../runner/execute.ts";
import { defaultResize, pixelsOf } from "../runner/pixels.ts";
import { rngOf } from "../runner/rng.ts";
import type { Run } from "./io.ts";
import { assignments, ids, type ModelOptions, withModelOptions } from "./options.ts";
import { missingTile, pixelImage, tileOf } from "./pictures.ts";
import { className, openSession } from "./session.ts";
import { table } from "./table.ts";

interface Options extends ModelOptions {
  readonly method?: string[];
  readonly param?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly out?: string;
}

export function registerExplain(program: Command, run: Run): void {
  withModelOptions(program.command("explain").argument("<image>", "PNG, JPEG, TIFF, WebP or GIF"))
    .description("explain one picture: predictions, and a contact sheet of attribution maps")
    .option("--method <ids>", "one or several; default: every method but the controls", ids)
    .option("-p, --param <name=value>", "parameter, with a single --method", assignments("--param"))
    .option("-t, --target <class>", "class name or index; default: the prediction")
    .option("-o, --out <file.png>", "default: <image>.explained.png beside the image")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit explain cat.png --model squeezenet.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  $ xai-kit explain scan.png --model resnet.onnx --method grad-cam --target pneumonia --out scan-cam.png`,
    )
    .action(
      run<[string, Options]>(async (io, path, options) => {
        const chosen = options.method?.map(methodOf) ?? methods.filter((m) => !m.control);
        if (options.param && chosen.length !== 1) {
          throw new KitError("E_USAGE", {
            problem: "--param belongs to one method",
            next: "name it with --method",
          });
        }
        const image = await decodeImage8(path);
        const session = await openSession(options, io);
        const { model, card } = session;
        try {
          const x = pixelsOf(image, model.shape, card.input?.resize ?? defaultResize);
          const any = createProbe({ model, x, target: 0 });
          const logits = await any.logits();
          const probabilities = model.probabilities(logits);
          const target =
            classOf(options.target, card.classes, model.classes) ?? explainedClass(model, logits);
          const probe = createProbe({ model, x, target });
          const progress = io.progress("explain", chosen.length);
          const tiles: SheetTile[] = [];
          const outcomes: { method: string; status: string; ms: number | null; reason: string | null }[] = [];
          for (const [k, method] of chosen.entries()) {
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
              if (!(error instanceof KitError) || chosen.length === 1) throw error;
              tiles.push(missingTile(method.id, error.message));
              outcomes.push({ method: method.id, status: "not-applicable", ms: null, reason: error.message });
            }
            progress.tick(k + 1, method.id);
          }
          progress.done();
          const out = options.out ?? join(dirname(path), `${basename(path, extname(path))}.explained.png`);
          const name = className(card, target);
          await writePng(
            out,
            sheet([{ title: `${name} ${probabilities[target].toFixed(3)}`, image: pixelImage(x), tiles }], {
              title: basename(path),
              subtitle: `explained class: ${name}, logit ${logits[target].toFixed(2)}; model ${basename(options.model)}`,
            }),
          );
          const top = [...probabilities.keys()]
            .sort((a, b) => probabilities[b] - probabilities[a])
            .slice(0, 5);
          await io.result(
            {
              out,
              target,
              class: name,
              predictions: top.map((index) => ({
                index,
                class: className(card, index),
                probability: probabilities[index],
              })),
              methods: outcomes,
            },
            `${table(
              [{ title: "class" }, { title: "probability", format: (v) => v.toFixed(4) }],
              top.map((index) => [className(card, index), probabilities[index]]),
            )}\n${table(
              [{ title: "method" }, { title: "ms", format: (v) => v.toFixed(1) }, { title: "" }],
              outcomes.map((o) => [o.method, o.ms, o.reason]),
            )}\npicture: ${out}\n`,
          );
        } finally {
          await session.close();
        }
      }),
    );
}

const streams = (method: Method) => (purpose: string) =>
  rngOf(protocolOf("1-draft").seed, "explain", method.id, purpose);

/** A class by index or by name. */
function classOf(
  text: string | undefined,
  names: readonly string[] | undefined,
  classes: number,
): number | undefined {
  if (text === undefined) return undefined;
  const index = names?.indexOf(text) ?? -1;
  if (index >= 0) return index;
  if (/^\d+$/.test(text) && Number(text) < classes) return Number(text);
  throw new KitError("E_TARGET", {
    problem: `there is no class "${text}"`,
    next: `give an index from 0 to ${classes - 1}${names ? ", or a name of the card" : ""}`,
  });
}
