/**
 * Serves a built site as static hosts do: folders by their index.html, 404.html for what is not there, words in gzip. (`astro preview` allows one server per
 * repository, and somebody may be looking at theirs.)
 *
 * usage: node site/test/serve.ts <folder> <port> [base]
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};

const [folder, port, base = "/"] = process.argv.slice(2);
if (folder === undefined || port === undefined) {
  console.error("usage: node site/test/serve.ts <folder> <port> [base]");
  process.exit(2);
}
const prefix = base.replace(/\/*$/, "/");

createServer(async ({ url = "/", headers }, response) => {
  const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
  const inside = `${path}/`.startsWith(prefix) ? path.slice(prefix.length) : undefined;
  const file =
    inside === undefined ? undefined : inside === "" || inside.endsWith("/") ? `${inside}index.html` : inside;
  const body = file === undefined ? undefined : await read(file);
  const sent = body ?? (await read("404.html")) ?? "";
  const type = types[extname(body === undefined ? "404.html" : file!)] ?? "application/octet-stream";
  const packed = /text|json|svg/.test(type) && `${headers["accept-encoding"]}`.includes("gzip");
  response.writeHead(body === undefined ? 404 : 200, {
    "content-type": type,
    ...(packed && { "content-encoding": "gzip" }),
  });
  response.end(packed ? gzipSync(sent) : sent);
}).listen(Number(port), "127.0.0.1");

const read = (file: string): Promise<Buffer | undefined> =>
  readFile(join(folder, file)).catch(() => undefined);
