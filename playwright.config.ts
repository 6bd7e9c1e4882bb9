/** Browser tests of the built site; scripts/test-site.ts builds it and sets the variables. */
import { defineConfig } from "@playwright/test";
import { chromiumArguments, findChromium } from "./site/test/chromium.ts";

const { XAI_SITE_PORT = "4329", XAI_SITE_BASE = "/", XAI_SITE_OUT = "dist" } = process.env;
const { executablePath, env } = findChromium();
const origin = `http://127.0.0.1:${XAI_SITE_PORT}`;

export default defineConfig({
  testDir: "site/test",
  testMatch: "*.spec.ts",
  outputDir: "node_modules/.cache/playwright",
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  timeout: 30_000,
  use: {
    baseURL: `${origin}${XAI_SITE_BASE.replace(/\/?$/, "/")}`,
    launchOptions: {
      executablePath,
      args: chromiumArguments,
      env: { ...process.env, ...env } as Record<string, string>,
    },
  },
  webServer: {
    command: `"${process.execPath}" site/test/serve.ts "${XAI_SITE_OUT}" ${XAI_SITE_PORT} ${XAI_SITE_BASE}`,
    url: `${origin}${XAI_SITE_BASE.replace(/\/?$/, "/")}`,
    stdout: "pipe",
    stderr: "pipe",
  },
});
