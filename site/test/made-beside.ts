/** A comparison and published tables beside made runs. */
import { copyFile, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The example of the comparison's schema, whose runs are not among these, and what results/literature really holds. */
export async function writeBeside(folder: string): Promise<void> {
  const place = join(folder, "comparisons", "drawn-32");
  await mkdir(place, { recursive: true });
  await copyFile(join(root, "schemas/comparison/valid/five-runs.json"), join(place, "five-runs.json"));
  await cp(join(root, "results/literature"), join(folder, "literature"), { recursive: true });
}
