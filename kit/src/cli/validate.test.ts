import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { madeRun } from "../../test/made-run.ts";
import { cli } from "../../test/run-cli.ts";
import { placeOf } from "../results/validate.ts";

const made = madeRun();
const root = mkdtempSync(join(tmpdir(), "xai-kit-validate-"));
afterAll(() => rmSync(root, { recursive: true }));

function write(folder: string, text = made.text, sidecar: Uint8Array | null = made.sidecar): string {
  const path = join(root, folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "run.json"), text);
  if (sidecar) writeFileSync(join(path, "scores.parquet"), sidecar);
  return path;
}

const mean = /("correct":\{"mean":)0/;

describe("xai-kit validate", () => {
  beforeAll(() => {
    write("good");
    write("bad", made.text.replace(mean, "$11"));
  });

  it("believes a run by its file or its folder, with exit code 0", async () => {
    for (const path of [join(root, "good"), join(root, "good", "run.json")]) {
      const { code, out } = await cli("validate", path);
      expect(code).toBe(0);
      expect(out).toMatch(/run\.json +valid +recomputed +[0-9a-f]{8} +0\n/);
    }
  });

  it("refuses with exit code 1, naming file, place, reason and what to do", async () => {
    const { code, out, err } = await cli("validate", join(root, "good"), join(root, "bad"));
    expect(code).toBe(1);
    expect(out).toMatch(/good.run\.json +valid/);
    expect(out).toMatch(/bad.run\.json +REFUSED/);
    expect(out).toMatch(
      /bad.run\.json: \$\.result\.statistics\.cells\[\d+\]\.correct\.mean: .*\[E_\w+\]\n {2}next: /,
    );
    expect(err).not.toContain("error:");
  });

  it("finds the runs below a folder, and says it all as JSON", async () => {
    const { code, out } = await cli("validate", root, "--json");
    const { ok, runs } = JSON.parse(out);
    expect([code, ok]).toEqual([1, false]);
    const verdicts = runs.map((r: { file: string; ok: boolean }) => [r.file.slice(root.length + 1), r.ok]);
    expect(verdicts).toContainEqual([join("good", "run.json"), true]);
    expect(verdicts).toContainEqual([join("bad", "run.json"), false]);
    const refused = runs.find((r: { ok: boolean }) => !r.ok);
    expect(refused.problems[0]).toMatchObject({
      file: expect.stringContaining("run.json"),
      path: expect.stringMatching(/^\$\.result\./),
      code: expect.stringMatching(/^E_/),
      message: expect.any(String),
      next: expect.any(String),
    });
    expect(refused.run).toBeUndefined();
  });

  it("takes a document without its sidecar for submitted, and warns", async () => {
    const { code, out } = await cli("validate", write("alone", made.text, null));
    expect(code).toBe(0);
    expect(out).toMatch(/valid +submitted/);
    expect(out).toContain("warning: ");
    rmSync(join(root, "alone"), { recursive: true });
  });

  it("holds a run in results/runs to the names of its folders", async () => {
    const place = placeOf(made.run);
    const right = write(join("repository", "results", "runs", place));
    expect((await cli("validate", right)).code).toBe(0);
    const wrong = write(join("repository", "results", "runs", place.replace(/.{8}$/, "00000000")));
    const { code, out } = await cli("validate", wrong);
    expect(code).toBe(1);
    expect(out).toContain("[E_PLACE]");
    rmSync(join(root, "repository"), { recursive: true });
  });

  it("reads no more of a file than would be accepted", async () => {
    const huge = write("huge");
    truncateSync(join(huge, "run.json"), 2 ** 33);
    truncateSync(join(huge, "scores.parquet"), 2 ** 33);
    const { code, out } = await cli("validate", huge);
    expect(code).toBe(1);
    expect(out).toContain("longer than 4194304 bytes");
    writeFileSync(join(huge, "run.json"), made.text);
    expect((await cli("validate", huge)).out).toContain("at most 16777216 are read");
    rmSync(huge, { recursive: true });
  });

  it("says so when there is no run", async () => {
    mkdirSync(join(root, "empty"));
    for (const path of [join(root, "empty"), join(root, "nowhere")]) {
      const { code, err } = await cli("validate", path);
      expect(code).toBe(1);
      expect(err).toContain(`error: there is no run in ${path}  [E_RUN]`);
    }
    expect((await cli("validate")).code).toBe(2);
  });
});
