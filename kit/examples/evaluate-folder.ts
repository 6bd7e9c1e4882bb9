/**
 * A folder of pictures by class: how good is the model, and how good are two methods on it?
 *
 *   node kit/examples/evaluate-folder.ts model.onnx photos/
 *
 * In a project of your own: import { … } from "xai-kit/node".
 */
import {
  classify,
  defaultResize,
  execute,
  methodOf,
  metricOf,
  openDataset,
  openModel,
  plan,
  protocolOf,
  selectSamples,
  statisticsOf,
} from "../src/node.ts";

const [modelFile, folder] = process.argv.slice(2);

const dataset = await openDataset(`folder:${folder}`);
const { model, close } = await openModel(modelFile, { pixelChannels: dataset.channels });
try {
  const { quality } = await classify(model, dataset, defaultResize);
  console.log(`accuracy ${quality.accuracy?.toFixed(3)} on ${quality.n} images`);

  const protocol = protocolOf("quick");
  const samples = await dataset.index();
  const annotated = samples.some((sample) => sample.annotated);
  const plans = plan({
    protocol,
    methods: ["saliency", "grad-cam"].map(methodOf),
    metrics: ["deletion-auc", "sparseness", "pointing-game"].map(metricOf),
    shape: model.shape,
    available: samples.length,
    samples: 6,
    annotated, // without boxes or masks there is no pointing game
    unmet: {},
  });
  const selected = selectSamples(protocol.seed, dataset.base, samples, plans.samples).map(({ id }) => id);
  const { rows } = await execute({ model, dataset, plan: plans, selected, resize: defaultResize });

  for (const { method, metric, mean, n } of statisticsOf(plans, rows).cells) {
    console.log(`${method} ${metric} ${mean?.toFixed(3) ?? "no score"} (n = ${n})`);
  }
} finally {
  await close();
  await dataset.close();
}
