/** `xai-kit attribute`: one method on arrays, for other tools and for replaying a draw. */
import type { Command } from "commander";
import { encodeNpy } from "../datasets/readers/npy.ts";
import { KitError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { attribute } from "../methods/method.ts";
import type { Model } from "../model/model.ts";
import { createProbe } from "../model/probe.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { methodOf, protocolOf } from "../protocol/protocol.ts";
import { explainedClass } from "../runner/execute.ts";
import { rngOf } from "../runner/rng.ts";
import type { Run } from "./io.ts";
import { assignments, type ModelOptions, readArray, readArrays, withModelOptions } from "./options.ts";
import { openSession } from "./session.ts";

/** Options of `attribute` and `score` alike. */
export interface ArrayOptions extends ModelOptions {
  readonly input: string;
  readonly target?: string;
  readonly preprocess: boolean;
  readonly with?: Readonly<Record<string, string>>;
}

interface Options extends ArrayOptions {
  readonly method: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly raw?: true;
  readonly out: string;
}

export const withArrayOptions = (command: Command): Command =>
  withModelOptions(command)
    .requiredOption("-i, --input <file.npy>", "float32 [C,H,W] or [N,C,H,W], pixels in [0, 1]")
    .option("-t, --target <class>", "index of the explained class, or one per image; default: the prediction")
    .option("--no-preprocess", "feed the input as it is: the reference is 0 and nothing is clipped")
    .option(
      "--with <name=file.npy>",
      "supply a random or data input by its name (see list)",
      assignments("--with"),
    );

export function registerAttribute(program: Command, run: Run): void {
  withArrayOptions(program.command("attribute"))
    .description("compute one attribution from an array and write it as an array")
    .requiredOption("--method <id>", "see xai-kit list methods")
    .option("-p, --param <name=value>", "parameter of the method", assignments("--param"))
    .option("--raw", "CAM methods: the map at its own resolution, before ReLU and resizing")
    .requiredOption("-o, --out <file.npy>", "where the attribution goes")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit attribute --model m.onnx --input x.npy --target 2 --method integrated-gradients --param steps=50 --out a.npy
  $ xai-kit attribute --model m.onnx --input x.npy --method smoothgrad --with noise=n.npy --no-preprocess --out a.npy
  $ xai-kit attribute --model m.onnx --input x.npy --method grad-cam --layer features --raw --out cam.npy`,
    )
    .action(
      run<[Options]>(async (io, options) => {
        const method = methodOf(options.method);
        const given = readArrays(options.with ?? {});
        const input = readArray(options.input);
        const session = await openSession(options, io, { preprocess: options.preprocess });
        try {
          const images = imagesOf(input, session.model);
          const targets = await targetsOf(options.target, images, session.model);
          const results: Float32Tensor[] = [];
          for (const [k, x] of images.entries()) {
            io.signal.throwIfAborted();
            const probe = createProbe({ model: session.model, x, target: targets[k] });
            results.push(
              await attribute(method, probe, {
                params: options.param,
                given,
                rng: streamsOf(k, method.id),
                raw: options.raw,
              }),
            );
          }
          const stacked = stack(results, input.dims.length === 4);
          await writeFileAtomic(options.out, encodeNpy(stacked));
          await io.result(
            {
              method: method.id,
              out: options.out,
              dims: stacked.dims,
              targets,
              passes: session.model.passes,
            },
            `${options.out}: float32 [${stacked.dims.join(", ")}], class ${targets.join(", ")}\n`,
          );
        } finally {
          await session.close();
        }
      }),
    );
}

/** Images of `[C,H,W]` or `[N,C,H,W]`, checked against the model. */
export function imagesOf(input: Float32Tensor, model: Model): Float32Tensor[] {
  const { channels, height, width } = model.shape;
  const [c, h, w] = input.dims.slice(-3);
  const n = input.dims.length === 4 ? input.dims[0] : 1;
  if (
    (input.dims.length !== 3 && input.dims.length !== 4) ||
    c !== channels ||
    h !== height ||
    w !== width ||
    n < 1
  ) {
    throw new KitError("E_INPUT", {
      problem: `the input has dims [${input.dims.join(", ")}]`,
      next: `the model takes [${channels}, ${height}, ${width}], or several stacked`,
    });
  }
  const outside = input.data.find((v) => v < 0 || v > 1);
  if (model.prepared.bounded && outside !== undefined) {
    throw new KitError("E_INPUT", {
      problem: `the input holds ${outside}, pixels lie in [0, 1]`,
      next: "divide 8-bit values by 255, or use --no-preprocess for an input that is normalised already",
    });
  }
  const size = channels * height * width;
  return Array.from({ length: n }, (_, k) =>
    float32([channels, height, width], input.data.slice(k * size, (k + 1) * size)),
  );
}

/** The explained class of each image: the one given, one per image, or the prediction. */
export async function targetsOf(
  text: string | undefined,
  images: readonly Float32Tensor[],
  model: Model,
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
  const given = text.split(",").map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  const targets = given.length === 1 ? images.map(() => given[0]) : given;
  if (targets.length !== images.length || !targets.every((t) => t < model.classes)) {
    throw new KitError("E_TARGET", {
      problem: `--target ${text} does not name a class for each of ${images.length} image${images.length === 1 ? "" : "s"}`,
      next: `give an index from 0 to ${model.classes - 1}, or as many of them as there are images`,
    });
  }
  return targets;
}

/** Random streams of the k-th image of a file. */
export const streamsOf = (k: number, owner: string) => (purpose: string) =>
  rngOf(protocolOf("1-draft").seed, `input ${k}`, owner, purpose);

function stack(results: readonly Float32Tensor[], batched: boolean): Float32Tensor {
  const [first] = results;
  if (!batched) return first;
  const size = first.data.length;
  const data = new Float32Array(results.length * size);
  for (const [k, r] of results.entries()) data.set(r.data, k * size);
  return float32([results.length, ...first.dims], data);
}
