/** What the pages of methods and of metrics share: tables, and how a registry's entry, its file and the arrays that pin it are told. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { InputSpec } from "../kit/src/methods/method.ts";
import { type ParamSpecs, quickParams } from "../kit/src/params.ts";
import { attention } from "../kit/test/oracle/attention.ts";
import { cam } from "../kit/test/oracle/cam.ts";
import type { Ours, Table } from "../kit/test/oracle/fixture.ts";
import { gradient } from "../kit/test/oracle/gradient.ts";
import { metrics } from "../kit/test/oracle/metrics.ts";
import { perturbation } from "../kit/test/oracle/perturbation.ts";
import { rules } from "../kit/test/oracle/rules.ts";
import { allowed, paperAddress } from "./registry-words.ts";

const docs = new URL("../kit/docs/", import.meta.url);

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;

/** Lines of a table. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => [
  row(head),
  row(head.map(() => "---")),
  ...rows.map(row),
];

/** `arXiv:1703.01365` as a link. */
export function paperLink(paper: string): string {
  const address = paperAddress(paper);
  if (address === undefined) return "";
  return address === paper ? `<${paper}>` : `[${paper}](${address})`;
}

/** The sections on what can be set, and on what can be given. */
export function parameters(
  specs: ParamSpecs,
  inputs: Readonly<Record<string, InputSpec>> = {},
): readonly string[] {
  const quick = quickParams(specs);
  const rows = Object.entries(specs).map(([name, spec]) => [
    `\`${name}\``,
    allowed(spec),
    `${spec.default}${name in quick ? ` (quick: ${quick[name]})` : ""}`,
    spec.description,
  ]);
  const given = Object.entries(inputs).map(([name, { dims, description }]) => [
    `\`${name}\``,
    dims,
    description,
  ]);
  return [
    "## Parameters",
    "",
    ...(rows.length === 0 ? ["None."] : table(["`--param`", "values", "default", "what"], rows)),
    "",
    ...(given.length === 0
      ? []
      : [
          "## Inputs",
          "",
          "What it would draw or choose itself, and can be given instead:",
          "",
          ...table(["`--with`", "dims", "what"], given),
          "",
        ]),
  ];
}

/** Who computed the arrays, by the beginnings of their names. */
const libraries: readonly (readonly [RegExp, string])[] = [
  [/^captum\.|\.captum\.|^sensitivity_max\./, "Captum"],
  [/^cam\.|\.cam_/, "pytorch-grad-cam"],
  [/^zennit\./, "Zennit"],
  [/\.quantus_/, "Quantus"],
  [/^own\.|^metric\./, "float64 formulas of the oracle's own"],
];
const otherLibrary = "other arrays";

/** Names of arrays, by who computed them. */
export function byLibrary(arrays: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of arrays) {
    const library = libraries.find(([form]) => form.test(name))?.[1] ?? otherLibrary;
    found.set(library, [...(found.get(library) ?? []), name]);
  }
  return found;
}

/** `metric.sal_max.gini` as `metric.<heat>.gini`: the same of each of the oracle's four maps. */
const ofEachMap = (names: readonly string[]): readonly string[] => [
  ...new Set(
    names.map((name) => name.replace(/^metric\.(sal_max|ig_abs|ig_signed|gradcam)\./, "metric.<heat>.")),
  ),
];

/** "Captum 2, Zennit 1" */
export const countsByLibrary = (arrays: readonly string[]): string =>
  [...byLibrary(arrays)].map(([library, names]) => `${library} ${names.length}`).join(", ");

/** By method or by metric, the arrays of the oracle that it is compared with. */
export function pins(of: (ours: Ours) => string | undefined): ReadonlyMap<string, readonly string[]> {
  const all: Table = { ...gradient, ...cam, ...perturbation, ...rules, ...attention, ...metrics };
  const found = new Map<string, string[]>();
  for (const [name, ours] of Object.entries(all)) {
    const id = of(ours);
    if (id !== undefined) found.set(id, [...(found.get(id) ?? []), name]);
  }
  return found;
}

/** The section on what holds it in place; `without` where no array does. */
export function pinned(
  arrays: readonly string[],
  without: string,
  tests: readonly (readonly [name: string, path: string])[],
): readonly string[] {
  return [
    "## How it is pinned",
    "",
    ...(arrays.length === 0
      ? [without]
      : [
          `Arrays of the oracle (\`kit/test/oracle.test.ts\`), on four models${arrays.some((name) => name.startsWith("metric.")) ? "; `<heat>` is each of its four maps" : ""}:`,
          "",
          ...[...byLibrary(arrays)].map(
            ([library, names]) =>
              `- ${library}: ${ofEachMap(names)
                .map((n) => `\`${n}\``)
                .join(", ")}`,
          ),
        ]),
    ...(tests.length === 0
      ? []
      : ["", `Tests: ${tests.map(([name, path]) => `[\`${name}\`](${path})`).join(", ")}.`]),
    "",
  ];
}

const sources = new URL("../kit/src/", import.meta.url);
const source = (path: string): string => readFileSync(new URL(path, sources), "utf8");

/**
 * A paragraph of an entry's comment, told by its first word: "Source" says what in it is the paper's, and what our choice.
 *
 * @param path  of the entry's file, below kit/src
 */
export function noteOf(path: string, word: "Source" | "Skips"): string | undefined {
  if (!existsSync(new URL(path, sources))) return undefined;
  // it ends where the next paragraph begins, which may be on the same line
  const paragraph = new RegExp(
    `(?:^ \\* |(?<=\\.) )${word}:? (.*?)(?=\\n \\*/|\\n \\*\\n|\\n \\* Source:|(?<=\\.)[\\s*]+Cost:)`,
    "ms",
  );
  const [, found] = paragraph.exec(source(path)) ?? [];
  const note = found?.replaceAll(/\n \*\s*/g, " ").trim();
  // what several files share is told where they share it
  return note?.replace(/^what ([a-z-]+\.ts) skips/, (words, file: string) => {
    const shared = noteOf(path.slice(0, path.lastIndexOf("/") + 1) + file, word);
    return shared?.replace(/\.$/, "") ?? words;
  });
}

/** Test files beside an entry's file that import it, or bear its name. */
export function testsOf(path: string): readonly string[] {
  const [folder, file] = [path.slice(0, path.lastIndexOf("/") + 1), path.slice(path.lastIndexOf("/") + 1)];
  const own = file.replace(/\.ts$/, ".test.ts");
  return readdirSync(new URL(folder, sources))
    .filter((name) => name.endsWith(".test.ts") && name !== "index.test.ts")
    .filter((name) => name === own || source(folder + name).includes(`"./${file}"`))
    .sort();
}

/** Pages below kit/docs by their paths; those of one folder, and the page that leads to them. */
export type Pages = ReadonlyMap<string, string>;

/** Pages that are not what they should be, those of entries that are gone among them. */
export function staleIn(folder: string, wanted: Pages): readonly string[] {
  const below = new URL(`${folder}/`, docs);
  const there = existsSync(below) ? readdirSync(below).map((name) => `${folder}/${name}`) : [];
  const written = (path: string) => {
    const url = new URL(path, docs);
    return existsSync(url) ? readFileSync(url, "utf8") : undefined;
  };
  return [
    ...[...wanted].filter(([path, page]) => written(path) !== page).map(([path]) => path),
    ...there.filter((path) => !wanted.has(path)),
  ].sort();
}

/** The command: writes the pages, or with --check tells whether they are current. */
export function writePages(script: string, help: string, folder: string, pages: () => Pages): void {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) {
    console.log(help);
    return;
  }
  const wanted = pages();
  const wrong = staleIn(folder, wanted);
  if (values.check) {
    if (wrong.length === 0) return;
    console.error(
      `not current: ${wrong.map((path) => `kit/docs/${path}`).join(", ")}: run node scripts/${script}`,
    );
    process.exitCode = 1;
    return;
  }
  mkdirSync(new URL(`${folder}/`, docs), { recursive: true });
  for (const path of wrong) {
    const page = wanted.get(path);
    if (page === undefined) rmSync(fileURLToPath(new URL(path, docs)));
    else writeFileSync(new URL(path, docs), page);
  }
  console.log(`${wanted.size} pages, ${wrong.length} written or removed`);
}

/** Whether kit/docs has it, so that a page may lead there. */
export const isWritten = (path: string): boolean => existsSync(new URL(path, docs));
