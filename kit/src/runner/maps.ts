/**
 * A folder of maps computed elsewhere, all of it looked at before any work: `<name>.npy` of the class predicted for a sample,
 * `<name>@<class>.npy` of an annotated one, and maybe index.json with the class that each `<name>.npy` explains. Node only.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset, SampleInfo } from "../datasets/dataset.ts";
import { parseNpy } from "../datasets/readers/npy.ts";
import { KitError } from "../errors.ts";
import { systemCode } from "../files.ts";
import type { ExternalMaps } from "../methods/external.ts";
import type { ImageShape } from "../model/image.ts";
import type { Model } from "../model/model.ts";
import { createProbe } from "../model/probe.ts";
import { type Float32Tensor, float32, sizeOf, toFloat32 } from "../onnx/tensor.ts";
import { explainedClass } from "./execute.ts";
import { pixelsOf, type Resize } from "./pixels.ts";
import type { Row } from "./units.ts";

/** As asked for, and checked as far as that goes without the files. */
export type AskedMaps = Pick<ExternalMaps, "id" | "map" | "source"> & { readonly folder: string };

export interface OpenedMaps {
  readonly facts: ExternalMaps;
  readonly folder: string;
  /** the class that a sample's map explains, by index.json; undefined without one */
  readonly classOf: ((sample: string) => number) | undefined;
  /** other .npy files of the folder */
  readonly unused: number;
  /** Throws KitError E_MAPS for a file that is no longer what it was. */
  read(sample: string, of: Pick<Row, "target" | "targetKind">): Promise<Float32Tensor>;
}

interface MapsOptions {
  readonly shape: ImageShape;
  /** of the model */
  readonly classes: number;
  /** in the protocol's order */
  readonly selected: readonly Pick<SampleInfo, "id" | "labels">[];
  /** metrics are planned that explain annotated classes */
  readonly masks: boolean;
}

/** Problems that are shown of one folder. */
const most = 5;

/** The name of a sample's file without its ending: Python's `urllib.parse.quote(sample, safe="")`, so that an id may hold slashes. */
export const mapName = (sample: string): string =>
  encodeURIComponent(sample.replaceAll(/\p{Surrogate}/gu, "\ufffd")).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const fileOf = (sample: string, target?: number): string =>
  // quote() leaves no @ in a name, so no sample is called like another one's class
  `${mapName(sample)}${target === undefined ? "" : `@${target}`}.npy`;

/** @throws KitError E_MAPS for a folder, an index.json or files that cannot be used, naming the first of them */
export async function openMaps(
  { folder, ...asked }: AskedMaps,
  { shape, classes, selected, masks }: MapsOptions,
): Promise<OpenedMaps> {
  const names = await namesIn(folder);
  const explained = names.has("index.json")
    ? await readIndex(join(folder, "index.json"), selected, classes)
    : undefined;
  const labelled = masks ? selected.flatMap(({ id, labels }) => labels.map((label) => ({ id, label }))) : [];
  const annotated = labelled.some(({ id, label }) => names.has(fileOf(id, label)));
  const wanted = selected.flatMap(({ id, labels }, at) => [
    { at, sample: id, of: "predicted", file: fileOf(id) },
    ...[...new Set(annotated ? labels : [])].flatMap((label) => {
      const file = fileOf(id, label);
      // the map of the prediction serves where that is what it explains
      return !names.has(file) && explained?.get(id) === label
        ? []
        : [{ at, sample: id, of: `class ${label}`, file }];
    }),
  ]);

  const missing = wanted.filter(({ file }) => !names.has(file));
  if (missing.length > 0) {
    throw new KitError("E_MAPS", {
      problem: `${folder} lacks ${missing.length} of the ${wanted.length} maps that --as ${asked.id} needs`,
      details: shownOf(
        missing.map(({ sample, of, file }) => `${sample}, ${of}: ${file}`),
        missing.length,
      ),
      next: "write one .npy per image that evaluate --dry-run --json lists under selected; kit/docs/external-maps.md says how it is called",
    });
  }

  const hashes = new Map<string, string>();
  const wrong: string[] = [];
  for (const { file } of wanted) {
    try {
      hashes.set(file, (await readMap(folder, file, shape)).sha256);
    } catch (error) {
      if (!(error instanceof KitError)) throw error;
      wrong.push(error.message);
      if (wrong.length === most) break;
    }
  }
  if (wrong.length > 0) {
    throw new KitError("E_MAPS", {
      problem: `${folder} holds maps that cannot be used`,
      details: wrong,
      next: `save float arrays ${dimsText(shape)}, the size the model sees, finite, with numpy.save`,
    });
  }

  const whole = createHash("sha256");
  for (const { at, of, file } of wanted) whole.update(`${at} ${of} ${hashes.get(file)}\n`);
  return {
    folder,
    facts: {
      ...asked,
      files: wanted.length,
      sha256: whole.digest("hex"),
      classesChecked: explained !== undefined,
      annotated,
    },
    classOf: explained && ((sample) => explained.get(sample)!),
    unused: [...names].filter((name) => name.endsWith(".npy") && !hashes.has(name)).length,
    async read(sample, { target, targetKind }) {
      const own = fileOf(sample, target);
      const file = targetKind === "annotated" && hashes.has(own) ? own : fileOf(sample);
      const { sha256, map } = await readMap(folder, file, shape);
      if (sha256 === hashes.get(file)) return map;
      throw new KitError("E_MAPS", {
        problem: `${join(folder, file)} has changed since the evaluation began`,
        next: "run the command again once the folder stays as it is",
      });
    },
  };
}

/**
 * Compares the classes of index.json with the predictions of the model on these samples.
 *
 * @throws KitError E_MAPS naming samples with both classes
 */
export async function checkExplained(
  all: readonly OpenedMaps[],
  {
    model,
    dataset,
    resize,
    samples,
    signal,
  }: {
    readonly model: Model;
    readonly dataset: Pick<Dataset, "read" | "classes">;
    readonly resize: Resize;
    readonly samples: readonly string[];
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  const told = all.filter((maps) => maps.classOf !== undefined);
  if (told.length === 0 || samples.length === 0) return;
  const named = (index: number) => `class ${index} (${dataset.classes[index]})`;
  const others = new Map<OpenedMaps, string[]>();
  for await (const { id, image } of dataset.read(samples)) {
    signal?.throwIfAborted();
    const x = pixelsOf(image, model.shape, resize);
    const logits = await createProbe({ model, x, target: 0 }).logits();
    if (!logits.every(Number.isFinite)) continue; // the evaluation records it
    const predicted = explainedClass(model, logits);
    for (const maps of told) {
      const claimed = maps.classOf!(id);
      if (claimed === predicted) continue;
      const lines = others.get(maps) ?? [];
      others.set(maps, [
        ...lines,
        `${id}: ${named(claimed)} in index.json, the model predicts ${named(predicted)}`,
      ]);
    }
  }
  for (const [{ facts, folder }, lines] of others) {
    throw new KitError("E_MAPS", {
      problem: `${lines.length} maps of ${facts.id} explain another class than the model predicts`,
      details: shownOf(lines, lines.length),
      next: `explain the class that the ONNX model predicts, on the image as it sees it, and write ${folder} again`,
    });
  }
}

const shownOf = (lines: readonly string[], all: number): string[] => [
  ...lines.slice(0, most),
  ...(all > most ? [`and ${all - most} more`] : []),
];

const dimsText = ({ channels, height, width }: ImageShape): string =>
  `[${height}, ${width}] or [${channels}, ${height}, ${width}]`;

async function namesIn(folder: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (cause) {
    const code = systemCode(cause);
    const what =
      code === "ENOENT" ? "there is no such folder" : code === "ENOTDIR" ? "it is no folder" : `${code}`;
    throw new KitError("E_MAPS", {
      problem: `cannot read the maps in ${folder}: ${what}`,
      next: "--maps takes the folder that holds the .npy files",
      cause,
    });
  }
}

async function readIndex(
  path: string,
  selected: MapsOptions["selected"],
  classes: number,
): Promise<ReadonlyMap<string, number>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw wrongIndex(
      path,
      cause instanceof SyntaxError ? "is no JSON" : `cannot be read: ${systemCode(cause)}`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongIndex(path, "is no JSON object");
  }
  const known = new Map<string, unknown>(Object.entries(value));
  return new Map(
    selected.map(({ id }) => {
      const target = known.get(id);
      if (typeof target === "number" && Number.isInteger(target) && target >= 0 && target < classes) {
        return [id, target];
      }
      throw wrongIndex(
        path,
        target === undefined
          ? `has no class for ${id}`
          : `gives ${id} the class ${JSON.stringify(target).slice(0, 40)}, and the model has 0 to ${classes - 1}`,
      );
    }),
  );
}

const wrongIndex = (path: string, what: string) =>
  new KitError("E_MAPS", {
    problem: `${path} ${what}`,
    next: '{"<sample id>": <index of the class its map explains>} for every image; or no index.json, then nothing is compared',
  });

/** Throws KitError E_MAPS, E_NPY that begin with the file's name. */
async function readMap(
  folder: string,
  file: string,
  shape: ImageShape,
): Promise<{ readonly map: Float32Tensor; readonly sha256: string }> {
  const { channels, height, width } = shape;
  const unusable = (what: string) => new KitError("E_MAPS", { problem: `${file} ${what}` });
  const bytes = await bytesOf(join(folder, file), 8 * sizeOf([channels, height, width]) + 70_000).catch(
    (cause: unknown) => {
      throw unusable(cause instanceof RangeError ? cause.message : `cannot be read: ${systemCode(cause)}`);
    },
  );
  const array = parseNpy(bytes, file);
  const dims = array.dims.join(", ");
  if (![`${height}, ${width}`, `${channels}, ${height}, ${width}`].includes(dims)) {
    throw unusable(`has dims [${dims}], not ${dimsText(shape)}`);
  }
  if (!array.type.startsWith("float")) throw unusable(`holds ${array.type}, not floats`);
  const map = float32(array.dims, toFloat32(array));
  const bad = map.data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw unusable(`holds ${map.data[bad]} at element ${bad}`);
  return { map, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** The whole file, unless it is larger than any map: a folder is not asked to fit into memory. */
async function bytesOf(path: string, most: number): Promise<Uint8Array> {
  const found = await stat(path);
  if (!found.isFile()) throw new RangeError("is no file");
  if (found.size > most)
    throw new RangeError(`has ${found.size} bytes, more than a map of the model's input`);
  return new Uint8Array(await readFile(path));
}
