/** Classification quality over the whole split, before any sample is selected. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Dataset, Sample } from "../datasets/dataset.ts";
import type { Image8 } from "../datasets/readers/image8.ts";
import { KitError } from "../errors.ts";
import { type Model, probabilitiesOf } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import { type ClassificationQuality, classificationQuality } from "../stats/classification.ts";
import { pixelsOf, type Resize } from "./pixels.ts";
import { grouped, shareOut } from "./share.ts";

/**
 * Images are classified in blocks of this many neighbours, so that memory stays flat on any data set. A block is done whole or not at all:
 * in shards and after a crash an image meets the same place in its batch (see `slotsOf` in model.ts).
 */
export const block = 64;

/** The block an image at this position of the split belongs to. */
export const blockOf = (position: number): number => Math.floor(position / block);

/** One image that was classified. */
export interface Classified {
  /** position in the split */
  readonly at: number;
  readonly id: string;
  readonly labels: readonly number[];
  /** of multi-label sets: classes that count neither way */
  readonly unknown?: readonly number[];
  /** sha256 of its pixels, hex */
  readonly pixels: string;
  /** as the model gave them: float32, so that no digit is lost on the way to disk and back */
  readonly logits: Float32Array;
  /** its share of the time that its block took; telemetry */
  readonly ms?: number;
}

/** What is done already, and where what gets done is kept. */
export interface ImageLog {
  readonly images: readonly Classified[];
  add(images: readonly Classified[]): Promise<void>;
}

export interface ClassifyOptions {
  /** the same model on further engines */
  readonly others?: readonly Model[];
  readonly log?: ImageLog;
  /** blocks that are ours; all without */
  readonly share?: (block: number) => boolean;
  /** images done so far, those of the log included */
  readonly onImage?: (done: number) => void;
  /** milliseconds, for telemetry; without it no times are kept */
  readonly now?: () => number;
  readonly signal?: AbortSignal;
}

export interface Classification {
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
  options: ClassifyOptions = {},
): Promise<Classification> {
  return qualityOf(await classifyImages(model, dataset, resize, options), model);
}

/** The images of the split, or of our share of it, in order. Throws as `classify`. */
export async function classifyImages(
  model: Model,
  dataset: Dataset,
  resize: Resize,
  { others = [], log, share = () => true, onImage, now, signal }: ClassifyOptions = {},
): Promise<Classified[]> {
  checkTask(model, dataset);
  const ids = (await dataset.index()).map(({ id }) => id);
  const position = new Map(ids.map((id, at) => [id, at]));
  const done = [...(log?.images ?? [])];
  const known = new Set(done.map(({ id }) => id));
  const pending = ids.filter((id, at) => share(blockOf(at)) && !known.has(id));

  async function* prepared() {
    for await (const sample of dataset.read(pending)) {
      signal?.throwIfAborted();
      yield { sample, x: pixelsOf(sample.image, model.shape, resize) };
    }
  }
  type Item = { readonly sample: Sample; readonly x: ReturnType<typeof pixelsOf> };
  const work = async (samples: readonly Item[], own: Model) => {
    const made: Classified[] = [];
    let start: number | undefined;
    await own.forward(
      samples.length,
      (k, out) => {
        start ??= now?.(); // by now the model is open
        out.set(samples[k].x.data);
      },
      (k, logits) => {
        const { id, labels, unknown, image } = samples[k].sample;
        requireFinite(logits, id);
        made.push({
          at: position.get(id)!,
          id,
          labels,
          ...(unknown?.length && { unknown }),
          pixels: hashOf(image),
          logits: logits.slice(),
        });
      },
    );
    const ms = now && start !== undefined ? (now() - start) / made.length : undefined;
    const found = ms === undefined ? made : made.map((image) => ({ ...image, ms }));
    await log?.add(found);
    done.push(...found);
    onImage?.(done.length);
  };
  const placeOf = ({ sample }: Item) => blockOf(position.get(sample.id)!);
  if (pending.length > 0) await shareOut(grouped(prepared(), placeOf), [model, ...others], work);
  return done.sort((a, b) => a.at - b.at);
}

/** @throws KitError E_CLASSES, E_TASK, before any work */
export function checkTask(
  { classes, prepared }: { readonly classes: number; readonly prepared: Pick<Prepared, "task"> },
  dataset: Pick<Dataset, "id" | "classes" | "task">,
): void {
  if (dataset.classes.length !== classes) {
    throw new KitError("E_CLASSES", {
      problem: `${dataset.id} has ${dataset.classes.length} classes, the model ${classes}`,
      next: "evaluate a model trained on this data set, or name its classes in the model card",
    });
  }
  if (dataset.task === "multi-label" && prepared.task !== "multi-label") {
    throw new KitError("E_TASK", {
      problem: `${dataset.id} is multi-label, the model is ${prepared.task}`,
      next: "give --task multi-label if it has a sigmoid per label, else evaluate a model trained on this data set",
    });
  }
}

/** The quality of a model on images it has classified, in the order given. */
export function qualityOf(
  images: readonly Classified[],
  {
    classes,
    prepared,
  }: { readonly classes: number; readonly prepared: Pick<Prepared, "link" | "task" | "thresholds"> },
): Classification {
  const data = new Float64Array(images.length * classes);
  for (const [k, { logits }] of images.entries()) data.set(probabilitiesOf(prepared, logits), k * classes);
  const probabilities = { rows: images.length, columns: classes, data };
  if (prepared.task !== "multi-label") {
    const labels = Int32Array.from(images, ({ labels: [label] }) => label);
    // of a single output class 1 alone: a tie is class 1, and 1 − p rounds probabilities together that differ
    const told =
      prepared.task === "binary"
        ? { ...probabilities, columns: 1, data: data.filter((_, i) => i % 2 === 1) }
        : probabilities;
    return {
      quality: classificationQuality({ task: "multi-class", probabilities: told, labels }),
      probabilities: data,
    };
  }
  const truth = new Int8Array(data.length);
  for (const [k, { labels, unknown = [] }] of images.entries()) {
    for (const label of labels) truth[k * classes + label] = 1;
    for (const label of unknown) truth[k * classes + label] = -1;
  }
  const { thresholds } = prepared;
  return {
    quality: classificationQuality({ task: "multi-label", probabilities, truth, thresholds }),
    probabilities: data,
  };
}

/** Of the size too: the same bytes in another shape are another picture. */
const hashOf = ({ channels, height, width, data }: Image8): string =>
  bytesToHex(
    sha256(
      concatBytes(
        utf8ToBytes(`${channels}x${height}x${width}\n`),
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      ),
    ),
  );

/** The text whose hash tells this copy of a data set from any other: ids and pixels of the split, whatever their order. */
export const fingerprintText = (images: readonly Pick<Classified, "id" | "pixels">[]): string =>
  images
    .map(({ id, pixels }) => `${JSON.stringify(id)} ${pixels}\n`)
    .sort()
    .join("");

/** @throws KitError E_LOGITS when a score is NaN or infinite */
export function requireFinite(logits: Float32Array, sample?: string): void {
  if (logits.every(Number.isFinite)) return;
  throw new KitError("E_LOGITS", {
    problem: `the model returns a score that is not a number${sample === undefined ? "" : ` for ${sample}`}`,
    next: "check the preprocessing (mean, std) and the model's weights",
  });
}
