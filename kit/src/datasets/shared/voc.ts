/** Which of a folder's pictures VOC annotations belong to, and what of their objects is a box of a class. */
import { basename, extname, join } from "node:path";
import { KitError } from "../../errors.ts";
import type { Box } from "../dataset.ts";
import { readVoc, type Voc } from "../readers/voc.ts";
import { type CocoImage, clipBox, inside, plain } from "./coco.ts";
import { childFolders, type Faults, filesIn } from "./folder-files.ts";

/** Boxes by picture, as COCO files give them; faults are reported already. */
export interface VocBoxes {
  readonly images: ReadonlyMap<string, CocoImage>;
  /** annotations that belong to no picture */
  readonly strangers: readonly string[];
  /** names of objects that are no class of ours, and how many boxes that left out */
  readonly foreign: ReadonlyMap<string, number>;
}

/** Annotations as they were found: what errors call them, and the path of their own file without its ending, if each has one. */
export interface Found {
  readonly at: string;
  readonly voc: Voc;
  readonly stem?: string;
}

/** The XML files in a folder and in the folders in it, one annotation each. Those that cannot be read are faults. */
export async function vocFilesIn(root: string, faults: Faults): Promise<Found[]> {
  const found: Found[] = [];
  const before = faults.skipped.length;
  for (const at of await xmlIn(root, faults)) {
    try {
      found.push({ at, voc: await readVoc(join(root, at)), stem: stemOf(at) });
    } catch (cause) {
      if (!(cause instanceof KitError)) throw cause;
      faults.report(at, cause.message, cause);
    }
  }
  if (found.length > 0 || faults.skipped.length > before) return found;
  throw new KitError("E_DATASET_EMPTY", {
    problem: `${root} has no .xml file`,
    next: "expected PASCAL VOC annotations, <boxes>/<image>.xml or <boxes>/<class>/<image>.xml",
  });
}

/** The XML files in a folder and in the folders in it, unread, by their names without folder and ending; the same name twice is a fault. */
export async function vocFileNames(root: string, faults: Faults): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const at of await xmlIn(root, faults)) {
    const name = stemOf(basename(at));
    if (found.has(name)) faults.report(at, `is a second annotation of ${name}`);
    else found.set(name, join(root, at));
  }
  return found;
}

async function xmlIn(root: string, faults: Faults): Promise<string[]> {
  const found: string[] = [];
  for (const folder of [".", ...(await childFolders(root, faults))]) {
    for (const file of await filesIn(root, folder, faults, [], ["xml"]))
      found.push(plain(`${folder}/${file}`));
  }
  return found;
}

/**
 * A file is of the picture of its own name, `<class>/<image>` or `<image>`; of the picture that its `<filename>` names, if it has none of
 * its own. Where the two differ something was mixed up, which is a fault.
 */
export function vocBoxes(
  annotations: readonly Found[],
  ids: ReadonlySet<string>,
  classOf: (name: string) => number | undefined,
  faults: Faults,
): VocBoxes {
  const named = pictureNames(ids);
  const images = new Map<string, CocoImage>();
  const strangers: string[] = [];
  const foreign = new Map<string, number>();
  for (const { at, voc, stem } of annotations) {
    const { filename } = voc;
    if (filename !== undefined && !inside(filename)) {
      faults.report(at, `its filename ${filename} leads out of the folder`);
      continue;
    }
    const own = stem === undefined ? undefined : named.get(stem);
    const told = filename === undefined ? undefined : named.get(plain(filename));
    const candidates = new Set([own, told].filter((id) => typeof id === "string"));
    const [id] = candidates;
    if (candidates.size > 1) faults.report(at, `its name says ${own}, its filename ${told}`);
    else if (id === undefined && (own === null || told === null)) {
      faults.report(at, "could belong to more than one picture");
    } else if (id === undefined) strangers.push(at);
    else if (images.has(id)) faults.report(at, `is a second annotation of ${id}`);
    else
      images.set(
        id,
        annotationOf(voc, classOf, foreign, (reason) => faults.report(at, reason)),
      );
  }
  return { images, strangers, foreign };
}

/** Boxes that fit into the picture; others are told to `report`, names that are no class counted in `foreign`. */
export function annotationOf(
  { width, height, objects, faults }: Voc,
  classOf: (name: string) => number | undefined,
  foreign: Map<string, number>,
  report: (reason: string) => void,
): CocoImage {
  for (const fault of faults) report(fault);
  const boxes = objects.flatMap(({ at, name, ...corners }): Box[] => {
    const index = classOf(name);
    if (index === undefined) {
      foreign.set(name, (foreign.get(name) ?? 0) + 1);
      return [];
    }
    const box = clipBox({ class: index, ...corners }, { width, height });
    if (typeof box !== "string") return [box];
    report(`${at}: ${box}`);
    return [];
  });
  return { ...(width !== undefined && { width, height }), boxes };
}

/** Pictures by every name that means them, with and without their folder and their ending; null for a name that several have. */
function pictureNames(ids: ReadonlySet<string>): ReadonlyMap<string, string | null> {
  const named = new Map<string, string | null>();
  for (const id of ids) {
    for (const name of new Set([id, stemOf(id), basename(id), stemOf(basename(id))])) {
      named.set(name, named.has(name) ? null : id);
    }
  }
  return named;
}

const stemOf = (path: string) => path.slice(0, path.length - extname(path).length);
