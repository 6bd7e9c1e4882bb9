/** Classification quality over the whole split, before any sample is selected. */
import type { Dataset, Sample } from "../datasets/dataset.ts";
import { KitError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type ClassificationQuality, classificationQuality } from "../stats/classification.ts";
import { pixelsOf, type Resize } from "./pixels.ts";

/** Images are read in groups of this many, so that memory stays flat on any data set. */
const group = 64;

export interface Classified {
  readonly quality: ClassificationQuality;
  /** row-major [n, classes] */
  readonly probabilities: Float64Array;
}

/**
 * @throws KitError E_CLASSES when the model's classes are not the data set's; E_TASK when a multi-label set meets a model of one class
 * each; E_LOGITS when the model returns NaN
 */
export async function classify(
  model: Model,
  dataset: Dataset,
  resize: Resize,
  { onImage, signal }: { onImage?: (done: number) => void; signal?: AbortSignal } = {},
): Promise<Classified> {
  const { classes, prepared } = model;
  if (dataset.classes.length !== classes) {
    throw new KitError("E_CLASSES", {
      problem: `${dataset.id} has ${dataset.classes.length} classes, the model ${classes}`,
      next: "evaluate a model trained on this data set, or name its classes in the model card",
    });
  }
  const multiLabel = prepared.task === "multi-label";
  if (dataset.task === "multi-label" && !multiLabel) {
    throw new KitError("E_TASK", {
      problem: `${dataset.id} is multi-label, the model is ${prepared.task}`,
      next: "give --task multi-label if it has a sigmoid per label, else evaluate a model trained on this data set",
    });
  }
  const probabilities = new Float64Array(dataset.count * classes);
  const truth = multiLabel ? new Int8Array(dataset.count * classes) : new Int32Array(dataset.count);
  let done = 0;

  const flush = async (samples: readonly { sample: Sample; x: Float32Tensor }[]) => {
    await model.forward(
      samples.length,
      (k, out) => out.set(samples[k].x.data),
      (k, logits) => {
        requireFinite(logits, samples[k].sample.id);
        probabilities.set(model.probabilities(logits), (done + k) * classes);
      },
    );
    for (const [k, { sample }] of samples.entries()) {
      if (multiLabel) for (const label of sample.labels) truth[(done + k) * classes + label] = 1;
      else truth[done + k] = sample.labels[0];
    }
    done += samples.length;
    onImage?.(done);
  };

  let waiting: { sample: Sample; x: Float32Tensor }[] = [];
  for await (const sample of dataset.read()) {
    signal?.throwIfAborted();
    waiting.push({ sample, x: pixelsOf(sample.image, model.shape, resize) });
    if (waiting.length === group) {
      await flush(waiting);
      waiting = [];
    }
  }
  if (waiting.length > 0) await flush(waiting);

  const matrix = { rows: done, columns: classes, data: probabilities.subarray(0, done * classes) };
  const quality = multiLabel
    ? classificationQuality({
        task: "multi-label",
        probabilities: matrix,
        truth: truth.subarray(0, done * classes),
      })
    : classificationQuality({ task: "multi-class", probabilities: matrix, labels: truth.subarray(0, done) });
  return { quality, probabilities: matrix.data };
}

/** @throws KitError E_LOGITS when a score is NaN or infinite */
export function requireFinite(logits: Float32Array, sample?: string): void {
  if (logits.every(Number.isFinite)) return;
  throw new KitError("E_LOGITS", {
    problem: `the model returns a score that is not a number${sample === undefined ? "" : ` for ${sample}`}`,
    next: "check the preprocessing (mean, std) and the model's weights",
  });
}
