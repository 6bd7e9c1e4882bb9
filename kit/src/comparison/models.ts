/** Which runs can be compared, and which are seeds of one model: read off their documents alone. */
import { canonicalJson } from "../json.ts";
import { identityOf, type Result } from "../results/document.ts";
import { byCodeUnit } from "../results/sidecar.ts";

export interface ComparedModel {
  /** of the model; of several seeds, their architecture */
  readonly id: string;
  readonly architecture: string | null;
  /** lowest seed first */
  readonly runs: readonly NamedResult[];
}

export interface NamedResult {
  readonly sha256: string;
  readonly result: Result;
}

export const named = (result: Result): NamedResult => ({ sha256: identityOf(result), result });

/** What all runs of a comparison share; private fingerprints are keyed, and say nothing about each other. */
const shared: readonly (readonly [what: string, of: (result: Result) => unknown])[] = [
  ["protocol", ({ protocol }) => `${protocol.id} ${protocol.sha256.slice(0, 8)}`],
  ["data set", ({ data }) => data.id],
  ["edition", ({ data }) => data.edition],
  ["split", ({ data }) => data.split],
  ["split file", ({ data }) => (data.splitFile?.kind === "sha256" ? data.splitFile.value : "none")],
  ["images of the split", ({ data }) => data.count],
  ["fingerprint", ({ data }) => (data.ids === "public" ? data.fingerprint.value : data.ids)],
  ["images explained", ({ selection }) => selection.samples],
  ["images explained again", ({ selection }) => selection.rerun],
];

/** What these runs do not share of data, samples and protocol; nothing if they are of the same. */
export function differing(runs: readonly Pick<NamedResult, "result">[]): string[] {
  const [first] = runs;
  return shared.flatMap(([what, of]) => {
    const other = runs.find(({ result }) => of(result) !== of(first.result));
    if (other === undefined) return [];
    const has = ({ result }: Pick<NamedResult, "result">) => `${of(result)} in the run of ${result.model.id}`;
    return [`${what}: ${has(first)}, ${has(other)}`];
  });
}

/** Why these runs cannot stand in one comparison; nothing if they can. */
export function incomparable(runs: readonly NamedResult[]): string[] {
  const problems = differing(runs);
  for (const [i, { sha256, result }] of runs.entries()) {
    const before = runs.slice(0, i);
    if (before.some((other) => other.sha256 === sha256)) problems.push(`the run of ${result.model.id} twice`);
    else if (before.some((other) => other.result.model.sha256 === result.model.sha256))
      problems.push(`two runs of the same weights, ${result.model.id}`);
  }
  const ids = modelsOf(runs).map(({ id }) => id);
  const twice = new Set(ids.filter((id, i) => ids.indexOf(id) < i));
  for (const id of twice) problems.push(`two models would be called ${id}`);
  return problems;
}

/**
 * Runs are seeds of one model where they have the same architecture, training data, explanation loss and input size, and each tells a training
 * seed of its own. Any other run is a model by itself. By id, whatever the order of the runs.
 */
export function modelsOf(runs: readonly NamedResult[]): ComparedModel[] {
  const families = new Map<string, NamedResult[]>();
  for (const run of runs) {
    const key = seedsKey(run.result) ?? run.sha256;
    families.set(key, [...(families.get(key) ?? []), run]);
  }
  return [...families.values()]
    .flatMap((family): ComparedModel[] => {
      const seeds = new Set(family.map(seedOf));
      const alone = family.length === 1 || seeds.size < family.length;
      if (alone)
        return family.map((run) => {
          const { id, architecture } = run.result.model;
          return { id, architecture, runs: [run] };
        });
      const { architecture } = family[0].result.model;
      return [
        {
          id: architecture!,
          architecture,
          runs: [...family].sort((a, b) => seedOf(a)! - seedOf(b)!),
        },
      ];
    })
    .sort((a, b) => byCodeUnit(a.id, b.id));
}

export const seedOf = ({ result }: NamedResult): number | null => result.model.training?.seed ?? null;

function seedsKey({ model, preprocessing }: Result): string | undefined {
  const { architecture, training } = model;
  if (architecture === null || training?.seed === undefined) return undefined;
  const { channels, height, width } = preprocessing;
  const taught = training.explanationLoss ?? null;
  return canonicalJson([architecture, training.data ?? null, taught, channels, height, width]);
}
