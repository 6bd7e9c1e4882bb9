/** The options that say which pictures, as every command with `--data` has them. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { type Dataset, type Split, type Uncertain, uncertainties } from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open.ts";
import { KitError } from "../errors.ts";

export interface DataOptions {
  readonly dataDir?: string;
  readonly split?: Split;
  readonly boxes?: string;
  readonly masks?: string;
  readonly uncertain?: Uncertain;
  readonly onFault: "stop" | "skip";
}

export const withDataOptions = (command: Command): Command =>
  command
    .option("--data-dir <dir>", "where the data set's files are")
    .addOption(new Option("--split <split>", "default: test").choices(["train", "val", "test"]))
    .option("--boxes <file>", "folder sets: COCO JSON with boxes")
    .option("--masks <dir>", "folder sets: mask PNGs in the same tree")
    .addOption(
      new Option(
        "--uncertain <as>",
        "chest X-rays: what labels count as that were left open; default: ignore, neither way",
      ).choices([...uncertainties]),
    )
    .addOption(
      new Option(
        "--on-fault <what>",
        "an unreadable image or annotation ends the reading, or is left out and recorded",
      )
        .choices(["stop", "skip"])
        .default("stop"),
    );

/**
 * @param classes  in the order of the model's outputs
 * @throws         KitError E_DATASET_SPEC, E_DATASET_MISSING, and what the files give cause for
 */
export async function openData(
  spec: string,
  options: DataOptions,
  classes: readonly string[] | undefined,
): Promise<Dataset> {
  const { dataDir, split, boxes, masks, uncertain, onFault } = options;
  try {
    return await openDataset(spec, { dir: dataDir, split, boxes, masks, uncertain, classes, onFault });
  } catch (cause) {
    if (!(cause instanceof KitError) || cause.code !== "E_DATASET_SPEC" || !existsSync(spec)) throw cause;
    throw new KitError(cause.code, {
      problem: cause.message,
      next: `did you mean --data folder:${spec}?`,
      cause,
    });
  }
}
