import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, it } from "vitest";
import { literatureIn } from "./literature-files.ts";
import { pageOf } from "./literature-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xai-kit-literature-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
});
const example = (name: string) => join(root, "schemas", "literature", "valid", name);
const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, "scripts", "literature.ts"), ...args], { encoding: "utf8" });

it("results/literature is valid, and kit/docs/literature.md is what it says: npm run literature -- --page", () => {
  const { literature, problems, files } = literatureIn(join(root, "results", "literature"));
  expect(problems).toEqual([]);
  expect(literature).toHaveLength(files);
  expect(literature.map(({ id }) => id)).toEqual(
    expect.arrayContaining(["explanation-aware-learning", "gradfaith-cam", "uces"]),
  );
  expect(readFileSync(join(root, "kit", "docs", "literature.md"), "utf8")).toBe(pageOf(literature));
});

it("the page shows values, differences and what may stand beside ours", () => {
  copyFileSync(example("made-up.json"), join(folder, "made-up.json"));
  const page = pageOf(literatureIn(folder).literature);
  expect(page).toContain("Ada Author, Ben Author, Nowhere, 2026, [doi:10.1234/made-up]");
  expect(page).toContain("| A | 0.20 ± 0.14 | 4.5 ± 0.5 |");
  expect(page).toContain("| Del | `deletion-auc` | unit | yes, on the same data |  |");
  expect(page).toContain("no: another scale: published unnormalised, here unit | Never divided. |");
  expect(page).toContain("8 printed numbers were computed again; 2 do not follow from the others.");
  expect(page).toContain("| 2 | B | deletion | mean over table 1 | 0.45 | 0.400 | 0.010 |  |");
  expect(page).toContain("a population's; a sample's is 0.71 |");
  expect(page).toContain("Against: B has the larger area. Not shown. |");
});

it("shows the file that replaces another in its place", () => {
  copyFileSync(example("replacement.json"), join(folder, "bare.json"));
  expect(literatureIn(folder).problems).toMatchObject([
    { path: "$.replaces.id", message: "there is no made-up.json" },
  ]);
  copyFileSync(example("made-up.json"), join(folder, "made-up.json"));
  const { literature, problems } = literatureIn(folder);
  expect(problems).toEqual([]);
  expect(pageOf(literature)).not.toContain("A Made-Up Publication");
});

it("refuses what is no publication", () => {
  writeFileSync(join(folder, "notes.txt"), "");
  mkdirSync(join(folder, "folder.json"));
  writeFileSync(join(folder, "long.json"), " ".repeat(5 * 2 ** 20));
  expect(literatureIn(folder).problems.map(({ file, message }) => [file, message])).toEqual([
    [join(folder, "folder.json"), "is no file <id>.json"],
    [join(folder, "long.json"), "longer than 4194304 bytes"],
    [join(folder, "notes.txt"), "is no file <id>.json"],
  ]);
  expect(literatureIn(join(folder, "nowhere"))).toEqual({ literature: [], files: 0, problems: [] });
});

it("differences are no faults of the files; a file that is not valid is, with its place", () => {
  copyFileSync(example("made-up.json"), join(folder, "made-up.json"));
  const text = run(folder);
  expect(text).toMatchObject({ status: 0, stderr: "" });
  expect(text.stdout).toMatch(/made-up: 8 numbers computed again, 3 stand out\n/);
  const json = run("--json", folder);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { id: "made-up", claims: [{ verdict: "holds" }, { verdict: null }] },
  ]);
  const stale = run("--check", folder);
  expect(stale).toMatchObject({ status: 1, stdout: "" });
  expect(stale.stderr).toMatch(/literature\.md is stale\n {2}next: /);
  const broken = readFileSync(example("made-up.json"), "utf8").replace('"value": 0.1', '"value": 1e999');
  writeFileSync(join(folder, "made-up.json"), broken);
  const refused = run("--check", folder);
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /made-up\.json: \$\.tables\[0\]\.rows\[0\]\.cells\[0\]\.value: line \d+, column \d+: 1e999 is beyond/,
  );
});
