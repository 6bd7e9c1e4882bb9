/** The kit's engines in a real browser against the same code in Node, to 1e-4 of the largest value. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, expect, type Page, test } from "@playwright/test";
import { bundledModels } from "../../kit/src/bundled.ts";
import { openNpz } from "../../kit/src/datasets/readers/npz.ts";
import { openEngine as openNative } from "../../kit/src/engine/node.ts";
import type { OpenWebOptions } from "../../kit/src/engine/web.ts";
import { createProbe } from "../../kit/src/model/probe.ts";
import { float32, toFloat32 } from "../../kit/src/onnx/tensor.ts";
import type { ModelCard } from "../../kit/src/schemas.generated.ts";
import { type OpenModelOptions, openEngine, openModel } from "../../kit/src/web.ts";
import { fixtures } from "../../kit/test/fixtures.ts";
import { chromiumArguments, findChromium } from "./chromium.ts";
import { type KitPage, serveKit } from "./kit-page.ts";

/** Software rendering compiles every kernel anew, on a busy machine for minutes. */
test.describe.configure({ timeout: 600_000 });

interface Job {
  readonly url: string;
  readonly engine: OpenWebOptions;
  readonly model: Pick<OpenModelOptions, "preprocess"> & { readonly card: ModelCard };
  readonly dims: readonly number[];
  readonly x: readonly number[];
  readonly target: number;
}
type Numbers = Record<"logits" | "gradient" | "activation" | "activationGradient", number[]>;

/** Runs in the page. */
async function explainThere(job: Job) {
  const entry = "/kit/src/web.ts";
  const kit = (await import(entry)) as typeof import("../../kit/src/web.ts");
  const { engine, attempts, advice } = await kit.openEngine(job.engine);
  const bytes = new Uint8Array(await (await fetch(job.url)).arrayBuffer());
  const open = await kit.openModel(bytes, { ...job.model, engine });
  const x = kit.float32(job.dims, Float32Array.from(job.x));
  const probe = kit.createProbe({ model: open.model, x, target: job.target });
  // asked for all at once: the engine takes one after the other
  const [logits, gradient, cam] = await Promise.all([probe.logits(), probe.gradient(), probe.cam()]);
  await open.close();
  await engine.close();
  const numbers: Numbers = {
    logits: [...logits],
    gradient: [...gradient.data],
    activation: [...cam.activation],
    activationGradient: [...cam.activationGradient],
  };
  return { numbers, info: engine.info, attempts, advice };
}

async function explainHere(file: string, job: Job, device: "wasm" | "cpu"): Promise<Numbers> {
  const { engine } = device === "wasm" ? await openEngine() : await openNative({ device, threads: 1 });
  const open = await openModel(new Uint8Array(readFileSync(file)), { ...job.model, engine });
  const x = float32(job.dims, Float32Array.from(job.x));
  const probe = createProbe({ model: open.model, x, target: job.target });
  const [logits, gradient, cam] = [await probe.logits(), await probe.gradient(), await probe.cam()];
  await open.close();
  await engine.close();
  return {
    logits: [...logits],
    gradient: [...gradient.data],
    activation: [...cam.activation],
    activationGradient: [...cam.activationGradient],
  };
}

/** Largest difference as a share of the largest value. */
function difference(got: readonly number[], want: readonly number[]): number {
  expect(got).toHaveLength(want.length);
  const largest = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const apart = want.reduce((m, v, i) => Math.max(m, Math.abs(got[i] - v)), 0);
  expect(largest).toBeGreaterThan(0);
  return apart / largest;
}

function expectSame(got: Numbers, want: Numbers): void {
  for (const key of Object.keys(want) as (keyof Numbers)[]) {
    expect(difference(got[key], want[key]), key).toBeLessThan(1e-4);
  }
}

const bundled = bundledModels().find(({ id }) => id === "shapes-densenet")!;
const bundledJob: Job = {
  url: "/models/bundled.onnx",
  engine: {},
  model: { card: bundled.card },
  dims: [3, 64, 64],
  x: Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.fround(0.5 + 0.4 * Math.sin(0.37 * i))),
  target: 1,
};

const root = fixtures();
const oracle = ["resnet", "densenet", "vit", "clip"] as const;
const oracleFile = (name: string) => join(root ?? "", "oracle", name, "model.onnx");

let kit: KitPage;
test.beforeAll(async () => {
  kit = await serveKit(
    new Map([
      [bundledJob.url, bundled.path],
      ...oracle.map((name) => [`/models/${name}.onnx`, oracleFile(name)] as const),
    ]),
  );
});
test.afterAll(() => kit.close());

/** Every address the page asked for; what the page complains of is a failure. */
async function visit(page: Page): Promise<string[]> {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(kit.url);
  return asked;
}

const hasAdapter = (page: Page): Promise<boolean> =>
  page.evaluate(async () => (await navigator.gpu?.requestAdapter().catch(() => null)) != null);

test.describe("WebAssembly", () => {
  for (const name of oracle) {
    test(`explains the oracle's ${name} as Node does`, async ({ page }) => {
      test.skip(root === undefined, "needs the oracle: $XAI_FIXTURES");
      const own = await openNpz(join(root!, "oracle", name, "img0.npz"));
      const index = JSON.parse(readFileSync(join(root!, "oracle", "index.json"), "utf8"));
      const shared = await openNpz(join(root!, "oracle", index.models[name].common));
      const read = async (key: string) => (own.entries.has(key) ? own : shared).read(key);
      const x = await read("x");
      const job: Job = {
        url: `/models/${name}.onnx`,
        engine: {},
        model: { preprocess: false, card: { camLayer: "target_act" } as ModelCard },
        dims: x.dims,
        x: [...toFloat32(x)],
        target: toFloat32(await read("target"))[0],
      };
      await Promise.all([own.close(), shared.close()]);
      const asked = await visit(page);
      const { numbers, info } = await page.evaluate(explainThere, job);
      expect(info).toMatchObject({ package: "onnxruntime-web", provider: "wasm", threads: 1 });
      expectSame(numbers, await explainHere(oracleFile(name), job, "wasm"));
      expect(asked.filter((url) => url.endsWith(".wasm"))).toEqual([
        "/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
      ]);
      expect(asked.filter((url) => url.includes("webgpu"))).toEqual([]);
    });
  }

  test("takes two threads on a page that is isolated, with the same numbers", async ({ page }) => {
    await visit(page);
    const job = { ...bundledJob, engine: { threads: 2 } };
    const { numbers, info, advice } = await page.evaluate(explainThere, job);
    expect(info.threads).toBe(2);
    expect(advice).toBeUndefined();
    expectSame(numbers, await explainHere(bundled.path, job, "wasm"));
  });
});

test.describe("WebGPU", () => {
  let browser: Browser | undefined;
  test.beforeAll(async () => {
    const { executablePath, env } = findChromium();
    // software rendering, in place of the card that the machine may lack
    browser = await chromium.launch({
      executablePath,
      env: { ...process.env, ...env } as Record<string, string>,
      args: [
        ...chromiumArguments.filter((argument) => argument !== "--disable-gpu"),
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
        "--ignore-gpu-blocklist",
      ],
    });
  });
  test.afterAll(() => browser?.close());

  test("explains the bundled CNN as Node does, and fetches its own engine alone", async () => {
    const page = await browser!.newPage();
    const asked = await visit(page);
    test.skip(!(await hasAdapter(page)), "this Chromium has no WebGPU adapter in software");
    const job: Job = { ...bundledJob, engine: { device: "webgpu" } };
    const { numbers, info, attempts, advice } = await page.evaluate(explainThere, job);
    expect(info).toMatchObject({ package: "onnxruntime-web", provider: "webgpu", threads: 1 });
    expect(attempts).toMatchObject([{ provider: "webgpu", ok: true }]);
    expect(attempts[0].maxError).toBeLessThan(1e-5);
    expect(advice).toBeUndefined();

    expectSame(numbers, await explainHere(bundled.path, job, "cpu"));
    expect(asked.filter((url) => url.endsWith(".wasm"))).toEqual([
      "/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm",
    ]);
  });

  test("is a choice of the demo where the browser has it, and the maps are Node's", async ({ baseURL }) => {
    const context = await browser!.newContext({ baseURL });
    const page = await context.newPage();
    const asked: string[] = [];
    page.context().on("request", (request) => asked.push(request.url()));
    await page.goto("./demo/?model=shapes-densenet&methods=saliency,grad-cam");
    test.skip(!(await hasAdapter(page)), "this Chromium has no WebGPU adapter in software");
    const choice = page.getByRole("radio", { name: /^WebGPU/ });
    await choice.check();
    await expect(page.locator("[data-bytes]")).toContainText("25.5 MiB engine");
    expect(asked.filter((url) => /\.wasm$|worker/.test(url))).toEqual([]);
    await page.locator("[data-run]").click();
    await expect(page.locator("[data-verdict]")).toHaveText("2 of 2 methods agree with Node.", {
      timeout: 500_000,
    });
    await expect(page.locator("[data-engine]")).toContainText(", webgpu, 1 thread;");
    expect(asked.filter((url) => url.endsWith(".wasm"))).toEqual([expect.stringMatching(/asyncify/)]);

    // back, the worker of before is gone, and nothing of it is shown
    await page.getByRole("radio", { name: /^WebAssembly/ }).check();
    await expect(page.locator("[data-run]")).toHaveText("Load model and explain");
    await expect(page.locator("[data-bytes]")).toContainText("13.6 MiB engine");
    await context.close();
  });

  test("is passed over by auto where it is software only, and the page is told", async () => {
    const page = await browser!.newPage();
    const asked = await visit(page);
    const { attempts, advice, info } = await page.evaluate(explainThere, {
      ...bundledJob,
      engine: { device: "auto" as const },
    });
    expect(info.provider).toBe("wasm");
    expect(attempts).toMatchObject([
      { provider: "webgpu", ok: false },
      { provider: "wasm", ok: true },
    ]);
    expect(advice).toContain("WebAssembly runs, since WebGPU does not");
    expect(asked.filter((url) => url.includes("webgpu"))).toEqual([]);
  });
});
