/** `xai-kit explain`: what a model sees in one picture, by one method or by all of them side by side. */
import { readdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import type { Command } from "commander";
import { decodeImage8, imageExtensions } from "../datasets/readers/image.ts";
import { KitError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { methods } from "../methods/index.ts";
import type { Method } from "../methods/method.ts";
import { createProbe } from "../model/probe.ts";
import { resolveParams } from "../params.ts";
import { methodOf, protocolOf, standardProtocol } from "../protocol/protocol.ts";
import { overlay } from "../render/overlay.ts";
import { writePng } from "../render/png.ts";
import { explainedClass } from "../runner/execute.ts";
import { defaultResize, pixelsOf } from "../runner/pixels.ts";
import { comparedWith } from "../runner/unmet.ts";
import { roleOf } from "../stats/summarise.ts";
import { type Explanation, type Prediction, pageOf, sheetOf } from "./explain-page.ts";
import { type Explained, explained, scoredBy, stepsOf } from "./explained.ts";
import type { Run } from "./io.ts";
import { assignments, classIndex, ids, type ModelOptions, modelOption, withModelOptions } from "./options.ts";
import { checkWritable } from "./output.ts";
import { pixelImage } from "./pictures.ts";
import { className, openSession, type Session } from "./session.ts";
import { printable, table } from "./table.ts";

interface Options extends ModelOptions {
  readonly method?: string[];
  readonly param?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly scores?: true;
  readonly quick?: true;
  readonly others?: string;
  readonly bare?: true;
  readonly out?: string[];
}

export function registerExplain(program: Command, run: Run): void {
  const command = program
    .command("explain")
    .description("explain one picture: its predictions, and a picture or a page of what each method found")
    .usage("<image> --model <file> [options]")
    .argument("<image>", "PNG, JPEG, TIFF, WebP or GIF")
    .requiredOption(...modelOption)
    .option(
      "--method <ids>",
      "one or several, comma-separated; `standard`, `further`, `controls` or `all`; default: every method but the controls",
      ids,
    )
    .option("-p, --param <name=value>", "parameter, with a single --method", assignments("--param"))
    .option("-t, --target <class>", "class to explain, by name or index; default: the prediction")
    .option(
      "--scores",
      `score each map too: ${scoredBy.map(({ id }) => id).join(", ")}; some hundred passes a method`,
    )
    .option("--quick", "a quarter of every method's budget, as the protocol `quick`")
    .option("--others <folder>", `other images, for methods that compare with ${comparedWith}`)
    .option("--bare", "with a single --method: the overlay alone, without titles and scale")
    .option(
      "-o, --out <file>",
      "x.png: a contact sheet; x.html: a page in one file; may be given twice; default: <image>.explained.png in the current folder",
      (path, before: readonly string[] = []) => [...before, path],
    );
  withModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit explain cat.png --model squeezenet.onnx \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 \\
      --class-names imagenet.json
  $ xai-kit explain scan.png --model resnet.onnx --method all --quick --scores \\
      --others scans --out scan.html --out scan.explained.png
  $ xai-kit explain scan.png --model resnet.onnx --method grad-cam \\
      --class-names normal,pneumonia --target pneumonia --out scan-cam.png
  $ xai-kit explain scan.png --model resnet.onnx --method integrated-gradients \\
      --param steps=200 --bare`,
    )
    .action(
      run<[string, Options]>(async (io, path, options) => {
        const chosen = chosenMethods(options.method);
        checkSingle(options, chosen);
        const outs = await outsOf(path, options);
        const protocol = options.quick ? protocolOf("quick") : standardProtocol;

        const image = await decodeImage8(path);
        const session = await openSession(options, io);
        const { model, card, engine } = session;
        try {
          const resize = card.input?.resize ?? defaultResize;
          const x = pixelsOf(image, model.shape, resize);
          const others = options.others === undefined ? [] : await imagesOf(options.others, path);
          const logits = await createProbe({ model, x, target: 0 }).logits();
          const prediction = explainedClass(model, logits);
          const target =
            options.target === undefined ? prediction : targetOf(options.target, card.classes, model.classes);

          const steps = stepsOf({ methods: chosen, scores: !!options.scores });
          const progress = steps > 1 ? io.progress("explain", steps) : undefined;
          const outcomes = await explained({
            model,
            engine,
            x,
            target,
            methods: chosen,
            protocol,
            params: options.param ?? {},
            scores: !!options.scores,
            others: others.map((other) => pixelsOf(other, model.shape, resize)),
            signal: io.signal,
            now: () => performance.now(),
            onStep: (done, note) => progress?.tick(done, note),
          }).finally(() => progress?.done());

          const probabilities = model.probabilities(logits);
          const predictions = [...probabilities.keys()]
            .sort((a, b) => probabilities[b] - probabilities[a])
            .slice(0, 5)
            .map((index) => ({ index, class: className(card, index), probability: probabilities[index] }));
          const explanation: Explanation = {
            image: basename(path),
            model: basename(options.model),
            x,
            explained: {
              name: className(card, target),
              logit: logits[target],
              probability: probabilities[target],
            },
            predicted: target === prediction,
            predictions,
            outcomes,
            scores: !!options.scores,
            about: aboutOf(session, options),
          };
          io.signal.throwIfAborted();
          for (const out of outs) await write(out, explanation, !!options.bare);
          const { name } = explanation.explained;
          await io.result(
            {
              out: outs,
              target,
              class: name,
              predictions,
              methods: outcomes.map(asData),
              assumptions: model.prepared.assumptions,
            },
            [
              predictionText(predictions, io.columns),
              outcomeText(outcomes, !!options.scores, io.columns),
              `explained: ${printable(name)}${options.target === undefined ? ", the prediction" : ""}`,
              ...outs.map((out) => `${isPage(out) ? "page" : "picture"}: ${out}`),
              "",
            ].join("\n"),
          );
        } finally {
          await session.close();
        }
      }),
    );
}

/** What goes with one method only. */
function checkSingle(options: Options, chosen: readonly Method[]): void {
  for (const [flag, value] of [
    ["--param", options.param],
    ["--bare", options.bare],
  ] as const) {
    if (value === undefined || chosen.length === 1) continue;
    throw new KitError("E_USAGE", { problem: `${flag} goes with one method`, next: "name it with --method" });
  }
  for (const method of chosen) resolveParams(method.id, method.params, options.param);
}

const isPage = (out: string): boolean => /\.html?$/i.test(out);

/** Where to write, found out before the work begins. */
async function outsOf(path: string, { out, bare }: Options): Promise<readonly string[]> {
  const outs = out ?? [`${basename(path, extname(path))}.explained.png`];
  for (const to of outs) {
    if (resolve(to) === resolve(path)) {
      throw new KitError("E_USAGE", { problem: "--out is the picture itself", next: "choose another --out" });
    }
    if (!isPage(to) && extname(to).toLowerCase() !== ".png") {
      throw new KitError("E_USAGE", {
        problem: `--out ${to}: what is written goes by the ending`,
        next: "end it in .png for a picture, in .html for a page",
      });
    }
    if (bare && isPage(to)) {
      throw new KitError("E_USAGE", {
        problem: "--bare is a picture",
        next: "give an --out that ends in .png",
      });
    }
    await checkWritable(to);
  }
  return outs;
}

/** The first pictures of a folder, by name, without the one that is explained. */
async function imagesOf(folder: string, explainedPath: string) {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new KitError("E_FILE", {
      problem: `cannot read the folder ${folder}`,
      next: "check --others",
      cause,
    });
  });
  const paths = names
    .filter((name) => imageExtensions.includes(extname(name).slice(1).toLowerCase()))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => resolve(path) !== resolve(explainedPath))
    .slice(0, comparedWith);
  return Promise.all(paths.map((path) => decodeImage8(path)));
}

async function write(out: string, explanation: Explanation, bare: boolean): Promise<void> {
  if (isPage(out)) return await writeFileAtomic(out, await pageOf(explanation));
  const [{ shown }] = explanation.outcomes;
  await writePng(
    out,
    bare && shown
      ? overlay(pixelImage(explanation.x), shown.map, { scale: shown.scale, limit: shown.limit })
      : sheetOf(explanation),
  );
}

const aboutOf = ({ engine: { info }, model, choice }: Session, { quick, others }: Options): string[] => [
  `Computed by ${info.package} ${info.version} on ${info.provider}, ${info.threads} thread${info.threads === 1 ? "" : "s"}${choice ? `; ${choice}` : ""}.`,
  `Budgets of methods: ${quick ? "a quarter of the defaults" : "the defaults"}; random draws are seeded, so the same command gives the same maps.`,
  ...(others === undefined ? [] : [`Other images to compare with: ${basename(resolve(others))}.`]),
  ...model.prepared.assumptions.map((sentence) => `Assumed: ${sentence}.`),
];

/** An outcome as `--json` tells it. */
const asData = ({ method, params, status, reason, note, ms, passes, scores }: Explained) => ({
  method: method.id,
  role: roleOf(method),
  status,
  reason: reason ?? null,
  note: note ?? null,
  params,
  ms: ms ?? null,
  passes: passes ?? null,
  scores: Object.fromEntries(
    [...scores].map(([id, value]) => [id, typeof value === "number" ? value : null]),
  ),
});

const predictionText = (predictions: readonly Prediction[], width: number | undefined): string =>
  table(
    [
      { title: "index", align: "right" },
      { title: "class" },
      { title: "probability", format: (v) => v.toFixed(4) },
    ],
    predictions.map((p) => [p.index, p.class, p.probability]),
    { width },
  );

/** Times, passes and scores; and why there is no map, under the table. */
const outcomeText = (outcomes: readonly Explained[], scored: boolean, width: number | undefined): string =>
  table(
    [
      { title: "method" },
      { title: "ms", format: (v) => v.toFixed(0) },
      { title: "forward" },
      { title: "backward" },
      ...(scored
        ? scoredBy.map(({ id, better }) => ({ title: id, better, format: (v: number) => v.toFixed(3) }))
        : []),
    ],
    outcomes.map(({ method, ms, passes, scores }) => [
      method.id,
      ms,
      passes?.forwards,
      passes?.backwards,
      ...(scored ? scoredBy.map(({ id }) => asNumber(scores.get(id))) : []),
    ]),
    { width, split: true },
  ) +
  outcomes
    .map(({ method, status, reason, note }) => {
      const what = reason ?? note;
      return what === undefined
        ? ""
        : `${status === "ok" ? "note" : status.replace("-", " ")}: ${method.id}: ${what}\n`;
    })
    .join("");

const asNumber = (value: number | { readonly skip: string } | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;

/** Words for several methods at once. */
const sets: Readonly<Record<string, (method: Method) => boolean>> = {
  all: () => true,
  standard: (method) => roleOf(method) === "standard",
  further: (method) => roleOf(method) === "further",
  controls: (method) => roleOf(method) === "control",
};

/** In the order of the registry where sets are named, else as named. */
function chosenMethods(named: readonly string[] | undefined): readonly Method[] {
  if (named === undefined) return methods.filter((m) => !m.control);
  const known = named.flatMap((id) => (Object.hasOwn(sets, id) ? methods.filter(sets[id]) : [methodOf(id)]));
  return [...new Set(known)];
}

function targetOf(text: string, names: readonly string[] | undefined, classes: number): number {
  const index = classIndex(text, names, classes);
  if (index !== undefined) return index;
  throw new KitError("E_TARGET", {
    problem: `there is no class "${text}"`,
    next: `give an index from 0 to ${classes - 1}${names ? `, or a name: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}` : ", or tell the names with --class-names"}`,
  });
}
