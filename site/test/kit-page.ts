/**
 * A page with nothing on it but `xai-kit/web`, as it lies in the repository: TypeScript without its types, packages by an import map, under
 * the headers that threads and a strict Content-Security-Policy need.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import { extname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the browser's entry imports by name, and what these import in their turn. */
const packages = [
  "@noble/hashes/sha2.js",
  "@noble/hashes/utils.js",
  "image-size",
  "pure-rand/generator/xoroshiro128plus",
  "d3-scale-chromatic",
  "d3-interpolate",
  "d3-color",
  "onnxruntime-web/wasm",
  "onnxruntime-web/webgpu",
];

/** As a bundler finds them: by the packages' own exports. */
const addresses = Object.fromEntries(
  packages.map((name) => [
    name,
    `/${relative(root, fileURLToPath(import.meta.resolve(name)))
      .split(sep)
      .join("/")}`,
  ]),
);

const page = (nonce: string) => `<!doctype html><meta charset="utf-8"><title>xai-kit/web</title>
<script type="importmap" nonce="${nonce}">${JSON.stringify({ imports: addresses })}</script>`;

const policy = (nonce: string) =>
  `default-src 'none'; script-src 'self' 'nonce-${nonce}' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'`;

const types: Readonly<Record<string, string>> = {
  ".ts": "text/javascript",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

export interface KitPage {
  readonly url: string;
  close(): void;
}

/** @param models  files that the page may fetch, by the name it fetches them by */
export async function serveKit(models: ReadonlyMap<string, string>): Promise<KitPage> {
  const server: Server = createServer(async ({ url = "/" }, response) => {
    const path = normalize(new URL(url, "http://localhost").pathname);
    const nonce = Math.random().toString(36).slice(2);
    const isolated = {
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    };
    if (path === "/") {
      const headers = { "content-type": "text/html", "content-security-policy": policy(nonce), ...isolated };
      response.writeHead(200, headers).end(page(nonce));
      return;
    }
    const allowed = path.startsWith("/kit/src/") || path.startsWith("/node_modules/");
    const file = models.get(path) ?? (allowed ? join(root, path) : undefined);
    const body = file === undefined ? undefined : await readFile(file).catch(() => undefined);
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, ...isolated });
    response.end(extname(path) === ".ts" ? stripTypeScriptTypes(body.toString()) : body);
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}
