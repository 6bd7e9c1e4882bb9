/** The pages that stand for themselves, in the order a reader meets them; those of a run, a method … are reached from these. */
export interface PageEntry {
  /** as `url` takes it */
  readonly path: string;
  readonly title: string;
  /** in the masthead; the others are listed at the foot of every page, with these */
  readonly main?: boolean;
}

export const pages: readonly PageEntry[] = [
  { path: "", title: "Answer", main: true },
  { path: "leaderboard/", title: "Leaderboard", main: true },
  { path: "guide/", title: "Guide", main: true },
  { path: "insights/", title: "Insights", main: true },
  { path: "demo/", title: "Demo", main: true },
  { path: "submit/", title: "Submit", main: true },
  { path: "methods/", title: "Methods" },
  { path: "metrics/", title: "Metrics" },
  { path: "architectures/", title: "Architectures" },
  { path: "datasets/", title: "Data sets" },
  { path: "changelog/", title: "Changelog" },
  { path: "ledger/", title: "Ledger" },
  { path: "api/", title: "API" },
  { path: "literature/", title: "Literature" },
];
