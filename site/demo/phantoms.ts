/** The pictures of the page: phantoms of the test split, drawn here and now, with the pixels that decide their class. */
import { phantomCounts } from "../../kit/src/datasets/phantom.ts";
import { side } from "../../kit/src/phantoms/canvas.ts";
import { phantomDomains } from "../../kit/src/phantoms/index.ts";
import { drawPhantom } from "../../kit/src/phantoms/phantom.ts";
import type { Picture } from "./messages.ts";

/** The id that seeds the random draws of a reader's own picture; `xai-kit explain` takes the same. */
export const ownSample = "explain";

export const samples = phantomCounts.test;

export interface Drawn extends Picture {
  readonly mask: Uint8Array;
  /** true class */
  readonly label: number;
}

/** Sample `index` of "phantom-cxr" and its like; the id is the data set's, so the random draws are an evaluation's. */
export function drawSample(dataset: string, index: number): Drawn {
  const domain = phantomDomains.find(({ id }) => `phantom-${id}` === dataset);
  if (domain === undefined) throw new RangeError(`there are no pictures of ${dataset}`);
  const { label, channels, image, mask } = drawPhantom(domain, "test", index);
  return {
    sample: `test-${String(index).padStart(5, "0")}`,
    label,
    mask,
    image: { channels, height: side, width: side, data: image },
  };
}
