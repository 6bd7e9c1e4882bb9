/** Files of a run folder that the site hands on as they are. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { allRuns, resultsFolder } from "./runs.ts";

export const runPaths = async () =>
  (await allRuns()).map((run) => ({ params: { run: run.id }, props: { run } }));

export const picturePaths = async () =>
  (await allRuns()).flatMap(({ id, pictures }) =>
    pictures.map((picture) => ({
      params: { run: id, picture },
      props: { file: `${id}/pictures/${picture}` },
    })),
  );

export const runFile = (file: string): Promise<Buffer<ArrayBuffer>> =>
  readFile(join(resultsFolder, "runs", file)) as Promise<Buffer<ArrayBuffer>>;

/** Width and height from a PNG's header, so that a page keeps the picture's place before it has come. */
export async function pictureSize(file: string): Promise<{ width: number; height: number }> {
  const bytes = await runFile(file);
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}
