/** The files of a drop, folders opened. */
import type { DroppedFile } from "../submit/worker.ts";

/** results/runs/<data>/<model>/<run>/<file> from the repository's root; what lies deeper is no run. */
const deepest = 6;
/** Who drops a whole disk by mistake shall not wait for it. */
const mostFiles = 2000;

/** Must be called before anything is awaited: the browser forgets a drop. A file that cannot be opened is left out. */
export async function filesOf(dropped: DataTransfer): Promise<DroppedFile[]> {
  const files: DroppedFile[] = [];
  const entries = [...dropped.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...dropped.files].map((file) => ({ path: file.name, file }));
  let level = entries;
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const below: FileSystemEntry[] = [];
    for (const entry of level) {
      if (files.length >= mostFiles) return files;
      const path = entry.fullPath.replace(/^\//, "");
      if (isFile(entry)) {
        const file = await new Promise<File | undefined>((resolve) =>
          entry.file(resolve, () => resolve(undefined)),
        );
        if (file !== undefined) files.push({ path, file });
      } else if (isFolder(entry)) below.push(...(await entriesIn(entry)));
    }
    level = below;
  }
  return files;
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** A reader gives them by the hundred, and then none. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (all.length < mostFiles) {
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (some.length === 0) break;
    all.push(...some);
  }
  return all;
}
