/** What the check of a pull request asks, in its order, and how much of that this page can answer by itself. */
export interface Check {
  readonly id: "additions" | "form" | "registry" | "numbers" | "controls" | "place" | "names" | "protocol";
  readonly name: string;
  readonly says: string;
  /** what only the repository knows, so that the page must leave it open */
  readonly rest?: string;
}

export const checks: readonly Check[] = [
  {
    id: "additions",
    name: "Only additions",
    says: "The pull request adds run.json and scores.parquet of whole runs, and touches nothing else.",
    rest: "what else the pull request touches",
  },
  {
    id: "form",
    name: "Form",
    says: "Strict JSON in canonical form, the schema, sizes; nothing that names a person, a machine or a path.",
  },
  {
    id: "registry",
    name: "Registry",
    says: "Methods, metrics, revisions, parameters and the protocol’s hash are those of the kit.",
  },
  {
    id: "numbers",
    name: "Numbers",
    says: "Every mean, interval, rank and gate is computed again from the scores, to the last bit.",
  },
  {
    id: "controls",
    name: "Controls",
    says: "Maps that cannot know the model score what they must by chance.",
  },
  {
    id: "place",
    name: "Place",
    says: "The folder’s name is what the document says; the run is not there already, and not from the future.",
    rest: "whether the run is there already",
  },
  {
    id: "names",
    name: "Names",
    says: "Data set, track, title and model are those of the registry and of the runs on main; no run is put aside without a reason.",
    rest: "whether data set, title and model are those of main",
  },
  {
    id: "protocol",
    name: "Protocol",
    says: "Quick runs are a first look and are not taken; drafts stay in the synthetic track.",
  },
];

export type CheckId = Check["id"];

/** KiB of the worker, gzipped, which comes with the first file; a test holds it to the truth. */
export const checkerSize = 165;
