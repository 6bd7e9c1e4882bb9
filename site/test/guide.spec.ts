/** The guide in a browser. That its answers are right is tested beside its rules. */
import { gzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { standardMethods } from "../../kit/src/stats/summarise.ts";
import { violationsOn } from "./axe.ts";

const headline = (page: Page) => page.locator("[data-headline]:visible");
const choose = (page: Page, name: string) =>
  page.locator(".choices").getByText(name, { exact: true }).click();

test("choices show one answer, and survive in the address", async ({ page }) => {
  await page.goto("./guide/");
  // what the tests' runs can speak of
  await expect(page.getByRole("heading", { level: 2 }).first()).toHaveText(
    "Convolutional models on synthetic images",
  );
  await expect(headline(page)).toHaveCount(1);

  await choose(page, "Transformer");
  await choose(page, "Robustness");
  await expect(page).toHaveURL(/guide\/\?family=transformer&track=synthetic&concern=robustness$/);
  const answer = page.locator(".guide [data-panel=concern]:visible");
  await expect(answer).toHaveCount(1);
  await expect(answer.getByRole("heading", { level: 3 })).toContainText("Robustness");
  await expect(page.getByRole("status")).toHaveText(await headline(page).innerText());
  const before = await answer.innerText();

  await page.reload();
  await expect(page.locator("#family-transformer")).toBeChecked();
  await expect(page.locator("#concern-robustness")).toBeChecked();
  await expect.poll(() => answer.innerText()).toBe(before);
});

test("an address of things that do not exist opens the page as it is", async ({ page }) => {
  await page.goto("./guide/?family=nothing&track=%3Cb%3E&concern=cost");
  await expect(page.locator("#family-cnn")).toBeChecked();
  await expect(page.locator("#concern-cost")).toBeChecked();
  await expect(headline(page)).toHaveCount(1);
});

test("each method names its rule and runs, and a run leads to its page", async ({ page }) => {
  await page.goto("./guide/");
  const methods = page.locator(".verdict li:visible");
  await expect(methods).toHaveCount(standardMethods.length);
  const row = methods.first();
  await row.locator("summary").click();
  await expect(row.getByText(/^Rule\. .*2 data sets and 2 independently trained models/)).toBeVisible();
  await expect(row.locator("caption")).toHaveText("Protocol 1, tier recomputed");
  // two convolutional models on each of four data sets
  await expect(row.locator("tbody tr")).toHaveCount(8);
  await expect(row.locator("tbody tr").first()).toContainText(
    /48\s*\d+ of 11\s*(leads|last)?\s*\d+(–\d+)?\s*[✓✕?]\s*(passed|failed|not known)/,
  );
  await row.locator("tbody").getByRole("link").first().click();
  await expect(page).toHaveURL(/\/runs\/phantom-cxr\/cxr-densenet\//);
  await expect(page.getByText("recomputed", { exact: true })).toBeVisible();
});

test("cost has exact ranks, and a method that cannot run a reason", async ({ page }) => {
  await page.goto("./guide/?family=contrastive&concern=cost");
  const row = page
    .locator(".verdict li:visible")
    .filter({ has: page.locator("b", { hasText: /^\s*Grad-CAM\s*$/ }) });
  await row.locator("summary").click();
  await expect(row.getByText("exact").first()).toBeVisible();
  await expect(row.getByText("– the layer's patch gradients all vanish")).toBeVisible();
});

test("a limit of cost sets dear methods apart, in the answer and in the address", async ({ page }) => {
  await page.goto("./guide/?concern=cost");
  const rows = page.locator(".verdict li:visible");
  await expect(rows).toHaveCount(standardMethods.length);
  await page.getByLabel("Cost at most").selectOption("10");
  await expect(page).toHaveURL(/concern=cost&limit=10$/);
  await expect(headline(page)).toHaveText(/\d+ methods take more than 10 passes\.$/);
  const left = await rows.count();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(standardMethods.length);
  // another scope comes with the limit kept
  await choose(page, "Transformer");
  await expect(headline(page)).toHaveText(/more than 10 passes\.$/);
  await page.reload();
  await expect(page.getByLabel("Cost at most")).toHaveValue("10");
  await expect(headline(page)).toHaveText(/more than 10 passes\.$/);
  await page.getByLabel("Cost at most").selectOption("");
  await expect(page).toHaveURL(/concern=cost$/);
  await expect(rows).toHaveCount(standardMethods.length);
});

test("an answer that cannot be fetched says so, and comes with the next choice", async ({ page }) => {
  await page.goto("./guide/");
  const pages = "**/guide/transformer-synthetic/";
  await page.route(pages, (route) => route.abort());
  await choose(page, "Transformer");
  await expect(page.getByText("The answer cannot be fetched.")).toBeVisible();
  await expect(page.getByRole("link", { name: "Open its page" })).toHaveAttribute(
    "href",
    /\/guide\/transformer-synthetic\/$/,
  );
  await page.unroute(pages);
  await choose(page, "Robustness");
  await expect(page.getByText("The answer cannot be fetched.")).toBeHidden();
  await expect(headline(page)).toHaveCount(1);
});

test("synthetic answers are headed as test data", async ({ page }) => {
  await page.goto("./guide/?track=synthetic");
  for (const family of ["Convolutional", "Transformer", "Contrastive"]) {
    await choose(page, family);
    for (const concern of ["Faithfulness", "Robustness", "Localisation", "Cost"]) {
      await choose(page, concern);
      await expect(page.getByRole("heading", { level: 3 }).first()).toHaveText(
        new RegExp(`^\\s*${concern}\\s*Test data, not advice\\s*$`),
      );
    }
  }
});

test("where nothing was measured it says so, with the command that would help", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("./guide/?family=transformer&track=medical");
  await expect(headline(page)).toHaveText("Not enough evidence.");
  await expect(page.getByText("No run counts here yet.").filter({ visible: true })).toHaveCount(1);
  const command = page.locator("[data-command]:visible");
  await expect(command).toContainText("npx xai-kit");
  await expect(page.getByRole("link", { name: "How a run gets here" })).toHaveAttribute(
    "href",
    /\/submit\/$/,
  );
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await command.textContent());

  await choose(page, "CT");
  await expect(page.getByText("has no official test split").filter({ visible: true })).toHaveCount(1);
  await expect(command).toContainText("--split");
});

test("by keyboard alone", async ({ page }) => {
  await page.goto("./guide/");
  await page.locator("#family-cnn").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.locator("#family-transformer")).toBeFocused();
  await expect(page.getByRole("heading", { level: 2 }).first()).toHaveText(
    "Transformers on synthetic images",
  );
  await page.keyboard.press("Tab");
  await expect(page.locator("#track-synthetic")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowLeft");
  await expect(page.locator("#concern-cost")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Cost at most")).toBeFocused();
  await page.keyboard.press("Tab");
  const row = page.locator(".verdict li:visible").first();
  await expect(row.getByRole("link").first()).toBeFocused(); // the method's page
  await page.keyboard.press("Tab");
  const details = row.locator("details");
  await expect(details.locator("summary")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(details.getByRole("table")).toBeVisible();
});

test("opened evidence fits a narrow page", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await page.goto("./guide/");
  for (const summary of await page.locator(".verdict summary:visible").all()) await summary.click();
  await expect(page.locator(".verdict table:visible")).toHaveCount(standardMethods.length);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});

test("axe finds nothing serious in opened evidence", async ({ page }) => {
  test.slow();
  await page.goto("./guide/");
  for (const summary of await page.locator(".verdict summary:visible").all()) await summary.click();
  expect(await violationsOn(page, ".guide")).toEqual([]);
});

test("keeps to its weight", async ({ page }) => {
  const sizes = { script: 0, other: 0 };
  const pending: Promise<void>[] = [];
  page.on("response", (response) => {
    const kind = response.request().resourceType();
    if (kind === "font" || kind === "image") return;
    const size = response.body().then((body) => {
      sizes[kind === "script" ? "script" : "other"] += gzipSync(body).length;
    });
    pending.push(size);
  });
  await page.goto("./guide/", { waitUntil: "networkidle" });
  page.removeAllListeners("response"); // what comes later finds no page to read it from
  await Promise.all(pending);
  test.info().annotations.push({ type: "gzipped bytes", description: JSON.stringify(sizes) });
  expect(sizes.script).toBeLessThan(4 * 1024);
  expect(sizes.other).toBeLessThan(250 * 1024);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("every family and kind of images has a page, where all answers stand", async ({ page }) => {
    await page.goto("./guide/");
    await expect(page.locator(".choices")).toBeHidden();
    await expect(headline(page)).toHaveCount(4);
    const scopes = page.getByRole("navigation", { name: "Every family and kind of images" });
    await expect(scopes.getByRole("link")).toHaveCount(15);
    await scopes.getByRole("link", { name: "Contrastive models on synthetic images" }).click();
    await expect(page.getByRole("heading", { name: "Contrastive models on synthetic images" })).toBeVisible();
    await expect(headline(page)).toHaveCount(4);
    const details = page.locator(".verdict details").last();
    await details.locator("summary").click();
    await expect(details.getByRole("table")).toBeVisible();
    await scopes.getByRole("link", { name: "Transformers on CT" }).click();
    await expect(headline(page)).toHaveText("Not enough evidence.");
  });
});
