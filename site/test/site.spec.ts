/** The built site in a real browser: every page, at the base path it was built for. */
import { gzipSync } from "node:zlib";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { standardMethods } from "../../kit/src/stats/summarise.ts";
import type { Run } from "../lib/run.ts";
import { violationsOn } from "./axe.ts";
import { everyPage } from "./pages.ts";

const run = process.env.XAI_SITE_RUN ?? "";
const paths = everyPage(run);
const at = (name: string) => `./${paths[name]}`;

/** What no page may do, seen from the outside. */
const faults = new WeakMap<Page, string[]>();
test.beforeEach(async ({ page }) => {
  const found: string[] = [];
  faults.set(page, found);
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") found.push(`request to ${hostname}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) found.push(`${response.status()} ${response.url()}`);
  });
  page.on("pageerror", (error) => found.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") found.push(`console: ${message.text()}`); // the policy's violations among them
  });
});
test.afterEach(({ page }) => {
  expect(faults.get(page)).toEqual([]);
});

/** Scrolls through, so that whatever waits to be seen has been. */
async function seeAll(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 500) {
      scrollTo(0, y);
      await new Promise(requestAnimationFrame);
    }
  });
  await page.waitForLoadState("networkidle");
}

for (const name of Object.keys(paths)) {
  test(`${name}: has a title, one h1, no fault, and fits 320 px`, async ({ page }) => {
    await page.setViewportSize({ width: 320, height: 700 });
    await page.goto(at(name));
    await seeAll(page);
    await expect(page).toHaveTitle(/xai-kit/);
    await expect(page.locator("h1")).toHaveCount(1);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });

  test(`${name}: axe finds nothing serious, light or dark`, async ({ page }) => {
    test.slow(); // the leaderboard has thousands of cells
    await page.goto(at(name));
    await seeAll(page);
    expect(await violationsOn(page)).toEqual([]);
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("home shows every data set's radars and every ranking", async ({ page }) => {
    await page.goto(at("home"));
    await expect(page.getByRole("heading", { name: "Best methods" })).toBeVisible();
    await expect(page.locator(".radar svg[role=img]")).toHaveCount(16);
    for (const svg of await page.locator(".radar svg[role=img]").all()) await expect(svg).toBeVisible();
    await expect(page.getByRole("region", { name: "Ranks by Robustness" })).toBeVisible();
    await expect(page.getByText("Test data, not advice.").first()).toBeVisible();
    await expect(page.getByRole("region", { name: "Ranks by Overall" })).toBeVisible();
    await expect(page.getByText("No overall ranking yet")).toHaveCount(0);
  });

  test("the leaderboard's pages hold the whole table", async ({ page }) => {
    await page.goto(at("leaderboard"));
    await expect(page.locator("[data-filter]").first()).toBeHidden();
    await expect(
      page
        .locator("[data-board] tbody")
        .getByText(/^\s*\[0\.\d+, 0\.\d+\]$/)
        .first(),
    ).toBeVisible();
    const seen = new Set<string>();
    const next = page.getByRole("link", { name: "Next", exact: true });
    for (let last = false; !last; last = (await next.count()) === 0) {
      if (seen.size > 0) await next.click();
      const rows = await page
        .locator("[data-board] tbody tr")
        .evaluateAll((all) =>
          all.map((row) => `${row.querySelector("a")!.href} ${row.querySelector("th")!.textContent}`),
        );
      for (const row of rows) seen.add(row);
    }
    expect(seen.size).toBe(17 * standardMethods.length);
  });

  test("a run says where it comes from and how to make it again", async ({ page }) => {
    await page.goto(at("run"));
    await expect(page.getByText("npx xai-kit@0.1.0 evaluate")).toBeVisible();
    for (const heading of [
      "Ranks",
      "Values",
      "Single images",
      "Gates",
      "Overlays",
      "Provenance",
      "Classification",
    ]) {
      await expect(page.getByRole("heading", { name: heading, exact: true })).toBeVisible();
    }
    await expect(page.locator(".pictures img")).toBeVisible();
  });
});

test("home: choosing a data set shows its radars, alive", async ({ page }) => {
  await page.goto(at("home"));
  await expect(page.locator(".radar:visible")).toHaveCount(4);
  await page.getByText("Fundus photographs, drawn", { exact: true }).and(page.locator("label")).click();
  const radar = page.locator("[data-panel=domain][data-value=phantom-retina] .radar").first();
  await radar.scrollIntoViewIfNeeded();
  await expect(radar.locator("canvas")).toBeVisible();
  // painted, not blank
  const colours = await radar.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  expect(colours).toBeGreaterThan(50);
});

test("home: one method can be brought forward", async ({ page }) => {
  await page.goto(at("home"));
  await page.locator("label[for=series-occlusion]").click();
  await expect(page.locator("#series-occlusion")).toBeChecked();
  await page.locator("#series-occlusion").press("ArrowLeft");
  await expect(page.locator("#series-score-cam")).toBeChecked();
});

test("leaderboard: filters, order and columns survive in the address", async ({ page }) => {
  await page.goto(at("leaderboard"));
  await page.locator("select[data-filter=data]").selectOption("phantom-retina");
  await page.locator("select[data-filter=family]").selectOption("cnn");
  await page.getByRole("button", { name: /Insertion AUC/ }).click();
  await page.getByText("Columns", { exact: true }).click();
  await page.getByRole("checkbox", { name: "Sparseness" }).check();
  await expect(page).toHaveURL(/\?data=phantom-retina&family=cnn&sort=-insertion-auc&columns=[a-z,-]+$/);
  const table = page.locator("[data-board]");
  await expect(table.locator("tbody tr")).toHaveCount(2 * standardMethods.length);
  // the column that is fetched only now has come
  await expect
    .poll(() =>
      table.evaluate((element: HTMLTableElement) => {
        const [row] = element.tBodies[0].rows;
        const heads = [...element.tHead!.rows[0].cells];
        return row.cells[heads.findIndex((head) => head.dataset.column === "sparseness")].textContent;
      }),
    )
    .toMatch(/\d/);
  const before = await table.innerText();

  await page.goto(page.url());
  await expect.poll(() => table.innerText()).toBe(before);
  await expect(page.locator("th[aria-sort=descending]")).toHaveText(/Insertion AUC/);
  const cells = await table.locator("tbody tr").evaluateAll((rows) => {
    const heads = [...rows[0].closest("table")!.tHead!.rows[0].cells];
    const at = heads.findIndex((head) => head.dataset.column === "insertion-auc");
    return rows.map((row) => {
      const cell = (row as HTMLTableRowElement).cells[at];
      const value = /(\d\.\d+|–)/.exec(cell.textContent ?? "")![0];
      const run = row.querySelector("a")!.href;
      return { value: Number(value === "–" ? -1 : value), group: `${run} ${cell.title.split(",")[0]}` };
    });
  });
  // tie groups stand together, highest mean first
  const groups = [...new Set(cells.map(({ group }) => group))];
  expect(cells.map(({ group }) => group)).toEqual(
    groups.flatMap((group) => cells.filter((cell) => cell.group === group).map(() => group)),
  );
  const means = groups.map((group) => {
    const own = cells.filter((cell) => cell.group === group);
    return own.reduce((sum, { value }) => sum + value, 0) / own.length;
  });
  expect(groups.length).toBeGreaterThan(4);
  expect(means).toEqual(means.toSorted((a, b) => b - a));

  await page.getByRole("button", { name: "Reset" }).click();
  await expect(page).toHaveURL(/leaderboard\/$/);
  await expect(page.locator("[data-status]")).toHaveText("187 of 187 rows, 1 to 33 shown");
});

test("leaderboard: a reader's own weights order the methods, in the address", async ({ page }) => {
  await page.goto(at("leaderboard"));
  await page.getByText("Your own weights", { exact: true }).click();
  await page.getByRole("button", { name: "As the overall rank" }).press("Enter");
  await expect(page).toHaveURL(/weights=infidelity:1,max-sensitivity:3,deletion-auc:1,insertion-auc:1$/);
  await expect(page.locator("[data-leaders]")).toHaveText(/^First under these weights: .+ in \d+/);
  const slider = page.getByRole("slider", { name: "Sparseness, slider" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("spinbutton", { name: "Sparseness" })).toHaveValue("2");
  await expect(page).toHaveURL(/sparseness:2/);
  const head = page.getByRole("button", { name: "Your rank" });
  await head.press("Enter");
  await expect(page.locator("th[data-column=weighted]")).toHaveAttribute("aria-sort", "ascending");
  const first = page.locator("[data-board] tbody tr").first().locator("td").first();
  await expect(first).toHaveText(/^1=?$/);
  await expect(first).toHaveAttribute("title", /no interval/);
  const before = await page.locator("[data-board]").innerText();
  await page.goto(page.url());
  await expect.poll(() => page.locator("[data-board]").innerText()).toBe(before);
  await page.getByRole("button", { name: "None", exact: true }).click();
  await expect(page).toHaveURL(/leaderboard\/$/);
  await expect(page.locator("th[data-column=weighted]")).toHaveCount(0);
});

test("leaderboard: rows compared, with a receipt that can forbid a winner", async ({ page }) => {
  await page.goto(`${at("leaderboard")}?data=phantom-shapes&family=transformer`);
  const rows = page.locator("[data-board] tbody tr");
  await expect(rows).toHaveCount(standardMethods.length);
  await rows.nth(0).getByRole("checkbox").press("Space");
  const said = page.locator("[data-compare-said]");
  await expect(said).toHaveText("Choose another row to compare with.");
  await expect(rows.nth(0).getByRole("checkbox")).toBeFocused();
  await rows.last().getByRole("checkbox").press("Space");
  await expect(said).toHaveText(/^(Better than the others|Not separated)/);
  await expect(page.getByRole("row", { name: /^Protocol same/ })).toBeVisible();
  // a method of another data set: no winner
  await page.locator("select[data-filter=data]").selectOption("phantom-retina");
  await expect(rows).toHaveCount(standardMethods.length);
  await rows.nth(0).getByRole("checkbox").press("Space");
  await expect(said).toHaveText(/^None is called better: data, fingerprint/);
  await expect(page.getByRole("row", { name: /^Data, fingerprint differs: not comparable/ })).toBeVisible();
  await expect(page.locator(".compare .best")).toHaveCount(0);
  await expect(page).toHaveURL(/compare=phantom-shapes\/[^,]+,phantom-shapes\/[^,]+,phantom-retina\//);
  await page.goto(page.url());
  await expect(said).toHaveText(/^None is called better/);
  expect(await violationsOn(page)).toEqual([]);
  await page.getByRole("button", { name: "Compare nothing" }).click();
  await expect(page.locator("[data-compare]")).toBeHidden();
});

test("leaderboard: what is shown can be taken along", async ({ page }) => {
  await page.goto(`${at("leaderboard")}?method=occlusion&columns=method,data,infidelity`);
  await expect(page.locator("[data-board] tbody tr")).toHaveCount(17);
  const read = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name, exact: true }).click(),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  };
  const lines = (await read("CSV")).trimEnd().split("\r\n");
  expect(lines[0]).toBe("method,data,infidelity,infidelity_interval");
  expect(lines).toHaveLength(18);
  expect(lines[1]).toMatch(/^Occlusion,("[^"]+"|[^,"]+),0\.\d+,"\[0\.\d+, 0\.\d+\]"$/);
  const { columns, rows } = JSON.parse(await read("JSON")) as { columns: string[]; rows: string[][] };
  expect(columns).toEqual(lines[0].split(","));
  expect(rows).toHaveLength(17);
});

test("leaderboard: by keyboard alone", async ({ page }) => {
  await page.goto(at("leaderboard"));
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  await page.locator("select[data-filter=method]").focus();
  await page.keyboard.type("Occ");
  await page.keyboard.press("Enter");
  await expect(page.locator("[data-board] tbody tr")).toHaveCount(17);
  const head = page.locator("th[data-column=infidelity] button");
  await head.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("th[data-column=infidelity]")).toHaveAttribute("aria-sort", "ascending");
  await page.keyboard.press("Enter");
  await expect(page.locator("th[data-column=infidelity]")).toHaveAttribute("aria-sort", "descending");
  await page.getByRole("region", { name: "Leaderboard" }).focus();
  await expect(page.getByRole("region", { name: "Leaderboard" })).toBeFocused();
});

test("the theme is the reader's, and stays", async ({ page }) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(at("home"));
  const light = await paper();
  const button = page.getByRole("button", { name: /^Theme/ });
  await button.click();
  await button.click();
  await expect(button).toHaveAccessibleName("Theme: dark");
  expect(await paper()).not.toBe(light);
  await page.goto(at("leaderboard"));
  await expect(button).toHaveAccessibleName("Theme: dark");
  expect(await paper()).not.toBe(light);
});

test("printed, a table is not cut off and the tools are gone", async ({ page }) => {
  await page.goto(at("leaderboard"));
  await page.emulateMedia({ media: "print" });
  await expect(page.locator(".tools")).toBeHidden();
  const box = page.locator(".scroll.tall");
  expect(await box.evaluate((e) => getComputedStyle(e).overflowY)).toBe("visible");
});

test("with forced colours, radars stay drawings that the browser can colour", async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto(at("home"));
  await seeAll(page);
  await expect(page.locator(".radar canvas")).toHaveCount(0);
  await expect(page.locator(".heat td:visible").first()).toContainText(/Rank|No rank/);
});

for (const name of Object.keys(paths)) {
  test(`${name}: forced colours and less motion leave nothing out`, async ({ page }) => {
    await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
    await page.goto(at(name));
    await seeAll(page);
    await expect(page.locator("h1")).toBeVisible();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    // drawings keep their lines: what has a stroke or a filling has one that the browser chose or that we did
    const unseen = await page.evaluate(
      () =>
        [...document.querySelectorAll("main svg path, main svg line, main svg rect, main svg circle")].filter(
          (shape) => {
            const { stroke, fill } = getComputedStyle(shape);
            const paper = getComputedStyle(document.documentElement).backgroundColor;
            const drawn = shape.checkVisibility() && shape.getAttribute("d") !== "";
            return drawn && [stroke, fill].every((c) => c === "none" || c === paper);
          },
        ).length,
    );
    expect(unseen).toBe(0);
  });
}

test("home: by keyboard alone, from an answer to the ranks behind it", async ({ page }) => {
  await page.goto(at("home"));
  await page.locator("#home-family-cnn").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.locator("#home-family-transformer")).toBeFocused();
  await expect(page.getByRole("heading", { name: "Transformers on synthetic images" })).toBeVisible();
  await page.locator("#heat-overall").focus();
  await page.keyboard.press("ArrowRight");
  const heat = page.getByRole("region", { name: "Ranks by Faithfulness, data set by method" });
  await expect(heat).toBeVisible();
  await heat.focus();
  await page.keyboard.press("Tab");
  await expect(heat.getByRole("link").first()).toBeFocused();
});

test("a run: by keyboard alone, from its radar to its ranks", async ({ page }) => {
  await page.goto(at("run"));
  const radar = page.locator(".radar").first();
  await radar.locator("summary").focus();
  await page.keyboard.press("Enter");
  await expect(radar.getByRole("table")).toBeVisible();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(radar.getByRole("link").first()).toBeFocused();
});

test("a run: how single images are spread, metric by metric, by keyboard", async ({ page }) => {
  await page.goto(at("run"));
  const tables = page.getByRole("region", { name: /^Scores of single images by/ });
  await expect(tables).toHaveCount(1);
  await page.getByRole("radio", { name: "Infidelity", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(tables).toHaveCount(1);
  const table = page.getByRole("region", { name: "Scores of single images by Max-sensitivity" });
  await expect(table).toBeVisible();
  // as many scores as the values above are means of
  const saliency = table.getByRole("row", { name: /^Saliency/ });
  await expect(saliency.locator("svg")).toBeVisible();
  const { result } = (await (await page.request.get(`${page.url()}run.json`)).json()) as Run;
  const cell = result.statistics.cells.find((c) => c.method === "saliency" && c.metric === "max-sensitivity");
  await expect(saliency.locator("td").last()).toHaveText(`${cell!.n}`);
});

/** Tab by Tab from the page's content to the element, as somebody without a mouse comes there. */
async function tabTo(page: Page, name: string, target: (page: Page) => Locator): Promise<Locator> {
  await page.goto(at(name));
  const wanted = target(page).first();
  await expect(wanted).toBeVisible();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // skip to content
  for (let k = 0; k < 200; k++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return wanted;
  }
  throw new Error(`200 tabs do not lead to what is wanted on ${name}`);
}

test("pages that are read: by keyboard alone, to what is behind a line", async ({ page }) => {
  test.slow(); // up to two hundred keys on each of eight pages
  const main = (of: Page) => of.locator("main");
  const folded = await tabTo(page, "literature", (of) => main(of).locator("summary"));
  await page.keyboard.press("Enter");
  await expect(folded.locator("..")).toHaveAttribute("open", "");

  await tabTo(page, "ledger", (of) => main(of).locator("a[href*='/runs/']:visible"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runs\/[^/]+\/[^/]+\/[^/]+\/$/);

  await tabTo(page, "changelog", (of) => main(of).locator("a[href*='/runs/']:visible"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runs\/[^/]+\/[^/]+\/[^/]+\/$/);

  // not followed: a browser that shows bare JSON asks for an icon that is not there
  const file = await tabTo(page, "api", (of) =>
    main(of).getByRole("link", { name: "runs.json", exact: true }),
  );
  await expect(file).toHaveAttribute("href", /\/api\/v1\/runs\.json$/);

  for (const [index, entry] of [
    ["methods", "occlusion"],
    ["metrics", "infidelity"],
    ["architectures", "resnet-mini"],
    ["data sets", "phantom-cxr"],
  ] as const) {
    await tabTo(page, index, (of) => main(of).locator(`a[href$="/${entry}/"]`));
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(new RegExp(`/${entry}/$`));
  }
});

test("a superseded run points to the newer one", async ({ page }) => {
  await page.goto(`./runs/${process.env.XAI_SITE_OLD_RUN}/`);
  await page.getByRole("link", { name: "a newer run" }).click();
  await expect(page.locator("h1")).toHaveText("ResNet-mini on Chest radiographs, drawn");
  await expect(page.getByText("Superseded.")).toHaveCount(0);
});

test("maps computed elsewhere are said to be that, with a link that vouches for nothing", async ({
  page,
}) => {
  await page.goto(`./runs/${process.env.XAI_SITE_OLD_RUN}/`);
  await expect(
    page
      .getByRole("region", { name: /^Values/ })
      .locator("tbody")
      .first()
      .locator("th")
      .last(),
  ).toHaveText(/their-method\s*computed elsewhere/);
  const link = page.getByRole("link", { name: "https://example.org/their-method?of=a&b" });
  await expect(link).toHaveAttribute("rel", "nofollow noopener");
  await expect(link).toHaveAttribute("href", "https://example.org/their-method?of=a&b");
});

test("every link inside the site leads somewhere", async ({ page, baseURL }) => {
  const base = new URL(baseURL!);
  const seen = new Map<string, string>([[base.href, "start"]]);
  const anchors: { readonly page: string; readonly target: string; readonly anchor: string }[] = [];
  const pages = new Map<string, string>();
  const broken: string[] = [];
  for (const [address, from] of seen) {
    const response = await page.request.get(address);
    if (!response.ok()) broken.push(`${response.status()} ${address} from ${from}`);
    if (!response.headers()["content-type"]?.startsWith("text/html")) continue;
    const html = await response.text();
    pages.set(address, html);
    for (const [, attribute, raw] of html.matchAll(/\s(href|src)="([^"]*)"/g)) {
      const target = new URL(raw.replaceAll("&amp;", "&"), address);
      if (target.origin !== base.origin) {
        if (attribute === "src") broken.push(`${raw} on ${address} is loaded from elsewhere`);
        continue;
      }
      if (!target.pathname.startsWith(base.pathname))
        broken.push(`${raw} on ${address} leaves the base path`);
      const anchor = target.hash.slice(1);
      target.hash = "";
      if (anchor) anchors.push({ page: address, target: target.href, anchor });
      if (!seen.has(target.href)) seen.set(target.href, address);
    }
  }
  expect(broken).toEqual([]);
  expect(anchors.filter(({ target, anchor }) => !pages.get(target)?.includes(`id="${anchor}"`))).toEqual([]);
  expect(seen.size).toBeGreaterThan(30);
});

for (const name of Object.keys(paths).filter((name) => name !== "demo")) {
  test(`${name}: keeps to its weight`, async ({ page }) => {
    const weights = { script: 0, other: 0 };
    const pending: Promise<void>[] = [];
    page.on("response", (response) => {
      const kind = response.request().resourceType();
      if (kind === "font" || kind === "image") return;
      pending.push(
        response.body().then((body) => {
          weights[kind === "script" ? "script" : "other"] += gzipSync(body).length;
        }),
      );
    });
    await page.goto(at(name));
    await seeAll(page);
    page.removeAllListeners("response"); // what comes later finds no page to read it from
    await Promise.all(pending);
    test.info().annotations.push({ type: "gzipped bytes", description: JSON.stringify(weights) });
    expect(weights.script).toBeLessThan(90 * 1024);
    expect(weights.other).toBeLessThan(250 * 1024);
  });
}
