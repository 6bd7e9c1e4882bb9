/** Every number of one sample with one model, all methods: for the reference values and the tests. */
import type { Model } from "../../kit/src/model/model.ts";
import { defaultResize, pixelsOf } from "../../kit/src/runner/pixels.ts";
import type { ModelCard } from "../../kit/src/schemas.generated.ts";
import { allMethods, explain, predict, type ShownMetric } from "./compute.ts";
import { drawSample } from "./phantoms.ts";
import { mapDifference, type Reference, scoreDifference } from "./reference.ts";

export interface MethodNumbers {
  readonly map: Float32Array;
  readonly scores: Record<ShownMetric, number | null>;
}

export interface Numbers {
  readonly target: number;
  readonly logits: Float32Array;
  readonly methods: ReadonlyMap<string, MethodNumbers>;
}

export async function numbersOf(
  model: Model,
  card: ModelCard,
  dataset: string,
  index: number,
): Promise<Numbers> {
  const { sample, image } = drawSample(dataset, index);
  const x = pixelsOf(image, model.shape, card.input?.resize ?? defaultResize);
  const { logits, predicted: target } = await predict(model, x);
  const methods = new Map<string, MethodNumbers>();
  for await (const step of explain({ model, x, sample, target, methods: allMethods, now: () => 0 })) {
    if (step.kind === "map") {
      methods.set(step.method, { map: step.map, scores: { sparseness: null, "deletion-auc": null } });
    } else if (step.kind === "score" && "value" in step.score) {
      methods.get(step.method)!.scores[step.metric] = step.score.value;
    }
  }
  return { target, logits, methods };
}

/** By method, the largest difference from the reference: of the map as a share of its largest value, or of a score. */
export const differencesOf = ({ methods }: Numbers, reference: Reference): Map<string, number> =>
  new Map(
    reference.methods.map(({ id, scores }) => {
      const got = methods.get(id);
      const map = reference.maps.get(id);
      if (got === undefined || map === undefined) return [id, Number.POSITIVE_INFINITY];
      const metrics = Object.keys(scores) as ShownMetric[];
      return [
        id,
        Math.max(
          mapDifference(got.map, map),
          ...metrics.map((metric) => scoreDifference(got.scores[metric], scores[metric])),
        ),
      ];
    }),
  );
