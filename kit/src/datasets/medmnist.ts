/** The 2-D sets of MedMNIST (`pathmnist.npz`, `pathmnist_64.npz`, ...), read row by row. */
import { createHash } from "node:crypto";
import { access, open } from "node:fs/promises";
import { join } from "node:path";
import { KitError } from "../errors.ts";
import {
  type Dataset,
  type DatasetOptions,
  defineDataset,
  type Sample,
  type SampleInfo,
  type Split,
} from "./dataset.ts";
import { fromInterleaved } from "./readers/image8.ts";
import { toIntegers } from "./readers/npy.ts";
import { type Npz, openNpz } from "./readers/npz.ts";
import { positionsOf } from "./select.ts";
import { type MedmnistSet, medmnistSets, medmnistSizes } from "./shared/medmnist-sets.ts";

const where =
  "the official files are on Zenodo, record 10519652 (MedMNIST v2 and MedMNIST+); the Python package medmnist " +
  "keeps the ones it has fetched in ~/.medmnist";

export const medmnist = defineDataset({
  id: "medmnist",
  title: "MedMNIST v2, the 12 sets of 2-D images",
  paper: "doi:10.1038/s41597-022-01721-8",
  licence: "CC BY 4.0; DermaMNIST CC BY-NC 4.0",
  where,
  track: "medical",
  ids: "public",
  lacks: ["masks"],
  params: {
    size: {
      type: "choice",
      choices: medmnistSizes.map(String),
      default: "28",
      description: "side of the images in pixels: medmnist:breastmnist@64",
    },
  },
  offers: medmnistSets.map(({ flag }) => `medmnist-${flag}[-${medmnistSizes.join("|")}]`),
  resolve(rest) {
    const [, flag, digits = "28"] = /^([a-z]+)(?:[@-](\d+))?$/.exec(rest) ?? [];
    const set = medmnistSets.find((one) => one.flag === flag);
    const size = Number(digits);
    if (set === undefined || !medmnistSizes.includes(size)) return undefined;
    const base = `medmnist-${flag}`;
    const id = size === 28 ? base : `${base}-${size}`;
    return {
      id,
      base,
      title: titleOf(set, size),
      open: (options) => openMedmnist(set, size, { id, base }, options),
    };
  },
});

const titleOf = ({ title }: MedmnistSet, size: number): string => `${title}, ${size}x${size}`;

async function openMedmnist(
  set: MedmnistSet,
  size: number,
  { id, base }: { id: string; base: string },
  { dir, split = "test", checksum = true }: DatasetOptions,
): Promise<Dataset> {
  const name = size === 28 ? `${set.flag}.npz` : `${set.flag}_${size}.npz`;
  const get = `${where}; licence ${set.licence}`;
  if (dir === undefined) {
    throw new KitError("E_DATASET_MISSING", {
      problem: `${id} needs the folder that holds ${name}`,
      details: [get],
      next: "say where it is: --data-dir <folder>",
    });
  }
  const path = join(dir, name);
  await access(path).catch((cause: unknown) => {
    throw new KitError("E_DATASET_MISSING", {
      problem: `${id} needs ${name}, which is not in ${dir}`,
      details: [get],
      next: `put ${name} there, or name another folder with --data-dir`,
      cause,
    });
  });
  const npz = await openNpz(path);
  try {
    const notes: string[] = [];
    const { count, labels } = await checked(npz, path, set, size, split);
    const published = split in set.counts ? set.counts[split] : undefined;
    if (count !== published && count !== set.version2?.counts[split]) {
      notes.push(`${name} has ${count} ${split} images, the published file ${published}`);
    }
    const edition = checksum ? await editionOf(path, set, size) : { name: "MD5 not compared", known: false };
    if (!edition.known) notes.push(`${name}: ${edition.name}`);
    const digits = Math.max(5, String(count - 1).length);
    const samples: SampleInfo[] = labels.map((positive, i) => {
      const sample = `${split}-${String(i).padStart(digits, "0")}`;
      return { id: sample, group: sample, labels: positive, annotated: false };
    });
    return {
      id,
      base,
      title: titleOf(set, size),
      edition: edition.name,
      track: "medical",
      split,
      task: set.task,
      classes: set.classes,
      channels: set.channels,
      licence: set.licence,
      ids: "public",
      count,
      index: async () => samples,
      read: (wanted) => read(npz, split, set.channels, size, samples, positionsOf(id, samples, wanted)),
      notes,
      skipped: [],
      close: () => npz.close(),
    };
  } catch (error) {
    await npz.close();
    throw error;
  }
}

async function* read(
  npz: Npz,
  split: Split,
  channels: 1 | 3,
  size: number,
  samples: readonly SampleInfo[],
  positions: readonly number[],
): AsyncGenerator<Sample> {
  for await (const { index, data } of npz.rows(`${split}_images`, positions)) {
    const { id, group, labels } = samples[index];
    // `checked` made sure that the images are uint8.
    const image = fromInterleaved(data as Uint8Array, { channels, height: size, width: size });
    yield { id, group, labels, image, notes: [] };
  }
}

/** The arrays of one split against what the set's entry promises. */
async function checked(npz: Npz, path: string, set: MedmnistSet, size: number, split: Split) {
  const faults: string[] = [];
  const images = npz.entries.get(`${split}_images`);
  const targets = npz.entries.get(`${split}_labels`);
  const width = set.task === "multi-label" ? set.classes.length : 1;
  const expectedImage = set.channels === 1 ? [size, size] : [size, size, 3];
  if (images === undefined) faults.push(`no array ${split}_images`);
  else if (images.dtype !== "uint8" || String(images.shape.slice(1)) !== String(expectedImage)) {
    faults.push(
      `${split}_images is ${images.dtype} (${images.shape.join(", ")}), expected uint8 (N, ${expectedImage.join(", ")})`,
    );
  }
  const count = images?.shape[0] ?? 0;
  const flat = targets?.shape.length === 1 && width === 1; // (N,) says the same as (N, 1)
  if (targets === undefined) faults.push(`no array ${split}_labels`);
  else if (images !== undefined && !flat && String(targets.shape) !== String([count, width])) {
    faults.push(`${split}_labels is (${targets.shape.join(", ")}), expected (${count}, ${width})`);
  } else if (flat && targets.shape[0] !== count) {
    faults.push(`${split}_labels has ${targets.shape[0]} rows for ${count} images`);
  }
  if (faults.length === 0 && count === 0) faults.push(`${split}_images is empty`);
  if (faults.length > 0) throw unlike(path, set, faults);

  const values = toIntegers(await npz.read(`${split}_labels`), `${path}, ${split}_labels`);
  const limit = set.task === "multi-label" ? 2 : set.classes.length;
  const wrong = values.findIndex((value) => value < 0 || value >= limit);
  if (wrong >= 0) {
    throw unlike(path, set, [
      `${split}_labels, row ${Math.floor(wrong / width)} is ${values[wrong]}, expected 0 to ${limit - 1}`,
    ]);
  }
  const ofClass = set.classes.map((_, k) => [k]); // one for all samples of a class: there may be many
  const labels = Array.from({ length: count }, (_, i) =>
    set.task === "multi-label"
      ? set.classes.flatMap((_, k) => (values[i * width + k] ? [k] : []))
      : ofClass[values[i]],
  );
  return { count, labels };
}

const unlike = (path: string, { flag }: MedmnistSet, details: string[]) =>
  new KitError("E_DATASET_FORMAT", {
    problem: `${path} is not the MedMNIST file it is named after (${flag})`,
    details,
    next: where,
  });

/** Which published file this is, by its MD5 (read piece by piece into the same memory: the largest has 12 GB). */
async function editionOf(path: string, set: MedmnistSet, size: number) {
  const hash = createHash("md5");
  const file = await open(path, "r");
  try {
    const piece = Buffer.alloc(2 ** 20);
    for (let n = -1; n !== 0; ) {
      n = (await file.read(piece, 0, piece.length, null)).bytesRead;
      hash.update(piece.subarray(0, n));
    }
  } finally {
    await file.close();
  }
  const sum = hash.digest("hex");
  if (sum === set.md5[size]) return { name: `MedMNIST v3, MD5 ${sum} as published`, known: true };
  if (size === 28 && sum === set.version2?.md5) {
    return { name: `MedMNIST v2, MD5 ${sum} as published`, known: true };
  }
  return { name: `MD5 ${sum} is not the published ${set.md5[size]}`, known: false };
}
