/** `evaluate --maps`: maps computed elsewhere, from the words of the command line to what the run may use of them. */
import type { Command } from "commander";
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import type { MapRule } from "../methods/method.ts";
import { sourceUrl } from "../results/source-url.ts";
import type { AskedMaps, OpenedMaps } from "../runner/maps.ts";
import type { Io } from "./io.ts";
import { counted } from "./run-text.ts";

/** One entry per occurrence of its flag. */
export interface MapOptions {
  readonly maps?: string[];
  readonly as?: string[];
  readonly map?: string[];
  readonly source?: string[];
}

const rules: readonly MapRule[] = ["sum", "abs-sum"];

const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];

/**
 * Each flag is given once per folder, the first with the first: commander hands flags over by name, and folders, ids and addresses may hold
 * any character that could join them into one value.
 */
export const withMapOptions = (command: Command): Command =>
  command
    .optionsGroup("Maps computed elsewhere (all four, once for each folder):")
    .option("--maps <dir>", "a folder with one .npy per image, [H,W] or [C,H,W], scored as they are", collect)
    .option("--as <id>", "what they are called in the run", collect)
    .option("--map <rule>", `how [C,H,W] becomes a map: ${rules.join(" or ")} over channels`, collect)
    .option("--source <url>", "where the method is described, or its code is; shown with the run", collect);

/** What the flags ask for, before anything is opened. Throws KitError E_USAGE. */
export function askedMaps({ maps = [], as = [], map = [], source = [] }: MapOptions): AskedMaps[] {
  const given = [
    ["--maps", maps],
    ["--as", as],
    ["--map", map],
    ["--source", source],
  ] as const;
  if (given.some(([, values]) => values.length !== maps.length)) {
    throw usage(
      `${given.map(([flag, { length }]) => `${flag} ${length} time${length === 1 ? "" : "s"}`).join(", ")}`,
      "give all four for each folder: --maps DIR --as ID --map sum|abs-sum --source URL",
    );
  }
  return maps.map((folder, k): AskedMaps => {
    const [id, rule, href] = [as[k], rules.find((r) => r === map[k]), sourceUrl(source[k])];
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id) || id.length > 80) {
      throw usage(`--as ${id} is no id`, "lower-case letters, digits and single hyphens: --as my-method");
    }
    if (methods.some((method) => method.id === id)) {
      throw usage(
        `--as ${id}: that is a method of the kit, and its maps are computed here`,
        `call yours otherwise: --as my-${id}`,
      );
    }
    if (as.indexOf(id) < k) throw usage(`--as ${id} is given twice`, "give each folder an id of its own");
    if (rule === undefined) {
      throw usage(
        `--map ${map[k]} is neither ${rules.join(" nor ")}`,
        "abs-sum for rates of change (gradients), sum for contributions and for maps of one channel",
      );
    }
    if (href === undefined) {
      throw usage(
        `--source ${source[k]} is no public http or https address`,
        "the page of its paper or code: --source https://github.com/someone/their-method",
      );
    }
    return { folder, id, map: rule, source: href };
  });
}

const usage = (problem: string, next: string) => new KitError("E_USAGE", { problem, next });

export function sayMaps(io: Io, opened: readonly OpenedMaps[]): void {
  for (const { facts, folder, unused } of opened) {
    const { id, files, map, annotated, classesChecked } = facts;
    io.say(
      `maps of ${id}: ${counted(files, "file")} of ${folder}, ${map} over channels, not computed here; metrics that run the method again do not apply${annotated ? "" : ", nor do those of annotated classes"}`,
      ...(classesChecked
        ? []
        : [`assumed: the maps of ${id} explain the class that the model predicts (no index.json)`]),
      ...(unused > 0
        ? [
            `note: ${counted(unused, "other .npy file")} of ${folder} ${unused === 1 ? "is" : "are"} of no image explained here, and not used`,
          ]
        : []),
    );
  }
}
