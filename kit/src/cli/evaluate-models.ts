/** `evaluate --models`: one evaluation per model, each in a folder of its own, and then the comparison of them. */
import { basename, join } from "node:path";
import type { Command } from "commander";
import { KitError } from "../errors.ts";
import { setName } from "./compare.ts";
import { askedMaps, type MapOptions } from "./evaluate-maps.ts";

export interface SetOptions {
  readonly models?: string[];
  readonly name?: string;
}

export const withSetOptions = (command: Command): Command =>
  command
    .optionsGroup("Several models (each in a folder of --out, then xai-kit compare):")
    .option("--models <files...>", "in place of --model; each with its card beside it")
    .option("--name <id>", "what the set of models is called", setName);

export interface ModelSet {
  readonly name: string;
  /** where the comparison goes */
  readonly comparison: string;
  readonly models: readonly { readonly model: string; readonly out: string }[];
}

/** What the flags ask for, before anything is opened; undefined without them. Throws KitError E_USAGE. */
export function askedSet(
  typed: SetOptions &
    MapOptions & {
      readonly model?: string;
      readonly data?: string;
      readonly card?: string;
      readonly shard?: object;
      readonly out?: string;
    },
): ModelSet | undefined {
  const { models, name } = typed;
  if (models === undefined) {
    if (name === undefined) return undefined;
    throw usage("--name without --models", "it names a set of models: --models a.onnx b.onnx c.onnx");
  }
  if (typed.model !== undefined) throw usage("--model and --models", "give one of them");
  if (typed.data === undefined) throw usage("--models without --data", "name the data set too");
  if (name === undefined) throw usage("--models without --name", "give the set a name: --name my-models");
  if (models.length < 2) throw usage("--models with one file", "give two or more, or --model");
  const only = [
    ["--card", typed.card, "put <model>.card.json beside each file"],
    ["--shard", typed.shard, "share out each model by itself, merge, then xai-kit compare"],
    ["--maps", askedMaps(typed)[0], "evaluate that model by itself, then xai-kit compare"],
  ] as const;
  for (const [flag, value, next] of only) {
    if (value !== undefined) throw usage(`${flag} belongs to one model, and there are several`, next);
  }
  const out = typed.out ?? join("xai-runs", name);
  const ids = models.map((file) => basename(file, ".onnx"));
  const twice = ids.find((id, i) => ids.indexOf(id) < i);
  if (twice !== undefined)
    throw usage(`--models names two files called ${twice}`, "their runs would share a folder: rename one");
  return {
    name,
    comparison: join(out, "comparison.json"),
    models: models.map((model, i) => ({ model, out: join(out, ids[i]) })),
  };
}

const usage = (problem: string, next: string) => new KitError("E_USAGE", { problem, next });
