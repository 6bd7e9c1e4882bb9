/** The library on Node: models and cards from disk, the engine in a worker thread. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Engine } from "./engine/engine.ts";
import { defaultBudget, type OpenOptions, openEngine } from "./engine/node.ts";
import { createPool } from "./engine/pool.ts";
import { KitError } from "./errors.ts";
import { withClassEmbeddings } from "./model/contrastive.ts";
import { createModel, type Model } from "./model/model.ts";
import { type PrepareOptions, prepare } from "./model/prepare.ts";
import type { Graph } from "./onnx/graph.ts";
import { ownWeights } from "./onnx/own-weights.ts";
import { readOnnx } from "./onnx/read.ts";
import { type ModelCard, modelCardSchema } from "./schemas.generated.ts";

export { bundledModels } from "./bundled.ts";
export { openDataset } from "./datasets/open.ts";
export { decodeImage8 } from "./datasets/readers/image.ts";
export { defaultBudget, machineFacts, openEngine, probeDevices } from "./engine/node.ts";
export * from "./index.ts";

export interface ModelFile {
  readonly graph: Graph;
  /** of the .onnx file and, where it has some, its external data, in the order of their names */
  readonly sha256: string;
}

/**
 * Reads a model file; external data only from the model's own folder.
 *
 * @throws KitError E_MODEL_FILE when it cannot be read, E_ONNX_* when it is not a model we can use
 */
export function readModelFile(path: string): ModelFile {
  const bytes = readBytes(path, "E_MODEL_FILE", "the model");
  const folder = dirname(resolve(path));
  const parts = new Map<string, Uint8Array>();
  const read = readOnnx(bytes, {
    name: basename(path),
    external(location, offset, length) {
      const file =
        parts.get(location) ?? readBytes(inside(folder, location), "E_ONNX_EXTERNAL", "external data");
      parts.set(location, file);
      return file.subarray(offset, length === undefined ? undefined : offset + length);
    },
  });
  const hash = createHash("sha256").update(bytes);
  for (const [, part] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(part);
  return { graph: ownWeights(read), sha256: hash.digest("hex") };
}

/** The file of that name in the folder, links resolved: a model may not read what lies elsewhere. */
function inside(folder: string, location: string): string {
  const path = join(folder, location);
  if (!existsSync(path)) {
    throw new KitError("E_ONNX_EXTERNAL", {
      problem: `the model keeps weights in "${location}", which is not beside it`,
      next: "keep the .onnx file and its data files together",
    });
  }
  if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) {
    throw new KitError("E_ONNX_EXTERNAL", {
      problem: `external data "${location}" leads out of the model's folder`,
      next: "a model may only read files beside it",
    });
  }
  return path;
}

/** Node reads at most 2 GiB into one buffer. */
const largestFile = 2 ** 31 - 1;

function readBytes(path: string, code: "E_MODEL_FILE" | "E_ONNX_EXTERNAL", what: string): Uint8Array {
  let size: number;
  try {
    const stat = statSync(path);
    if (!stat.isFile())
      throw new KitError(code, { problem: `${path} is not a file`, next: "give the path of an .onnx file" });
    size = stat.size;
  } catch (error) {
    if (error instanceof KitError) throw error;
    throw new KitError(code, {
      problem: `cannot read ${what} ${path}`,
      next: "check the path and its permissions",
      cause: error,
    });
  }
  if (size > largestFile) {
    throw new KitError(code, {
      problem: `${path} has ${size} bytes, more than fit into one buffer`,
      next: "export the weights as several external data files of less than 2 GB",
    });
  }
  try {
    const bytes = readFileSync(path);
    // Node pools small reads at odd offsets: those get a buffer of their own
    const alone = bytes.byteLength === bytes.buffer.byteLength;
    return alone ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
  } catch (error) {
    throw new KitError(code, {
      problem: `cannot read ${what} ${path}`,
      next: "check the path and its permissions",
      cause: error,
    });
  }
}

export interface OpenModelOptions extends Omit<PrepareOptions, "card">, OpenOptions {
  /** what the file does not say; without it the card beside the model, if there is one */
  readonly card?: ModelCard;
  /** what the card leaves open, once the file's inputs are known */
  readonly complete?: (card: ModelCard, inputs: Graph["inputs"]) => ModelCard;
  /** budget for one batch in bytes; a quarter of what is free unless told */
  readonly memory?: number;
  /** the batch, in place of what fits the budget */
  readonly batch?: number;
  /** told when memory ran out: the batch that failed, and the one to go on with */
  readonly onHalved?: (failed: number, next: number) => void;
}

export interface OpenModel {
  readonly model: Model;
  readonly card: ModelCard;
  readonly engine: Engine;
  /** of the file; with `text`, of the file's and the embeddings' and the scale */
  readonly sha256: string;
  /** with `device: "auto"`: what was taken and why, in one line */
  readonly choice: string | undefined;
  /** what the user should know of the engine: slower than it could be, and the way out */
  readonly advice: string | undefined;
  close(): Promise<void>;
}

/**
 * A model file ready to be asked, on the best engine there is. Close it after use.
 *
 * @throws KitError E_MODEL_FILE, E_ONNX_*, E_CARD, E_MODEL_INPUT, E_MODEL_OUTPUT, E_DEVICE; E_INPUT for `text` that does not fit
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  const told = options.card === undefined ? readCard(path) : checkCard(options.card, "the card");
  const file = readModelFile(path);
  const card = options.complete?.(told, file.graph.inputs) ?? told;
  const prepared = prepare(file.graph, { ...options, card });
  const { engine, choice, advice } = await openEngine(options);
  const memory = options.memory ?? defaultBudget();
  return {
    model: createModel(prepared, {
      pool: createPool(engine),
      memory,
      provider: engine.info.provider,
      batch: options.batch,
      onHalved: options.onHalved,
    }),
    card,
    engine,
    sha256: withClassEmbeddings(file.sha256, options.text),
    choice,
    advice,
    close: () => engine.close(),
  };
}

const validCard = new Ajv2020({ allErrors: true, strict: true }).compile<ModelCard>(modelCardSchema);

/** Checks a model card. Throws KitError E_CARD naming every fault. */
export function checkCard(value: unknown, where: string): ModelCard {
  if (validCard(value)) return value;
  throw new KitError("E_CARD", {
    problem: `${where} is not a model card`,
    details: (validCard.errors ?? []).map((e) => `${e.instancePath || "/"} ${e.message}`),
    next: "see schemas/model-card/v1.schema.json",
  });
}

/** The card given, else `<model>.card.json` beside the model, else an empty one. */
export function readCard(modelPath: string, cardPath?: string): ModelCard {
  const beside = `${modelPath.replace(/\.onnx$/, "")}.card.json`;
  const path = cardPath ?? (existsSync(beside) ? beside : undefined);
  if (path === undefined) return {};
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new KitError("E_CARD", {
      problem: `cannot read the card ${path}`,
      next: "check the path",
      cause: error,
    });
  }
  try {
    return checkCard(JSON.parse(text), path);
  } catch (error) {
    if (error instanceof KitError) throw error;
    throw new KitError("E_CARD", {
      problem: `${path} is not JSON: ${error instanceof Error ? error.message : error}`,
      next: "mend the file",
    });
  }
}
