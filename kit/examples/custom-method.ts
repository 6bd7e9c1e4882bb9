/**
 * A method of your own, scored beside known ones.
 *
 *   node kit/examples/custom-method.ts model.onnx picture.png
 *
 * In a project of your own: import { … } from "xai-kit/node".
 */
import {
  attribute,
  createProbe,
  decodeImage8,
  defaultResize,
  defineMethod,
  explainedClass,
  float32,
  methodOf,
  metricOf,
  openModel,
  pixelsOf,
  rngOf,
  score,
} from "../src/node.ts";

const [modelFile, picture] = process.argv.slice(2);

/** The gradient of the blurred image, averaged with that of the image. */
const twoScales = defineMethod({
  id: "two-scales",
  title: "Two scales",
  paper: "none",
  revision: 1,
  summary: "The mean of ∂f/∂x at the image and at its blurred copy.",
  formula: "Φ = (1 − w) · ∂f/∂x(x) + w · ∂f/∂x(blurred x)",
  limits: "The blur is a choice of ours.",
  kind: "sensitivity",
  map: "abs-sum",
  needs: ["gradient"],
  params: {
    weight: { type: "number", default: 0.5, minimum: 0, maximum: 1, description: "of the blurred copy" },
  },
  cost: () => ({ forwards: 0, backwards: 2 }),
  async attribute({ probe, x, params }) {
    const sharp = await probe.gradient();
    const blurred = await probe.at("blurred", () => probe.reference("blur")).gradient();
    const mix = (v: number, i: number) => (1 - params.weight) * v + params.weight * blurred.data[i];
    return float32(x.dims, sharp.data.map(mix));
  },
});

const { model, close } = await openModel(modelFile);
try {
  const x = pixelsOf(await decodeImage8(picture), model.shape, defaultResize);
  const logits = await createProbe({ model, x, target: 0 }).logits();
  const probe = createProbe({ model, x, target: explainedClass(model, logits) });
  const metric = metricOf("deletion-auc");

  for (const method of [twoScales, methodOf("saliency"), methodOf("random")]) {
    const rng = (purpose: string) => rngOf("my experiment", method.id, purpose);
    const attribution = await attribute(method, probe, { rng });
    const result = await score(metric, probe, {
      attribution,
      rule: method.map,
      kind: method.kind,
      rng: (purpose) => rngOf("my experiment", "metric", purpose), // the same for every method: a fair comparison
      explain: (other) => attribute(method, other, { rng }),
      randomised: (draw) => model.randomised(`randomised ${draw}`, rngOf("my experiment", "weights", draw)),
    });
    const value =
      typeof result === "number" ? result : "value" in result ? result.value : `none: ${result.skip}`;
    console.log(`${method.id}: ${metric.id} ${value} (${metric.better} is better)`);
  }
} finally {
  await close();
}
