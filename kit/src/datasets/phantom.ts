/** The phantoms as data sets: drawn when read, with their masks. Runs anywhere. */

import { side } from "../phantoms/canvas.ts";
import { phantomDomains } from "../phantoms/index.ts";
import { drawPhantom, type PhantomDomain, phantomLabel } from "../phantoms/phantom.ts";
import { type Dataset, type DatasetOptions, defineDataset, type SampleInfo } from "./dataset.ts";
import { positionsOf } from "./select.ts";

/** Pictures per split. */
export const phantomCounts = { train: 4000, val: 400, test: 512 } as const;

const licence = "CC0-1.0";

export const phantom = defineDataset({
  id: "phantom",
  title: "Phantoms: drawn pictures whose class is decided inside a known mask",
  paper: "none",
  licence,
  where: "drawn by the kit itself",
  track: "synthetic",
  ids: "public",
  params: {},
  offers: phantomDomains.map(({ id }) => `phantom-${id}`),
  resolve(rest) {
    const domain = phantomDomains.find(({ id }) => id === rest);
    if (domain === undefined) return undefined;
    const id = `phantom-${domain.id}`;
    return { id, base: id, title: titleOf(domain), open: async (options) => openPhantoms(domain, options) };
  },
});

const titleOf = ({ title }: PhantomDomain): string => `${title}, drawn`;

function openPhantoms(domain: PhantomDomain, { split = "test" }: DatasetOptions): Dataset {
  const id = `phantom-${domain.id}`;
  const samples: readonly SampleInfo[] = Array.from({ length: phantomCounts[split] }, (_, i) => {
    const sample = `${split}-${String(i).padStart(5, "0")}`;
    return { id: sample, group: sample, labels: [phantomLabel(domain, split, i)], annotated: true };
  });
  return {
    id,
    base: id,
    title: titleOf(domain),
    edition: "1",
    track: "synthetic",
    split,
    task: "multi-class",
    classes: domain.classes,
    channels: domain.channels,
    licence,
    ids: "public",
    count: samples.length,
    index: async () => samples,
    async *read(wanted) {
      for (const position of positionsOf(id, samples, wanted)) {
        const { id: sample, group, labels } = samples[position];
        const { channels, image, mask } = drawPhantom(domain, split, position);
        yield {
          id: sample,
          group,
          labels,
          image: { channels, height: side, width: side, data: image },
          masks: [{ height: side, width: side, data: mask }],
          notes: [],
        };
      }
    },
    notes: [],
    skipped: [],
    close: async () => undefined,
  };
}
