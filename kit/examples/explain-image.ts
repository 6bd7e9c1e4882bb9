/**
 * One picture, one method: what does the model see, and do the shares add up?
 *
 *   node kit/examples/explain-image.ts model.onnx picture.png
 *
 * In a project of your own: import { … } from "xai-kit/node".
 */
import {
  attribute,
  createProbe,
  decodeImage8,
  defaultResize,
  explainedClass,
  methodOf,
  openModel,
  pixelsOf,
  rngOf,
} from "../src/node.ts";

const [modelFile, picture] = process.argv.slice(2);

const { model, close } = await openModel(modelFile, { card: { input: { mean: [0.5], std: [0.5] } } });
try {
  const x = pixelsOf(await decodeImage8(picture), model.shape, defaultResize);

  // a probe is one image under one model, asked about one class
  const logits = await createProbe({ model, x, target: 0 }).logits();
  const target = explainedClass(model, logits);
  const probe = createProbe({ model, x, target });

  const phi = await attribute(methodOf("integrated-gradients"), probe, {
    params: { steps: 100, reference: "black" },
    rng: (purpose) => rngOf("my experiment", picture, purpose), // the same draws in every run
  });

  const black = createProbe({ model, x: { ...x, data: x.data.map(() => 0) }, target });
  const difference = (await probe.score()) - (await black.score());
  const sum = phi.data.reduce((total, share) => total + share, 0);
  console.log(`class ${target}, probability ${(await probe.probability()).toFixed(3)}`);
  console.log(`f(x) − f(black) = ${difference.toFixed(4)}, the map sums to ${sum.toFixed(4)}`);
} finally {
  await close();
}
