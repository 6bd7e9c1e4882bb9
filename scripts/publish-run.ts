/**
 * Puts a finished run where the site looks for it: results/runs/<data>/<model>/<date>-<hash8>/. The run is checked first; pictures come along
 * only where the images are nobody's (synthetic sets).
 *
 *   node scripts/publish-run.ts RUN_FOLDER [RESULTS_FOLDER]
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { noteIn, withNote } from "../kit/src/render/png.ts";
import { identityOf, type Run } from "../kit/src/results/document.ts";
import { validateRun } from "../kit/src/results/validate.ts";

const mostPictures = 2;

/**
 * @returns the folder the run is in now
 * @throws  Error with every problem the validator finds
 */
export async function publishRun(folder: string, results: string): Promise<string> {
  const text = readFileSync(join(folder, "run.json"));
  const sidecar = readFileSync(join(folder, "scores.parquet"));
  const verdict = await validateRun({ name: join(folder, "run.json"), text, sidecar });
  if (!verdict.ok) {
    throw new Error(
      `${folder} is not valid:\n${verdict.problems.map((p) => `  ${p.path}: ${p.message}`).join("\n")}`,
    );
  }
  const run = JSON.parse(text.toString("utf8")) as Run;
  const { data, model, protocol } = run.result;
  const own = join(results, "runs", data.id, model.id);
  dropDrafts(own, protocol.id, identityOf(run.result));
  const target = join(own, `${run.telemetry.date.slice(0, 10)}-${identityOf(run.result).slice(0, 8)}`);
  mkdirSync(target, { recursive: true });
  copyFileSync(join(folder, "run.json"), join(target, "run.json"));
  copyFileSync(join(folder, "scores.parquet"), join(target, "scores.parquet"));
  if (data.track === "synthetic") await copyPictures(join(folder, "pictures"), join(target, "pictures"));
  return target;
}

/** Draft runs are regenerated, not kept: those of the same model, data and protocol that say something else now. */
function dropDrafts(own: string, protocol: string, identity: string): void {
  for (const name of existsSync(own) ? readdirSync(own) : []) {
    const file = join(own, name, "run.json");
    if (!existsSync(file)) continue;
    const old = JSON.parse(readFileSync(file, "utf8")) as Run;
    if (old.result.protocol.id !== protocol) continue;
    if (protocol.endsWith("-draft") || protocol === "quick" || identityOf(old.result) === identity) {
      rmSync(join(own, name), { recursive: true });
    }
  }
}

/** As indexed-colour PNGs, a third of the size, with what they say of themselves: they go into the repository. */
async function copyPictures(from: string, to: string): Promise<void> {
  const pictures = existsSync(from) ? readdirSync(from).filter((f) => f.endsWith(".png")) : [];
  if (pictures.length > 0) mkdirSync(to, { recursive: true });
  for (const name of pictures.sort().slice(0, mostPictures)) {
    const picture = readFileSync(join(from, name));
    const small = await sharp(picture).png({ palette: true, colours: 128, dither: 0, effort: 10 }).toBuffer();
    const note = noteIn(picture);
    writeFileSync(join(to, name), note === undefined ? small : withNote(small, note));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, results = "results"] = process.argv.slice(2);
  if (folder === undefined || folder === "--help") {
    console.log(
      "usage: node scripts/publish-run.ts RUN_FOLDER [RESULTS_FOLDER]\n\nChecks a run and copies it to RESULTS_FOLDER/runs/<data>/<model>/<date>-<hash8>/.",
    );
  } else console.log(await publishRun(folder, results));
}
