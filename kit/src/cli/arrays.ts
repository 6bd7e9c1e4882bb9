/** What `attribute` and `score` share: arrays in, one image after the other, arrays or numbers out. */
import type { Command } from "commander";
import { KitError } from "../errors.ts";
import type { InputSpec } from "../methods/method.ts";
import type { Model } from "../model/model.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { standardProtocol } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { explainedClass } from "../runner/execute.ts";
import type { Io } from "./io.ts";
import { assignments, classIndex, type ModelOptions, modelOption, readArray, readArrays } from "./options.ts";
import { openSession, type Session } from "./session.ts";

export interface ArrayOptions extends ModelOptions {
  readonly input: string;
  readonly target?: string;
  readonly preprocess: boolean;
  readonly with?: Readonly<Record<string, string>>;
}

export const withArrayOptions = (command: Command): Command =>
  command
    .requiredOption(...modelOption)
    .requiredOption("-i, --input <file.npy>", "[C,H,W] or [N,C,H,W], pixels in [0, 1]")
    .option(
      "-t, --target <class>",
      "explained class, by index or name, or one per image: 2,0,1; default: the prediction",
    )
    .option(
      "--no-preprocess",
      "feed the input as it is: no mean and std, the reference is 0 and nothing is clipped",
    )
    .option(
      "--with <name=file.npy>",
      "supply a random or data input by its name; several images: one for all, or stacked",
      assignments("--with"),
    );

/** One image of `--input`, with what belongs to it. */
export interface Item {
  readonly k: number;
  readonly x: Float32Tensor;
  readonly target: number;
  readonly given: Readonly<Record<string, Float32Tensor>>;
}

export interface Work extends Session {
  readonly items: readonly Item[];
  /** whether `--input` has an N axis, so that results get one too */
  readonly batched: boolean;
  /** Does `body` for one image after the other, telling progress. */
  each<T>(label: string, body: (item: Item) => Promise<T>): Promise<T[]>;
}

/** Reads every file of the command line, then opens the model. */
export async function openArrays(
  options: ArrayOptions,
  io: Io,
  inputs: Readonly<Record<string, InputSpec>>,
): Promise<Work> {
  const given = readArrays(options.with ?? {});
  const input = readArray(options.input);
  if (!options.preprocess && (options.mean || options.std)) {
    io.say("note: --no-preprocess: --mean and --std are not used");
  }
  const session = await openSession(options, io, { preprocess: options.preprocess });
  try {
    const images = imagesOf(options.input, input, session.model);
    const targets = await targetsOf(options.target, images, session);
    const parts = Object.entries(given).map(
      ([name, tensor]) => [name, perImage(tensor, inputs[name], images.length)] as const,
    );
    const items = images.map((x, k) => ({
      k,
      x,
      target: targets[k],
      given: Object.fromEntries(parts.map(([name, part]) => [name, part(k)])),
    }));
    return {
      ...session,
      items,
      batched: input.dims.length === 4,
      async each(label, body) {
        const progress = items.length > 1 ? io.progress(label, items.length) : undefined;
        try {
          const results = [];
          for (const item of items) {
            io.signal.throwIfAborted();
            results.push(await body(item));
            progress?.tick(item.k + 1);
          }
          return results;
        } finally {
          progress?.done();
        }
      },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Images of `[C,H,W]` or `[N,C,H,W]`, checked against the model. */
function imagesOf(path: string, input: Float32Tensor, model: Model): Float32Tensor[] {
  const { channels, height, width } = model.shape;
  const [c, h, w] = input.dims.slice(-3);
  const n = input.dims.length === 4 ? input.dims[0] : 1;
  const fits = c === channels && h === height && w === width;
  if ((input.dims.length !== 3 && input.dims.length !== 4) || !fits || n < 1) {
    throw new KitError("E_INPUT", {
      problem: `${path} has dims [${input.dims.join(", ")}]`,
      next: `the model takes [${channels}, ${height}, ${width}], or several stacked`,
    });
  }
  const outside = input.data.find((v) => v < 0 || v > 1);
  if (model.prepared.bounded && outside !== undefined) {
    throw new KitError("E_INPUT", {
      problem: `${path} holds ${outside}, pixels lie in [0, 1]`,
      next: "divide 8-bit values by 255, or use --no-preprocess for an input that is normalised already",
    });
  }
  return Array.from({ length: n }, (_, k) => slice(input, [channels, height, width], k));
}

/** The explained class of each image: the one given, one per image, or the prediction. */
async function targetsOf(
  text: string | undefined,
  images: readonly Float32Tensor[],
  { model, card }: Session,
): Promise<number[]> {
  if (text === undefined) {
    const targets: number[] = [];
    await model.forward(
      images.length,
      (k, out) => out.set(images[k].data),
      (_, logits) => targets.push(explainedClass(model, logits)),
    );
    return targets;
  }
  const indexOf = (name: string) => classIndex(name.trim(), card.classes, model.classes);
  const whole = indexOf(text); // a name may hold a comma
  const listed = whole === undefined ? text.split(",").map(indexOf) : [whole];
  const targets = listed.flatMap((t) => (t === undefined ? [] : [t]));
  const range = `an index from 0 to ${model.classes - 1}${card.classes ? ", or a name of the card" : ""}`;
  if (targets.length !== listed.length) {
    throw new KitError("E_TARGET", {
      problem: `--target ${text} names a class that the model does not have`,
      next: `give ${range}`,
    });
  }
  if (targets.length !== 1 && targets.length !== images.length) {
    throw new KitError("E_TARGET", {
      problem: `--target ${text} has ${targets.length} classes for ${images.length} image${images.length === 1 ? "" : "s"}`,
      next: "give one class for all, or one for each",
    });
  }
  return images.map((_, k) => targets[targets.length === 1 ? 0 : k]);
}

/** The part of an input that belongs to the k-th image: all of it, unless it has one more axis that counts the images. */
function perImage(
  tensor: Float32Tensor,
  spec: InputSpec | undefined,
  images: number,
): (k: number) => Float32Tensor {
  const axes = spec?.dims.split(",").length;
  const [n, ...dims] = tensor.dims;
  if (images === 1 || axes === undefined || dims.length !== axes || n !== images) return () => tensor;
  return (k) => slice(tensor, dims, k);
}

/** One attribution per image. */
export function perImageAttributions(
  path: string,
  tensor: Float32Tensor,
  { items, batched }: Pick<Work, "items" | "batched">,
): Float32Tensor[] {
  if (!batched) return [tensor];
  const [n, ...dims] = tensor.dims;
  if (n !== items.length) {
    throw new KitError("E_INPUT", {
      problem: `${items.length} images, but ${path} has dims [${tensor.dims.join(", ")}]`,
      next: "give one attribution per image, stacked along the first axis",
    });
  }
  return items.map(({ k }) => slice(tensor, dims, k));
}

const slice = ({ data }: Float32Tensor, dims: readonly number[], k: number): Float32Tensor => {
  const size = dims.reduce((product, d) => product * d, 1);
  return float32(dims, data.slice(k * size, (k + 1) * size));
};

export function stack(results: readonly Float32Tensor[], batched: boolean): Float32Tensor {
  const [first] = results;
  if (!batched) return first;
  const size = first.data.length;
  const data = new Float32Array(results.length * size);
  for (const [k, r] of results.entries()) data.set(r.data, k * size);
  return float32([results.length, ...first.dims], data);
}

/** Random streams of the k-th image of a file. */
export const streamsOf = (k: number, owner: string) => (purpose: string) =>
  rngOf(standardProtocol.seed, `input ${k}`, owner, purpose);
