/** What publications print, as results/literature holds it. A file that cannot be read stops the build, as a run document does. */
import { join } from "node:path";
import { current, type Literature } from "../../kit/src/literature/document.ts";
import { literatureIn } from "../../scripts/literature-files.ts";
import { resultsFolder } from "./runs.ts";

export function allLiterature(): readonly Literature[] {
  const { literature, problems } = literatureIn(join(resultsFolder, "literature"));
  if (problems.length === 0) return current(literature);
  const lines = problems.map(({ file, path, message }) => `  ${file}: ${path}: ${message}`);
  throw new Error(
    `${problems.length} problems in results/literature\n${lines.join("\n")}\n  next: npm run literature`,
  );
}
