/** Protocols as data: what a standard evaluation computes. */
import { KitError } from "../errors.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { type ParamSpecs, type ParamValue, quickParams } from "../params.ts";
import { similar } from "../suggest.ts";

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
  /** every budget ⌈budget/4⌉, at least 4; never ranked */
  readonly quick: boolean;
}

/** Until every standard method and core metric exists the protocol is a draft; draft runs are marked so. */
const draft: Protocol = {
  id: "1-draft",
  seed: "xai-kit/1",
  samples: 256,
  rerunSamples: 32,
  methods: [
    "saliency",
    "input-x-gradient",
    "integrated-gradients",
    "smoothgrad",
    "grad-cam",
    "occlusion",
    "random",
    "sobel",
    "constant",
    "centre-gaussian",
  ],
  metrics: [
    "infidelity",
    "max-sensitivity",
    "deletion-auc",
    "insertion-auc",
    "sparseness",
    "randomisation",
    "relevance-rank-accuracy",
    "pointing-game",
    "cost",
  ],
  quick: false,
};

export const protocols: readonly Protocol[] = [
  draft,
  { ...draft, id: "quick", samples: 16, rerunSamples: 16, quick: true },
];

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

/** The parameters a protocol changes from an entry's defaults. */
export const protocolParams = (protocol: Protocol, specs: ParamSpecs): Record<string, ParamValue> =>
  protocol.quick ? quickParams(specs) : {};
