/** How entries of the registries are told in words, the same in kit/docs and on the site. Pure: what reads files is in registry-docs.ts. */
import type { AttributionKind, Cost, MapRule, Method, Need } from "../kit/src/methods/method.ts";
import type { Family, Metric, MetricNeed } from "../kit/src/metrics/metric.ts";
import { type ParamSpec, type ParamValue, resolveParams } from "../kit/src/params.ts";
import { type Protocol, protocols, standardProtocol } from "../kit/src/protocol/protocol.ts";
import { comparedWith } from "../kit/src/runner/unmet.ts";
import type { Role } from "../kit/src/stats/common.ts";

/** Where `arXiv:1703.01365` is to be read; undefined where there is no paper. */
export function paperAddress(paper: string): string | undefined {
  if (paper === "control" || paper === "none") return undefined;
  const [scheme, rest] = [paper.slice(0, paper.indexOf(":")), paper.slice(paper.indexOf(":") + 1)];
  if (scheme === "arXiv") return `https://arxiv.org/abs/${rest}`;
  return scheme === "doi" ? `https://doi.org/${rest}` : paper;
}

/** "50 forward and 50 backward passes" */
export function passes({ forwards, backwards }: Cost): string {
  const parts = [
    ...(forwards > 0 ? [`${forwards} forward`] : []),
    ...(backwards > 0 ? [`${backwards} backward`] : []),
  ];
  if (parts.length === 0) return "no pass of the model";
  return `${parts.join(" and ")} pass${(backwards || forwards) === 1 ? "" : "es"}`;
}

/** What letters mean in every formula. */
const letters = {
  Φ: "attribution",
  x: "image",
  r: "reference image",
  f: "score of the explained class (its logit)",
  p: "probability of the explained class",
  "⊙": "elementwise product",
};

export const methodLetters = {
  ...letters,
  φ: "share of one segment",
  A: "activation of the layer, `Aₖ` its channel k; where a method reads attention, that",
  z: "coalition: which segments show the image",
  R: "relevance",
  g: "gradient",
  h: "mask in [0, 1]",
};

export const metricLetters = {
  ...letters,
  h: "relevance: the map clipped at 0 and scaled to [0, 1]",
  M: "the annotated pixels",
};

/** Those that stand alone in a formula, in the order in which they appear. */
export const legend = (formula: string, meanings: Readonly<Record<string, string>>): string =>
  Object.entries(meanings)
    .map(([letter, meaning]) => {
      const at = formula.search(new RegExp(`(?<![A-Za-z])${letter}(?![A-Za-z])`));
      return { at, text: `\`${letter}\` ${meaning}` };
    })
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
    .join(", ");

/** "integer from 1 to 10000" */
export function allowed(spec: ParamSpec): string {
  if (spec.type === "boolean") return "true, false";
  if (spec.type === "choice") return spec.choices.map((c) => `\`${c}\``).join(", ");
  const { type, minimum, maximum } = spec;
  if (minimum !== undefined && maximum !== undefined) return `${type} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${type} ≥ ${minimum}`;
  return maximum === undefined ? type : `${type} ≤ ${maximum}`;
}

/** Protocols that have it, first looks aside. */
export const inProtocols = (of: "methods" | "metrics", id: string): readonly string[] =>
  protocols.filter((p: Protocol) => !p.quick && p[of].includes(id)).map((p) => p.id);

export const roles: Readonly<Record<Role, { readonly title: string; readonly says: string }>> = {
  standard: {
    title: "Standard",
    says: "Defined without special rules on convolutional, transformer and contrastive models. Ranks are made among these.",
  },
  further: {
    title: "Further",
    says: "As good, but not for every model, or variants. Placed among the standard ones without moving them.",
  },
  control: {
    title: "Controls",
    says: "Cannot know the model. Run beside every method: what does not beat them is not recommended.",
  },
};

export const kinds: Readonly<Record<AttributionKind, string>> = {
  sensitivity: "a rate of change of the score, in logits per pixel unit",
  contribution: "a signed share of a difference of scores, in logits",
  map: "neither a rate of change nor a share: only its order and its shape mean something",
};

export const mapRules: Readonly<Record<MapRule, string>> = {
  "abs-sum": "the sizes of its channels, added: Σ_c |Φ|",
  sum: "its channels, added: Σ_c Φ",
};

/** @param docs  address of kit/docs/, with the slash */
export const methodNeeds = (docs: string): Readonly<Record<Need, string>> => ({
  gradient: `a gradient rule for every operator between the image and the score ([operators](${docs}operators.md))`,
  cam: "a layer with a spatial grid, found in the graph or named with `--layer`",
  others: `${comparedWith} other images of the data set to compare with`,
});

/** The surface that costs are told for: the layer is ResNet-50's. */
export const surface = { channels: 3, height: 224, width: 224, cam: { channels: 2048, rows: 7, columns: 7 } };

export const costOf = (method: Method, params: Readonly<Record<string, ParamValue>> = {}): Cost =>
  method.cost(resolveParams(method.id, method.params, params), surface);

/** Whether the cost depends on the size of the CAM layer. */
export function readsLayer(method: Method): boolean {
  const params = resolveParams(method.id, method.params);
  const small = method.cost(params, { ...surface, cam: { channels: 8, rows: 2, columns: 2 } });
  return JSON.stringify(small) !== JSON.stringify(costOf(method));
}

export const families: Readonly<Record<Family, { readonly title: string; readonly says: string }>> = {
  faithfulness: {
    title: "Faithfulness",
    says: "Whether the model reacts as the map says: pixels are hidden or shown, and its score is looked at.",
  },
  robustness: {
    title: "Robustness",
    says: "Whether the attribution stays where the image hardly changes.",
  },
  complexity: {
    title: "Complexity",
    says: "How much of the image a map points at. Says nothing about whether it is right.",
  },
  randomisation: {
    title: "Randomisation",
    says: "Whether the map depends on the model and on the class at all.",
  },
  localisation: {
    title: "Localisation",
    says: "Whether the map lies on the annotated object. The annotated class is explained.",
  },
  cost: { title: "Cost", says: "What an explanation takes." },
};

const first = `the first ${standardProtocol.rerunSamples} samples only`;

export const metricNeeds: Readonly<Record<MetricNeed, string>> = {
  method: `the method, which is run again: ${first}, and no maps from elsewhere`,
  passes: `many passes of the model: ${first}`,
  randomised: "the model with its weights permuted, which is loaded after all other work is done",
  mask: "an annotation of the image, a mask or boxes; the annotated class is explained",
  signed: "the signed attribution with its channels, `[C,H,W]`; not applicable without",
};

export const gates: Readonly<Record<Metric["gate"], string>> = {
  controls:
    "`controls`. A method that does not beat every control here, intervals apart, is shown so and not recommended on it.",
  none: "`none`. A map that ignores the model wins or loses by construction, so a recommendation needs the gate passed on a faithfulness metric of the same run.",
};

/** "from 0 to 1" */
export function rangeText([low, high]: Metric["range"]): string {
  if (low !== null && high !== null) return `from ${low} to ${high}`;
  if (low !== null) return `from ${low}, unbounded above`;
  return high === null ? "unbounded" : `up to ${high}, unbounded below`;
}

/** "64 forward passes, 10 attributions of the method" */
export function costText(metric: Metric, given: Readonly<Record<string, ParamValue>> = {}): string {
  const params = resolveParams(metric.id, metric.params, given);
  const own = metric.cost(params, { forwards: 0, backwards: 0 });
  const again = metric.cost(params, { forwards: 1, backwards: 0 }).forwards - own.forwards;
  return [
    ...(own.forwards > 0 || own.backwards > 0 || again === 0 ? [passes(own)] : []),
    ...(again > 0 ? [`${again} attribution${again === 1 ? "" : "s"} of the method`] : []),
  ].join(" and ");
}
