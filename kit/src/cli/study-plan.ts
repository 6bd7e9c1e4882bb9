/** What a study will do, checked before any of it is done: files, cards, classes, labels; every fault at once. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { type Dataset, splits } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import { withClassEmbeddings } from "../model/contrastive.ts";
import { prepare } from "../model/prepare.ts";
import { checkCard, readCard, readModelFile } from "../node.ts";
import { methodOf } from "../protocol/protocol.ts";
import { checkTask } from "../runner/classify.ts";
import type { Shard } from "../runner/share.ts";
import { inShard } from "../runner/share.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { type Cell, planOf, type StudyPlan } from "../studies/inputs.ts";
import { type Study, wordsOf } from "../studies/study.ts";
import { type DataOptions, openData } from "./data-options.ts";
import { askedMaps, type MapOptions } from "./evaluate-maps.ts";
import type { EvaluateOptions } from "./evaluate-one.ts";
import type { Io } from "./io.ts";
import { cardWith, type ModelOptions, textOf } from "./options.ts";
import { counted } from "./run-text.ts";

/** How every cell is computed. */
export type Computing = Pick<ModelOptions, "engine" | "device" | "threads" | "memory" | "batch"> &
  Pick<EvaluateOptions, "jobs" | "overwrite"> &
  Pick<DataOptions, "onFault">;

/** A cell that can be run. */
export interface CheckedCell {
  readonly cell: Cell;
  readonly images: number;
  readonly classes: number;
  readonly inputs: CellInputs;
  readonly options: EvaluateOptions;
}

/** What a run is of, as its document tells it: hashes and names, no path. */
export interface CellInputs {
  /** sha256 */
  readonly model: string;
  readonly data: string;
  readonly split: string;
  /** sha256 of its ids; null: none, or of somebody's own pictures, where nobody is to confirm a guess */
  readonly splitFile: string | null;
  /** images that can be explained */
  readonly available: number;
}

/** The plan of an inputs file, its paths being relative to it. Throws KitError E_FILE, E_STUDY_INPUTS, E_PROTOCOL, E_METHOD, E_METRIC. */
export async function readInputs(study: Study, file: string): Promise<StudyPlan> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new KitError("E_FILE", {
      problem: `cannot read ${file}`,
      next: `check the path; xai-kit study ${study.id} --write-inputs ${file} writes one to begin with`,
      cause,
    });
  }
  const plan = planOf(study, text, file);
  const at = (path: string) => (isAbsolute(path) ? path : join(dirname(file), path));
  const maybe = (path: string | undefined) => path && at(path);
  return {
    ...plan,
    cells: plan.cells.map((cell) => ({
      ...cell,
      model: at(cell.model),
      data: cell.data.replace(/^folder:(.+)$/, (_, path: string) => `folder:${at(path)}`),
      dataDir: maybe(cell.dataDir),
      split: splits.some((name) => name === cell.split) ? cell.split : maybe(cell.split),
      boxes: maybe(cell.boxes),
      masks: maybe(cell.masks),
      maps: cell.maps?.map((own) => ({ ...own, folder: at(own.folder) })),
      textEmbeddings: maybe(cell.textEmbeddings),
    })),
  };
}

export const runFolder = (out: string, { id }: Pick<Cell, "id">): string => join(out, "runs", id);

/** Throws KitError E_STUDY_PLAN with what is wrong of every cell that is ours. */
export async function checkedCells(
  io: Pick<Io, "signal" | "progress">,
  plan: StudyPlan,
  { out, shard, ...computing }: Computing & { readonly out: string; readonly shard?: Shard },
): Promise<CheckedCell[]> {
  const ours = plan.cells.filter((_, k) => shard === undefined || inShard(k, shard));
  const checked: CheckedCell[] = [];
  const faults: string[] = [];
  const known = new Map<string, DataFacts>();
  const progress = io.progress("check", ours.length);
  try {
    for (const [k, cell] of ours.entries()) {
      io.signal.throwIfAborted();
      try {
        const options = optionsOf(plan, cell, out, computing);
        checked.push({ cell, options, ...(await fitOf(options, known)) });
      } catch (error) {
        if (!(error instanceof KitError)) throw error;
        const where = `${cell.id} (${wordsOf(cell.labels)})`;
        faults.push(
          ...[error.message, ...error.details].map((line, at) =>
            at === 0 ? `${where}: ${line}` : `  ${line}`,
          ),
        );
      }
      progress.tick(k + 1);
    }
  } finally {
    progress.done();
  }
  if (faults.length === 0) return checked;
  const bad = ours.length - checked.length;
  throw new KitError("E_STUDY_PLAN", {
    problem: `${bad} of ${counted(ours.length, "cell")} cannot be run`,
    details: faults.length > most ? [...faults.slice(0, most), `and ${faults.length - most} more`] : faults,
    next: "mend these, or take them out of the inputs file: the study runs without, and its report says what is missing",
  });
}

const most = 40;

interface DataFacts {
  readonly id: string;
  readonly classes: readonly string[];
  readonly task: Parameters<typeof checkTask>[1]["task"];
  readonly count: number;
  readonly inputs: Omit<CellInputs, "model">;
}

/** Does the model fit the data? The data of several cells is opened once. */
async function fitOf(options: EvaluateOptions, known: Map<string, DataFacts>) {
  const card = cardWith(readCard(options.model), options);
  const { data, dataDir, split, boxes, masks, uncertain, labelSpace } = options;
  const key = JSON.stringify([data, dataDir, split, boxes, masks, uncertain, labelSpace, card.classes]);
  let facts = known.get(key);
  if (facts === undefined) {
    const dataset = await openData(data, options, card.classes);
    const { id, classes, task, count } = dataset;
    const splitFile = (!isOwn(dataset) && dataset.splitFile) || null;
    const index = await dataset.index();
    // as evaluate takes them: the annotated ones, where there are some
    const available = index.filter(({ annotated }) => annotated).length || index.length;
    const inputs = { data: id, split: dataset.split, splitFile, available };
    await dataset.close();
    facts = { id, classes, task, count, inputs };
    known.set(key, facts);
  }
  const file = readModelFile(options.model);
  const text = textOf(options);
  const prepared = prepare(file.graph, { card, text });
  checkTask({ classes: prepared.classes, prepared }, facts);
  const model = withClassEmbeddings(file.sha256, text);
  return { images: facts.count, classes: prepared.classes, inputs: { model, ...facts.inputs } };
}

const isOwn = ({ track, ids }: Pick<Dataset, "track" | "ids">): boolean =>
  track === "own" && ids === "private";

function optionsOf(
  { protocol, samples }: StudyPlan,
  cell: Cell,
  out: string,
  computing: Computing,
): EvaluateOptions {
  const { model, data, dataDir, split, boxes, masks, uncertain, labelSpace } = cell;
  const { textEmbeddings, logitScale, computes } = cell;
  if (!existsSync(model)) throw new KitError("E_MODEL_FILE", { problem: `there is no model ${model}` });
  for (const id of computes.methods) methodOf(id);
  return {
    ...computing,
    ...{
      model,
      data,
      dataDir,
      split,
      boxes,
      masks,
      uncertain,
      labelSpace,
      ...mapsOf(cell),
      textEmbeddings,
      logitScale,
      protocol,
      samples,
    },
    over: overOf(cell),
    methods: [...computes.methods],
    metrics: [...computes.metrics],
    pictures: computes.pictures ?? 0,
    keepRegions: computes.regions ? true : undefined,
    out: runFolder(out, cell),
  };
}

/** Throws KitError E_USAGE for what `evaluate` would refuse of them, E_MAPS where a folder is missing. */
function mapsOf({ maps }: Cell): MapOptions {
  if (maps === undefined) return {};
  const options: MapOptions = {
    maps: maps.map(({ folder }) => folder),
    as: maps.map((own) => own.as),
    map: maps.map((own) => own.map),
    source: maps.map(({ source }) => source),
  };
  askedMaps(options);
  const missing = maps.find(({ folder }) => !existsSync(folder));
  if (missing !== undefined)
    throw new KitError("E_MAPS", { problem: `there is no folder ${missing.folder}` });
  return options;
}

/** The cell's card, and what its labels tell where no card does. Throws KitError E_CARD where they contradict each other. */
function overOf({ model, card, labels, id }: Cell): ModelCard {
  const over = card === undefined ? {} : checkCard(card, `the card of cell ${id}`);
  const told = { ...readCard(model), ...over };
  const { seed, architecture, loss, alpha } = labels;
  const trained = told.training?.seed;
  if (typeof seed === "number" && trained !== undefined && trained !== seed) {
    throw new KitError("E_CARD", { problem: `its label says seed ${seed}, its card ${trained}` });
  }
  const taught = told.training?.explanationLoss;
  const weight = Number(alpha ?? 0);
  if (!(Number.isFinite(weight) && weight >= 0))
    throw new KitError("E_CARD", { problem: `its label alpha is ${alpha}, which is no weight of a loss` });
  const formulation = slugOf(loss);
  const guided = weight > 0 && formulation !== "none" && formulation !== "";
  const same = guided
    ? taught?.formulation === formulation && taught.alpha === weight
    : (taught?.alpha ?? 0) === 0;
  if (loss !== undefined && taught !== undefined && !same) {
    throw new KitError("E_CARD", {
      problem: `its labels say the loss ${loss} with weight ${alpha}, its card ${taught.formulation} with ${taught.alpha}`,
    });
  }
  const training = {
    ...(trained === undefined && typeof seed === "number" && Number.isInteger(seed) && seed >= 0 && { seed }),
    ...(taught === undefined && guided && { explanationLoss: { formulation, alpha: weight } }),
  };
  const slug = slugOf(architecture);
  return {
    ...over,
    ...(told.architecture === undefined && slug !== "" && { architecture: slug }),
    ...(Object.keys(training).length > 0 && { training: { ...told.training, ...training } }),
  };
}

const slugOf = (label: string | number | undefined): string =>
  String(label ?? "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
