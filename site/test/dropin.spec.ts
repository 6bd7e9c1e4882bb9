/** A run dropped on the page: what it says is what Node says (site/submit/check.test.ts); here it is said, and nothing leaves. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { decodeSidecar, encodeSidecar } from "../../kit/src/results/sidecar.ts";
import { placeOf, validateRun } from "../../kit/src/results/validate.ts";
import { madeRun } from "../../kit/test/made-run.ts";
import { checkerSize, checks } from "../submit/checks.ts";
import { violationsOn } from "./axe.ts";

const made = madeRun({ protocol: "1", count: 16 });
const file = (name: string, content: string | Uint8Array) => ({
  name,
  mimeType: "application/octet-stream",
  buffer: Buffer.from(content),
});
const good = [file("run.json", made.text), file("scores.parquet", made.sidecar)];
const wrong = made.text.replace(/"mean":0\.\d+/, '"mean":0.5');

const give = (page: Page, files: ReturnType<typeof file>[]) =>
  page.locator("[data-files]").setInputFiles(files);
const sentence = (page: Page) => page.locator("[data-sentence]");
const check = (page: Page, id: (typeof checks)[number]["id"]) => page.locator(`[data-check="${id}"]`);
const states = (page: Page) =>
  page
    .locator("[data-state]")
    .evaluateAll((all) => all.map((state) => state.textContent?.trim().charAt(0)).join(""));

/** Waits for the worker, which has to share the machine with others. */
const patient = { timeout: 25_000 };

test("a good run is checked in the page: nothing leaves, and the policy holds", async ({ page }) => {
  const requests: { method: string; url: string; script: boolean }[] = [];
  let size = 0;
  page.on("request", (request) =>
    requests.push({
      method: request.method(),
      url: request.url(),
      script: request.resourceType() === "script" || /\.js$/.test(request.url()),
    }),
  );
  page.on("response", async (response) => {
    if (/worker[^/]*\.js$/.test(response.url())) size += gzipSync(await response.body()).length;
  });
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) => console.error(event.violatedDirective)),
  );
  await page.goto("./submit/", { waitUntil: "networkidle" });
  expect(requests.some(({ url }) => url.includes("worker"))).toBe(false);
  await expect(page.locator("[data-drop]")).toContainText(`about ${checkerSize} KiB`);
  const before = requests.length;

  await give(page, [...good, file("sheet.png", "picture")]);
  await expect(sentence(page)).toHaveText("Valid: every statistic follows from the scores.", patient);
  await expect(page.getByRole("status")).toHaveText("Valid: every statistic follows from the scores.");
  expect(await states(page)).toBe("✓✓✓✓✓✓–✓");
  await expect(page.locator("[data-verdict] dl")).toContainText(made.identity);
  await expect(page.locator("[data-notes]")).toContainText("1 other file was not looked at");
  await expect(page.locator("[data-next] code")).toContainText("npx xai-kit submit");
  await expect(page.locator("[data-next]")).toContainText("whether the run is there already");

  const after = requests.slice(before);
  expect(after.length).toBeGreaterThan(0);
  expect(after.every(({ method, script }) => method === "GET" && script)).toBe(true);
  const origin = new URL(page.url()).origin;
  expect(requests.filter(({ url }) => new URL(url).origin !== origin)).toEqual([]);
  expect(complaints).toEqual([]);
  await expect.poll(() => size).toBeGreaterThan(0);
  expect(Math.abs(size / 1024 / checkerSize - 1)).toBeLessThan(0.1);
});

test("a folder, with its pictures left aside", async ({ page }, info) => {
  const folder = info.outputPath("results", "runs", placeOf(made.run));
  mkdirSync(join(folder, "pictures"), { recursive: true });
  for (const { name, buffer } of good) writeFileSync(join(folder, name), buffer);
  writeFileSync(join(folder, "pictures", "run.png"), "picture");
  await page.goto("./submit/");
  await page.locator("[data-folder]").setInputFiles(info.outputPath("results"));
  await expect(sentence(page)).toHaveText("Valid: every statistic follows from the scores.", patient);
  await expect(page.locator("[data-verdict] dl")).toContainText(`results/runs/${placeOf(made.run)}`);
  await expect(page.locator("[data-notes]")).toContainText("1 other file was not looked at");
});

test("the document alone, then the scores", async ({ page }) => {
  await page.goto("./submit/");
  await give(page, [good[0]]);
  await expect(sentence(page)).toHaveText(
    "Nothing is wrong so far, but nothing was computed again.",
    patient,
  );
  expect(await states(page)).toBe("–✓✓––✓–✓");
  await expect(check(page, "numbers")).toContainText("put scores.parquet beside it");
  await expect(page.locator("[data-next]")).toBeHidden();
  await give(page, [good[1]]);
  await expect(sentence(page)).toHaveText("Valid: every statistic follows from the scores.", patient);
});

test("what was changed is refused in the words of the command line", async ({ page }) => {
  await page.goto("./submit/");
  await give(page, [file("run.json", wrong), good[1]]);
  await expect(sentence(page)).toHaveText("Refused: 1 problem.", patient);
  const [problem] = validateRun({ name: "run.json", text: wrong, sidecar: made.sidecar }).problems;
  const fault = check(page, "numbers").locator(".faults li");
  await expect(fault.locator("code")).toHaveText(`run.json: ${problem.path}`);
  await expect(fault).toContainText(problem.message);
  await expect(fault).toContainText(`Next: ${problem.next}`);
  await expect(fault).toContainText(`[${problem.code}]`);

  const { metrics, rows } = decodeSidecar(made.sidecar);
  const changed = rows.map((row, i) => (i === 0 ? { ...row, correct: !row.correct } : row));
  await give(page, [good[0], file("scores.parquet", encodeSidecar(changed, metrics))]);
  await expect(check(page, "numbers").locator("[data-state]")).toContainText("problems", patient);
  await expect(check(page, "numbers")).toContainText("another prediction than in the first row");
});

test("hostile files end in words", async ({ page }) => {
  await page.goto("./submit/");
  const name = "<img src=x onerror=document.title='taken'>.json";
  for (const [content, says] of [
    ["not JSON", "line 1, column 1"],
    ["[".repeat(200_000), "line 1, column"],
    ['{"result":{"<b>x</b>":NaN}}', "line 1, column"],
    ["x".repeat(5 * 2 ** 20), "longer than 4194304 bytes"],
  ] as const) {
    await give(page, [file(name, content)]);
    await expect(check(page, "form").locator(".faults")).toContainText(says, patient);
    await expect(check(page, "form").locator(".faults code")).toContainText(name);
  }
  await give(page, [good[0], file("scores.parquet", "PAR1 no table PAR1")]);
  await expect(check(page, "numbers").locator(".faults")).toContainText("is not a sidecar", patient);
  await give(page, [file("picture.png", "picture")]);
  await expect(page.getByRole("alert")).toContainText("There is no run in it.");
  await expect(page.locator("[data-verdict]")).toBeHidden();
  expect(await page.locator(".dropin img, .checks img, .checks b").count()).toBe(0);
  expect(await page.title()).not.toBe("taken");
});

test("dropped anywhere on the page", async ({ page }) => {
  await page.goto("./submit/");
  const data = await page.evaluateHandle(
    ({ text, scores }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], "run.json"));
      transfer.items.add(new File([new Uint8Array(scores)], "scores.parquet"));
      return transfer;
    },
    { text: made.text, scores: [...made.sidecar] },
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: data });
  await expect(page.locator("[data-drop][data-over]")).toHaveCount(1);
  await page.dispatchEvent("h1", "drop", { dataTransfer: data });
  await expect(page.locator("[data-drop][data-over]")).toHaveCount(0);
  await expect(sentence(page)).toHaveText("Valid: every statistic follows from the scores.", patient);
});

test("by keyboard alone, and Stop ends it", async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/worker[^/]*\.js$/, async (route) => {
    await held;
    await route.continue().catch(() => undefined); // nobody waits for it any more
  });
  // from the beginning: a key that is pressed at once can be faster than the listener
  const opened = page.waitForEvent("filechooser");
  await page.goto("./submit/");
  await page.getByRole("link", { name: "Check it in this page" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const chooser = page.getByLabel("Choose files…");
  await expect(chooser).toBeFocused();
  await page.keyboard.press("Enter");
  await (await opened).setFiles(good);
  await expect(page.getByText("Fetching the code that checks")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Choose a folder…")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Stop" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("[data-work]")).toBeHidden();
  await expect(page.getByRole("status")).toHaveText("Stopped.");
  release();
  await give(page, good);
  await expect(sentence(page)).toHaveText("Valid: every statistic follows from the scores.", patient);
});

test("results are accessible in both themes and fit a narrow page", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await page.goto("./submit/");
  for (const files of [good, [file("run.json", wrong.replace(/"revision":1/g, '"revision":7')), good[1]]]) {
    await give(page, files);
    await expect(sentence(page)).toBeVisible(patient);
    expect(await violationsOn(page, "section:has(#checked)")).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  }
  await check(page, "registry").locator("summary").click();
  expect(await check(page, "registry").locator(".faults li").count()).toBeGreaterThan(5);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("it says how to check on the command line, and what is asked", async ({ page }) => {
    await page.goto("./submit/");
    await expect(page.locator("[data-dropin]")).toBeHidden();
    const section = page.locator("section:has(#checked)");
    await expect(section).toContainText("npx xai-kit validate");
    await expect(section.getByRole("heading", { level: 3 })).toHaveCount(checks.length);
  });
});
