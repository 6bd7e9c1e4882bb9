/** Pictures of every kind of page, wide and narrow, light and dark, in .shots/, to be looked at. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSite } from "../../scripts/open-site.ts";
import { makeRuns } from "./make-runs.ts";
import { everyPage } from "./pages.ts";

if (process.argv.includes("--help")) {
  console.log(
    "usage: node site/test/shots.ts\n\nPictures of the site with made runs (XAI_RESULTS: with these), in .shots/",
  );
  process.exit(0);
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xai-shots-"));
const results = process.env.XAI_RESULTS ?? join(folder, "results");
if (process.env.XAI_RESULTS === undefined) await makeRuns(results);
const site = join(folder, "site");
const { status } = spawnSync(process.execPath, ["scripts/site.ts", "build", "--silent"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, XAI_RESULTS: results, XAI_SITE_OUT: site, XAI_SITE_BASE: "/" },
});
if (status !== 0) process.exit(1);

const { address, browser, close } = await openSite(site);
mkdirSync(join(root, ".shots"), { recursive: true });
for (const width of [1440, 390]) {
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage();
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.goto(`${address}leaderboard/?page=9999`, { waitUntil: "networkidle" });
    // the last run: in made runs, the one with a hole
    const link = await page.locator("[data-board] td a").last().getAttribute("href");
    const run = link!.replace(/^.*?runs\/|\/$/g, "");
    for (const [name, path] of Object.entries(everyPage(run))) {
      await page.goto(`${address}${path}`);
      // charts wake when they are seen
      await page.evaluate(async () => {
        for (let y = 0; y < document.body.scrollHeight; y += 500) {
          scrollTo(0, y);
          await new Promise((resolve) => setTimeout(resolve, 40));
        }
        scrollTo(0, 0);
      });
      await page.waitForLoadState("networkidle");
      await page.screenshot({
        path: join(root, ".shots", `${name.replaceAll(" ", "-")}-${width}-${colorScheme}.png`),
        fullPage: true,
      });
    }
    await page.close();
  }
}
await close();
rmSync(folder, { recursive: true, force: true });
console.log("pictures in .shots/");
