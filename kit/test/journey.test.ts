/**
 * The product in one go: the packed kit in an empty folder evaluates a bundled model, hands the run in to a repository, the check of pull requests
 * admits it and says what moves, and the site built from the result shows it on the leaderboard.
 *
 * The whole protocol takes five minutes of two cores. XAI_JOURNEY=all goes that way, and then ranks move and the guide cites the run;
 * else a few methods on a few images, which is shown and not ranked.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installKit, packKit, runInstalled } from "./packed.ts";
import { git, gitEnv, makeResultsRepository } from "./results-repository.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "xai-kit-journey-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const app = join(folder, "app");
const clone = join(folder, "clone");
const model = "phantom-cxr/cxr-vit";
let bare: string;

const whole = process.env.XAI_JOURNEY === "all";
const choice = ["--methods", "saliency,grad-cam,random,sobel,constant,centre-gaussian", "--samples", "12"];

/** A script of this repository, as main would run it. */
const script = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ASTRO_TELEMETRY_DISABLED: "1", NO_COLOR: "1", ...env },
    maxBuffer: 2 ** 26,
  });

/** What one step tells the next. */
const found = { place: "", branch: "", head: "" };

beforeAll(() => {
  installKit(app, packKit(folder));
  bare = makeResultsRepository(folder, [model]);
  git(folder, "clone", "-q", bare, clone);
}, 300_000);

describe("the journey", () => {
  it("evaluates a bundled model with the packed kit alone", { timeout: 1_200_000 }, () => {
    const file = "node_modules/xai-kit/models/cxr-vit.onnx";
    const { status, stderr } = runInstalled(app, [
      ...["evaluate", "--model", file, "--data", "phantom:cxr", ...(whole ? [] : choice)],
      ...["--pictures", "1", "--out", "run"],
    ]);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect(readdirSync(join(app, "run")).sort()).toEqual([
      "curves.json",
      "journal.jsonl",
      "pictures",
      "run.json",
      "scores.parquet",
    ]);
    expect(runInstalled(app, ["validate", "run"])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/valid +recomputed/),
    });
  });

  it("hands the run in: one commit on a branch of the clone, pushed by its author", () => {
    const { status, stdout, stderr } = runInstalled(
      app,
      ["submit", "run", "--repo", clone, "--json"],
      process.execPath,
      gitEnv,
    );
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const answer = JSON.parse(stdout);
    expect(answer.place).toMatch(new RegExp(`^results/runs/${model}/\\d{4}-\\d\\d-\\d\\d-[0-9a-f]{8}$`));
    Object.assign(found, { place: answer.place, branch: answer.branch });
    git(clone, "push", "-q", "origin", found.branch);
    found.head = git(bare, "rev-parse", `refs/heads/${found.branch}`);
    expect(found.head).toBe(answer.commit);
  });

  it("is admitted by main's check, whose comment says what moves", { timeout: 120_000 }, () => {
    const files = { json: join(folder, "verdict.json"), comment: join(folder, "comment.md") };
    const { status, stdout, stderr } = script([
      ...["scripts/check-submission.ts", "--repo", bare, "--base", "main", "--head", found.head],
      ...["--from-fork", "--json", files.json, "--comment", files.comment],
    ]);
    expect({ status, output: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, output: "" });
    expect(JSON.parse(readFileSync(files.json, "utf8"))).toMatchObject({ admitted: true });
    const comment = readFileSync(files.comment, "utf8");
    expect(comment).toContain(found.place.split("/").at(-1));
    if (whole) {
      expect(comment).toMatch(/faithfulness/i);
      expect(comment).toMatch(/guide/i);
    } else expect(comment).toMatch(/shown, not ranked/);
  });

  it("is on the leaderboard, and ranked in the guide, once the site is rebuilt", { timeout: 300_000 }, () => {
    git(folder, "clone", "-q", "--branch", found.branch, bare, "merged");
    const out = join(folder, "site");
    const { status, stdout, stderr } = script(["node_modules/astro/bin/astro.mjs", "build"], {
      XAI_RESULTS: join(folder, "merged", "results"),
      XAI_SITE_OUT: out,
      XAI_SITE_BASE: "/",
    });
    expect({ status, output: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, output: "" });
    const address = `/runs/${found.place.replace("results/runs/", "")}/`;
    // on one of the pages that each of them has
    for (const part of ["leaderboard", ...(whole ? ["guide"] : [])]) {
      const pages = readdirSync(join(out, part), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith("index.html"))
        .map((name) => readFileSync(join(out, part, name), "utf8"));
      expect(pages.some((page) => page.includes(`href="${address}"`))).toBe(true);
    }
    expect(readFileSync(join(out, address, "index.html"), "utf8")).toContain("cxr-vit");
  });
});
