import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { basePath, runsIn } from "./build-pages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xai-kit-pages-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("a site without runs is not built", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts", "build-pages.ts")], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, XAI_RESULTS: relative(root, folder) },
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: there is no run in .*\n {2}next: /);
});

it("runs are counted where the site looks for them", () => {
  const place = join(folder, "runs", "a", "b", "2026-01-02-00000000");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "run.json"), "{}");
  writeFileSync(join(folder, "runs", "run.json"), "{}");
  expect(runsIn(folder)).toBe(1);
});

it("the root of a host has the path /", () => {
  expect([undefined, "", "/xai-kit"].map(basePath)).toEqual(["/", "/", "/xai-kit"]);
});
