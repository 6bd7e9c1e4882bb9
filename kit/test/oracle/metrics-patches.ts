/** Metrics that remove patches or sets of pixels, with Quantus' fills and on its elements. */
import { createProbe } from "../../src/model/probe.ts";
import { type Float32Tensor, float32 } from "../../src/onnx/tensor.ts";
import { type Fixture, type Ours, ofMetric, scored, type Table } from "./fixture.ts";

const heats = ["sal_max", "ig_abs", "ig_signed", "gradcam"] as const;

/** 0 in the units of the model's input. */
const nought = ({ probe: { x } }: Fixture): Float32Tensor => float32(x.dims, new Float32Array(x.data.length));

/** What Quantus calls black: the least value of the image, in all channels. */
const darkest = ({ dims, data }: Float32Tensor): Float32Tensor =>
  float32(dims, new Float32Array(data.length).fill(data.reduce((a, b) => Math.min(a, b))));

/** p after 0, 1, 2 … patches of 8×8 pixels are removed. */
const patchCurve = async (f: Fixture, heat: string): Promise<readonly number[]> => {
  const attribution = f.array(`heat.${heat}`);
  const [height, width] = attribution.dims;
  const { parts } = await scored(f, "selectivity", {
    attribution,
    params: { steps: (height / 8) * (width / 8), ties: "index" },
    given: { baseline: nought(f) },
  });
  return parts["given-curve"] as readonly number[];
};

/** Quantus removes single channels of a pixel: pixels of an image whose channels lie below each other. */
const stacked = ({ dims: [channels, height, width], data }: Float32Tensor): Float32Tensor =>
  float32([1, channels * height, width], data);
const byElement = (f: Fixture): Fixture => {
  const { model, target } = f.probe;
  return { ...f, probe: createProbe({ model, x: stacked(f.probe.x), target }) };
};
/** 256 elements a step of 64×64 pixels, and 240 of 48×80. */
const elementSteps = 48;

/** p after each step. */
const elementCurve = (f: Fixture, attribution: Float32Tensor, baseline: Float32Tensor) =>
  scored(byElement(f), "deletion-auc", {
    attribution: stacked(attribution),
    params: { steps: elementSteps, ties: "index" },
    given: { baseline: stacked(baseline) },
  }).then(({ parts }) => (parts["given-curve"] as readonly number[]).slice(1));

/** The correlation, in logits, over sets of the elements of one step each: cut from the order of the map where ours are drawn. */
async function estimate(f: Fixture, attribution: Float32Tensor): Promise<number[]> {
  const map = stacked(attribution);
  const order = Array.from(map.data.keys()).sort((a, b) => map.data[b] - map.data[a] || a - b);
  const elements = map.data.length;
  const subsets = float32([elementSteps, ...map.dims.slice(1)], new Float32Array(elementSteps * elements));
  for (const [rank, element] of order.entries()) {
    subsets.data[Math.floor((rank * elementSteps) / elements) * elements + element] = 1;
  }
  const { value } = await scored(byElement(f), "faithfulness-correlation", {
    attribution: map,
    given: { subsets, baseline: stacked(nought(f)) },
  });
  return [value];
}

/**
 * Whether p never falls while elements are put in. Theirs starts from a black image and puts black in, so that nothing else is ever shown
 * and the answer is 1 for every map: insertion into a black image of itself.
 */
async function monotonicity(f: Fixture, attribution: Float32Tensor): Promise<number[]> {
  const black = stacked(darkest(f.array("x")));
  const { model, target } = f.probe;
  const { parts } = await scored({ ...f, probe: createProbe({ model, x: black, target }) }, "insertion-auc", {
    attribution: stacked(attribution),
    params: { steps: elementSteps, ties: "index" },
    given: { baseline: black },
  });
  const curve = parts["given-curve"] as readonly number[];
  // batches may round apart
  return [Number(curve.every((p, k) => k === 0 || p >= curve[k - 1] - 1e-6))];
}

function all(): Table {
  const table: Record<string, Ours> = {};
  for (const heat of heats) {
    table[`metric.${heat}.quantus_selectivity_curve`] = ofMetric("selectivity", async (f) =>
      (await patchCurve(f, heat)).slice(1),
    );
    table[`metric.${heat}.quantus_region_perturbation_curve`] = ofMetric("selectivity", async (f) => {
      const [whole, ...rest] = await patchCurve(f, heat);
      return rest.slice(0, 20).map((p) => whole - p);
    });
  }
  for (const [name, phi] of [
    ["ig3", "captum.ig"],
    ["sal3", "captum.saliency"],
  ]) {
    table[`metric.${name}.quantus_pixel_flipping_curve`] = ofMetric("deletion-auc", (f) =>
      elementCurve(f, f.array(phi), nought(f)),
    );
    table[`metric.${name}.quantus_pixel_flipping_black_curve`] = ofMetric("deletion-auc", (f) =>
      elementCurve(f, f.array(phi), darkest(f.array("x"))),
    );
    table[`metric.${name}.quantus_faithfulness_estimate`] = ofMetric("faithfulness-correlation", (f) =>
      estimate(f, f.array(phi)),
    );
    table[`metric.${name}.quantus_monotonicity`] = ofMetric("insertion-auc", (f) =>
      monotonicity(f, f.array(phi)),
    );
  }
  return table;
}

export const patchMetrics: Table = all();
