/** Before a GPU's numbers are believed for hours: the same model, on a few of the images, in the processor too. */
import type { Dataset } from "../datasets/dataset.ts";
import { deviceName, onProcessor } from "../engine/device.ts";
import type { Engine } from "../engine/engine.ts";
import { defaultBudget, openEngine } from "../engine/node.ts";
import { createPool } from "../engine/pool.ts";
import { KitError } from "../errors.ts";
import { type Agreement, agreementImages, agreementOf, agreementTolerance } from "../model/agreement.ts";
import type { ImageShape } from "../model/image.ts";
import { createModel } from "../model/model.ts";
import type { Prepared } from "../model/prepare.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { pixelsOf, type Resize } from "../runner/pixels.ts";

/** What a journal keeps of it. */
export interface SecondOpinion extends Agreement {
  /** what was asked: "onnxruntime-node 1.30.0, cpu" */
  readonly reference: string;
}

/** Whether numbers of this engine are compared before a run: the processor's own are what others are compared with. */
export const wantsSecondOpinion = ({ info }: Pick<Engine, "info">): boolean => !onProcessor(info.provider);

/** The first images that are named, as the model sees them. */
export async function firstImages(
  dataset: Pick<Dataset, "read">,
  ids: readonly string[],
  shape: ImageShape,
  resize: Resize,
): Promise<Float32Tensor[]> {
  const images: Float32Tensor[] = [];
  for await (const { image } of dataset.read([...new Set(ids)].slice(0, agreementImages)))
    images.push(pixelsOf(image, shape, resize));
  return images;
}

export interface OpinionOptions {
  readonly prepared: Prepared;
  readonly engine: Engine;
  readonly images: readonly Float32Tensor[];
  /** what to compare with; the native processor, else wasm */
  readonly open?: () => Promise<Engine>;
}

/**
 * Compares, and refuses a device that computes something else. Its sessions are released, and the other engine closed, before it returns.
 *
 * @throws KitError E_DEVICE naming what differs by how much
 */
export async function secondOpinion({
  prepared,
  engine,
  images,
  open = openReference,
}: OpinionOptions): Promise<SecondOpinion> {
  const other = await open();
  const [ours, theirs] = [createPool(engine), createPool(other)];
  const model = (pool: typeof ours, { info: { provider } }: Engine) =>
    createModel(prepared, { pool, memory: defaultBudget(), provider, batch: agreementImages });
  try {
    const agreement = await agreementOf(model(ours, engine), model(theirs, other), images);
    const { package: name, version, provider } = other.info;
    const opinion = { ...agreement, reference: `${name} ${version}, ${provider}` };
    if (!opinion.ok) throw disagreement(engine, opinion);
    return opinion;
  } finally {
    await ours.release();
    await other.close();
  }
}

const openReference = async (): Promise<Engine> => {
  const opened = await openEngine({ device: "cpu" }).catch(() => openEngine({ device: "wasm" }));
  return opened.engine;
};

/** One line for people. */
export function opinionText({ images, logits, gradient, reference }: SecondOpinion): string {
  return `compared with ${reference} on ${images} images: logits differ by ${sized(logits)} of ${agreementTolerance.logits} allowed, ${
    gradient === null
      ? "no gradient to compare"
      : `gradients by ${sized(gradient)} of ${agreementTolerance.gradient}`
  }`;
}

const sized = (error: number): string => (Number.isFinite(error) ? error.toExponential(1) : "not a number");

/** Rounding to 11 bits shows as this much in logits; kit/docs/devices.md has figures. */
const halfPrecision = 3e-2;

function disagreement({ info }: Engine, opinion: SecondOpinion): KitError {
  const device = deviceName(info);
  const rounded = opinion.logits <= halfPrecision;
  return new KitError("E_DEVICE", {
    problem: `${info.package} on ${device} computes other numbers for this model than the processor`,
    details: [
      opinionText(opinion),
      ...(rounded ? ["differences of this size come from TF32 or float16, which keep 11 bits"] : []),
    ],
    next: `${
      rounded && info.provider === "cuda"
        ? "unset NVIDIA_TF32_OVERRIDE, which xai-kit sets to 0 itself; or "
        : ""
    }use --device cpu, or a newer driver and the same command again; xai-kit doctor --device ${device} checks the device alone`,
  });
}
