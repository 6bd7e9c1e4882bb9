/** Commands in the documentation are commands that exist: they are parsed by the program itself, and the ids in them are known. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createProgram } from "../src/cli/program.ts";
import { parseDatasetSpec } from "../src/datasets/open.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { commandsIn, fences } from "./shell.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const examples = readdirSync(`${root}kit/examples`).filter((name) => name.endsWith(".md"));
const pages = readdirSync(`${root}kit/docs`, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".md"));
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "kit/README.md",
  ...examples.map((name) => `kit/examples/${name}`),
  ...pages.map((name) => `kit/docs/${name}`),
];

const helpOf = (name: string): string => {
  const texts: string[] = [];
  const program = createProgram(() => () => async () => undefined);
  const command = name === "" ? program : program.commands.find((c) => c.name() === name)!;
  command.configureOutput({ writeOut: (text) => texts.push(text) }).outputHelp();
  return texts.join("");
};
const helps = ["", ...createProgram(() => () => async () => undefined).commands.map((c) => c.name())];

const found: [string, string[]][] = [
  ...documents.flatMap((path) =>
    fences(readFileSync(root + path, "utf8"), "sh", "console")
      .flatMap(commandsIn)
      .map((argv): [string, string[]] => [path, argv]),
  ),
  ...helps.flatMap((name) =>
    commandsIn(helpOf(name)).map((argv): [string, string[]] => [`${name} --help`, argv]),
  ),
];

/** Parses without running; answers the command and what it was given. */
async function parse(argv: readonly string[]) {
  let seen: readonly unknown[] = [];
  const program = createProgram(
    () =>
      (() =>
        async (...given: readonly unknown[]) => {
          seen = given;
        }) as never,
  );
  await program.parseAsync([...argv], { from: "user" });
  return seen;
}

describe("documented commands", () => {
  it("are found", () => {
    expect(found.filter(([path]) => path === "README.md").length).toBeGreaterThan(8);
    expect(found.filter(([path]) => path.endsWith("--help")).length).toBeGreaterThan(12);
  });

  it.each(
    found
      .filter(([, argv]) => !argv.includes("--help"))
      .map(([path, argv]) => [path, argv.join(" "), argv] as const),
  )("%s: xai-kit %s", async (_, __, argv) => {
    const given = await parse(argv);
    expect(given.length).toBeGreaterThan(0);
    const after = (...flags: string[]) =>
      flags.flatMap((flag) => {
        const at = argv.indexOf(flag);
        return at < 0 ? [] : argv[at + 1].split(",");
      });
    for (const id of after("--method", "--methods")) if (id !== "all") methodOf(id);
    for (const id of after("--metric", "--metrics")) metricOf(id);
    for (const id of after("--protocol")) protocolOf(id);
    for (const spec of after("--data", "-d")) parseDatasetSpec(spec);
    if (argv[0] === "list" && argv[1] === "methods")
      argv
        .slice(2)
        .filter((id) => /^[a-z]/.test(id))
        .forEach(methodOf);
    if (argv[0] === "list" && argv[1] === "metrics")
      argv
        .slice(2)
        .filter((id) => /^[a-z]/.test(id))
        .forEach(metricOf);
  });

  it("refuses what does not exist", async () => {
    await expect(parse(["evaluate", "--model", "m", "--data", "folder", "--frob"])).rejects.toThrow("--frob");
  });
});

it("the README names every command and every option of the model card", () => {
  const readme = readFileSync(`${root}README.md`, "utf8");
  const program = createProgram(() => () => async () => undefined);
  for (const command of program.commands) expect(readme).toContain(`\`${command.name()}`);
  for (const flag of [
    "--card",
    "--mean",
    "--std",
    "--size",
    "--resize",
    "--resize-to",
    "--layer",
    "--family",
    "--task",
    "--class-names",
  ]) {
    expect(readme).toContain(`\`${flag}`);
  }
});
