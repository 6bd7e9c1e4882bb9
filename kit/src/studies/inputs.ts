/** From an inputs file to the cells of a study: its form, its labels, and what the paper has that it lacks. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { KitError } from "../errors.ts";
import type { Frozen } from "../json.ts";
import { methodOf, metricOf, protocolOf, standardProtocol } from "../protocol/protocol.ts";
import * as schemas from "../schemas.generated.ts";
import { similar } from "../suggest.ts";
import { type Computes, isAt, type Labels, type Study, wordsOf } from "./study.ts";

type StudyCell = Frozen<schemas.StudyCell>;

/** A run to be made. */
export interface Cell extends Omit<StudyCell, "card" | "id"> {
  readonly id: string;
  readonly labels: Labels;
  /** laid over the card beside the model; not checked yet */
  readonly card: object | undefined;
  readonly computes: Computes;
}

export interface StudyPlan {
  readonly study: Study;
  /** bundled models on drawn pictures */
  readonly firstLook: boolean;
  readonly protocol: string;
  /** undefined: the protocol's */
  readonly samples: number | undefined;
  readonly cells: readonly Cell[];
  /** what the paper has and these cells do not */
  readonly missing: readonly Labels[];
}

const valid = new Ajv2020({ allErrors: true, strict: true }).compile<schemas.StudyInputs>(
  schemas.studyInputsSchema,
);

/** In place of the study's own. */
interface Choices {
  readonly methods?: readonly string[];
  readonly metrics?: readonly string[];
}

/**
 * @param name  of the file, for messages
 * @throws KitError E_STUDY_INPUTS naming every fault at once, E_PROTOCOL, E_METHOD, E_METRIC
 */
export function planOf(study: Study, text: string, name: string): StudyPlan {
  const inputs = parsed(text, name);
  const refuse = (problem: string, details: readonly string[], next: string) => {
    throw new KitError("E_STUDY_INPUTS", { problem: `${name} ${problem}`, details: first(details), next });
  };
  if (inputs.study !== study.id) {
    refuse(
      `is for the study ${inputs.study}`,
      [],
      `xai-kit study ${inputs.study} --inputs …, or --write-inputs`,
    );
  }
  const axes = study.axes.map(({ id }) => id);
  const faults = inputs.cells.flatMap(({ labels }, k) => {
    const at = `cell ${k + 1}`;
    // an axis that only some cells of the paper have is needed of none
    const needed = axes.filter((axis) => study.wanted.every((cell) => axis in cell));
    return [
      ...Object.keys(labels).flatMap((label) => {
        if (axes.includes(label)) return [];
        const [close] = similar(label, axes);
        return [`${at}: no axis is called ${label}${close === undefined ? "" : `; did you mean ${close}?`}`];
      }),
      ...needed.flatMap((axis) => (axis in labels ? [] : [`${at}: no label ${axis}`])),
    ];
  });
  if (faults.length > 0)
    refuse("has cells that do not fit the study", faults, `its axes: ${axes.join(", ")}`);
  const cells = cellsOf(study, inputs.cells, inputs);
  const twice = cells.flatMap(({ id }, k) => {
    const before = cells.findIndex((other) => other.id === id);
    return before < k ? [`cells ${before + 1} and ${k + 1} are both ${id}`] : [];
  });
  if (twice.length > 0) {
    refuse(
      "has a cell twice",
      twice,
      "give each other labels; or an id of its own, where only the labels read alike",
    );
  }
  return {
    study,
    firstLook: false,
    protocol: inputs.protocol ?? standardProtocol.id,
    samples: inputs.samples,
    cells,
    missing: missingOf(study, cells),
  };
}

/** Bundled models on their phantoms. */
export function firstLookOf(
  study: Study,
  bundled: readonly { readonly id: string; readonly path: string; readonly dataset: string }[],
): StudyPlan {
  const cells = study.firstLook.cells.map(({ model, labels }) => {
    const { path, dataset } = bundled.find(({ id }) => id === model)!;
    return { labels, model: path, data: dataset };
  });
  const { samples } = study.firstLook;
  // stand-ins are not measured against what the paper has
  return {
    study,
    firstLook: true,
    protocol: "quick",
    samples,
    cells: cellsOf(study, cells, {}),
    missing: [],
  };
}

function cellsOf(study: Study, cells: readonly StudyCell[], { methods, metrics }: Choices): Cell[] {
  return cells.map((cell) => {
    const computes = study.computes(cell.labels);
    return {
      ...cell,
      id: cell.id ?? idOf(study, cell.labels),
      card: cell.card,
      computes: {
        ...computes,
        methods: methods ?? computes.methods,
        metrics: metrics ?? computes.metrics,
      },
    };
  });
}

/** The values in the order of the axes: "resnet-50-bloodmnist". */
const idOf = ({ axes }: Study, labels: Labels): string =>
  axes
    .flatMap(({ id }) => (id in labels ? [String(labels[id])] : []))
    .join("-")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "") || "cell";

/** What the paper has and these cells do not, in its order. */
export const missingOf = ({ wanted }: Pick<Study, "wanted">, cells: readonly { readonly labels: Labels }[]) =>
  wanted.filter((labels) => !cells.some((cell) => isAt(cell.labels, labels)));

/** The same with as few lines as there are: where a whole value of an axis is missing, that is said once. */
export function missingWords(
  { axes, wanted }: Pick<Study, "axes" | "wanted">,
  missing: readonly Labels[],
): string[] {
  let rest = missing;
  const lines: string[] = [];
  for (const { id, title } of axes) {
    for (const value of new Set(rest.map((labels) => labels[id]))) {
      if (value === undefined) continue;
      const all = wanted.filter((labels) => labels[id] === value);
      if (all.length < 2 || !all.every((labels) => missing.some((other) => isAt(other, labels)))) continue;
      lines.push(`${title.toLowerCase()} ${value}: none of its ${all.length} cells`);
      rest = rest.filter((labels) => labels[id] !== value);
    }
  }
  return [...lines, ...rest.map(wordsOf)];
}

/** A file to be filled in, with every cell that the paper has. */
export function templateOf(study: Study): schemas.StudyInputs {
  return {
    $schema: "https://xai-kit.org/schemas/study/v1.schema.json",
    study: study.id,
    protocol: standardProtocol.id,
    cells: (study.offered ?? study.wanted).map((labels) => ({ labels, ...study.template(labels) })),
  };
}

function parsed(text: string, name: string): Frozen<schemas.StudyInputs> {
  const next =
    "xai-kit study <id> --write-inputs <file> writes one to begin with; see schemas/study/v1.schema.json";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KitError("E_STUDY_INPUTS", {
      problem: `${name} is not JSON: ${error instanceof Error ? error.message : error}`,
      next: "mend the file",
    });
  }
  if (!valid(value)) {
    throw new KitError("E_STUDY_INPUTS", {
      problem: `${name} is no inputs file of a study`,
      details: first((valid.errors ?? []).map(faultOf)),
      next,
    });
  }
  protocolOf(value.protocol ?? standardProtocol.id);
  for (const id of value.methods ?? []) methodOf(id);
  for (const id of value.metrics ?? []) metricOf(id);
  return value;
}

/** "cell 3: dataDirr is not known" rather than a path into the schema */
function faultOf({ instancePath, message, params }: NonNullable<typeof valid.errors>[number]): string {
  const [, cell, below = ""] = /^\/cells\/(\d+)\/?(.*)$/.exec(instancePath) ?? [];
  const at =
    cell === undefined
      ? instancePath.slice(1) || "the file"
      : `cell ${Number(cell) + 1}${below && `, ${below}`}`;
  const unknown = (params as { additionalProperty?: string }).additionalProperty;
  return `${at}: ${unknown === undefined ? message : `${unknown} is not known`}`;
}

const most = 20;
const first = (details: readonly string[]): readonly string[] =>
  details.length > most ? [...details.slice(0, most), `and ${details.length - most} more`] : details;
