/** `xai-kit score`: one metric on arrays. */
import { type Command, Option } from "commander";
import { KitError } from "../errors.ts";
import { referenceOf } from "../methods/baseline.ts";
import { attribute, type MapRule } from "../methods/method.ts";
import { type Score, score } from "../metrics/metric.ts";
import { createProbe } from "../model/probe.ts";
import { resolveParams } from "../params.ts";
import { methodOf, metricOf, standardProtocol } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { mean } from "../stats/summary.ts";
import {
  type ArrayOptions,
  openArrays,
  perImageAttributions,
  streamsOf,
  withArrayOptions,
} from "./arrays.ts";
import type { Run } from "./io.ts";
import { inputsOf } from "./list.ts";
import { assignments, readArray, withModelOptions } from "./options.ts";

interface Options extends ArrayOptions {
  readonly attribution: string;
  readonly metric: string;
  readonly param?: Readonly<Record<string, string>>;
  readonly map?: MapRule;
  readonly method?: string;
  readonly methodParam?: Readonly<Record<string, string>>;
}

export function registerScore(program: Command, run: Run): void {
  const command = withArrayOptions(program.command("score"))
    .description("score an attribution that is an array, wherever it was made")
    .usage("--model <file> --input <file.npy> --attribution <file.npy>\n         --metric <id> [options]")
    .requiredOption("-a, --attribution <file.npy>", "[C,H,W] or [H,W], with a leading N for several images")
    .requiredOption("--metric <id>", "see xai-kit list metrics")
    .option("-p, --param <name=value>", "parameter of the metric", assignments("--param"))
    .addOption(
      new Option("--map <rule>", "how [C,H,W] becomes [H,W]; default: the method's rule, else sum").choices([
        "sum",
        "abs-sum",
      ]),
    )
    .option("--method <id>", "the method that made the attribution, for metrics that run it again")
    .option("--method-param <name=value>", "its parameters", assignments("--method-param"));
  withModelOptions(command)
    .addHelpText(
      "after",
      `
The names of --param and --with: xai-kit list metrics <id>. Those of
--method-param, and of --with for a method that is run again: xai-kit list
methods <id>.

Examples:
  $ xai-kit score --model m.onnx --input x.npy --target 2 --attribution a.npy \\
      --metric infidelity-raw --with perturbations=p.npy --json
  $ xai-kit score --model m.onnx --input x.npy --attribution a.npy \\
      --metric pointing-game --with mask=m.npy
  $ xai-kit score --model m.onnx --input x.npy --attribution a.npy \\
      --metric max-sensitivity --method saliency`,
    )
    .action(
      run<[Options]>(async (io, options) => {
        const metric = metricOf(options.metric);
        const params = resolveParams(metric.id, metric.params, options.param);
        const method = options.method === undefined ? undefined : methodOf(options.method);
        const methodParams = method && resolveParams(method.id, method.params, options.methodParam);
        if (metric.needs.includes("method") && method === undefined) {
          throw new KitError("E_USAGE", {
            problem: `${metric.id} runs the method again`,
            next: "say which made the attribution: --method ID [--method-param k=v]",
          });
        }
        if (metric.needs.includes("mask") && !options.with?.mask && !options.with?.boxes) {
          throw new KitError("E_USAGE", {
            problem: `${metric.id} compares with an annotation`,
            next: "give it: --with mask=FILE.npy, or --with boxes=FILE.npy",
          });
        }
        const attributions = readArray(options.attribution);
        const own = inputsOf(metric);
        const again = metric.needs.includes("method") ? (method?.inputs ?? {}) : {};
        // a name that both know is the metric's
        const work = await openArrays(options, io, { ...again, ...own });
        const { model } = work;
        try {
          const maps = perImageAttributions(options.attribution, attributions, work);
          const samples = await work.each("score", async ({ k, x, target, given }) => {
            const [ofMethod, ofMetric] = parted(
              given,
              (name) => Object.hasOwn(again, name) && !Object.hasOwn(own, name),
            );
            return asSample(
              await score(metric, createProbe({ model, x, target }), {
                params,
                given: ofMetric,
                attribution: maps[k],
                rule: options.map ?? method?.map ?? "sum",
                kind: method?.kind ?? "contribution",
                reference: method && methodParams && referenceOf(method, methodParams),
                rng: streamsOf(k, "metric"),
                explain:
                  method &&
                  ((other) =>
                    attribute(method, other, {
                      params: methodParams,
                      given: ofMethod,
                      rng: streamsOf(k, method.id),
                    })),
                randomised: (draw) =>
                  model.randomised(
                    `randomised ${draw}`,
                    rngOf(standardProtocol.seed, "randomised weights", draw),
                  ),
                cost: methodParams && method?.cost(methodParams, model.shape),
              }),
            );
          });
          const value = mean(samples.flatMap((s) => ("value" in s ? [s.value] : [])));
          const targets = work.items.map(({ target }) => target);
          await io.result(
            { metric: metric.id, params, better: metric.better, targets, value, samples },
            samples.map((s) => `${"skip" in s ? `no score: ${s.skip}` : s.value}\n`).join(""),
          );
        } finally {
          await work.close();
        }
      }),
    );
}

/** The entries whose names are chosen, and the rest. */
function parted<T>(
  entries: Readonly<Record<string, T>>,
  chosen: (name: string) => boolean,
): [Record<string, T>, Record<string, T>] {
  const all = Object.entries(entries);
  return [
    Object.fromEntries(all.filter(([name]) => chosen(name))),
    Object.fromEntries(all.filter(([name]) => !chosen(name))),
  ];
}

const asSample = (result: Score) => (typeof result === "number" ? { value: result } : result);
