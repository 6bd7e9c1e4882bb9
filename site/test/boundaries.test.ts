/** What runs in a page imports nothing that a page has not. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseSource } from "../../kit/test/sources.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Scripts of pages, and workers. */
const entries = [
  ...readdirSync(`${root}site/client`)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => `site/client/${name}`),
  "site/demo/main.ts",
  "site/demo/worker.ts",
  "site/submit/worker.ts",
];

/** Not in a browser, or, of ajv, forbidden by the pages' policy: it makes code at run time. */
const absent = /^(node:|ajv|sharp$|yauzl|commander|vite|astro|onnxruntime-node)/;
/** The build puts other code in its place: see site/submit/compiled-schemas.ts. */
const replaced = "kit/src/results/compile-schema.ts";

type Read = (path: string) => string | undefined;
const read: Read = (path) => (existsSync(root + path) ? readFileSync(root + path, "utf8") : undefined);

/** Everything absent that `starts` load at run time: "site/client/a.ts: node:fs". */
function absentIn(starts: readonly string[], from: Read = read): string[] {
  const seen = new Set<string>();
  const open = [...starts];
  const found: string[] = [];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path) || path === replaced || !path.endsWith(".ts")) continue;
    seen.add(path);
    const text = from(path);
    if (text === undefined) throw new Error(`there is no ${path}`);
    for (const { specifier, typeOnly } of parseSource(path, text).imports) {
      if (typeOnly) continue;
      if (specifier.startsWith(".")) open.push(posix.join(posix.dirname(path), specifier));
      else if (absent.test(specifier)) found.push(`${path}: ${specifier}`);
    }
  }
  return found;
}

describe("what runs in a page", () => {
  it("imports what a page has", () => {
    expect(entries.length).toBeGreaterThan(5);
    expect(absentIn(entries)).toEqual([]);
  });

  it.each(["node:fs", "ajv/dist/2020.js", "sharp"])(
    "would be found out importing %s two files away",
    (name) => {
      const files: Record<string, string> = {
        "site/client/a.ts": 'import { b } from "../lib/b.ts";',
        "site/lib/b.ts": `import x from "${name}"; export const b = x;`,
      };
      expect(absentIn(["site/client/a.ts"], (path) => files[path])).toEqual([`site/lib/b.ts: ${name}`]);
    },
  );
});
