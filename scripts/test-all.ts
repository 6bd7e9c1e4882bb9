/**
 * Everything that must hold before a change lands, and its one verdict as the last line: `N passed, N failed[, N skipped]`.
 * Types, lint, schemas, build and results count as one test each; all other tests are vitest's.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Report, readReport, slowest, type Tally, verdict } from "./test-report.ts";
import { testScale } from "./test-scale.ts";
import { testSite } from "./test-site.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = {
  tsc: "node_modules/typescript/bin/tsc",
  biome: "node_modules/@biomejs/biome/bin/biome",
  vitest: "node_modules/vitest/vitest.mjs",
};

/** Each check is a list of commands, all of which must end with 0. */
const checks: Record<string, string[][]> = {
  types: [
    [bin.tsc, "-p", "kit"],
    [bin.tsc, "-p", "scripts"],
    ["scripts/site.ts", "check"],
  ],
  lint: [[bin.biome, "check", "--error-on-warnings", "--max-diagnostics=none", "."]],
  schemas: [["scripts/generate-schemas.ts", "--check"]],
  build: [["scripts/build.mjs"]],
  results: [["scripts/results-recheck.ts"], ["scripts/literature.ts", "--check"]],
};
/** Groups of vitest files, by folder. */
const groups: Record<string, string[]> = {
  unit: ["kit/src/", "scripts/", "site/"],
  kit: ["kit/test/", "kit/examples/"],
};
/** Checks of whole builds of the site, one after the other. */
const builds: Record<string, () => Promise<Tally & { output: string }>> = {
  site: testSite,
  scale: testScale,
};
const all = [...Object.keys(checks), ...Object.keys(groups), ...Object.keys(builds)];

const { values } = parseArgs({ options: { only: { type: "string" }, help: { type: "boolean" } } });
if (values.help) {
  console.log(`usage: npm test [-- --only ${all.join(",")}]

types    the TypeScript compiler over every source and test
lint     Biome: format, lint, order of imports
schemas  the types made from schemas/ are current
build    kit/src to kit/dist
results  everything in results/ against the kit as it is, and nothing of it edited
unit     the tests beside their files, gradient checks among them
kit      the tests that span modules: oracle, fuzz, boundaries, registries, the packed package and its CLI
site     the built site in a Chromium (CHROMIUM_PATH, on PATH, or from npm): pages, links, accessibility, weights
scale    the site of 1,000 and of 200 runs: processor, memory, a filter's time, weight of its first pages, Lighthouse

One test file or one test: npx vitest run <part of its path> [-t <part of its name>]`);
  process.exit(0);
}
const chosen = values.only?.split(",") ?? all;
const unknown = chosen.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`error: unknown check: ${unknown.join(", ")}\n  next: choose from ${all.join(", ")}`);
  process.exit(2);
}

const results = await Promise.all(
  chosen.filter((name) => name in checks).map(async (name) => ({ name, ...(await runCheck(checks[name])) })),
);
const total: Tally = { passed: 0, failed: 0, skipped: [] };
for (const { name, ok, output, seconds } of results) {
  if (!ok) console.log(output.trimEnd());
  console.log(`${ok ? "ok    " : "FAILED"}  ${name}  ${seconds.toFixed(1)} s`);
  if (ok) total.passed++;
  else total.failed++;
}

const folders = chosen.flatMap((name) => groups[name] ?? []);
if (folders.length > 0) {
  const tally = await runVitest(folders);
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped.push(...tally.skipped);
}

for (const [name, test] of Object.entries(builds)) {
  if (!chosen.includes(name)) continue;
  const start = Date.now();
  const { output, ...tally } = await test();
  if (output) console.log(output.trimEnd());
  const failed = tally.failed > 0 ? `, ${tally.failed} failed` : "";
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${failed ? "FAILED" : "ok    "}  ${name}  ${tally.passed} passed${failed}  ${seconds} s`);
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped.push(...tally.skipped);
}

if (total.skipped.length > 0) console.log(`skipped:\n${total.skipped.map((name) => `  ${name}`).join("\n")}`);
console.log(verdict(total));
process.exitCode = total.failed === 0 ? 0 : 1;

async function runCheck(commands: string[][]): Promise<{ ok: boolean; output: string; seconds: number }> {
  const start = Date.now();
  let ok = true;
  let output = "";
  for (const command of commands) {
    const { status, text } = await run(command);
    if (status !== 0) {
      ok = false;
      output += text;
    }
  }
  return { ok, output, seconds: (Date.now() - start) / 1000 };
}

/** Failures are printed by vitest itself, in full; the numbers and the names of skips come from its JSON report. */
async function runVitest(folders: string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "xai-kit-test-"));
  const file = join(folder, "report.json");
  const findings = join(folder, "findings.txt");
  const start = Date.now();
  const reporters = ["--reporter=minimal", "--reporter=json", `--outputFile.json=${file}`];
  const colour = process.stdout.isTTY ? "--color" : "--no-color";
  const { status, text } = await run(
    [bin.vitest, "run", colour, "--silent=passed-only", ...reporters, ...folders],
    { XAI_FINDINGS: findings },
  );
  let tally: Tally;
  try {
    const path = (name: string) => relative(root, name).split(sep).join("/");
    const written = JSON.parse(readFileSync(file, "utf8")) as Report;
    const report = readReport(written, path);
    tally = report.tally;
    for (const { name, passed, failed } of report.folders) {
      console.log(
        `${failed === 0 ? "ok    " : "FAILED"}  ${name}  ${passed} passed${failed ? `, ${failed} failed` : ""}`,
      );
    }
    console.log(`tests of ${folders.join(", ")}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
    console.log(`the slowest files:\n${slowest(written, path).join("\n")}`);
  } catch (error) {
    console.log(`vitest left no report: ${error instanceof Error ? error.message : error}`);
    tally = { passed: 0, failed: 1, skipped: [] };
  }
  if (existsSync(findings)) console.log(readFileSync(findings, "utf8").trimEnd());
  rmSync(folder, { recursive: true, force: true });
  // an error outside of any test (a rejected promise nobody waits for) fails the run, but no test
  if (status !== 0 && tally.failed === 0) tally.failed = 1;
  if (tally.failed > 0) console.log(text.trimEnd());
  return tally;
}

/** Runs a JavaScript file with this Node, from the root of the repository. */
function run(
  command: string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stderr.on("data", (part: Buffer) => parts.push(part));
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 1, text: Buffer.concat(parts).toString() }));
  });
}
