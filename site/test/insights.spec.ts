/** Insights and literature in a browser. That their sentences and drawings are right is tested beside them. */
import { expect, type Page, test } from "@playwright/test";
import { violationsOn } from "./axe.ts";

const cells = (page: Page) => page.locator("[data-uces] [data-cell]");
const answer = (page: Page) => page.locator("[data-uces-answer]");

test("insights: every question has an answer in a sentence, and a list to jump from", async ({ page }) => {
  await page.goto("./insights/");
  const questions = page.locator(".question");
  await expect(questions).toHaveCount(11);
  for (const question of await questions.all())
    await expect(question.locator(".finding:visible").first()).toHaveText(/\w.*\.\s*$/s);
  await expect(page.locator(".questions a")).toHaveCount(11);
  await page.getByRole("link", { name: "What has not been measured?" }).click();
  await expect(page.getByRole("heading", { name: "What has not been measured?" })).toBeInViewport();
  // made runs are of drawn pictures only
  for (const finding of await page.locator("#faithful ~ * .finding, #carry ~ * .finding").all())
    await expect(finding).toContainText("Test data, not advice");
});

test("insights: drawings name themselves, and each has its table", async ({ page }) => {
  await page.goto("./insights/");
  const drawings = page.locator(".question svg[role=img]:visible");
  expect(await drawings.count()).toBeGreaterThan(6);
  for (const drawing of await drawings.all())
    await expect(drawing).toHaveAttribute("aria-label", /The (table|tables) (below )?(has|have)/);
  const scatter = page.locator(".question .radar").first();
  await scatter.locator("summary").click();
  await expect(scatter.getByRole("table")).toBeVisible();
  await expect(scatter.locator("tbody tr")).toHaveCount(await scatter.locator("svg .marks").count());
});

test("insights: α is the reader's, by keyboard alone, and stays in the address", async ({ page }) => {
  await page.goto("./insights/");
  const range = page.getByLabel("α, the weight of classification");
  const field = page.getByLabel("α as a number");
  await expect(answer(page)).toHaveText(/^At α\s=\s0\.70/);
  const before = await cells(page).allInnerTexts();

  await range.focus();
  await page.keyboard.press("End");
  await expect(field).toHaveValue("1");
  await expect(answer(page)).toHaveText(/^At α\s=\s1\.00/);
  await expect(page).toHaveURL(/\?alpha=1$/);
  await expect(page.getByRole("status")).toHaveText(await answer(page).innerText());
  expect(await cells(page).allInnerTexts()).not.toEqual(before);
  // all classification: every explaining method orders the models alike
  const models = (await page.locator(".uces thead th").count()) - 1;
  const ranks = (await cells(page).locator("b").allInnerTexts()).map(Number);
  expect(ranks.slice(0, models)).toEqual(ranks.slice(models, 2 * models));

  await field.fill("0.25");
  await expect(range).toHaveValue("0.25");
  await expect(page.locator("[data-alpha-text]")).toHaveText("0.25");
  const shown = await cells(page).allInnerTexts();
  const mark = await page.locator("[data-alpha-mark]").getAttribute("d");
  await page.reload();
  await expect(range).toHaveValue("0.25");
  expect(await cells(page).allInnerTexts()).toEqual(shown);
  expect(await page.locator("[data-alpha-mark]").getAttribute("d")).toBe(mark);

  await field.fill("7");
  await expect(field).toHaveAttribute("aria-invalid", "");
  await expect(range).toHaveValue("0.25");
  await page.getByRole("button", { name: "Reset to 0.70" }).press("Enter");
  await expect(page).toHaveURL(/insights\/$/);
  expect(await cells(page).allInnerTexts()).toEqual(before);
});

test("insights: choices survive in the address, and what does not exist is ignored", async ({ page }) => {
  await page.goto("./insights/");
  const pick = page.locator("[data-pick=differences-drawn]");
  await pick.locator("input").first().focus();
  await page.keyboard.press("ArrowRight");
  await expect(pick.getByLabel("Faithfulness")).toBeChecked();
  await expect(page).toHaveURL(/\?differences-drawn=faithfulness$/);
  const panel = page.locator("[data-panel=differences-drawn]:visible");
  await expect(panel).toHaveCount(1);
  await expect(panel.locator("svg")).toHaveAttribute("aria-label", /by faithfulness/);
  await page.goto("./insights/?differences-drawn=robustness&alpha=%3Cb%3E&set=none#differences");
  await expect(pick.getByLabel("Robustness")).toBeChecked();
  await expect(answer(page)).toHaveText(/^At α\s=\s0\.70/);
});

test("insights: what is missing leads to the guide", async ({ page }) => {
  await page.goto("./insights/");
  const table = page.getByRole("region", { name: "Runs by family, images and metric" });
  await expect(table.locator("td.gap-enough").first()).toContainText(
    /\d+ runs: \d+ data sets, \d+ models, enough/,
  );
  await table.getByRole("link", { name: "Transformer" }).first().click();
  await expect(page).toHaveURL(/guide\/transformer-natural\/$/);
  await expect(page.locator("[data-headline]:visible")).toHaveText("Not enough evidence.");
});

for (const [name, path] of [
  ["insights", "./insights/"],
  ["literature", "./literature/"],
]) {
  test(`${name}: opened tables fit a narrow page, and axe finds nothing serious in them`, async ({
    page,
  }) => {
    await page.setViewportSize({ width: 320, height: 700 });
    await page.goto(path);
    for (const details of await page.locator("main details").all())
      await details.evaluate((element: HTMLDetailsElement) => {
        element.open = true;
      });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    expect(await violationsOn(page)).toEqual([]);
  });
}

test("literature: UCES of table VII is there number by number, and differences are shown", async ({
  page,
}) => {
  await page.goto("./literature/");
  const again = page.getByRole("region", { name: "UCES of table VII computed again" });
  await expect(again.locator("tbody tr")).toHaveCount(20);
  await expect(again.locator("tbody")).not.toContainText("✕");
  const differences = page.getByRole("region", { name: /^Differences in Comparative/ });
  await expect(differences.locator("tbody")).toContainText("✕");
  const table = page.locator(".printed", { hasText: "Table VI: Explanations" });
  await table.locator("summary").press("Enter");
  await expect(table.getByRole("table").first()).toBeVisible();
  await expect(table.locator(".differs").first()).toHaveText(/✕ [\d.]+ computed/);
  await expect(page.getByText("never in one ranking with runs")).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("insights: every ranking's answer is there, and UCES at the document's α", async ({ page }) => {
    await page.goto("./insights/");
    await expect(page.locator("[data-alpha]")).toBeHidden();
    await expect(answer(page)).toHaveText(/^At α\s=\s0\.70/);
    await expect(cells(page).first()).toBeVisible();
    const panels = page.locator("[data-panel=differences-drawn]");
    expect(await panels.count()).toBeGreaterThan(2);
    for (const panel of await panels.all()) await expect(panel.locator("svg")).toBeVisible();
  });

  test("literature: claims stand with what was found", async ({ page }) => {
    await page.goto("./literature/");
    const claims = page.getByRole("region", { name: /^Claims of Comparative/ });
    await expect(claims.locator("tbody tr").first()).toContainText("does not hold");
  });
});
