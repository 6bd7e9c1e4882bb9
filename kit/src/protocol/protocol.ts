/** Protocols as data: what a standard evaluation computes. */
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { type ParamSpecs, type ParamValue, quickParams } from "../params.ts";
import { similar } from "../suggest.ts";
import { protocol1 } from "./protocol-1.ts";

export interface Protocol {
  readonly id: string;
  /** first part of every random key */
  readonly seed: string;
  /** test images per data set */
  readonly samples: number;
  /** the metrics that re-run methods or need many passes use this many, the first ones */
  readonly rerunSamples: number;
  readonly methods: readonly string[];
  readonly metrics: readonly string[];
  /** parameters of these and of what else there was at the release, by id: defaults of the kit may change, these do not */
  readonly parameters: Readonly<Record<string, Readonly<Record<string, ParamValue>>>>;
  /** every budget ⌈budget/4⌉, at least 4; never ranked */
  readonly quick: boolean;
}

/** Released, oldest first, and the first look. A released one is never edited; where another is in the making, its id ends in "-draft". */
export const protocols: readonly Protocol[] = [
  protocol1,
  { ...protocol1, id: "quick", samples: 16, rerunSamples: 16, quick: true },
];

/** What is computed unless somebody says otherwise: the newest that is released. */
export const standardProtocol: Protocol = protocol1;

/** @throws KitError E_PROTOCOL listing the known ids */
export const protocolOf = (id: string): Protocol => find("protocol", protocols, id);
export const methodOf = (id: string) => find("method", methods, id);
export const metricOf = (id: string) => find("metric", metrics, id);

function find<T extends { readonly id: string }>(what: string, registry: readonly T[], id: string): T {
  const entry = registry.find((e) => e.id === id);
  if (entry) return entry;
  const known = registry.map((e) => e.id);
  const close = similar(id, known);
  throw new KitError(`E_${what.toUpperCase()}`, {
    problem: `there is no ${what} "${id}"`,
    next: close.length > 0 ? `did you mean ${close.join(" or ")}?` : `known: ${known.join(", ")}`,
  });
}

/** What a protocol gives a method or metric; an entry that is younger than the protocol has its own defaults. */
export const protocolParams = (
  { parameters, quick }: Pick<Protocol, "parameters" | "quick">,
  { id, params }: { readonly id: string; readonly params: ParamSpecs },
): Record<string, ParamValue> => {
  const given = Object.hasOwn(parameters, id) ? parameters[id] : {};
  return { ...given, ...(quick && quickParams(params, given)) };
};
