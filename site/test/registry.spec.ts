/** Pages of methods, metrics, architectures and data sets in a browser. That what they count is right is tested beside it. */
import { expect, type Page, test } from "@playwright/test";
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import { standardMethods } from "../../kit/src/stats/summarise.ts";
import { violationsOn } from "./axe.ts";

const cells = (page: Page, table: string, row: string | RegExp) =>
  page.getByRole("region", { name: table, exact: true }).getByRole("row", { name: row }).first();

for (const [kind, title, count] of [
  ["methods", "Methods", methods.length],
  ["metrics", "Metrics", metrics.length],
] as const) {
  test(`registry: every entry of ${kind} has a row that leads to its page`, async ({ page }) => {
    await page.goto(`./${kind}/`);
    const links = page.getByRole("region", { name: title }).getByRole("link");
    await expect(links).toHaveCount(count);
    await links.first().click();
    await expect(page.locator("h1")).toHaveText((kind === "methods" ? methods : metrics)[0].title);
    await page.locator(".trail a").click();
    await expect(page.locator("h1")).toHaveText(title);
  });
}

test("registry: by keyboard alone, from a method to its run and on to its data set", async ({ page }) => {
  await page.goto("./methods/occlusion/");
  await page.getByRole("region", { name: "Ranks of Occlusion on Synthetic" }).focus();
  // the head's metrics, then the first data set, then its first run
  const { length } = await page
    .getByRole("region", { name: "Ranks of Occlusion on Synthetic" })
    .locator("thead a")
    .all();
  for (let k = 0; k < length + 2; k++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runs\/phantom-cxr\/cxr-/);
  await page.goBack();
  const data = page.getByRole("region", { name: "Runs", exact: true }).getByRole("link", { name: /drawn$/ });
  await data.first().focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/datasets\/phantom-cxr\/$/);
});

test("registry: a method's page counts its runs, shows those that do not count, and why", async ({
  page,
}) => {
  await page.goto("./methods/occlusion/");
  await expect(page.getByText("Test data, not advice.")).toBeVisible();
  await expect(
    page.getByText(/^16 runs on 4 data sets with 16 models, protocol 1, tier recomputed/),
  ).toBeVisible();
  await expect(cells(page, "Tally on Synthetic", /^Infidelity/)).toContainText(/^\s*Infidelity\s*16\s*48/);
  const runs = page.getByRole("region", { name: "Runs", exact: true });
  await expect(runs.locator("tbody tr")).toHaveCount(18);
  await expect(runs.getByText("– quick runs are never ranked")).toHaveCount(1);
  await expect(runs.getByText("– without the scores it was made from")).toHaveCount(1);
  await page.getByRole("link", { name: "On the leaderboard" }).click();
  await expect(page).toHaveURL(/leaderboard\/\?method=occlusion$/);
  await expect(page.locator("select[data-filter=method]")).toHaveValue("occlusion");
});

test("registry: a hole in a run keeps its reason on the method's page", async ({ page }) => {
  await page.goto("./methods/grad-cam/");
  const reason = "the layer's patch gradients all vanish";
  await expect(page.getByRole("region", { name: "Runs", exact: true }).getByText(reason)).toHaveCount(1);
  await expect(page.getByTitle(`No rank: ${reason}`).first()).toBeVisible();
  await expect(cells(page, "Tally on Synthetic", /^Infidelity/)).toContainText(/^\s*Infidelity\s*15/);
});

test("registry: a control says what it must score and what beats it, and leads nowhere", async ({ page }) => {
  await page.goto("./methods/random/");
  await expect(page.getByText("control, never ranked")).toBeVisible();
  const table = page.getByRole("region", { name: "What it must score, and what beats it" });
  await expect(table.locator("tbody tr")).toHaveCount(metrics.length);
  await expect(table.getByRole("row", { name: /^Deletion AUC/ })).toContainText(/\d+ of 17[56]/);
  await expect(page.locator(".tally, .heat")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "On the leaderboard" })).toHaveCount(0);
});

test("registry: a method that no run has yet says so", async ({ page }) => {
  await page.goto("./methods/lrp/");
  await expect(page.getByText("Not known: no counted run has it.")).toBeVisible();
  await expect(page.getByText("None yet.")).toBeVisible();
});

test("registry: a metric's page has every standard method, its gate, and who leads", async ({ page }) => {
  await page.goto("./metrics/infidelity/");
  const tally = page.getByRole("region", { name: "Tally on Synthetic" });
  await expect(tally.locator("tbody tr")).toHaveCount(standardMethods.length);
  await expect(page.getByText(/beat every control on it in \d+ of 175 cases/)).toBeVisible();
  await expect(page.getByRole("region", { name: "Best methods by Infidelity" })).toBeVisible();
  await page
    .getByRole("region", { name: /^Ranks by Infidelity/ })
    .getByRole("link", { name: "Saliency" })
    .click();
  await expect(page.locator("h1")).toHaveText("Saliency");
});

test("registry: an architecture's page picks a ranking, and its radars come alive", async ({ page }) => {
  await page.goto("./architectures/vit-mini/");
  await page.locator("#best-synthetic-overall").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("region", { name: "Best methods by Faithfulness" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Best methods by Overall" })).toBeHidden();
  const radar = page.locator(".radar").first();
  await radar.scrollIntoViewIfNeeded();
  await expect(radar.locator("canvas")).toBeVisible();
  await expect(page.locator(".radar")).toHaveCount(4);
});

test("registry: a preset without runs says what the kit knows", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("./architectures/resnet-50/");
  await expect(page.getByText("ResNet50_Weights.IMAGENET1K_V2").first()).toBeVisible();
  await page.getByRole("button", { name: "Copy" }).first().click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("models export-help resnet-50");
});

test("registry: a data set's page says what is known of it, and ranks methods by model", async ({ page }) => {
  await page.goto("./datasets/phantom-cxr/");
  await expect(page.getByText("CC0-1.0")).toBeVisible();
  await expect(page.locator("[data-command]")).toContainText("datasets where phantom");
  await expect(page.locator(".heat:visible tbody tr")).toHaveCount(1 + 4);
  await page.goto("./datasets/iq-othnccd/");
  await expect(page.getByText(/an official test split, without which runs are not ranked/)).toBeVisible();
  await expect(page.getByText("Not known: no counted run is on it.")).toBeVisible();
});

test("registry: names elsewhere lead to these pages", async ({ page }) => {
  await page.goto("./");
  await page.locator(".answer:visible").getByRole("link", { name: "CLIP-ViT-mini" }).click();
  await expect(page).toHaveURL(/\/architectures\/clip-vit-mini\/$/);
  await page.goBack();
  await page.locator(".heat:visible thead").getByRole("link", { name: "Occlusion" }).click();
  await expect(page).toHaveURL(/\/methods\/occlusion\/$/);
});

for (const path of ["methods/occlusion/", "metrics/cost/", "datasets/chexpert/"]) {
  test(`registry: ${path} opened fits a narrow page, and axe finds nothing serious in it`, async ({
    page,
  }) => {
    test.slow(); // busy machines
    await page.setViewportSize({ width: 320, height: 700 });
    await page.goto(`./${path}`);
    for (const summary of await page.locator("main summary:visible").all()) await summary.click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    expect(await violationsOn(page)).toEqual([]);
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("registry: every ranking of an architecture and of a data set stands below the other", async ({
    page,
  }) => {
    await page.goto("./architectures/vit-mini/");
    await expect(page.locator(".answer")).toHaveCount(10);
    for (const table of await page.locator(".answer").all()) await expect(table).toBeVisible();
    await expect(page.locator(".radar svg[role=img]").first()).toBeVisible();
    await page.goto("./datasets/phantom-retina/");
    await expect(page.getByRole("region", { name: "Ranks by Robustness, data set by method" })).toBeVisible();
    await page.goto("./methods/occlusion/");
    await expect(page.getByRole("region", { name: "Tally on Synthetic" })).toBeVisible();
  });
});
