/** What chest X-ray sets call their labels, and which of them is which class of a model. */
import { KitError } from "../../errors.ts";
import type { LabelSpaceName, Uncertain } from "../dataset.ts";
import { classMatcher } from "./class-names.ts";

/**
 * Names of one finding in one row, however they are written: case, underscores and spaces are told apart nowhere.
 * Only what means the same is in a row: a combined label ("Nodule/Mass") is neither of its parts, and "Lung Opacity" is
 * "Airspace Opacity" because CheXlocalize, which draws the one on images labelled with the other, says so.
 */
const synonyms: readonly (readonly string[])[] = [
  ["No Finding", "No Findings"],
  ["Lung Opacity", "Airspace Opacity"],
  ["Infiltration", "Infiltrate"],
  ["Pleural Effusion", "Effusion"],
  ["Pleural Thickening", "PleuralThickening", "Pleural-Thickening"],
  ["Fibrosis", "Pulmonary Fibrosis"],
  ["Edema", "Oedema", "Pulmonary Edema", "Pulmonary Oedema"],
  ["Enlarged Cardiomediastinum", "Enlarged Cardiomediastinal Silhouette"],
  ["Nodule/Mass", "Nodule or Mass"],
  ["Aortic Enlargement", "Enlarged Aorta"],
  ["Enlarged PA", "Enlarged Pulmonary Artery"],
  ["ILD", "Interstitial Lung Disease"],
  ["COPD", "Chronic Obstructive Pulmonary Disease"],
  ["Atelectasis", "Atelectases"],
  ["Support Devices", "Support Device"],
];

const rowOf = classMatcher(synonyms.flat());
/** Class names may be told by their index; labels are not. */
const isIndex = (name: string) => /^\d+$/.test(name);
const rows = synonyms.flatMap((names) => names.map(() => names));

/** The name itself and all others of the same finding. */
export function namesOf(label: string): readonly string[] {
  const at = isIndex(label) ? undefined : rowOf(label);
  return at === undefined ? [label] : [label, ...rows[at]];
}

/** The labels of a study whose classes are fewer than those of the sets that it uses. */
export interface LabelSpace {
  readonly title: string;
  readonly classes: readonly string[];
  /** label of a set, synonyms included → the class that it counts as */
  readonly merged: Readonly<Record<string, string>>;
}

/**
 * The eight classes of the UCES study (Shaik and K, "Comparative Evaluation of AI Models for Robust and Explainable Chest X-ray Analysis"), in the
 * order it names them. It says that labels are "mapped to these unified categories" and gives this one example; which
 * others it merges is not told, so none are here.
 */
export const uces8: LabelSpace = {
  title: "the eight labels of the UCES study",
  classes: [
    "No Finding",
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
    "Pneumonia",
    "Pneumothorax",
  ],
  merged: { "Lung Opacity": "Consolidation" },
};

const spaces: Readonly<Record<LabelSpaceName, LabelSpace>> = { uces8 };

export const spaceOf = (name: LabelSpaceName | undefined): LabelSpace | undefined => name && spaces[name];

/** At the end of an edition, so that runs tell which labels they were measured with. */
export const inSpace = (name: LabelSpaceName | undefined): string =>
  name === undefined ? "" : `; labels of ${name}`;

export interface MatchedLabels {
  /** in the order of the model's outputs */
  readonly classes: readonly string[];
  /** The set's label that a name means, as files of one set write it differently ("Infiltrate"); undefined of a stranger. */
  labelOf(name: string): string | undefined;
  /** Class index of a name; undefined of what is no class of the model, or no label. */
  classOf(name: string): number | undefined;
  readonly notes: readonly string[];
}

/**
 * Which label of a set is which class.
 *
 * @param labels  of the set, as it writes them, in its order
 * @param given   the model's classes in output order; without them the set's own labels are the classes
 * @param also    labels of the set that are a class only where the model has them: "No Finding" of sets that mean by it
 *                that there is no other
 * @param space   whose merges to follow besides
 * @throws        KitError E_DATASET_CLASSES listing the classes that no label means, and the labels
 */
export function matchLabels(
  set: string,
  labels: readonly string[],
  given: readonly string[] | undefined,
  { also = [], space }: { also?: readonly string[]; space?: LabelSpace } = {},
): MatchedLabels {
  const classes = given ?? space?.classes ?? labels;
  const match = classMatcher(classes);
  const merged = Object.entries(space?.merged ?? {});
  const index = new Map<string, number>();
  const left: string[] = [];
  for (const label of [...labels, ...also]) {
    const names = namesOf(label);
    const into = merged.filter(([from]) => namesOf(from).some((name) => names.includes(name)));
    // A model that has the finer class itself is asked for that.
    const at = [...names, ...into.flatMap(([, to]) => namesOf(to))].map(match).find((i) => i !== undefined);
    if (at !== undefined) index.set(label, at);
    else if (labels.includes(label)) left.push(label);
  }

  const meant = new Set(index.values());
  const strange = classes.filter((_, at) => !meant.has(at));
  if (strange.length > 0) {
    throw new KitError("E_DATASET_CLASSES", {
      problem: `no label of ${set} means ${strange.length === 1 ? "the model's class" : "the model's classes"} ${strange.join(", ")}`,
      details: [
        `the model's classes: ${classes.join(", ")}`,
        `the set's labels: ${[...labels, ...also].join(", ")}`,
      ],
      next: "name the classes as the set does, in the order of the model's outputs; a model with other classes needs another set",
    });
  }
  const own = [...labels, ...also];
  const known = classMatcher(own);
  const found = new Map<string, string | undefined>();
  const labelOf = (name: string) => {
    if (!found.has(name)) {
      const at = isIndex(name)
        ? undefined
        : namesOf(name)
            .map(known)
            .find((i) => i !== undefined);
      found.set(name, at === undefined ? undefined : own[at]);
    }
    return found.get(name);
  };
  return {
    classes,
    labelOf,
    classOf: (name) => index.get(labelOf(name) ?? name),
    notes: left.length > 0 ? [`labels that the model does not have: ${left.join(", ")}`] : [],
  };
}

/** What a reader of a radiograph said of one label: yes, no, not certain; undefined where it was not spoken of. */
export type Answer = "yes" | "no" | "unsure" | undefined;

/**
 * Classes that are present, and those nobody has said yes or no to. Where several labels are one class, a yes makes it
 * present, and it is absent only if none of them is open.
 *
 * @param answers    of labels that are a class: its index, and what was said
 * @param uncertain  what "unsure" counts as; default "ignore": it is open
 * @param silent     what undefined counts as
 */
export function labelsOf(
  count: number,
  answers: readonly (readonly [index: number, answer: Answer])[],
  uncertain: Uncertain = "ignore",
  silent: "open" | "no" = "open",
): { readonly labels: readonly number[]; readonly unknown: readonly number[] } {
  const unsure = { ignore: "open", one: "yes", zero: "no" } as const;
  const said = Array.from({ length: count }, () => new Set<"yes" | "no" | "open">());
  for (const [index, answer] of answers) {
    said[index].add(answer === undefined ? silent : answer === "unsure" ? unsure[uncertain] : answer);
  }
  const labels: number[] = [];
  const unknown: number[] = [];
  for (const [index, own] of said.entries()) {
    if (own.has("yes")) labels.push(index);
    else if (own.has("open") || own.size === 0) unknown.push(index);
  }
  return { labels, unknown };
}
