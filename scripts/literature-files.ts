/** The publications in results/literature. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Literature, readLiterature } from "../kit/src/literature/document.ts";
import { jsonLimits } from "../kit/src/results/strict-json.ts";
import type { Problem } from "../kit/src/results/verdict.ts";

export interface LiteratureFolder {
  /** valid ones, by name */
  readonly literature: readonly Literature[];
  readonly files: number;
  readonly problems: readonly Problem[];
}

/** @param folder  results/literature; one that is not there holds none */
export function literatureIn(folder: string): LiteratureFolder {
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const names = entries.map((entry) => entry.name).sort((a, b) => (a < b ? -1 : 1));
  const read = names.map((name) => {
    const file = join(folder, name);
    if (!entries.some((entry) => entry.name === name && entry.isFile()) || !name.endsWith(".json")) {
      return refused(file, "is no file <id>.json", "keep nothing else in results/literature");
    }
    if (statSync(file).size > jsonLimits.bytes)
      return refused(file, `longer than ${jsonLimits.bytes} bytes`, "split it by publication");
    return readLiterature(readFileSync(file), file);
  });
  const literature = read.flatMap((r) => r.literature ?? []);
  const lost = literature.flatMap(({ id, replaces }) =>
    replaces === undefined || names.includes(`${replaces.id}.json`)
      ? []
      : refused(join(folder, `${id}.json`), `there is no ${replaces.id}.json`, "name what it stands for", [
          "replaces",
          "id",
        ]).problems,
  );
  return { literature, files: names.length, problems: [...read.flatMap((r) => r.problems), ...lost] };
}

function refused(
  file: string,
  message: string,
  next: string,
  path: readonly string[] = [],
): { readonly literature: undefined; readonly problems: readonly Problem[] } {
  const at = ["$", ...path].join(".");
  return { literature: undefined, problems: [{ file, path: at, code: "E_LITERATURE", message, next }] };
}
