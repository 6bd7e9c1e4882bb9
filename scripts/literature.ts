/** What publications print, against its schema and against itself: results/literature, the differences, and kit/docs/literature.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { table } from "../kit/src/cli/table.ts";
import { toJson } from "../kit/src/json.ts";
import { checkClaims, checkLiterature } from "../kit/src/literature/check.ts";
import { current, type Literature } from "../kit/src/literature/document.ts";
import { literatureIn } from "./literature-files.ts";
import { differencesHead, differencesOf, pageOf } from "./literature-page.ts";

const help = `usage: npm run literature [-- options] [FOLDER]

Validates what publications print, as results/literature holds it, computes again
what follows from it, and lists the differences. They are the publications' own
and no fault here: exit code 1 is for a file that is not valid, or a stale page.

  --json   everything that was computed, for programs
  --page   write kit/docs/literature.md
  --check  only tell whether the files are valid and the page is what they say`;

/** Differences and claims of one publication, for people. */
function textOf(literature: Literature): string {
  const checks = checkLiterature(literature);
  const rows = differencesOf(checks);
  const claims = checkClaims(literature);
  const doubtful = claims.filter(({ verdict }) => verdict === "in part" || verdict === "does not hold");
  const held = claims.filter(({ verdict }) => verdict === "holds").length;
  return [
    `${literature.id}: ${checks.length} numbers computed again, ${rows.length} stand out`,
    ...(rows.length === 0
      ? []
      : [
          table(
            differencesHead.map((title) => ({ title })),
            rows,
          ).trimEnd(),
        ]),
    `${literature.id}: ${claims.length} claims, ${held} hold by its own tables, ${doubtful.length} not or in part`,
    ...doubtful.flatMap(({ claim, verdict, evidence }) => [
      `  ${claim}: ${verdict}`,
      ...evidence.filter(({ holds }) => !holds).map(({ found }) => `    ${found}`),
    ]),
    "",
  ].join("\n");
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      page: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  const [folder = join(root, "results", "literature")] = positionals;
  const { literature, problems } = literatureIn(folder);
  for (const { file, path, message, next } of problems)
    console.error(`error: ${file}: ${path}: ${message}\n  next: ${next}`);
  if (problems.length > 0) return 1;

  const page = join(root, "kit", "docs", "literature.md");
  const wanted = pageOf(literature);
  if (values.page) writeFileSync(page, wanted);
  else if (values.check) {
    if (existsSync(page) && readFileSync(page, "utf8") === wanted) return 0;
    console.error("error: kit/docs/literature.md is stale\n  next: npm run literature -- --page");
    return 1;
  } else if (values.json) {
    process.stdout.write(
      toJson(
        current(literature).map((document) => ({
          id: document.id,
          checks: checkLiterature(document),
          claims: checkClaims(document).map(({ verdict, ...rest }) => ({
            ...rest,
            verdict: verdict ?? null,
          })),
        })),
      ),
    );
  } else console.log(current(literature).map(textOf).join("\n").trimEnd());
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = main();
