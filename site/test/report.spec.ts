/** The page that `xai-kit report` writes, opened as a file: a browser, no server, no network. */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { expect, type Page, test } from "@playwright/test";
import { reportPage } from "../../kit/src/report/page.ts";
import { madeReport } from "../../kit/test/made-report.ts";
import { violationsOn } from "./axe.ts";

const progress = { explained: 7, of: 16, classified: 20, images: 20, shard: undefined };
const pages = {
  finished: madeReport(),
  unfinished: madeReport({ progress, identity: undefined, recomputed: false, confidential: true }),
  // one group of images: words stand where intervals would
  small: madeReport({}, { count: 2, nameOf: (k) => `image-${k}` }),
  bare: madeReport({ curves: undefined, sheets: [], refused: true, recomputed: false }),
};

/** Opens one of them; answers what it asked for besides itself. */
async function open(page: Page, name: keyof typeof pages): Promise<string[]> {
  // a folder of the test's own: a worker that has cleaned up may be given further tests of this file
  const file = test.info().outputPath(`${name}.html`);
  writeFileSync(file, reportPage(pages[name]));
  const asked: string[] = [];
  const { href } = pathToFileURL(file);
  page.on("request", (request) => {
    const url = request.url();
    if (url !== href && !url.startsWith("data:")) asked.push(url);
  });
  await page.goto(href);
  return asked;
}

for (const name of Object.keys(pages) as (keyof typeof pages)[]) {
  test(`${name}: axe finds nothing in either theme, and no request is made`, async ({ page }) => {
    test.setTimeout(90_000); // axe looks at every cell of a page that is tens of thousands of pixels high
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    const asked = await open(page, name);
    for (const summary of await page.locator("details > summary").all()) await summary.click();
    expect(await violationsOn(page)).toEqual([]);
    expect(asked).toEqual([]);
    expect(complaints).toEqual([]);
  });
}

for (const width of [320, 390, 1440]) {
  const names = ["finished", "small"] as const;
  for (const name of names)
    test(`${name}: nothing is wider than a screen of ${width}`, async ({ page }) => {
      await page.setViewportSize({ width, height: 800 });
      await open(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      // what a card holds stays in it
      const out = await page.evaluate(() =>
        [...document.querySelectorAll(".card table")].flatMap((table) =>
          table.getBoundingClientRect().right > (table.closest(".card")?.getBoundingClientRect().right ?? 0)
            ? [table.getAttribute("aria-labelledby")]
            : [],
        ),
      );
      expect(out).toEqual([]);
    });
}

test("colours follow the system until they are chosen", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await open(page, "finished");
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await paper();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await paper();
  expect(dark).not.toBe(light);
  await page.getByLabel("Light", { exact: true }).check();
  expect(await paper()).toBe(light);
  await page.emulateMedia({ colorScheme: "light" });
  await page.getByLabel("Dark", { exact: true }).check();
  expect(await paper()).toBe(dark);
});

test("keys reach every table that scrolls, and move it", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await open(page, "finished");
  const maps = page.getByRole("region", { name: "Maps of every method" });
  await maps.focus();
  await expect(maps).toBeFocused();
  const gates = page.getByRole("region", { name: "Gates of every method" });
  await gates.focus();
  await expect(gates).toBeFocused();
  await expect(async () => {
    // a busy page may drop the first key
    await page.keyboard.press("ArrowRight");
    expect(await gates.evaluate((e) => e.scrollLeft)).toBeGreaterThan(0);
  }).toPass();
});

test("dots stand where the numbers beside them say", async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(page, "finished");
  const rows = await page.locator("#metric-deletion-auc tbody tr").evaluateAll((all) =>
    all.map((row) => ({
      x: row.querySelector(".dot")!.getBoundingClientRect().x,
      value: Number(row.querySelector("td.num")!.textContent!.trim().split(/\s/)[0]),
    })),
  );
  expect(rows.length).toBeGreaterThan(5);
  const [first] = rows;
  const last = rows.reduce((a, b) =>
    Math.abs(b.value - first.value) > Math.abs(a.value - first.value) ? b : a,
  );
  const perUnit = (last.x - first.x) / (last.value - first.value);
  expect(perUnit).toBeGreaterThan(0);
  for (const { x, value } of rows)
    expect(Math.abs(x - first.x - perUnit * (value - first.value))).toBeLessThan(2);
});

test("paper has neither switches nor regions that scroll", async ({ page }) => {
  await open(page, "finished");
  await page.emulateMedia({ media: "print" });
  await expect(page.locator(".theme")).toBeHidden();
  await expect(page.getByRole("navigation")).toBeHidden();
  expect(
    await page
      .locator(".scroll")
      .first()
      .evaluate((e) => getComputedStyle(e).overflowX),
  ).toBe("visible");
});
