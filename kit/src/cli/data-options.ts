/** The options that say which pictures, as every command with `--data` has them. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import {
  type Dataset,
  type LabelSpaceName,
  labelSpaces,
  splits,
  type Uncertain,
  uncertainties,
} from "../datasets/dataset.ts";
import { openDataset } from "../datasets/open.ts";
import { withSplitFile } from "../datasets/split-file.ts";
import { KitError } from "../errors.ts";

export interface DataOptions {
  readonly dataDir?: string;
  /** one of `splits`, or a file of ids */
  readonly split?: string;
  readonly boxes?: string;
  readonly masks?: string;
  readonly uncertain?: Uncertain;
  readonly labelSpace?: LabelSpaceName;
  readonly onFault: "stop" | "skip";
}

export const withDataOptions = (command: Command): Command =>
  command
    .option("--data-dir <dir>", "where the data set's files are")
    .option(
      "--split <split>",
      `${splits.join(", ")} (default: test), or a file with one sample id a line: the test split of a set that has none`,
    )
    .option(
      "--boxes <path>",
      "folder sets: COCO JSON, VOC JSON, or a folder of VOC XML; imagenet: its table or XML",
    )
    .option("--masks <dir>", "folder sets: mask PNGs in the same tree; imagenet: those of ImageNet-S")
    .addOption(
      new Option(
        "--uncertain <as>",
        "chest X-rays: what labels count as that were left open; default: ignore, neither way (vindr-cxr: one)",
      ).choices([...uncertainties]),
    )
    .addOption(
      new Option(
        "--label-space <name>",
        "chest X-rays: merge labels as a study does; uces8: eight, “Lung Opacity” counted as “Consolidation”",
      ).choices([...labelSpaces]),
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
 * @throws         KitError E_DATASET_SPEC, E_DATASET_MISSING, E_SPLIT_FILE, and what the files give cause for
 */
export async function openData(
  spec: string,
  options: DataOptions,
  classes: readonly string[] | undefined,
): Promise<Dataset> {
  const { dataDir, boxes, masks, uncertain, labelSpace, onFault } = options;
  const split = splits.find((name) => name === options.split);
  const file = split === undefined ? options.split : undefined;
  if (file !== undefined && !existsSync(file)) {
    throw new KitError("E_SPLIT_FILE", {
      problem: `--split ${file} is none of ${splits.join(", ")}, and there is no such file`,
      next: "name a split, or a file with one sample id a line",
    });
  }
  let dataset: Dataset | undefined;
  try {
    dataset = await openDataset(spec, {
      ...{ dir: dataDir, split, boxes, masks, uncertain, labelSpace },
      ...{ classes, onFault },
    });
    return file === undefined ? dataset : await withSplitFile(dataset, file);
  } catch (cause) {
    await dataset?.close();
    if (!(cause instanceof KitError) || cause.code !== "E_DATASET_SPEC" || !existsSync(spec)) throw cause;
    throw new KitError(cause.code, {
      problem: cause.message,
      next: `did you mean --data folder:${spec}?`,
      cause,
    });
  }
}
