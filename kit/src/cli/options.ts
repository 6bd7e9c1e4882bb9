/** Options that several commands share, and how their values are read. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { parseNpy } from "../datasets/readers/npy.ts";
import { parseBytes } from "../engine/chunk.ts";
import { type Device, deviceName, devices, numbered, parseDevice } from "../engine/device.ts";
import { type EngineId, engines } from "../engine/node.ts";
import { KitError } from "../errors.ts";
import type { ClassEmbeddings } from "../model/contrastive.ts";
import type { Family, Task } from "../model/prepare.ts";
import { checkCard } from "../node.ts";
import { type Float32Tensor, float32, toFloat32 } from "../onnx/tensor.ts";
import { defaultResize } from "../runner/pixels.ts";
import type { ModelCard } from "../schemas.generated.ts";

export interface ModelOptions {
  readonly model: string;
  readonly card?: string;
  /** laid over the card, under the options */
  readonly over?: ModelCard;
  readonly mean?: number[];
  readonly std?: number[];
  readonly size?: { height: number; width: number };
  readonly resize?: string;
  readonly resizeTo?: number;
  readonly layer?: string;
  readonly family?: Family;
  readonly architecture?: string;
  readonly task?: Task;
  readonly classNames?: string;
  readonly textEmbeddings?: string;
  readonly logitScale?: number;
  readonly engine: EngineId;
  readonly device: Device;
  readonly threads?: number;
  readonly memory?: number;
  /** undefined: automatic */
  readonly batch?: number;
}

export const modelOption = ["-m, --model <file>", "the ONNX model"] as const;

/** Adds, as a group of their own, the options that say what the model's file does not, and what computes. */
export function withModelOptions(command: Command): Command {
  command
    .optionsGroup("About the model (in place of, or over its card):")
    .option("--card <file>", "model card (JSON); default: <model>.card.json beside the model, if there")
    .option(
      "--mean <values>",
      "per channel in [0, 1], comma-separated; subtracted from pixels",
      perChannel("--mean"),
    )
    .option(
      "--std <values>",
      "per channel in [0, 1], comma-separated; pixels are divided by it",
      perChannel("--std"),
    )
    .option("--size <HxW>", "input size, where the model leaves it open", size)
    .addOption(
      new Option("--resize <method>", "how images are brought to the input size").choices([
        "bilinear",
        "pillow-bilinear",
        "pillow-bicubic",
        "pillow-lanczos",
      ]),
    )
    .option(
      "--resize-to <pixels>",
      "shorter side before the centre crop, as torchvision's Resize and CenterCrop; default: the image is stretched",
      integer("--resize-to", 1),
    )
    .option("--layer <tensor>", "the tensor CAM methods read; default: inferred")
    .addOption(
      new Option("--family <family>", "default: inferred").choices(["cnn", "transformer", "contrastive"]),
    )
    .option(
      "--architecture <id>",
      "for the run document, and what a preset of this name knows of the input: xai-kit models list",
    )
    .addOption(
      new Option("--task <task>", "default: inferred").choices(["multi-class", "multi-label", "binary"]),
    )
    .option(
      "--class-names <file|list>",
      "JSON array, text file with one name a line, or a comma-separated list",
    )
    .option(
      "--text-embeddings <file.npy>",
      "class embeddings [classes, D]: the model is an image encoder, a class's score its similarity times --logit-scale",
    )
    .option(
      "--logit-scale <s>",
      "with --text-embeddings: what similarities are multiplied with; default: 100",
      logitScale,
    );
  return withComputingOptions(command);
}

export function withComputingOptions(command: Command): Command {
  return command
    .optionsGroup("Computing:")
    .addOption(
      new Option("--engine <engine>", "which library computes; tfjs is installed apart, see the README")
        .choices(engines)
        .default("onnxruntime"),
    )
    .addOption(deviceOption("what computes").default("auto"))
    .option(
      "--threads <n>",
      "threads of one operator; default: all cores; evaluate: 1, its --jobs use the others",
      integer("--threads", 1),
    )
    .option(
      "--memory <bytes>",
      "budget for one batch: 512MB, 2GB; default: a quarter of what is free",
      parseBytes,
    )
    .option(
      "--batch <auto|n>",
      "images per pass: what --memory allows and the device gains from, or so many; halved where memory runs out; changes no number; default: auto",
      batch,
    )
    .optionsGroup("Output:");
}

/** `--device`, with its choices in the help and its mistakes explained. */
export const deviceOption = (description: string): Option =>
  new Option(
    "--device <device>",
    `${description}: ${devices.join(", ")}; of several cards one: ${numbered.map((name) => `${name}:1`).join(", ")}`,
  ).argParser(device);

function device(text: string): Device {
  try {
    return deviceName(parseDevice(text)) as Device;
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    throw usage(`--device ${text}: ${error.message}`, error.next ?? devices.join(", "));
  }
}

/** The card with what stands over it: first `over`, then the flags. */
export function cardWith(read: ModelCard, options: ModelOptions): ModelCard {
  const { over } = options;
  const card = over === undefined ? read : { ...read, ...over, input: { ...read.input, ...over.input } };
  const classes = options.classNames === undefined ? card.classes : readClassNames(options.classNames);
  const input = {
    ...card.input,
    ...(options.mean && { mean: options.mean }),
    ...(options.std && { std: options.std }),
    ...options.size,
    ...((options.resize || options.resizeTo) && {
      resize: {
        ...defaultResize,
        ...card.input?.resize,
        ...(options.resize && { method: options.resize }),
        ...(options.resizeTo && { resizeTo: options.resizeTo }),
      },
    }),
  };
  const merged = {
    ...card,
    ...(classes && { classes }),
    ...(Object.keys(input).length > 0 && { input }),
    ...(options.layer && { camLayer: options.layer }),
    ...(options.family && { family: options.family }),
    ...(options.architecture && { architecture: options.architecture }),
    ...(options.task && { task: options.task }),
  };
  return checkCard(merged, "what the card and the options say together");
}

/** The embeddings of `--text-embeddings`, and the hash of their file. */
export function textOf({ textEmbeddings, logitScale: scale }: ModelOptions): ClassEmbeddings | undefined {
  if (textEmbeddings === undefined) {
    if (scale === undefined) return undefined;
    throw usage("--logit-scale without --text-embeddings", "give the class embeddings too, or leave it out");
  }
  const embeddings = readArray(textEmbeddings);
  const sha256 = createHash("sha256").update(readFileSync(textEmbeddings)).digest("hex");
  return { embeddings, sha256, ...(scale !== undefined && { scale }) };
}

function readClassNames(source: string): string[] {
  if (!/\.(json|txt)$/i.test(source)) return source.split(",").map((name) => name.trim());
  const text = readText(source, "the class names");
  if (source.endsWith(".txt")) return text.split(/\r?\n/).filter((line) => line !== "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "string")) return value;
  throw new KitError("E_CLASS_NAMES", {
    problem: `${source} is not a JSON array of names`,
    next: '["cat", "dog"]',
  });
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new KitError("E_FILE", { problem: `cannot read ${what} ${path}`, next: "check the path", cause });
  }
}

const usage = (problem: string, next: string) => new KitError("E_USAGE", { problem, next });

/** Mean or std: numbers on the scale of pixels, which is [0, 1]. */
const perChannel = (flag: string) => (text: string) => {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!values.every(Number.isFinite)) {
    throw usage(`${flag} ${text} is not a list of numbers`, `for example ${flag} 0.485,0.456,0.406`);
  }
  if (values.some((v) => v > 1)) {
    const scaled = values.map((v) => Number((v / 255).toPrecision(4)));
    throw usage(`${flag} ${text}: pixels lie in [0, 1] here`, `divide by 255: ${flag} ${scaled.join(",")}`);
  }
  return values;
};

function logitScale(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw usage(
    `--logit-scale ${text} is not a positive number`,
    "give the factor itself, not its logarithm: for CLIP --logit-scale 100",
  );
}

export const integer =
  (flag: string, minimum: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum) return value;
    throw usage(
      `${flag} ${text} is not a whole number of at least ${minimum}`,
      `for example ${flag} ${minimum + 1}`,
    );
  };

/** `auto` is what happens without the option. */
function batch(text: string): number | undefined {
  if (text === "auto") return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw usage(`--batch ${text} is neither auto nor a whole number of at least 1`, "for example --batch 8");
}

function size(text: string): { height: number; width: number } {
  const [, height, width] = /^(\d{1,4})(?:x(\d{1,4}))?$/.exec(text) ?? [];
  if (height !== undefined && Number(height) > 0 && Number(width ?? height) > 0) {
    return { height: Number(height), width: Number(width ?? height) };
  }
  throw usage(`--size ${text} is not a size`, "for example --size 224 or --size 224x320");
}

/** Collects `name=value` options into one object; commander calls it once per occurrence. */
export const assignments =
  (flag: string) =>
  (text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> => {
    const at = text.indexOf("=");
    if (at > 0) return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
    throw usage(`${flag} ${text} has no "="`, `write ${flag} name=value`);
  };

/** Collects comma-separated ids over several occurrences, each once. */
export const ids = (text: string, before: readonly string[] = []): string[] => [
  ...new Set([...before, ...text.split(",").map((id) => id.trim())]),
];

/** The index of a class named by its index or, where names are known, by its name. */
export function classIndex(
  text: string,
  names: readonly string[] | undefined,
  classes: number,
): number | undefined {
  const named = names?.indexOf(text) ?? -1;
  if (named >= 0) return named;
  return /^\d+$/.test(text) && Number(text) < classes ? Number(text) : undefined;
}

/** A float32 array from a .npy file. Throws KitError E_FILE, E_NPY, E_INPUT on values that are not finite. */
export function readArray(path: string): Float32Tensor {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (cause) {
    throw new KitError("E_FILE", { problem: `cannot read ${path}`, next: "check the path", cause });
  }
  const tensor = parseNpy(bytes, path);
  const array = float32(tensor.dims, toFloat32(tensor));
  const bad = array.data.findIndex((v) => !Number.isFinite(v));
  if (bad < 0) return array;
  throw new KitError("E_INPUT", {
    problem: `${path} holds ${array.data[bad]} at element ${bad}`,
    next: "arrays must be finite",
  });
}

/** The arrays of `--with NAME=file.npy`. */
export const readArrays = (files: Readonly<Record<string, string>>): Record<string, Float32Tensor> =>
  Object.fromEntries(Object.entries(files).map(([name, file]) => [name, readArray(file)]));
