/** What a data set is: data about it, and a lazy stream of samples in an order that the disk cannot change. */
import type { ParamSpecs } from "../params.ts";
import type { Image8 } from "./readers/image8.ts";

/** "multi-class": one of K; "binary": one of 2; "multi-label": any of K; "ordinal": one of K grades. */
export type Task = "multi-class" | "binary" | "multi-label" | "ordinal";

export const splits = ["train", "val", "test"] as const;
export type Split = (typeof splits)[number];

/** Classes of a study that merges labels of the chest X-ray sets, by name (chest-labels.ts). */
export const labelSpaces = ["uces8"] as const;
export type LabelSpaceName = (typeof labelSpaces)[number];

/** What a label that was left open counts as: neither, present, absent. */
export const uncertainties = ["ignore", "one", "zero"] as const;
export type Uncertain = (typeof uncertainties)[number];

/** A group of data sets a reader thinks of together; "own" is somebody's folder and ranks nowhere. */
export type Track = "natural" | "medical" | "cxr" | "ct" | "synthetic" | "own";

/** Pixels of the sample's image, x right and y down; `x1`, `y1` are the far edges: width = x1 − x0. */
export interface Box {
  /** class index */
  readonly class: number;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface Mask {
  /** class index; of every class of the sample without it */
  readonly class?: number;
  readonly height: number;
  readonly width: number;
  /** [height, width], 0 or 1 */
  readonly data: Uint8Array;
}

/** What selection needs to know of a sample without opening its image. */
export interface SampleInfo {
  /** stable and unique in the split: results are resumed and joined by it */
  readonly id: string;
  /** patient or source photo; the id itself where the set does not say */
  readonly group: string;
  /** class indices: one, or for multi-label sets every positive one, ascending, maybe none */
  readonly labels: readonly number[];
  /** of multi-label sets: classes that nobody has said yes or no to, ascending; they count neither way */
  readonly unknown?: readonly number[];
  /** has boxes or a mask */
  readonly annotated: boolean;
}

export interface Sample extends Omit<SampleInfo, "annotated"> {
  /** the file's 8-bit pixels, exactly */
  readonly image: Image8;
  readonly boxes?: readonly Box[];
  readonly masks?: readonly Mask[];
  /** what decoding decided: "EXIF orientation 6 applied" */
  readonly notes: readonly string[];
}

export interface Dataset {
  /** "medmnist-pneumoniamnist-64" */
  readonly id: string;
  /** the id without a size: sizes of one set select the same samples by it */
  readonly base: string;
  readonly title: string;
  /** which copy this is: version and checksum as far as known */
  readonly edition: string;
  readonly track: Track;
  /** "unknown" where the set has no official splits */
  readonly split: Split | "unknown";
  /** sha256 of the file that chose these samples out of the set (split-file.ts) */
  readonly splitFile?: string;
  /** tells these boxes or masks from others of the same pictures: a run with others is another run */
  readonly annotations?: string;
  readonly task: Task;
  readonly classes: readonly string[];
  readonly licence: string;
  /** private ids leave the machine only hashed */
  readonly ids: "public" | "private";
  readonly count: number;
  /** of every image, where the set guarantees it */
  readonly channels?: 1 | 3;
  /** All samples of the split, in order, without their images. */
  index(): Promise<readonly SampleInfo[]>;
  /**
   * Samples one at a time. They come in the order of `index()` whatever the order of `wanted` (archives are read in
   * one pass), each once.
   *
   * @param wanted  ids; all without
   * @throws        KitError E_DATASET_ID for an id the split does not have, and what the files give cause for
   */
  read(wanted?: readonly string[]): AsyncIterable<Sample>;
  /** What a reader of the results should know of this copy; grows while reading. */
  readonly notes: readonly string[];
  /** What was left out because of `onFault: "skip"`; grows while reading. */
  readonly skipped: readonly { readonly what: string; readonly reason: string }[];
  close(): Promise<void>;
}

export interface DatasetOptions {
  /** folder the files are in */
  readonly dir?: string;
  /** default test */
  readonly split?: Split;
  /** class names in the order of the model's outputs (folder sets: what the folders are matched with) */
  readonly classes?: readonly string[];
  /** COCO JSON file, or PASCAL VOC: a folder of XML files, or JSON (folder sets); the table or the XML files (ImageNet) */
  readonly boxes?: string;
  /** folder of mask PNGs that mirrors the images' (folder sets), or ImageNet-S' validation-segmentation (ImageNet) */
  readonly masks?: string;
  /** chest X-ray sets: what a label that its readers were not certain of counts as; default "ignore", neither way, and of vindr-cxr "one" */
  readonly uncertain?: Uncertain;
  /** chest X-ray sets: whose merges of labels to follow, and whose classes where `classes` are not told */
  readonly labelSpace?: LabelSpaceName;
  /** a bad file or annotation ends the reading (default), or is left out and recorded */
  readonly onFault?: "stop" | "skip";
  /** compare checksums; default true (a pass over the file) */
  readonly checksum?: boolean;
}

/** Options that only some sets can take. */
export const setOptions = ["boxes", "masks", "uncertain", "labelSpace"] as const;
export type SetOption = (typeof setOptions)[number];

/** One set that a definition offers, named but not yet opened. */
export interface DatasetRef {
  readonly id: string;
  readonly base: string;
  /** where the definition knows it before the files are open */
  readonly title?: string;
  /** @throws KitError if files are missing or not what they should be */
  open(options: DatasetOptions): Promise<Dataset>;
}

export interface DatasetDefinition {
  /** also the file's name and what specs begin with */
  readonly id: string;
  readonly title: string;
  /** arXiv:, doi: or https: where the set, or its format, is described */
  readonly paper: string;
  readonly licence: string;
  /** where a user gets it; nothing is ever downloaded */
  readonly where: string;
  readonly track: Track;
  readonly ids: "public" | "private";
  /** what no copy of it has: an official test split, without which runs are not ranked; masks or boxes */
  readonly lacks?: readonly ("split" | "masks")[];
  /** options that say something of this set; others given are refused */
  readonly reads?: readonly SetOption[];
  readonly params: ParamSpecs;
  /** what can be asked for, as the list in help and errors */
  readonly offers: readonly string[];
  /**
   * The set that `rest` names: what follows `<id>-` or `<id>:` in a spec, empty if nothing does.
   * Undefined if this definition has no such set.
   */
  resolve(rest: string): DatasetRef | undefined;
}

export const defineDataset = (definition: DatasetDefinition): DatasetDefinition => definition;
