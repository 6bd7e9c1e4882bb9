/** What machines read, as it is built and served: every file against its schema, feeds, badges, citations; and the pages about trust. */
import { expect, type Page, test } from "@playwright/test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parquetReadObjects } from "hyparquet";

const get = async (page: Page, path: string) => {
  const response = await page.request.get(path);
  expect(response.status(), path).toBe(200);
  return response;
};
const json = async (page: Page, path: string) => (await get(page, path)).json();

test("every file of the API is as its schema says", async ({ page }) => {
  const index = await json(page, "./api/v1/index.json");
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  for (const { schema } of index.documents) ajv.addSchema(await json(page, `./api/v1/${schema}`));
  const check = async (path: string, schema: string) => {
    const { $id } = await json(page, `./api/v1/${schema}`);
    const validate = ajv.getSchema($id) ?? ajv.compile(await json(page, `./api/v1/${schema}`));
    validate(await json(page, `./api/v1/${path}`));
    expect(validate.errors, path).toBeNull();
  };
  await check("index.json", "schemas/index.schema.json");
  const { runs } = await json(page, "./api/v1/runs.json");
  expect(runs).toHaveLength(index.counts.runs);
  for (const { path, schema } of index.resources) {
    if (schema === null) await get(page, `./api/v1/${path}`);
    else if (path.includes("{id}")) for (const { id } of runs) await check(path.replace("{id}", id), schema);
    else await check(path, schema);
  }
});

test("a run comes with the document as it was published", async ({ page }) => {
  const id = process.env.XAI_SITE_RUN;
  const { document } = await json(page, `./api/v1/runs/${id}.json`);
  expect(document).toEqual(await json(page, `./runs/${id}/run.json`));
});

test("the leaderboard has the same rows as JSON, CSV and Parquet", async ({ page }) => {
  const { rows } = await json(page, "./api/v1/leaderboard.json");
  const csv = await (await get(page, "./api/v1/leaderboard.csv")).text();
  const parquet = await (await get(page, "./api/v1/leaderboard.parquet")).body();
  expect(csv.trimEnd().split("\r\n")).toHaveLength(rows.length + 1);
  const file = parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.length) as ArrayBuffer;
  expect(await parquetReadObjects({ file })).toHaveLength(rows.length);
});

test("both feeds are found from a page, and a browser can read them", async ({ page }) => {
  await page.goto("./ledger/");
  const feeds = await page
    .locator("link[rel=alternate]")
    .evaluateAll((links) =>
      links.map((link) => [(link as HTMLLinkElement).type, (link as HTMLLinkElement).href]),
    );
  expect(feeds.map(([type]) => type)).toEqual(["application/atom+xml", "application/feed+json"]);
  const xml = await (await get(page, feeds[0][1])).text();
  const read = await page.evaluate((text) => {
    const parsed = new DOMParser().parseFromString(text, "application/xml");
    return {
      fault: parsed.querySelector("parsererror")?.textContent ?? null,
      links: [...parsed.querySelectorAll("entry link")].map((link) => link.getAttribute("href")!),
    };
  }, xml);
  expect(read.fault).toBeNull();
  const feed = await json(page, feeds[1][1]);
  expect(feed.version).toBe("https://jsonfeed.org/version/1.1");
  expect(feed.items).toHaveLength(read.links.length);
  for (const link of read.links.slice(0, 5)) {
    const [path, anchor] = link.split("#");
    const html = await (await get(page, new URL(path, feeds[0][1]).href)).text();
    if (anchor !== undefined) expect(html).toContain(`id="${anchor}"`);
  }
});

test("a run says what its tier rests on, and how to cite it", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { runs } = await json(page, "./api/v1/runs.json");
  const { id } = runs.find(({ tier }: { tier: string }) => tier === "attested");
  expect(await json(page, `./badges/${id}.json`)).toEqual({
    schemaVersion: 1,
    label: "xai-kit, protocol 1",
    message: "attested, erratum",
    color: "orange",
  });
  await page.goto(`./runs/${id}/`);
  await expect(page.getByRole("heading", { name: "Evidence tier: attested" })).toBeVisible();
  const evidence = page.getByRole("link", { name: "Attested by some-one on 2026-11-24." });
  await expect(evidence).toHaveAttribute("rel", "nofollow noopener");
  const cite = page.getByRole("region", { name: "Trust and citation" });
  await cite.getByRole("button", { name: "Copy" }).last().focus();
  await page.keyboard.press("Enter");
  await expect(cite.getByRole("button", { name: "Copied" })).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/^@misc\{xai-kit-phantom-histology-histology-vit-/);
  expect(`${copied}\n`).toBe(await (await get(page, `./runs/${id}/cite.bib`)).text());
  expect(await json(page, `./runs/${id}/cite.csl.json`)).toMatchObject([{ type: "dataset" }]);
});

test("an erratum is told on the run it touches, with the way to what was wrong", async ({ page }) => {
  await page.goto(`./runs/${process.env.XAI_SITE_RUN}/`);
  const value = page.getByRole("region", { name: /^Values/ }).locator("td", { hasText: "†" });
  await expect(value).toHaveCount(1);
  await expect(value).toContainText("erratum 1 of 2026-11-25: Made up for tests");
  await page.getByRole("link", { name: "What was wrong" }).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/changelog\/#erratum-1$/);
  const erratum = page.locator("#erratum-1");
  await expect(erratum).toBeInViewport();
  await expect(erratum).toContainText("18 values in 18 runs");
  await erratum.locator("summary").focus();
  await page.keyboard.press("Enter");
  await expect(erratum.getByRole("listitem").first()).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the ledger says who has which tier by what, and what does not count", async ({ page }) => {
    await page.goto("./ledger/");
    const tiers = page.getByRole("region", { name: "Tiers", exact: true });
    for (const [tier, n] of [
      ["submitted", 1],
      ["recomputed", 16],
      ["reproduced", 0],
      ["attested", 1],
    ]) {
      const row = tiers
        .getByRole("row")
        .filter({ has: page.getByRole("rowheader", { name: `${tier}`, exact: true }) });
      await expect(row.getByRole("cell").last()).toHaveText(`${n}`);
    }
    await expect(tiers.getByText("Not yet possible")).toHaveCount(2);
    await expect(page.locator("#line-2")).toContainText(
      "no: names the run itself, which is no evidence of another",
    );
    const first = page.getByRole("region", { name: "Runs with their tiers" }).getByRole("row").nth(1);
    await expect(first).toContainText(/attested.*Attested by some-one on 2026-11-24\./s);
  });

  test("the changelog tells protocols, errata and days", async ({ page }) => {
    await page.goto("./changelog/");
    await expect(page.locator("#protocol-1")).toContainText("2026-11-26");
    await expect(page.getByRole("heading", { name: "2026-11-20 16 runs" })).toBeVisible();
  });

  test("the API's page leads to every file", async ({ page }) => {
    await page.goto("./api/");
    const links = page.getByRole("region", { name: "Files" }).getByRole("link");
    expect(await links.count()).toBeGreaterThan(20);
    for (const link of await links.all()) await get(page, (await link.getAttribute("href"))!);
  });
});
