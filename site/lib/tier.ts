/** How far a run can be believed, from what lies in the repository: its files, and the lines of the ledger. Pure. */

import type { LedgerEntry } from "../../kit/src/results/ledger.ts";
import { typical } from "../../kit/src/stats/summarise.ts";
import type { Evidence, FileFacts, Run, Tier } from "./run.ts";

/** A run as it lies in the repository. */
export interface Held {
  /** sha256 of its result */
  readonly identity: string;
  readonly run: Run;
  /** of the scores.parquet beside the document, undefined where there is none */
  readonly scores: FileFacts | undefined;
}

/**
 * Everything in results/ has passed the check that recomputes every aggregate from the scores; to do so again at each build would take
 * longer than a build of a thousand runs may. So a build asks only whether the scores are the ones that the document names.
 */
const isScored = ({ run: { result }, scores }: Held): boolean =>
  scores?.bytes === result.sidecar.bytes && scores.sha256 === result.sidecar.sha256;

/**
 * The tier of a run. Each stands on the one before: without its scores a run is `submitted`, whoever vouches for it. What lines say of a run
 * counts for nothing else, and nothing that the document says of itself counts.
 *
 * @param ledger  all lines; those of other runs tell who made what
 * @param heldOf  a run of the repository by its identity
 */
export function tierOf(
  held: Held,
  ledger: readonly LedgerEntry[],
  heldOf: (identity: string) => Held | undefined,
): { readonly tier: Tier; readonly evidence: readonly Evidence[] } {
  const evidence = ledger
    .filter(({ run }) => run === held.identity)
    .map((entry): Evidence => ({ entry, against: whyNot(entry, held, ledger, heldOf) }));
  const has = (kind: LedgerEntry["kind"]) =>
    evidence.some(({ entry, against }) => entry.kind === kind && against === undefined);
  const tier = !isScored(held)
    ? "submitted"
    : has("attested")
      ? "attested"
      : has("reproduced")
        ? "reproduced"
        : "recomputed";
  return { tier, evidence };
}

/** Why a line counts for nothing. Such a line stays where it is: the ledger is only added to. */
function whyNot(
  entry: LedgerEntry,
  held: Held,
  ledger: readonly LedgerEntry[],
  heldOf: (identity: string) => Held | undefined,
): string | undefined {
  if (!isScored(held)) return "the run lies here without the scores that it names";
  if (entry.date < dayOf(held)) return "dated before the run";
  if (entry.kind === "attested") return undefined;
  // an equal result has the same identity, so that only one document of it can be here, and whose it is nobody could tell
  if (entry.reproduction === entry.run) return "names the run itself, which is no evidence of another";
  const other = heldOf(entry.reproduction ?? "");
  if (other === undefined) return "the run that it names is not here";
  if (!isScored(other)) return "the run that it names lies here without its scores";
  if (entry.date < dayOf(other)) return "dated before the run that it names";
  const differing = otherThan(held.run.result, other.run.result);
  if (differing.length > 0) return `the run that it names has another ${differing.join(", another ")}`;
  const own = makersOf(held.identity, ledger);
  const theirs = [entry.by.toLowerCase(), ...makersOf(other.identity, ledger)];
  if (theirs.some((name) => own.includes(name))) return "by who made the run, as the ledger has it";
  return disagreement(held.run, other.run);
}

const dayOf = ({ run }: Held): string => run.telemetry.date.slice(0, 10);

/** Who made a run, where that is known: those whom an attestation names. Names of accounts are the same in any case. */
const makersOf = (identity: string, ledger: readonly LedgerEntry[]): readonly string[] =>
  ledger.flatMap(({ run, kind, by }) => (run === identity && kind === "attested" ? [by.toLowerCase()] : []));

/** What two results do not share of what was asked. Engine, provider and version of the kit may differ: that is what makes it a test. */
function otherThan(a: Run["result"], b: Run["result"]): string[] {
  const parts: Readonly<Record<string, (result: Run["result"]) => unknown>> = {
    "data set": ({ data }) => [data.id, data.split, data.splitFile, data.fingerprint],
    model: ({ model }) => model.sha256,
    protocol: ({ protocol, standard }) => [protocol.id, protocol.sha256, standard],
    preprocessing: ({ preprocessing }) => preprocessing,
    "choice of images": ({ selection }) => selection,
  };
  // equal documents are equal bytes, so keys come in one order
  return Object.keys(parts).filter(
    (part) => JSON.stringify(parts[part](a)) !== JSON.stringify(parts[part](b)),
  );
}

/** What may change without a new revision of a method or metric: for values that no image moves. */
const tolerance = 1e-4;

/**
 * Whether another run of the same images found the same: its values lie in the 95 % intervals of the first. Devices differ by far less,
 * since images, methods and draws are the same; what has no interval, like a number of passes, must be as good as equal.
 */
function disagreement({ result: first }: Run, { result: second }: Run): string | undefined {
  const ran = new Set(first.methods.flatMap((m) => (m.standard || m.control ? [m.id] : [])));
  const revisions = ({ methods, metrics }: Run["result"]) =>
    new Map([...methods, ...metrics].map((entry) => [entry.id, entry.revision]));
  const [own, theirs] = [revisions(first), revisions(second)];
  const found = new Map(second.statistics.cells.map((cell) => [`${cell.method} ${cell.metric}`, cell]));
  const cells = first.statistics.cells.filter((cell) => ran.has(cell.method) && typical(cell) !== null);
  const apart = cells.filter((cell) => {
    const other = found.get(`${cell.method} ${cell.metric}`);
    const value = other === undefined ? null : typical(other);
    if (value === null) return true;
    if ([cell.method, cell.metric].some((id) => own.get(id) !== theirs.get(id))) return true;
    const [low, high] = cell.interval ?? [typical(cell)!, typical(cell)!];
    return value < low - tolerance || value > high + tolerance;
  });
  if (cells.length === 0) return "the run has no values to compare";
  return apart.length === 0 ? undefined : `${apart.length} of ${cells.length} values are not found again`;
}
