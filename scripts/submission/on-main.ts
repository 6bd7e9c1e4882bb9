/** The runs that main has, read from its objects: a work tree could differ. */

import type { ComparedRun } from "../../kit/src/comparison/document.ts";
import { identityOf } from "../../kit/src/results/document.ts";
import { decodeSidecar } from "../../kit/src/results/sidecar.ts";
import type { Run, SiteRun } from "../../site/lib/run.ts";
import { git, readObjects, sizesOf } from "./git-objects.ts";
import { comparisonsHome, home } from "./paths.ts";

/** Path → blob of everything under results/runs/ and results/comparisons/ on main. */
export function filesOnMain(folder: string, base: string): Map<string, string> {
  const { stdout } = git(folder, ["ls-tree", "-r", "-z", "--full-tree", base, "--", home, comparisonsHome]);
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
  const files = [...onMain].filter(([path]) => path.startsWith(home) && path.endsWith("/run.json"));
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

/** Those of `runs` with these identities, with their scores; read only when they are asked for. */
export function comparedOnMain(
  folder: string,
  onMain: ReadonlyMap<string, string>,
  runs: readonly SiteRun[],
): (sha256: string) => ComparedRun | undefined {
  const known = new Map<string, ComparedRun | undefined>();
  const read = (sha256: string): ComparedRun | undefined => {
    const run = runs.find(
      ({ id, result, tier }) =>
        tier === "recomputed" && id.endsWith(`-${sha256.slice(0, 8)}`) && identityOf(result) === sha256,
    );
    const blob = run && onMain.get(`${home}${run.id}/scores.parquet`);
    if (run === undefined || blob === undefined) return undefined;
    const { rows } = decodeSidecar(new Uint8Array(readObjects(folder, [blob]).get(blob)!.bytes));
    return { sha256, result: run.result, rows };
  };
  return (sha256) => {
    if (!known.has(sha256)) known.set(sha256, read(sha256));
    return known.get(sha256);
  };
}
