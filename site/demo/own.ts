/** A reader's own model and picture, as far as they can be judged without the engine. */
import { KitError } from "../../kit/src/errors.ts";
import type { ModelCard } from "../../kit/src/schemas.generated.ts";
import type { ModelSource } from "./messages.ts";

/** How a model without a card may want its pixels: the usual ways of training. */
export const colourSpaces = {
  plain: { title: "0 to 1, as they are", input: {} },
  imagenet: {
    title: "ImageNet mean and sd",
    input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
  half: { title: "−1 to 1 (0.5 and 0.5)", input: { mean: [0.5], std: [0.5] } },
} satisfies Record<string, { title: string; input: ModelCard["input"] }>;

export type ColourSpace = keyof typeof colourSpaces;
export const isColourSpace = (value: string): value is ColourSpace => Object.hasOwn(colourSpaces, value);

/** More would not fit WebAssembly's memory three times, once for each graph. */
const largestModel = 400e6;

export interface OwnModel {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** tells two files of one name apart */
  readonly number: number;
}

/** @throws KitError E_MODEL_FILE */
export async function readOwnModel(file: File, number: number): Promise<OwnModel> {
  if (file.size === 0) throw fault(`${file.name} is empty (0 bytes)`, "choose the .onnx file itself");
  if (file.size > largestModel) {
    throw fault(
      `${file.name} has ${Math.round(file.size / 1e6)} MB, too many for a page`,
      `up to ${largestModel / 1e6} MB are read here; xai-kit explain reads larger ones`,
    );
  }
  try {
    return { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()), number };
  } catch (cause) {
    throw fault(`${file.name} cannot be read`, "choose it again", cause);
  }
}

export const sourceOf = ({ name, bytes, number }: OwnModel, colours: ColourSpace): ModelSource => ({
  key: `own ${number} ${colours}`,
  name,
  card: { input: colourSpaces[colours].input },
  file: bytes,
});

export const isModelFile = (file: File): boolean => /\.onnx$/i.test(file.name);

const fault = (problem: string, next: string, cause?: unknown): KitError =>
  new KitError("E_MODEL_FILE", { problem, next, cause });
