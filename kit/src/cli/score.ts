/** `xai-kit score`: one metric on arrays. */
import { type Command, Option } from "commander";
import { KitError } from "../errors.ts";
import { attribute, type MapRule } from "../methods/method.ts";
import { score } from "../metrics/metric.ts";
import { createProbe } from "../model/probe.ts";
import { type Float32Tensor, float32 } from "../onnx/tensor.ts";
import { resolveParams } from "../params.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { rngOf } from "../runner/rng.ts";
import { mean } from "../stats/summary.ts";
import { type ArrayOptions, imagesOf, streamsOf, targetsOf, withArrayOptions } from "./attribute.ts";
import type { Run } from "./io.ts";
import { assignments, readArray, readArrays } from "./options.ts";
import { openSession } from "./session.ts";

interface Options extends ArrayOptions {
  readonly attribution: string;
  readonly metric: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly map?: MapRule;
  readonly method?: string;
  readonly methodParam?: Readonly<Record<string, string>>;
}

export function registerScore(program: Command, run: Run): void {
  withArrayOptions(program.command("score"))
    .description("score an attribution that is an array, wherever it was made")
    .requiredOption(
      "-a, --attribution <file.npy>",
      "float32 [C,H,W] or [H,W], with a leading N for several images",
    )
    .requiredOption("--metric <id>", "see xai-kit list metrics")
    .option("-p, --param <name=value>", "parameter of the metric", assignments("--param"))
    .addOption(
      new Option("--map <rule>", "how [C,H,W] becomes [H,W]; default: the method's rule, else sum").choices([
        "sum",
        "abs-sum",
      ]),
    )
    .option("--method <id>", "the method that made the attribution, for metrics that run it again")
    .option("--method-param <name=value>", "its parameters", assignments("--method-param"))
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit score --model m.onnx --input x.npy --target 2 --attribution a.npy --metric infidelity-raw --with perturbations=p.npy --json
  $ xai-kit score --model m.onnx --input x.npy --attribution a.npy --metric pointing-game --with mask=m.npy
  $ xai-kit score --model m.onnx --input x.npy --attribution a.npy --metric max-sensitivity --method saliency`,
    )
    .action(
      run<[Options]>(async (io, options) => {
        const metric = metricOf(options.metric);
        const method = options.method === undefined ? undefined : methodOf(options.method);
        if (metric.needs.includes("method") && method === undefined) {
          throw new KitError("E_USAGE", {
            problem: `${metric.id} runs the method again`,
            next: "say which made the attribution: --method ID [--method-param k=v]",
          });
        }
        const given = readArrays(options.with ?? {});
        const input = readArray(options.input);
        const attributions = readArray(options.attribution);
        const session = await openSession(options, io, { preprocess: options.preprocess });
        const { model } = session;
        try {
          const images = imagesOf(input, model);
          const targets = await targetsOf(options.target, images, model);
          const maps = split(attributions, images.length, input.dims.length === 4);
          const samples: { value?: number; parts?: unknown; skip?: string }[] = [];
          for (const [k, x] of images.entries()) {
            io.signal.throwIfAborted();
            const probe = createProbe({ model, x, target: targets[k] });
            const result = await score(metric, probe, {
              params: options.param,
              given,
              attribution: maps[k],
              rule: options.map ?? method?.map ?? "sum",
              kind: method?.kind ?? "contribution",
              rng: streamsOf(k, "metric"),
              explain:
                method &&
                ((other) =>
                  attribute(method, other, { params: options.methodParam, rng: streamsOf(k, method.id) })),
              randomised: (draw) =>
                model.randomised(
                  `randomised ${draw}`,
                  rngOf(protocolOf("1-draft").seed, "randomised weights", draw),
                ),
              cost: method?.cost(resolveParams(method.id, method.params, options.methodParam), model.shape),
            });
            samples.push(typeof result === "number" ? { value: result } : result);
          }
          const value = mean(samples.flatMap((s) => (s.value === undefined ? [] : [s.value])));
          await io.result(
            { metric: metric.id, better: metric.better, targets, value, samples },
            samples.map((s) => `${s.value ?? `no score: ${s.skip}`}\n`).join(""),
          );
        } finally {
          await session.close();
        }
      }),
    );
}

/** One attribution per image. */
function split(attributions: Float32Tensor, images: number, batched: boolean): Float32Tensor[] {
  if (!batched) return [attributions];
  const [n, ...dims] = attributions.dims;
  if (n !== images) {
    throw new KitError("E_INPUT", {
      problem: `${images} images, but attributions have dims [${attributions.dims.join(", ")}]`,
      next: "give one attribution per image, stacked along the first axis",
    });
  }
  const size = attributions.data.length / n;
  return Array.from({ length: n }, (_, k) =>
    float32(dims, attributions.data.slice(k * size, (k + 1) * size)),
  );
}
