import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNpz } from "../../src/datasets/readers/npz.ts";

// The path is the reader's only way in; the runner of the test removes the folder.
const path = join(
  process.env.XAI_FUZZ_FOLDER ?? mkdtempSync(join(tmpdir(), "xai-kit-fuzz-")),
  `${process.pid}.npz`,
);

/** Everything a data set does with an archive: headers, whole arrays, rows. */
export async function run(bytes: Uint8Array): Promise<void> {
  writeFileSync(path, bytes);
  const npz = await openNpz(path);
  try {
    for (const [name, { shape }] of npz.entries) {
      const { data } = await npz.read(name);
      if (data.length !== shape.reduce((n, d) => n * d, 1)) throw new Error(`${name}: ${data.length} values`);
      const count = shape[0] ?? 0;
      const wanted = [...new Set([0, Math.floor(count / 2), count - 1])].filter((i) => i >= 0 && i < count);
      let seen = 0;
      for await (const row of npz.rows(name, wanted)) seen += Number(row.index >= 0);
      if (shape.length > 0 && seen !== wanted.length) throw new Error(`${name}: ${seen} rows`);
    }
  } finally {
    await npz.close();
  }
}
