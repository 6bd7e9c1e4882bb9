/** What decides the numbers of a run: equal facts, equal result. The journal begins with them, and merging needs nothing else. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Dataset } from "../datasets/dataset.ts";
import type { EngineInfo } from "../engine/engine.ts";
import { KitError } from "../errors.ts";
import { canonicalJson } from "../json.ts";
import type { ExternalMaps } from "../methods/external.ts";
import type { Surface } from "../model/image.ts";
import type { Model } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import type { ParamValue } from "../params.ts";
import { protocolHash } from "../protocol/hash.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { Resize } from "./pixels.ts";
import { type Plan, plan } from "./plan.ts";
import type { Unmet } from "./unmet.ts";

type Params = Readonly<Record<string, ParamValue>>;

export interface RunFacts {
  readonly kit: string;
  readonly protocol: { readonly id: string; readonly sha256: string };
  readonly engine: Omit<EngineInfo, "threads">;
  readonly model: {
    readonly id: string;
    readonly sha256: string;
    readonly shape: Surface;
    readonly prepared: Pick<
      Prepared,
      "family" | "task" | "thresholds" | "link" | "classes" | "opset" | "assumptions" | "meanColour"
    > & { readonly cam: { readonly name: string } | null };
  };
  readonly card: ModelCard;
  readonly data: Pick<
    Dataset,
    | "id"
    | "base"
    | "title"
    | "edition"
    | "track"
    | "split"
    | "splitFile"
    | "annotations"
    | "count"
    | "ids"
    | "classes"
    | "notes"
  >;
  readonly resize: Resize;
  readonly available: number;
  readonly annotated: boolean;
  /** why methods cannot explain this model, by their ids */
  readonly unmet: Unmet;
  readonly methods: readonly { readonly id: string; readonly revision: number; readonly params: Params }[];
  readonly metrics: readonly {
    readonly id: string;
    readonly revision: number;
    readonly params: Params;
    readonly samples: number;
  }[];
  readonly samples: number;
  /** beside the protocol's there are others, on the first samples */
  readonly further?: boolean;
  /** maps from elsewhere, where there are any */
  readonly external?: readonly ExternalMaps[];
  /** ids of the images to explain, in the protocol's order */
  readonly selected: readonly string[];
  /** ids behind these: of further images that the last ones are compared with, where a method compares */
  readonly following?: readonly string[];
}

export interface FactsOptions {
  readonly kit: string;
  readonly engine: EngineInfo;
  readonly model: Model;
  readonly modelId: string;
  readonly modelSha256: string;
  readonly card: ModelCard;
  readonly dataset: Dataset;
  readonly resize: Resize;
  readonly available: number;
  readonly annotated: boolean;
  readonly unmet: RunFacts["unmet"];
  readonly plan: Plan;
  readonly selected: readonly string[];
  readonly following: readonly string[];
}

export function factsOf(options: FactsOptions): RunFacts {
  const { engine, model, dataset, card, plan } = options;
  const { prepared, shape } = model;
  const { id, base, title, edition, track, split, splitFile, count, ids, classes, notes } = dataset;
  const { annotations } = dataset;
  const facts: RunFacts = {
    kit: options.kit,
    protocol: { id: plan.protocol.id, sha256: protocolHash(plan.protocol) },
    engine: {
      id: engine.id,
      package: engine.package,
      version: engine.version,
      provider: engine.provider,
    },
    model: {
      id: options.modelId,
      sha256: options.modelSha256,
      shape: { channels: shape.channels, height: shape.height, width: shape.width, cam: shape.cam },
      prepared: {
        family: prepared.family,
        task: prepared.task,
        thresholds: prepared.thresholds,
        link: prepared.link,
        classes: prepared.classes,
        opset: prepared.opset,
        assumptions: prepared.assumptions,
        meanColour: prepared.meanColour,
        cam: prepared.cam ? { name: prepared.cam.name } : null,
      },
    },
    card,
    data: { id, base, title, edition, track, split, splitFile, annotations, count, ids, classes, notes },
    resize: options.resize,
    available: options.available,
    annotated: options.annotated,
    unmet: options.unmet,
    ...planFacts(plan),
    selected: options.selected,
    ...(compares(plan) && { following: options.following }),
  };
  // as it will be read back
  return JSON.parse(JSON.stringify(facts)) as RunFacts;
}

const compares = ({ methods }: Plan): boolean =>
  methods.some((m) => m.notApplicable === undefined && m.method.needs.includes("others"));

const isFurther = ({ protocol, methods, metrics, standard }: Plan): boolean =>
  standard &&
  (methods.some((m) => m.external === undefined && !protocol.methods.includes(m.method.id)) ||
    metrics.some((m) => !protocol.metrics.includes(m.metric.id)));

const planFacts = (plan: Plan) => ({
  methods: plan.methods
    .filter((m) => m.external === undefined)
    .map(({ method: { id, revision }, params }) => ({ id, revision, params })),
  metrics: plan.metrics.map(({ metric: { id, revision }, params, samples }) => ({
    id,
    revision,
    params,
    samples,
  })),
  samples: plan.samples,
  ...(isFurther(plan) && { further: true }),
  ...(plan.methods.some((m) => m.external) && { external: plan.methods.flatMap((m) => m.external ?? []) }),
});

/**
 * The plan that these facts came from.
 *
 * @throws KitError E_JOURNAL when this kit has other revisions of what they name, E_PROTOCOL, E_METHOD, E_METRIC when it lacks it
 */
export function planOf(facts: RunFacts): Plan {
  const protocol = protocolOf(facts.protocol.id);
  const made = plan({
    protocol,
    methods: facts.methods.map(({ id }) => methodOf(id)),
    metrics: facts.metrics.map(({ id }) => metricOf(id)),
    shape: facts.model.shape,
    available: facts.available,
    samples: facts.samples === Math.min(protocol.samples, facts.available) ? undefined : facts.samples,
    annotated: facts.annotated,
    unmet: facts.unmet,
    external: facts.external,
    further: facts.further,
  });
  const { methods, metrics, samples, further, external } = facts;
  const details = [
    ...differences(
      { methods, metrics, samples, ...(further && { further }), ...(external && { external }) },
      planFacts(made),
    ),
    ...(protocolHash(protocol) === facts.protocol.sha256 ? [] : ["the protocol's definition"]),
  ];
  if (details.length === 0) return made;
  throw new KitError("E_JOURNAL", {
    problem: `the run was made with xai-kit ${facts.kit}, and this version computes something else`,
    details,
    next: `use xai-kit ${facts.kit}, or run it again`,
  });
}

export const hashOf = (facts: RunFacts): string => bytesToHex(sha256(utf8ToBytes(canonicalJson(facts))));

/** Where two JSON values differ: one line each, with both values as far as they are short. */
export function differences(there: unknown, here: unknown, path = ""): string[] {
  if (canonicalJson(there) === canonicalJson(here)) return [];
  const both = [there, here];
  if (both.every((v) => typeof v === "object" && v !== null && !Array.isArray(v))) {
    const [a, b] = both as Record<string, unknown>[];
    return [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .sort()
      .flatMap((key) => differences(a[key] ?? null, b[key] ?? null, path === "" ? key : `${path}.${key}`));
  }
  if (both.every(Array.isArray)) {
    const [a, b] = both as unknown[][];
    if (a.length !== b.length) return [`${path}: ${a.length} there, ${b.length} here`];
    return a.flatMap((v, k) => differences(v, b[k], `${path}[${k}]`)).slice(0, 3);
  }
  return [`${path}: ${short(there)} there, ${short(here)} here`];
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
