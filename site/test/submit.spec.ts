/** The way from a checkpoint to a pull request, as a page. */
import { expect, test } from "@playwright/test";
import recorded from "../submit/recorded.json" with { type: "json" };
import { steps } from "../submit/steps.ts";

test("every step shows its command and what it printed", async ({ page }) => {
  await page.goto("./submit/");
  await expect(page.locator(".steps").getByRole("heading", { level: 3 })).toHaveCount(steps.length + 1);
  for (const { id } of steps) {
    const step = page.locator(`#${id}`);
    const { command, output } = recorded.steps[id as keyof typeof recorded.steps];
    await expect(step.locator("[data-command]")).toHaveText(command);
    const last = step.locator("details").last();
    if (output.trim() === "") continue;
    if ((await last.getAttribute("open")) === null) await last.locator("summary").click();
    await expect(last.locator("pre")).toBeVisible();
    expect((await last.locator("pre").textContent())?.trimEnd()).toBe(output.trimEnd());
  }
});

test("its picture is there, and the comment of the check", async ({ page }) => {
  await page.goto("./submit/");
  const picture = page.locator("#explain img");
  await picture.scrollIntoViewIfNeeded();
  await expect.poll(() => picture.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(200);
  await expect(page.locator("#answer pre")).toContainText("xai-kit:submission");
});

test("each Copy button copies its own command", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("./submit/");
  for (const id of ["doctor", "validate"] as const) {
    const button = page.locator(`#${id}`).getByRole("button", { name: "Copy" });
    await button.click();
    await expect(page.locator(`#${id} [data-copy]`)).toHaveText("Copied");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(recorded.steps[id].command);
  }
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("everything can be read", async ({ page }) => {
    await page.goto("./submit/");
    await expect(page.getByText(recorded.steps.export.command, { exact: true })).toBeVisible();
    await page.locator("#submit summary").click();
    await expect(page.locator("#submit pre")).toContainText("This becomes public, and nothing else:");
  });
});
