/** The demo in a real browser: what it fetches and when, its numbers, what it refuses, and who can use it. */
import { gzipSync } from "node:zlib";
import { type Locator, type Page, expect as patient, test } from "@playwright/test";
import sharp from "sharp";
import { bundledModels } from "../../kit/src/bundled.ts";
import { decodeImage8 } from "../../kit/src/datasets/readers/image.ts";
import { openModel } from "../../kit/src/node.ts";
import { attr, type Graph, node } from "../../kit/src/onnx/graph.ts";
import { float32, int64 } from "../../kit/src/onnx/tensor.ts";
import { writeOnnx } from "../../kit/src/onnx/write.ts";
import { pixelsOf } from "../../kit/src/runner/pixels.ts";
import { graphOf, smallCnn, weight } from "../../kit/test/small-models.ts";
import { allMethods, predict } from "../demo/compute.ts";
import { bytes } from "../lib/format.ts";
import { violationsOn } from "./axe.ts";

/** An engine starts and computes in seconds, on a busy machine in many. */
const expect = patient.configure({ timeout: 40_000 });
test.describe.configure({ timeout: 120_000 });

/** Violations of the policy and our own errors come by the console; requests to elsewhere are counted. */
const faults = new WeakMap<Page, string[]>();
const requests = new WeakMap<Page, string[]>();
test.beforeEach(async ({ page, baseURL }) => {
  const found: string[] = [];
  const asked: string[] = [];
  faults.set(page, found);
  requests.set(page, asked);
  page.context().on("request", (request) => {
    asked.push(request.url());
    if (!request.url().startsWith(baseURL!)) found.push(`request to ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) found.push(`${response.status()} ${response.url()}`);
  });
  page.on("pageerror", (error) => found.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") found.push(`console: ${message.text()}`);
  });
});
test.afterEach(({ page }) => {
  expect(faults.get(page)).toEqual([]);
});

const status = (page: Page) => page.locator("[data-status]");
const alert = (page: Page) => page.locator("[data-fault]");
const button = (page: Page) => page.locator("[data-run]");
const card = (page: Page, method: string) => page.locator(`[data-method=${method}]`);
const cell = (page: Page, method: string, name: string) =>
  page.locator(`[data-row=${method}] [data-${name}]`);

/** Presses the button and waits for the end. */
async function explain(page: Page): Promise<void> {
  await button(page).click();
  await expect(status(page)).toHaveText(/^\d+ methods? in/);
}

/** As many colours as a picture has; a blank canvas has one. */
const coloursOf = (canvas: Locator): Promise<number> =>
  canvas.evaluate((element: HTMLCanvasElement) => {
    const { data } = element.getContext("2d")!.getImageData(0, 0, element.width, element.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });

const choose = (page: Page, what: "picture" | "model", name: string, buffer: Uint8Array) =>
  page.locator(`[data-${what}-file]`).setInputFiles({ name, mimeType: "", buffer: Buffer.from(buffer) });

const onnx = (graph: Graph): Uint8Array => writeOnnx(graph);

test("fetches nothing heavy before the button is pressed, what the button says after it, and all of it from here", async ({
  page,
}) => {
  const sizes = new Map<string, number>();
  const pending: Promise<void>[] = [];
  page.context().on("response", (response) => {
    const measured = response.body().then((body) => {
      sizes.set(response.url(), body.length);
    });
    pending.push(measured);
  });
  let scripts = 0;
  page.on("response", (response) => {
    if (response.request().resourceType() !== "script") return;
    const weighed = response.body().then((body) => {
      scripts += gzipSync(body).length;
    });
    pending.push(weighed);
  });
  await page.goto("./demo/?methods=saliency,sobel");
  await expect(page.locator("[data-caption]")).toHaveText(/Drawn with a known truth: \w+/);
  expect(await coloursOf(page.locator("[data-picture]"))).toBeGreaterThan(50);
  await page.waitForLoadState("networkidle");
  await Promise.all(pending);
  const heavy = /\.(wasm|onnx|bin)$|worker/;
  expect(requests.get(page)!.filter((url) => heavy.test(url))).toEqual([]);
  expect(page.workers()).toEqual([]);
  expect(scripts).toBeLessThan(40 * 1024);
  const announced = await page.locator("[data-bytes]").innerText();
  await expect(button(page)).toHaveText("Load model and explain");

  await explain(page);
  await Promise.all(pending);
  const sizeOf = (ending: string) => [...sizes].find(([url]) => url.endsWith(ending))![1];
  expect(announced).toContain(`${bytes(sizeOf(".wasm"))} engine (`);
  expect(announced).toContain(`${bytes(sizeOf(".onnx"))} model`);
  expect(announced).toContain(`${bytes(sizeOf(".bin"))} reference values`);
  expect(page.workers()).toHaveLength(1);
  await expect(button(page)).toHaveText("Explain");

  const before = requests.get(page)!.length;
  await explain(page);
  expect(requests.get(page)!.slice(before)).toEqual([]);
});

test("each architecture's maps and scores are Node's, and the page says what ran", async ({ page }) => {
  await page.goto("./demo/?model=cxr-resnet");
  const count = allMethods.length;
  for (const architecture of ["resnet-mini", "densenet-mini", "vit-mini", "clip-vit-mini"]) {
    await page.locator("[data-architecture]").selectOption(architecture);
    await explain(page);
    await expect(page.locator("[data-verdict]")).toHaveText(`${count} of ${count} methods agree with Node.`);
    await expect(page.locator("[data-map-difference]").filter({ hasText: "✓" })).toHaveCount(count);
    await expect(cell(page, "integrated-gradients", "passes")).toHaveText("100");
    await expect(cell(page, "random", "map-difference")).toHaveText("0 ✓");
    for (const text of await page.locator("[data-row] [data-ms]").allInnerTexts())
      expect(text).toMatch(/^[\d,]+\.\d$/);
  }
  await expect(page.locator("[data-engine]")).toHaveText(/^onnxruntime-web 1\.\d+\.\d+, wasm, 1 thread;/);
  await expect(page.locator("[data-check]")).toHaveText(/largest error \d\.\d\s×\s10⁻[⁷⁶], allowed/);
  const { sha256 } = bundledModels().find(({ id }) => id === "cxr-clip")!;
  await expect(page.locator("[data-ran] [data-model]")).toHaveText(
    new RegExp(`^cxr-clip: 1 × 64 × 64, contrastive, .*sha256 ${sha256.slice(0, 16)}`),
  );
  const saliency = card(page, "saliency");
  expect(await coloursOf(saliency.locator("canvas"))).toBeGreaterThan(50);
  await expect(saliency.locator("[data-score=sparseness]")).toHaveText(/^0\.\d{3}$/);
  await expect(saliency.locator("[data-curve]")).toHaveAttribute(
    "aria-label",
    /goes from 0\.\d\d to 0\.\d\d/,
  );
  await expect(saliency.locator("[data-line=mean-curve]")).toHaveAttribute(
    "d",
    /^M0 [\d.]+(L[\d.]+ [\d.]+){16}$/,
  );
});

test("a choice is in the address, and answers at once when its model is here", async ({ page }) => {
  await page.goto("./demo/?model=shapes-vit&methods=saliency,random&sample=2");
  await expect(page.locator("[data-method]:visible")).toHaveCount(2);
  expect(page.workers()).toEqual([]);
  await explain(page);
  await expect(page.locator("[data-parity-words]")).toHaveText(/^No stored reference for this picture/);
  const first = await cell(page, "saliency", "score=sparseness").innerText();

  await page.getByRole("button", { name: "Next picture" }).click();
  await expect(page).toHaveURL(/sample=3&methods=saliency,random$/);
  await expect(cell(page, "saliency", "score=sparseness")).not.toHaveText(first);
  await expect(status(page)).toHaveText(/^2 methods in/);

  const other = page.locator(".class-row").filter({ hasNotText: "predicted" }).first();
  const name = (await other.locator(".name").innerText()).split(" ")[0];
  await other.locator("input").check();
  await expect(page).toHaveURL(new RegExp(`class=${name}$`));
  await expect(card(page, "saliency").locator("canvas")).toHaveAttribute(
    "aria-label",
    new RegExp(`for ${name} `),
  );
  await page.locator("[data-choice=occlusion] input").check();
  await expect(cell(page, "occlusion", "passes")).toHaveText("145");
  await expect(page).toHaveURL(/methods=saliency,occlusion,random/);

  await page.goto(page.url());
  await expect(page.locator("[data-method]:visible")).toHaveCount(3);
  await expect(page.locator(".class-row input:checked")).toHaveCount(1);
  expect(page.workers()).toEqual([]);
});

test("the overlays' strength and the object's outline are the reader's", async ({ page }) => {
  await page.goto("./demo/?methods=grad-cam");
  await explain(page);
  const canvas = card(page, "grad-cam").locator("canvas");
  const strong = await canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL());
  await page.locator("[data-opacity]").fill("0");
  await expect
    .poll(() => canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL()))
    .toBe(await page.locator("[data-picture]").evaluate((c: HTMLCanvasElement) => c.toDataURL()));
  await page.locator("[data-opacity]").fill("0.85");
  await expect.poll(() => canvas.evaluate((c: HTMLCanvasElement) => c.toDataURL())).toBe(strong);
  const outline = card(page, "grad-cam").locator("[data-outline] path").first();
  await expect(outline).toHaveAttribute("d", "");
  await page.getByLabel("Outline the object").check();
  await expect(outline).toHaveAttribute("d", /^M\d+ \d+[hv]1/);
});

test("a reader's own pictures are read as Node reads them", async ({ page }) => {
  const bundled = bundledModels().find(({ id }) => id === "retina-resnet")!;
  const { model, card: modelCard, close } = await openModel(bundled.path, { device: "cpu", threads: 1 });
  const raw = { width: 90, height: 60 };
  const noise = (channels: 1 | 3 | 4) =>
    sharp(
      Uint8Array.from({ length: 5400 * channels }, (_, i) => (i * i * 31 + (i % 90) * 7) % 256),
      { raw: { ...raw, channels } },
    );
  const files = {
    "colour.png": await noise(3).png().toBuffer(),
    "transparent.png": await noise(4).png().toBuffer(),
    "turned.jpg": await noise(3).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer(),
    "grey.png": await noise(1).toColourspace("b-w").png().toBuffer(),
    "lossless.webp": await noise(3).webp({ lossless: true }).toBuffer(),
  };
  const notes = {
    "transparent.png": "transparency composed over black",
    "turned.jpg": "EXIF orientation 6 applied",
    "grey.png": "90 × 60, grey",
  } as Readonly<Record<string, string>>;
  await page.goto("./demo/?model=retina-resnet&methods=saliency");
  for (const [name, file] of Object.entries(files)) {
    await choose(page, "picture", name, file);
    await expect(page.locator("[data-own-picture] [data-name]")).toHaveText(name);
    await explain(page);
    const x = pixelsOf(await decodeImage8(file), model.shape, modelCard.input!.resize!);
    const { probabilities } = await predict(model, x);
    const shown = await page.locator(".class-row .value").allInnerTexts();
    const lossy = name.endsWith(".jpg") ? 1.5 : 0.3; // percent; the browser has a JPEG decoder of its own
    for (const [k, text] of shown.entries())
      expect(Math.abs(Number.parseFloat(text) - 100 * probabilities[k]), `${name} ${k}`).toBeLessThan(lossy);
    await expect(page.locator("[data-picture-facts]")).toContainText(notes[name] ?? "90 × 60");
    await expect(page.locator("[data-parity-words]")).toHaveText(/^No stored reference for this picture/);
  }
  await close();
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.locator("[data-caption]")).toHaveText(/known truth/);
});

test("what is no picture is refused in words, and the page goes on", async ({ page }) => {
  const noise = Uint8Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * i * 31) % 256);
  const png = await sharp(noise, { raw: { width: 300, height: 300, channels: 3 } })
    .png()
    .toBuffer();
  const large = await sharp({ create: { width: 10_000, height: 5000, channels: 3, background: "red" } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  await page.goto("./demo/?methods=saliency");
  for (const [name, file, words] of [
    ["text.png", new TextEncoder().encode("I am a text"), "Text.png is not a picture that can be read."],
    ["empty.png", new Uint8Array(0), "Empty.png is empty (0 bytes)."],
    ["cut.png", png.subarray(0, png.length / 2), "Cut.png begins like a PNG but cannot be decoded."],
    ["large.png", large, "Large.png has 10000 × 5000 pixels, 50.0 megapixels"],
    ["drawing.svg", new TextEncoder().encode('<svg width="9" height="9"/>'), "which is not read here."],
  ] as const) {
    await choose(page, "picture", name, file);
    await expect(alert(page), name).toContainText(words);
    await expect(alert(page)).toContainText("Next: ");
    await expect(alert(page)).toContainText("E_IMAGE");
    await expect(page.locator("[data-own-picture]")).toBeHidden();
  }
  await explain(page);
  await expect(alert(page)).toBeEmpty();
  await expect(cell(page, "saliency", "map-difference")).toHaveText(/✓$/);
});

test("what is no model for pictures is refused in words; what has no gradient says which methods are left", async ({
  page,
}) => {
  const inner = smallCnn({ height: 16, width: 16 });
  const stiff: Graph = {
    ...inner,
    // times 1, by a product over the batch, which has no gradient
    nodes: [
      ...inner.nodes,
      node("Pow", ["y", "zero"], ["ones"]),
      node("ReduceProd", ["ones", "over_batch"], ["one"]),
      node("Mul", ["y", "one"], ["z"]),
    ],
    initializers: new Map([
      ...inner.initializers,
      ["zero", float32([], [0])] as const,
      ["over_batch", int64([1], [0])] as const,
    ]),
    outputs: [{ name: "z", type: "float32", dims: ["N", 4] }],
  };
  const vector = graphOf(["N", 4], [node("MatMul", ["x", "w"], ["y"])], { w: weight("w", 4, 2) });
  await page.goto("./demo/?methods=saliency,grad-cam,occlusion,random");
  for (const [name, file, words, code] of [
    ["garbage.onnx", new TextEncoder().encode("garbage"), "garbage.onnx", "E_ONNX_CORRUPT"],
    ["vector.onnx", onnx(vector), "Expected one float32 image input", "E_MODEL_INPUT"],
  ] as const) {
    await choose(page, "model", name, file);
    await button(page).click();
    await expect(alert(page)).toContainText(words, { ignoreCase: true });
    await expect(alert(page)).toContainText("Next: ");
    await expect(alert(page)).toContainText(code);
  }
  await choose(page, "model", "empty.onnx", new Uint8Array(0));
  await expect(alert(page)).toContainText("Empty.onnx is empty (0 bytes).");

  await choose(page, "model", "stiff.onnx", onnx(stiff));
  await explain(page);
  await expect(alert(page)).toBeEmpty();
  await expect(card(page, "saliency")).toContainText(
    "Not for this model: no gradient for ReduceProd (a product over the batch): 1 node",
  );
  await expect(page.locator("[data-choice=saliency]")).toContainText("not here: no gradient for ReduceProd");
  await expect(cell(page, "occlusion", "score=sparseness")).toHaveText(/^0\.\d{3}$/);
  await expect(page.locator("[data-assumed]")).toHaveText(/no mean\/std given/);
  await expect(page.locator(".class-row")).toHaveCount(4);
  await page.locator("[data-colours]").selectOption("imagenet");
  await explain(page);
  await expect(page.locator("[data-assumed]")).not.toHaveText(/no mean\/std given/);

  await page.getByRole("button", { name: "Remove" }).click();
  await explain(page);
  await expect(page.locator("[data-verdict]")).toHaveText("4 of 4 methods agree with Node.");
});

test("long work shows how far it is and can be stopped", async ({ page }) => {
  const layers = 4;
  const wide = Array.from({ length: layers }, (_, k) => [
    node("Conv", [`h${k}`, `w${k + 1}`], [`c${k}`], { pads: attr.ints([1, 1, 1, 1]) }),
    node("Relu", [`c${k}`], [`h${k + 1}`]),
  ]).flat();
  const slow = graphOf(
    ["N", 3, 96, 96],
    [
      node("Conv", ["x", "w0"], ["h0"], { pads: attr.ints([1, 1, 1, 1]) }),
      ...wide,
      node("GlobalAveragePool", [`h${layers}`], ["p"]),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "v"], ["y"]),
    ],
    {
      w0: weight("w0", 64, 3, 3, 3),
      ...Object.fromEntries(
        Array.from({ length: layers }, (_, k) => [`w${k + 1}`, weight(`w${k + 1}`, 64, 64, 3, 3)]),
      ),
      v: weight("v", 64, 3),
    },
  );
  await page.goto("./demo/?methods=saliency,integrated-gradients");
  await choose(page, "model", "slow.onnx", onnx(slow));
  await button(page).click();
  await expect(page.locator("[data-count]")).toHaveText(/^\d+ of 169 passes/);
  await expect(card(page, "saliency").locator("canvas")).toBeVisible({ timeout: 20_000 });
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(status(page)).toHaveText(/^Stopped/, { timeout: 4000 });
  await expect(page.getByRole("button", { name: "Stop" })).toBeHidden();
  await expect(page.locator("[data-progress]")).toBeHidden();
  await expect(cell(page, "integrated-gradients", "ms")).toHaveText("–");

  await page.getByRole("button", { name: "Remove" }).click();
  await explain(page);
  await expect(page.locator("[data-verdict]")).toHaveText("2 of 2 methods agree with Node.");
});

test("by keyboard alone", async ({ page }) => {
  await page.goto("./demo/?methods=saliency");
  await page.locator("[data-sample]").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter"); // submits: the same as the button
  await expect(status(page)).toHaveText(/^1 method in/);
  await expect(page).toHaveURL(/sample=7/);
  await page.locator(".class-row input:checked").focus();
  await page.keyboard.press("ArrowDown");
  await expect(page).toHaveURL(/class=\w+/);
  await expect(page.locator(".class-row input:checked")).toBeFocused();
});

test("after a run axe finds nothing serious, light or dark, and 320 px are enough", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.setViewportSize({ width: 320, height: 700 });
  await page.goto("./demo/?model=histology-vit&methods=input-x-gradient,grad-cam,random");
  await explain(page);
  await choose(page, "picture", "empty.png", new Uint8Array(0));
  await expect(alert(page)).toContainText("is empty");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  expect(await violationsOn(page)).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the page says what it does and how to do the same elsewhere", async ({ page }) => {
    await page.goto("./demo/");
    await expect(page.getByText("npx xai-kit explain picture.png")).toBeVisible();
    await expect(page.locator("[data-demo]")).toBeHidden();
  });
});
