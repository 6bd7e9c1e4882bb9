/** When the guide says what, as data: the first rule that holds speaks. */

export type Verdict = "use" | "maybe" | "avoid" | "neither" | "unknown";

/** What the rules ask for, in this one place. Both are the least there may be; `share` is a part of the runs. */
export const thresholds = { data: 2, models: 2, share: { part: 2, of: 3 } } as const;

/** One method under one concern, counted over the runs in which it has a rank. */
export interface Facts {
  readonly runs: number;
  /** data sets; sizes of one set are one */
  readonly data: number;
  /** independently trained models */
  readonly models: number;
  /** in the top tie group */
  readonly leads: number;
  /** in the last tie group, where there is more than one */
  readonly trails: number;
  /** gates passed, and not passed; the rest is not known */
  readonly sound: number;
  readonly unsound: number;
}

export interface Rule {
  readonly id: string;
  readonly verdict: Verdict;
  /** the rule as a reader sees it */
  readonly says: string;
  readonly holds: (facts: Facts) => boolean;
  /** one sentence with its figures */
  readonly because: (facts: Facts) => string;
}

const share = `${thresholds.share.part}/${thresholds.share.of}`;
const breadth = `${thresholds.data} data sets and ${thresholds.models} independently trained models`;

/** In whole numbers, so that two of three are two thirds. */
const often = (count: number, { runs }: Facts): boolean =>
  runs > 0 && thresholds.share.of * count >= thresholds.share.part * runs;

const isBroad = ({ data, models }: Facts): boolean => data >= thresholds.data && models >= thresholds.models;

const isUse = (facts: Facts): boolean =>
  isBroad(facts) && facts.sound === facts.runs && often(facts.leads, facts);

/** As it would be with one more run: another data set, another model, gates passed, in the lead. */
const withOneMore = (facts: Facts): Facts => ({
  ...facts,
  runs: facts.runs + 1,
  data: facts.data + 1,
  models: facts.models + 1,
  leads: facts.leads + 1,
  sound: facts.sound + 1,
});

export const rules: readonly Rule[] = [
  {
    id: "leads-and-passes",
    verdict: "use",
    says: `At least ${breadth}; gates passed in every run; in the top tie group in at least ${share} of the runs.`,
    holds: isUse,
    because: (f) => `${figures(f)} (${spread(f)}).`,
  },
  {
    id: "one-run-short",
    verdict: "maybe",
    says: "One more run (another data set, another model, gates passed, in the lead) would make it “use”.",
    holds: (facts) => isUse(withOneMore(facts)),
    because: (f) => `${figures(f)} (${spread(f)}); one more such run would make it “use”.`,
  },
  {
    id: "fails-the-gates",
    verdict: "avoid",
    says: `At least ${breadth}; fails its gates in at least ${share} of the runs.`,
    holds: (facts) => isBroad(facts) && often(facts.unsound, facts),
    because: (f) => `Fails its gates in ${f.unsound} of ${runsOf(f)}${but(f)} (${spread(f)}).`,
  },
  {
    id: "comes-last",
    verdict: "avoid",
    says: `At least ${breadth}; in the last tie group in at least ${share} of the runs.`,
    holds: (facts) => isBroad(facts) && often(facts.trails, facts),
    because: (f) => `Comes last in ${f.trails} of ${runsOf(f)}${but(f)} (${spread(f)}).`,
  },
  {
    id: "no-clear-answer",
    verdict: "neither",
    says: `At least ${breadth}, and none of the rules above: measured widely enough, no recommendation.`,
    holds: isBroad,
    because: (f) => `${figures(f)} (${spread(f)}).`,
  },
  {
    id: "too-little",
    verdict: "unknown",
    says: `Fewer than ${breadth}, and more than one run short of “use”.`,
    holds: () => true,
    because: (f) =>
      f.runs === 0 ? "No counted run gives it a rank." : `${figures(f)}; too few so far (${spread(f)}).`,
  },
];

/** Always one: the last rule holds for everything. */
export const ruleFor = (facts: Facts): Rule => rules.find((rule) => rule.holds(facts))!;

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
const runsOf = ({ runs }: Facts): string => plural(runs, "run");
const spread = ({ data, models }: Facts): string => `${plural(data, "data set")}, ${plural(models, "model")}`;

/** Both sides: "Leads in 1 of 4 runs, comes last in 2, fails its gates in 1" */
function figures(facts: Facts): string {
  const { runs, leads, trails, sound, unsound } = facts;
  return [
    `Leads in ${leads === 0 ? "none" : leads} of ${runsOf(facts)}`,
    ...(trails > 0 ? [`comes last in ${trails}`] : []),
    ...(unsound > 0 ? [`fails its gates in ${unsound}`] : []),
    ...(sound === runs ? ["passes its gates in all"] : []),
    ...(runs > sound + unsound ? [`gates not known in ${runs - sound - unsound}`] : []),
  ].join(", ");
}

/** The other side of an advice against. */
const but = ({ leads }: Facts): string => (leads === 0 ? "" : `, though it leads in ${leads}`);
