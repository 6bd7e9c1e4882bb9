/** Further images for methods that compare with some: the next of the split in the protocol's order of selection. */
import type { Dataset } from "../datasets/dataset.ts";
import type { ImageShape } from "../model/image.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { pixelsOf, type Resize } from "./pixels.ts";
import { comparedWith } from "./unmet.ts";

/** The ids behind the one at `position`, wrapping around, never itself; all others where these are fewer. */
export const neighboursAt = (order: readonly string[], position: number): string[] =>
  Array.from(
    { length: Math.min(comparedWith, order.length - 1) },
    (_, k) => order[(position + 1 + k) % order.length],
  );

export interface NeighboursOptions {
  readonly dataset: Pick<Dataset, "read">;
  /** ids in the protocol's order: those to explain, and `comparedWith` more, or as many as the split has */
  readonly order: readonly string[];
  /** positions that will be asked for */
  readonly asked: readonly number[];
  readonly shape: ImageShape;
  readonly resize: Resize;
  /** bytes kept; 256 MiB hold those of 256 colour images at 224 pixels */
  readonly room?: number;
  readonly signal?: AbortSignal;
}

/**
 * The images that the one at `position` is compared with, as the model is shown them; less those that the data set leaves out as faulty.
 * Nothing is read before the first call. Archives are read in one pass, so that call reads what later ones will want, as far as there is room.
 */
export function neighbours(
  options: NeighboursOptions,
): (position: number) => Promise<readonly Float32Tensor[]> {
  const { dataset, order, asked, shape, resize, room = 2 ** 28, signal } = options;
  const places = Math.max(comparedWith, Math.floor(room / (4 * shape.channels * shape.height * shape.width)));
  /** by id, the oldest first; undefined: left out */
  const kept = new Map<string, Float32Tensor | undefined>();
  let last: Promise<unknown> = Promise.resolve();

  async function load(ids: readonly string[]): Promise<readonly Float32Tensor[]> {
    const missing = ids.filter((id) => !kept.has(id));
    if (missing.length > 0) {
      const later = asked.flatMap((at) => neighboursAt(order, at)).filter((id) => !kept.has(id));
      const wanted = [...new Set([...missing, ...later])].slice(
        0,
        Math.max(missing.length, places - kept.size),
      );
      for (const id of kept.keys()) {
        if (kept.size + wanted.length <= places) break;
        if (!ids.includes(id)) kept.delete(id);
      }
      const found = new Map<string, Float32Tensor>();
      for await (const { id, image } of dataset.read(wanted)) {
        signal?.throwIfAborted();
        found.set(id, pixelsOf(image, shape, resize));
      }
      for (const id of wanted) kept.set(id, found.get(id));
    }
    return ids.flatMap((id) => kept.get(id) ?? []);
  }

  return (position) => {
    // one after the other: two that miss the same images read them once
    const loading = last.then(() => load(neighboursAt(order, position)));
    last = loading.catch(() => undefined);
    return loading;
  };
}
