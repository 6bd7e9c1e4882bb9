import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "astro/config";
import { compiledSchemas } from "./site/submit/compiled-schemas.ts";

const root = fileURLToPath(new URL(".", import.meta.url));
/** Tests build other runs, at another base path, into another folder. */
const { XAI_RESULTS, XAI_SITE_OUT, XAI_SITE_BASE = "/", XAI_SITE_URL } = process.env;
process.env.XAI_RESULTS = resolve(root, XAI_RESULTS ?? "results");

export default defineConfig({
  srcDir: "./site",
  publicDir: "./site/public",
  outDir: XAI_SITE_OUT ?? "./dist",
  cacheDir: "./node_modules/.cache/astro",
  site: XAI_SITE_URL,
  base: XAI_SITE_BASE,
  trailingSlash: "ignore",
  devToolbar: { enabled: false },
  // the Content-Security-Policy in Layout.astro allows nothing inline
  // of many small files, the next are made while the last are written
  build: { inlineStylesheets: "never", concurrency: 8 },
  vite: {
    build: { assetsInlineLimit: 0 },
    // a worker in one piece would hold the code of WebGPU too, which most visits do not need
    worker: { format: "es", plugins: () => [compiledSchemas()] },
  },
});
