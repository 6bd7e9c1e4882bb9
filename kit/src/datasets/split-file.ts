/**
 * A data set restricted to the samples that a file lists, one id a line; blank lines and comments (a # and a space) are left out. That is a test
 * split for a set that has none of its own. Of a set that has one it is a selection of somebody's own, and no official split any more.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { KitError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { registeredDataset } from "./open.ts";
import { positionsOf } from "./select.ts";

/** Told at once; a file of another edition has nothing but faults. */
const mostFaults = 20;

/**
 * @param path  of the file; the data set is left open where it is refused
 * @throws      KitError E_SPLIT_FILE naming file and lines: not UTF-8 text, no id at all, ids that the set does not have, ids twice
 */
export async function withSplitFile(dataset: Dataset, path: string): Promise<Dataset> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw refused(`${path} cannot be read (${cause instanceof Error ? cause.message : cause})`, [], cause);
  });
  const listed = idsIn(bytes, path);
  const index = await dataset.index();
  const known = new Set(index.map(({ id }) => id));
  const first = new Map<string, number>();
  const faults: string[] = [];
  for (const { line, id } of listed) {
    const before = first.get(id);
    if (!known.has(id)) faults.push(`${path}:${line}: there is no sample ${id}`);
    else if (before !== undefined) faults.push(`${path}:${line}: ${id} again, as in line ${before}`);
    else first.set(id, line);
  }
  if (faults.length > 0) {
    throw refused(`${path} does not list samples of ${dataset.id}, each once`, [
      ...faults.slice(0, mostFaults),
      ...(faults.length > mostFaults ? [`and ${faults.length - mostFaults} more`] : []),
      ...(index.length > 0 ? [`ids look like ${index[0].id}`] : []),
    ]);
  }
  if (listed.length === 0) throw refused(`${path} lists no sample`, []);
  const samples = index.filter(({ id }) => first.has(id));
  return {
    ...dataset,
    split: hasNone(dataset) ? "test" : "unknown",
    splitFile: createHash("sha256").update(bytes).digest("hex"),
    count: samples.length,
    index: async () => samples,
    read: (wanted) =>
      dataset.read(positionsOf(dataset.id, samples, wanted).map((position) => samples[position].id)),
  };
}

/** Whether no copy of the set has an official test split: a part of a set that has one is none either. */
const hasNone = ({ id, track, split }: Dataset) =>
  split === "unknown" && (track === "own" || registeredDataset(id)?.lacks?.includes("split") === true);

/** With their lines, from 1. File systems write the same name in more than one way; ids are composed. */
function idsIn(bytes: Uint8Array, path: string): { readonly line: number; readonly id: string }[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); // and without its byte order mark
  } catch (cause) {
    throw refused(`${path} is not UTF-8 text`, [], cause);
  }
  return text
    .split(/\r\n|[\n\r]/)
    .map((written, i) => ({ line: i + 1, id: written.trim().normalize("NFC") }))
    .filter(({ id }) => id !== "" && !/^#(\s|$)/.test(id));
}

const refused = (problem: string, details: readonly string[], cause?: unknown) =>
  new KitError("E_SPLIT_FILE", {
    problem,
    details,
    next: "list one id a line, as xai-kit datasets ids prints them",
    cause,
  });
