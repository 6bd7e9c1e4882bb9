/** The runs that main has, read from its objects: a work tree could differ. */
import type { Run, SiteRun } from "../../site/lib/run.ts";
import { git, readObjects, sizesOf } from "./git-objects.ts";
import { home } from "./paths.ts";

/** Path → blob of everything under results/runs/ on main. */
export function filesOnMain(folder: string, base: string): Map<string, string> {
  const { stdout } = git(folder, ["ls-tree", "-r", "-z", "--full-tree", base, "--", home]);
  return new Map(
    stdout
      .toString()
      .split("\0")
      .filter(Boolean)
      .map((line) => [line.slice(line.indexOf("\t") + 1), line.slice(0, line.indexOf("\t")).split(" ")[2]]),
  );
}

/** They were judged when they came, so the size of the scores tells whether they are the document's. */
export function runsOnMain(folder: string, onMain: ReadonlyMap<string, string>): SiteRun[] {
  const files = [...onMain].filter(([path]) => path.endsWith("/run.json"));
  const scoresOf = (path: string) => onMain.get(path.replace(/run\.json$/, "scores.parquet"));
  const objects = readObjects(
    folder,
    files.map(([, id]) => id),
  );
  const sizes = sizesOf(
    folder,
    files.flatMap(([path]) => scoresOf(path) ?? []),
  );
  return files.map(([path, id]) => {
    const run = JSON.parse(objects.get(id)!.bytes.toString()) as Run;
    const whole = sizes.get(scoresOf(path) ?? "") === run.result.sidecar.bytes;
    const place = path.slice(home.length, -"/run.json".length);
    return { ...run, id: place, pictures: [], tier: whole ? "recomputed" : "submitted" };
  });
}
