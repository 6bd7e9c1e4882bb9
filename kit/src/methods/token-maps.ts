/** What methods that read attention share: a model that has it or the reason why not, one image's tensors, and rows of weights as maps. */
import { KitError } from "../errors.ts";
import { type Attention, attentionOf } from "../model/attention.ts";
import type { Model, Parts, Program } from "../model/model.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { float32 } from "../onnx/tensor.ts";
import type { ParamSpec } from "../params.ts";
import { camMap } from "./cam.ts";
import type { MethodContext } from "./method.ts";

/** How many blocks take part. The last ones, since that is what authors leave it at. */
export const layersParam = {
  type: "integer",
  default: 0,
  minimum: 0,
  maximum: 1000,
  description: "blocks that take part, counted from the last; 0, or more than there are: all",
} as const satisfies ParamSpec;

/** A further condition: what is missing, or undefined. */
export type Lacks = (attention: Attention) => string | undefined;

/** Why a model's attention cannot be read; undefined where it can. */
export function withoutAttention({ prepared }: Model, lacks: Lacks = () => undefined): string | undefined {
  const found = attentionOf({ ...prepared, input: prepared.input.name });
  return typeof found === "string" ? found : lacks(found);
}

/** @throws KitError E_NO_ATTENTION saying what was looked for and what is there in its place */
export function attentionIn(parts: Omit<Parts, "options">, lacks: Lacks = () => undefined): Attention {
  const found = attentionOf(parts);
  const problem = typeof found === "string" ? found : lacks(found);
  if (typeof found !== "string" && problem === undefined) return found;
  throw new KitError("E_NO_ATTENTION", {
    problem: problem!,
    next: "use a method that reads no attention, such as grad-cam",
  });
}

/** The attention of the model of a probe; its graph is the same whatever its weights are. */
export const attentionFor = ({ prepared }: Model, lacks?: Lacks): Attention =>
  attentionIn({ ...prepared, input: prepared.input.name }, lacks);

/** The last `layers` blocks, all for 0. */
export const lastBlocks = ({ blocks }: Attention, layers: number): Attention["blocks"] =>
  blocks.slice(-layers);

/** What a program of roles `image` and `seed` finds for the explained class; what `read` is given lives as long as its call. */
export async function ofImage<T>(
  { probe, x }: Pick<MethodContext, "probe" | "x">,
  program: Program,
  read: (outputs: readonly Float32Array[]) => T,
): Promise<T> {
  let found: T[] = [];
  await probe.model.run(
    program,
    1,
    (_, { image, seed }) => {
      image.set(x.data);
      if (seed) seed[probe.target] = 1;
    },
    (_, outputs) => {
      found = [read(outputs)];
    },
  );
  return found[0];
}

/**
 * The row e of an identity matrix that stands for what the head reads: the class token's, or the mean of the rows where it reads several
 * tokens.
 */
export function rowOfHead({ tokens, read }: Attention): Float64Array {
  const row = new Float64Array(tokens);
  for (const t of read) row[t] = 1 / read.length;
  return row;
}

/** row · matrix, the matrix [T, T] */
export function times(row: Float64Array, matrix: ArrayLike<number>): Float64Array {
  const size = row.length;
  const out = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    if (row[i] === 0) continue;
    for (let j = 0; j < size; j++) out[j] += row[i] * matrix[i * size + j];
  }
  return out;
}

/** One weight per token as a map: class and register tokens dropped, patches laid on their grid. */
export function patchMap(
  { skip, rows, columns }: Attention,
  weights: ArrayLike<number>,
  { probe, raw }: Pick<MethodContext, "probe" | "raw">,
): Float32Tensor {
  const patches = Float32Array.from({ length: rows * columns }, (_, p) => weights[skip + p]);
  return camMap(float32([rows, columns], patches), probe.model.shape, raw);
}
