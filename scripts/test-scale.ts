/**
 * The site of many runs: a build of 1,000 within a minute of two cores and 2 GB, and pages of 200 that a reader need not wait for. Every
 * figure is printed; the last line is the verdict.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { makeManyRuns } from "../site/test/make-runs.ts";
import { astro } from "./astro.ts";
import { categories, lighthouseOn } from "./lighthouse.ts";
import { openSite } from "./open-site.ts";
import { type Tally, verdict } from "./test-report.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "node_modules", ".cache", "test-scale");

/** Two cores for 60 seconds; a machine that does other things too takes longer, but no more of its processor. */
const budgets = {
  processorSeconds: 120,
  memory: 2e9,
  page: 250 * 1024,
  filterMilliseconds: 50,
  lighthouse: 95,
} as const;

interface Built {
  readonly out: string;
  readonly problem: string | undefined;
  readonly seconds: number;
  readonly processorSeconds: number;
  /** bytes */
  readonly memory: number;
}

async function built(runs: number): Promise<Built> {
  const [results, out, usage] = ["results", "site", "usage.json"].map((name) =>
    join(folder, `${runs}`, name),
  );
  await makeManyRuns(results, runs);
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "./scripts/usage-at-exit.mjs", ...astro, "build"],
    {
      cwd: root,
      encoding: "utf8",
      env: {
        ...process.env,
        XAI_USAGE: usage,
        XAI_RESULTS: results,
        XAI_SITE_OUT: out,
        XAI_SITE_URL: "https://example.org",
        ASTRO_TELEMETRY_DISABLED: "1",
      },
      maxBuffer: 2 ** 28,
    },
  );
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0 || !existsSync(usage)) {
    const problem = `the site does not build with ${runs} runs\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`;
    return { out, problem, seconds, processorSeconds: Number.NaN, memory: Number.NaN };
  }
  const used = JSON.parse(readFileSync(usage, "utf8")) as NodeJS.ResourceUsage;
  return {
    out,
    problem: undefined,
    seconds,
    processorSeconds: (used.userCPUTime + used.systemCPUTime) / 1e6,
    memory: used.maxRSS * 1024,
  };
}

/** What a page brings before anything is asked of it, and what it fetches when it is: HTML, styles and data, gzipped. */
function weightOf(site: string, page: string, data: readonly string[]): number {
  const html = readFileSync(join(site, page, "index.html"), "utf8");
  const styles = [...html.matchAll(/<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"/g)].map(([, href]) => href);
  return [Buffer.from(html), ...[...styles, ...data].map((file) => readFileSync(join(site, file)))].reduce(
    (sum, bytes) => sum + gzipSync(bytes).length,
    0,
  );
}

/** From the change of a filter until its rows stand there and are laid out: the best of thirty, since what else a machine does only adds. */
async function filterTime(folder: string): Promise<{ readonly rows: number; readonly milliseconds: number }> {
  const site = await openSite(folder);
  try {
    const page = await site.browser.newPage();
    await page.goto(`${site.address}leaderboard/`);
    return await page.evaluate(async () => {
      const select = document.querySelector<HTMLSelectElement>("select[data-filter=method]")!;
      const body = document.querySelector<HTMLTableElement>("[data-board]")!.tBodies[0];
      const status = document.querySelector("[data-status]")!;
      const choose = async (value: string) => {
        const drawn = new Promise<void>((resolve) => {
          const watch = new MutationObserver(() => {
            watch.disconnect();
            resolve();
          });
          watch.observe(body, { childList: true });
        });
        const start = performance.now();
        select.value = value;
        select.dispatchEvent(new Event("change"));
        await drawn;
        body.getBoundingClientRect(); // laid out
        return performance.now() - start;
      };
      const [, first, second] = [...select.options].map((option) => option.value);
      await choose(first); // the data comes
      const times: number[] = [];
      for (let k = 0; k < 30; k++) times.push(await choose(k % 2 ? first : second));
      return {
        rows: Number(/of ([\d,]+) rows/.exec(status.textContent)![1].replaceAll(",", "")),
        milliseconds: Math.min(...times),
      };
    });
  } finally {
    await site.close();
  }
}

export async function testScale(): Promise<Tally & { output: string }> {
  rmSync(folder, { recursive: true, force: true });
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  const lines: string[] = [];
  const holds = (what: string, value: number, limit: number, unit: string, scale = 1) => {
    const ok = value <= limit;
    if (ok) tally.passed++;
    else tally.failed++;
    lines.push(
      `${ok ? "ok    " : "FAILED"}  ${what}: ${(value / scale).toFixed(1)} ${unit}, at most ${limit / scale}`,
    );
  };
  const many = await built(1000);
  if (many.problem) lines.push(many.problem);
  lines.push(`1,000 runs were built in ${many.seconds.toFixed(1)} s`);
  holds("1,000 runs, processor", many.processorSeconds, budgets.processorSeconds, "s");
  holds("1,000 runs, memory", many.memory, budgets.memory, "GB", 1e9);
  if (!many.problem) {
    const { rows, milliseconds } = await filterTime(many.out);
    holds(`a filter of ${rows} rows`, milliseconds, budgets.filterMilliseconds, "ms");
  }
  rmSync(join(folder, "1000"), { recursive: true, force: true });
  const some = await built(200);
  if (some.problem) {
    tally.failed++;
    lines.push(some.problem);
  } else {
    holds("200 runs, /", weightOf(some.out, "", []), budgets.page, "KiB", 1024);
    const data = ["leaderboard/data/rows.json"];
    holds(
      "200 runs, /leaderboard/ with its data",
      weightOf(some.out, "leaderboard", data),
      budgets.page,
      "KiB",
      1024,
    );
    const site = await openSite(some.out);
    try {
      for (const page of ["", "leaderboard/", "guide/"]) {
        const { scores, lost } = await lighthouseOn(site, page, budgets.lighthouse);
        const ok = categories.every((id) => scores[id] >= budgets.lighthouse);
        if (ok) tally.passed++;
        else tally.failed++;
        lines.push(
          `${ok ? "ok    " : "FAILED"}  200 runs, Lighthouse on /${page}: ${categories.map((id) => `${id} ${scores[id]}`).join(", ")}, each at least ${budgets.lighthouse}${ok ? "" : `; ${lost.join(", ")}`}`,
        );
      }
    } finally {
      await site.close();
    }
  }
  return { ...tally, output: lines.join("\n") };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv.includes("--help")) {
    console.log(
      "usage: node scripts/test-scale.ts\n\nBuilds the site from 1,000 and from 200 made runs and holds it to its budgets, Lighthouse's among them.",
    );
    process.exit(0);
  }
  const { output, ...tally } = await testScale();
  console.log(output);
  console.log(verdict(tally));
  process.exitCode = tally.failed === 0 ? 0 : 1;
}
