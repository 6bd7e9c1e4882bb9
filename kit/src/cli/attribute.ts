/** `xai-kit attribute`: one method on arrays, for other tools and for replaying a draw. */
import type { Command } from "commander";
import { encodeNpy } from "../datasets/readers/npy.ts";
import { writeFileAtomic } from "../files.ts";
import { attribute } from "../methods/method.ts";
import { createProbe } from "../model/probe.ts";
import { resolveParams } from "../params.ts";
import { methodOf } from "../protocol/protocol.ts";
import { type ArrayOptions, openArrays, stack, streamsOf, withArrayOptions } from "./arrays.ts";
import type { Run } from "./io.ts";
import { assignments, withModelOptions } from "./options.ts";
import { checkWritable } from "./output.ts";
import { className } from "./session.ts";

interface Options extends ArrayOptions {
  readonly method: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly raw?: true;
  readonly out: string;
}

export function registerAttribute(program: Command, run: Run): void {
  const command = withArrayOptions(program.command("attribute"))
    .description("compute one attribution from an array and write it as an array")
    .usage("--model <file> --input <file.npy> --method <id>\n         --out <file.npy> [options]")
    .requiredOption("--method <id>", "see xai-kit list methods")
    .option("-p, --param <name=value>", "parameter of the method", assignments("--param"))
    .option(
      "--raw",
      "the map at its own resolution: a CAM before ReLU and resizing; of a method that hides segments one value each",
    )
    .requiredOption("-o, --out <file.npy>", "where the attribution goes, float32");
  withModelOptions(command)
    .addHelpText(
      "after",
      `
The names of --param and --with: xai-kit list methods <id>.

Examples:
  $ xai-kit attribute --model m.onnx --input x.npy --target 2 \\
      --method integrated-gradients --param steps=50 --out a.npy
  $ xai-kit attribute --model m.onnx --input x.npy --no-preprocess \\
      --method smoothgrad --with noise=n.npy --out a.npy
  $ xai-kit attribute --model m.onnx --input x.npy \\
      --method grad-cam --layer features --raw --out cam.npy`,
    )
    .action(
      run<[Options]>(async (io, options) => {
        const method = methodOf(options.method);
        const params = resolveParams(method.id, method.params, options.param);
        await checkWritable(options.out);
        const work = await openArrays(options, io, method.inputs ?? {});
        try {
          const { model, card, items, batched } = work;
          const results = await work.each("attribute", ({ k, x, target, given }) =>
            attribute(method, createProbe({ model, x, target }), {
              params,
              given,
              rng: streamsOf(k, method.id),
              raw: options.raw,
            }),
          );
          const stacked = stack(results, batched);
          const targets = items.map(({ target }) => target);
          await writeFileAtomic(options.out, encodeNpy(stacked));
          await io.result(
            {
              method: method.id,
              params,
              out: options.out,
              dims: stacked.dims,
              targets,
              passes: model.passes,
              assumptions: model.prepared.assumptions,
            },
            `${options.out}: float32 [${stacked.dims.join(", ")}], explained: ${[...new Set(targets)].map((t) => className(card, t)).join(", ")}\n`,
          );
        } finally {
          await work.close();
        }
      }),
    );
}
