/**
 * The site as a reader gets it: built from made runs under a sub-path and tested in a Chromium, and built from nothing. The last line is the
 * verdict.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { makeRuns } from "../site/test/make-runs.ts";
import { astro } from "./astro.ts";
import { freePort } from "./open-site.ts";
import { type Tally, verdict } from "./test-report.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "node_modules", ".cache", "test-site");
const base = "/xai-bench";

/** Chosen from Playwright's JSON report. */
interface Suite {
  readonly title: string;
  readonly suites?: readonly Suite[];
  readonly specs?: readonly {
    readonly title: string;
    readonly tests: readonly { readonly status: string }[];
  }[];
}

export async function testSite(
  playwrightOptions: readonly string[] = [],
): Promise<Tally & { output: string }> {
  rmSync(folder, { recursive: true, force: true });
  const results = join(folder, "results");
  const ids = await makeRuns(results);
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  let output = "";

  const builds = {
    runs: { XAI_RESULTS: results, XAI_SITE_BASE: base, XAI_SITE_OUT: join(folder, "runs") },
    "no runs": { XAI_RESULTS: join(folder, "nothing"), XAI_SITE_OUT: join(folder, "empty") },
  };
  for (const [name, env] of Object.entries(builds)) {
    const { status, text } = await node([...astro, "build"], env);
    const page = join(env.XAI_SITE_OUT, "index.html");
    const whole = status === 0 && readFileSync(page, "utf8").includes("No runs yet") === (name === "no runs");
    if (whole) tally.passed++;
    else {
      tally.failed++;
      output += `the site does not build with ${name}\n${text}\n`;
    }
    if (!whole && name === "runs") return { ...tally, output };
  }

  const report = join(folder, "report.json");
  const { text } = await node(
    ["node_modules/@playwright/test/cli.js", "test", "--reporter=line,json", ...playwrightOptions],
    {
      ...builds.runs,
      XAI_SITE_PORT: `${await freePort()}`,
      XAI_SITE_RUN: ids.find((id) => id.startsWith("phantom-shapes/shapes-clip/"))!,
      XAI_SITE_OLD_RUN: ids.find((id) => id.includes("/2026-10-01-"))!,
      PLAYWRIGHT_JSON_OUTPUT_NAME: report,
    },
  );
  const found = existsSync(report)
    ? (JSON.parse(readFileSync(report, "utf8")) as { suites: Suite[]; errors: { message: string }[] })
    : { suites: [], errors: [{ message: "Playwright left no report" }] };
  count(found.suites, tally);
  for (const { message } of found.errors) {
    tally.failed++;
    output += `${message}\n`;
  }
  if (tally.failed > 0) output += text;
  return { ...tally, output };
}

function count(suites: readonly Suite[], tally: Tally): void {
  for (const suite of suites) {
    for (const { title, tests } of suite.specs ?? []) {
      for (const { status } of tests) {
        if (status === "expected") tally.passed++;
        else if (status === "skipped") tally.skipped.push(`site: ${title}`);
        else tally.failed++; // flaky counts as failed
      }
    }
    count(suite.suites ?? [], tally);
  }
}

function node(
  command: string[],
  env: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, command, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env, ASTRO_TELEMETRY_DISABLED: "1", FORCE_COLOR: "0" },
    });
    const parts: Buffer[] = [];
    child.stdout?.on("data", (part: Buffer) => parts.push(part));
    child.stderr?.on("data", (part: Buffer) => parts.push(part));
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 1, text: Buffer.concat(parts).toString() }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv.includes("--help")) {
    console.log(
      "usage: node scripts/test-site.ts [options of playwright test]\n\nBuilds the site from made runs and tests it in a Chromium.",
    );
    process.exit(0);
  }
  const { output, ...tally } = await testSite(process.argv.slice(2));
  if (output) console.log(output.trimEnd());
  console.log(verdict(tally));
  process.exitCode = tally.failed === 0 ? 0 : 1;
}
