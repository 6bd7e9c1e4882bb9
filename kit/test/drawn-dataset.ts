/** A data set that lives in memory: noise with a bright rectangle, one box and one mask around it if wanted. */
import type { Box, Dataset, Sample } from "../src/datasets/dataset.ts";
import { positionsOf } from "../src/datasets/select.ts";
import { rngOf } from "../src/rng.ts";

export interface Drawn {
  readonly id: string;
  readonly labels: readonly number[];
  /** classes that nobody has said yes or no to */
  readonly unknown?: readonly number[];
  readonly group?: string;
  /** classes that get a box */
  readonly boxes?: readonly number[];
}

export function datasetOf(
  samples: readonly Drawn[],
  {
    classes,
    task = "multi-class",
    ids = "public",
  }: { classes: number; task?: Dataset["task"]; ids?: Dataset["ids"] },
): Dataset {
  const info = samples.map(({ id, labels, unknown, group = id, boxes = [] }) => ({
    id,
    group,
    labels,
    ...(unknown && { unknown }),
    annotated: boxes.length > 0,
  }));
  return {
    id: "drawn",
    base: "drawn",
    title: "Drawn",
    edition: "1",
    track: "own",
    split: "test",
    task,
    classes: Array.from({ length: classes }, (_, k) => `class ${k}`),
    licence: "none",
    ids,
    count: samples.length,
    index: async () => info,
    async *read(wanted) {
      for (const k of positionsOf("drawn", info, wanted)) yield sampleOf(samples[k]);
    },
    notes: ["drawn in memory"],
    skipped: [],
    close: async () => {},
  };
}

const [height, width] = [12, 16];

function sampleOf({ id, labels, unknown, group = id, boxes = [] }: Drawn): Sample {
  const rng = rngOf("drawn", id);
  const data = Uint8Array.from({ length: 3 * height * width }, () => rng.integer(200));
  const drawn: Box[] = boxes.map((label) => {
    const [x0, y0] = [rng.integer(width - 6), rng.integer(height - 6)];
    return { class: label, x0, y0, x1: x0 + 6, y1: y0 + 6 };
  });
  for (const { x0, y0, x1, y1 } of drawn) {
    for (let c = 0; c < 3; c++)
      for (let i = y0; i < y1; i++)
        data.fill(255, (c * height + i) * width + x0, (c * height + i) * width + x1);
  }
  return {
    id,
    group,
    labels,
    ...(unknown && { unknown }),
    image: { channels: 3, height, width, data },
    ...(drawn.length > 0 && { boxes: drawn }),
    notes: [],
  };
}
