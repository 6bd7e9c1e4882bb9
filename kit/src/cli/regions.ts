/**
 * `regions/` of a run folder: of each image explained, where each map has at least half of its relevance, one bit per pixel. What consistency
 * over seeds needs of maps; it stays on this machine.
 */
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { KeptMaps, KeptSample } from "../comparison/measure.ts";
import { regionOf } from "../comparison/region.ts";
import { KitError } from "../errors.ts";
import { systemCode, writeError, writeFileAtomic } from "../files.ts";
import { toMap } from "../methods/method.ts";
import type { SampleView } from "../runner/execute.ts";
import type { Plan } from "../runner/plan.ts";

interface Stored {
  readonly sample: string;
  /** the class explained */
  readonly target: number;
  /** method → base64 of its deflated bits */
  readonly regions: Readonly<Record<string, string>>;
}

/** By position, since an id may hold any character: `000.json`. */
const fileOf = (position: number): string => `${String(position).padStart(3, "0")}.json`;
const isFile = (name: string): boolean => /^\d{3,}\.json$/.test(name);

/** Throws KitError E_WRITE. */
export async function writeRegions(
  folder: string,
  position: number,
  { sample, prediction, attributions }: Pick<SampleView, "sample" | "prediction" | "attributions">,
  { methods }: Plan,
): Promise<void> {
  const regions = methods.flatMap(({ method }) => {
    const attribution = attributions.get(method.id);
    if (attribution === undefined) return [];
    const bits = deflateRawSync(regionOf(toMap(attribution, method.map)), { level: 9 });
    return [[method.id, bits.toString("base64")] as const];
  });
  const stored: Stored = { sample: sample.id, target: prediction, regions: Object.fromEntries(regions) };
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw writeError(folder, cause);
  }
  await writeFileAtomic(join(folder, fileOf(position)), `${JSON.stringify(stored)}\n`);
}

/** The positions whose regions are there. */
export async function keptPositions(folder: string): Promise<ReadonlySet<number>> {
  const names = await namesIn(folder);
  return new Set(names.filter(isFile).map((name) => Number.parseInt(name, 10)));
}

/** Undefined where none were kept. Throws KitError E_REGIONS naming a file that is not one of ours, or not whole. */
export async function readRegions(folder: string, pixels: number): Promise<KeptMaps | undefined> {
  const kept = new Map<string, KeptSample>();
  for (const name of (await namesIn(folder)).filter(isFile).sort()) {
    const path = join(folder, name);
    try {
      const { sample, target, regions } = JSON.parse(await readFile(path, "utf8")) as Stored;
      const bits = Object.entries(regions).map(([method, text]): [string, Uint8Array] => {
        // no more than a map has, whatever the file says
        const inflated = inflateRawSync(Buffer.from(text, "base64"), { maxOutputLength: pixels });
        return [method, new Uint8Array(inflated)];
      });
      kept.set(sample, { target, regions: new Map(bits) });
    } catch (cause) {
      throw new KitError("E_REGIONS", {
        problem: `${path} holds no regions of maps: ${cause instanceof Error ? cause.message : cause}`,
        next: "run the evaluation again with --keep-regions --overwrite",
        cause,
      });
    }
  }
  return kept.size === 0 ? undefined : kept;
}

/** The regions of the shards of one run, together. Throws KitError E_WRITE. */
export async function mergeRegions(from: readonly string[], to: string): Promise<void> {
  for (const folder of from) {
    for (const name of (await namesIn(folder)).filter(isFile)) {
      try {
        await mkdir(to, { recursive: true });
        await copyFile(join(folder, name), join(to, name));
      } catch (cause) {
        throw writeError(join(to, name), cause);
      }
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
