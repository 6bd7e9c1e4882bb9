/**
 * A published study as data: what it compared, what of it is run again here, and what is said of the runs. Commands read and run; a study is a pure
 * function of run documents.
 */
import type { Comparison } from "../comparison/document.ts";
import type { LabelSpaceName } from "../datasets/dataset.ts";
import type { Result } from "../results/document.ts";
import type { SidecarRow } from "../results/sidecar.ts";
import type { Section, Tile } from "./findings.ts";

/** Where a cell stands: a value for each axis. */
export type Labels = Readonly<Record<string, string | number>>;

export interface Axis {
  /** key of the labels */
  readonly id: string;
  readonly title: string;
}

/** What `xai-kit evaluate` is asked for. */
export interface Computes {
  readonly methods: readonly string[];
  readonly metrics: readonly string[];
  /** contact sheets, which a montage is cut from */
  readonly pictures?: number;
  /** keep where each map has its relevance, for consistency over seeds */
  readonly regions?: boolean;
}

/** A cell of the inputs file that `--write-inputs` makes, to be filled in. */
export interface Template {
  readonly model: string;
  readonly data: string;
  readonly dataDir?: string;
  readonly split?: string;
  readonly masks?: string;
  readonly labelSpace?: LabelSpaceName;
}

export interface Study {
  readonly id: string;
  readonly title: string;
  /** "doi:…", "arXiv:…", or the name of what has neither */
  readonly paper: string;
  readonly question: string;
  /** what the authors did, over what */
  readonly did: string;
  /** what is otherwise here, each in a sentence */
  readonly differs: readonly string[];
  readonly axes: readonly Axis[];
  /** every cell that the paper has; what the inputs lack of these is named */
  readonly wanted: readonly Labels[];
  /** cells of the inputs file to be filled in, where they are not those that the paper has */
  readonly offered?: readonly Labels[];
  readonly template: (labels: Labels) => Template;
  /** without inputs: bundled models, by their ids, on their phantoms, so that all is done in minutes */
  readonly firstLook: {
    readonly samples: number;
    readonly cells: readonly { readonly model: string; readonly labels: Labels }[];
  };
  readonly computes: (labels: Labels) => Computes;
  /** how long one image takes to classify is measured in each cell */
  readonly times?: true;
  /** runs of one data set are compared: consistency over seeds, UCES */
  readonly compares?: true;
  readonly analyse: (found: Found) => readonly Section[] | Promise<readonly Section[]>;
}

export const defineStudy = (study: Study): Study => study;

export interface StudyRun {
  /** of its cell */
  readonly id: string;
  readonly labels: Labels;
  readonly sha256: string;
  readonly result: Result;
  readonly rows: readonly SidecarRow[];
  /** of one image through the model, alone in its batch */
  readonly time: PassTime | undefined;
  readonly sheets: readonly StudySheet[];
}

export interface PassTime {
  /** median */
  readonly ms: number;
  readonly low: number;
  readonly high: number;
  readonly passes: number;
  readonly device: string;
}

/** A contact sheet, cut up. */
export interface StudySheet {
  /** tells images apart and stands nowhere in what is published */
  readonly sample: string;
  readonly annotated: string;
  readonly predicted: string;
  readonly probability: number;
  readonly input: Tile;
  /** by method */
  readonly maps: ReadonlyMap<string, Tile>;
}

/** What there is to be analysed. */
export interface Found {
  readonly runs: readonly StudyRun[];
  readonly comparisons: readonly Comparison[];
  /** why runs of a data set have none */
  readonly notCompared: readonly string[];
}

/** Every combination of the values, the last axis running fastest. */
export function grid(values: Readonly<Record<string, readonly (string | number)[]>>): Labels[] {
  return Object.entries(values).reduce<Labels[]>(
    (cells, [axis, all]) => cells.flatMap((cell) => all.map((value) => ({ ...cell, [axis]: value }))),
    [{}],
  );
}

/** The different values of a label, in the order of the study's own and then as they come. */
export function valuesOf(
  axis: string,
  cells: readonly { readonly labels: Labels }[],
  { wanted }: Pick<Study, "wanted">,
): string[] {
  const there = new Set(cells.flatMap(({ labels }) => (axis in labels ? [String(labels[axis])] : [])));
  const own = new Set(wanted.flatMap((labels) => (axis in labels ? [String(labels[axis])] : [])));
  return [...[...own].filter((value) => there.has(value)), ...[...there].filter((value) => !own.has(value))];
}

export const isAt = (labels: Labels, where: Labels): boolean =>
  Object.entries(where).every(([axis, value]) => axis in labels && String(labels[axis]) === String(value));

/** "resnet-50 · bloodmnist" */
export const wordsOf = (labels: Labels): string => Object.values(labels).join(" · ");
