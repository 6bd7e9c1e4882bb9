import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { madeRun } from "../../test/made-run.ts";
import { cli } from "../../test/run-cli.ts";
import { placeOf } from "../results/validate.ts";

const made = madeRun({ protocol: "1" });
const place = `results/runs/${placeOf(made.run)}`;
const [model, name] = [dirname(place), basename(place)];
const branch = `run/drawn-32-made-${name.slice(-8)}`;

const path = process.env.PATH;
const root = mkdtempSync(join(tmpdir(), "xai-kit-submit-"));
const run = join(root, "run");
const bare = join(root, "bare");
const clone = join(root, "clone");
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

function writeRun(folder: string, { text, sidecar }: ReturnType<typeof madeRun>): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "run.json"), text);
  writeFileSync(join(folder, "scores.parquet"), sidecar);
}

function git(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

beforeAll(() => {
  // nobody's own settings
  vi.stubEnv("GIT_CONFIG_GLOBAL", "/dev/null");
  vi.stubEnv("GIT_CONFIG_SYSTEM", "/dev/null");
  for (const key of ["AUTHOR", "COMMITTER"]) {
    vi.stubEnv(`GIT_${key}_NAME`, "Ada Contributor");
    vi.stubEnv(`GIT_${key}_EMAIL`, "ada@example.org");
  }
  writeRun(run, made);
  const first = join(root, "first");
  mkdirSync(join(first, "schemas", "run"), { recursive: true });
  writeFileSync(join(first, "schemas", "run", "v1.schema.json"), "{}");
  git(first, "init", "-q", "-b", "main");
  git(first, "add", ".");
  git(first, "commit", "-qm", "first");
  git(root, "clone", "-q", "--bare", first, bare);
});
beforeEach(() => {
  rmSync(clone, { recursive: true, force: true });
  git(root, "clone", "-q", bare, clone);
});

describe("xai-kit submit", () => {
  it("makes one commit that adds the two files, on main of the remote, and touches nothing else", async () => {
    writeFileSync(join(clone, "mine.txt"), "unsaved work");
    git(clone, "switch", "-q", "-c", "elsewhere");
    git(clone, "commit", "-q", "--allow-empty", "-m", "of my own");
    const { code, out, err } = await cli("submit", run, "--repo", clone);
    expect({ code, err: err.includes("error") }).toEqual({ code: 0, err: false });
    expect(git(clone, "diff", "--name-status", `main...${branch}`).split("\n")).toEqual([
      `A\t${place}/run.json`,
      `A\t${place}/scores.parquet`,
    ]);
    expect(git(clone, "rev-parse", `${branch}^`)).toBe(git(clone, "rev-parse", "origin/main"));
    for (const file of ["run.json", "scores.parquet"]) {
      const { stdout } = spawnSync("git", ["show", `${branch}:${place}/${file}`], {
        cwd: clone,
        maxBuffer: 2 ** 26,
      });
      expect(stdout.equals(readFileSync(join(run, file)))).toBe(true);
    }
    expect(git(clone, "status", "--porcelain")).toBe("?? mine.txt");
    expect(git(clone, "branch", "--show-current")).toBe("elsewhere");
    expect(out).toContain(`push origin ${branch}`);
    expect(out).toMatch(/compare\/main\.\.\.<your name>:run%2Fdrawn-32-made-/);
  });

  it("shows everything that becomes public, the author too", async () => {
    const { err } = await cli("submit", run, "--repo", clone);
    const document = JSON.parse(readFileSync(join(run, "run.json"), "utf8"));
    expect(err).toContain("This becomes public, and nothing else:");
    expect(err).toContain("Ada Contributor <ada@example.org>");
    for (const value of [
      document.result.model.sha256,
      document.result.data.fingerprint.value,
      document.telemetry.date,
      document.telemetry.machine.cpu,
      String(document.telemetry.machine.memory),
    ]) {
      expect(err).toContain(value);
    }
    // every string of the document is on the screen, whatever keys may come; titles and parameters are the registry's
    const strings = (value: unknown, key = ""): string[] =>
      typeof value === "string"
        ? [value]
        : typeof value === "object" && value !== null && !["statistics", "params", "quality"].includes(key)
          ? Object.entries(value).flatMap(([k, v]) => (k === "title" || k === "reason" ? [] : strings(v, k)))
          : [];
    const shown = err.replaceAll(/\s+/g, " ");
    const registry =
      /^(lower|higher|controls|none|ok|faithfulness|robustness|complexity|randomisation|localisation|cost)$/;
    for (const text of strings(document).filter((s) => !registry.test(s)))
      expect(shown).toContain(text.replaceAll(/\s+/g, " "));
  });

  it("commits as the author alone, without a time zone", async () => {
    vi.stubEnv("GIT_COMMITTER_NAME", "Secret Corp");
    vi.stubEnv("GIT_COMMITTER_EMAIL", "sec@corp.example");
    vi.stubEnv("TZ", "Asia/Tokyo");
    await cli("submit", run, "--repo", clone);
    const said = git(clone, "log", "-1", "--format=%an <%ae> %ad|%cn <%ce> %cd", "--date=raw", branch);
    expect(said).toMatch(/^(Ada Contributor <ada@example\.org> \d+ \+0000)\|\1$/);
    vi.stubEnv("GIT_COMMITTER_NAME", "Ada Contributor");
    vi.stubEnv("GIT_COMMITTER_EMAIL", "ada@example.org");
  });

  it("works on the clone it is given, whatever repository a hook is in", async () => {
    const other = join(root, "other");
    git(root, "clone", "-q", bare, other);
    vi.stubEnv("GIT_DIR", join(other, ".git"));
    const { code } = await cli("submit", run, "--repo", clone);
    vi.stubEnv("GIT_DIR", undefined);
    expect(code).toBe(0);
    expect(git(other, "branch", "--list", "run/*")).toBe("");
    expect(git(clone, "branch", "--list", "run/*")).toContain(branch);
  });

  it("does not take a repository it cannot open for none", async () => {
    vi.stubEnv("PATH", join(root, "no-git-here"));
    const { code, err } = await cli("submit", run, "--repo", clone);
    vi.stubEnv("PATH", path);
    expect(code).toBe(1);
    expect(err).toMatch(/\[E_GIT\]\n[\s\S]*next: install git/);
    expect(existsSync(join(clone, "results"))).toBe(false);
  });

  it("takes a bare clone, a tag as base, and a path with spaces", async () => {
    const spaced = join(root, "my results.git");
    git(root, "clone", "-q", "--bare", bare, spaced);
    git(spaced, "tag", "-a", "v1", "-m", "v1", "main");
    const { code, out } = await cli("submit", run, "--repo", spaced, "--base", "v1");
    expect(code).toBe(0);
    expect(out).toContain(`git -C '${spaced}' push `);
    expect(git(spaced, "rev-parse", `${branch}^`)).toBe(git(spaced, "rev-parse", "main"));
    rmSync(spaced, { recursive: true });
  });

  it("shows reasons and parameters, which are words too", async () => {
    const { err } = await cli("submit", run, "--repo", clone);
    expect(err).toContain("map is constant");
    expect(err.replaceAll(/\s+/g, " ")).toContain(
      "integrated-gradients reference=mean rule=gauss-legendre steps=50",
    );
  });

  it("writes nothing in a dry run", async () => {
    const { code, out } = await cli("submit", run, "--repo", clone, "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain(`${place}/run.json`);
    expect(out).toMatch(/dry run: nothing was written\n$/);
    expect(git(clone, "branch", "--list", "run/*")).toBe("");
    expect(existsSync(join(clone, "results"))).toBe(false);
  });

  it("says it all as JSON", async () => {
    const { out } = await cli("submit", run, "--repo", clone, "--json", "--quiet");
    const answer = JSON.parse(out);
    expect(answer).toMatchObject({ place, branch, commit: git(clone, "rev-parse", branch) });
    expect(answer.files.map((f: { path: string }) => f.path)).toEqual([
      `${place}/run.json`,
      `${place}/scores.parquet`,
    ]);
  });

  it("run again finds its branch, and does not make another", async () => {
    await cli("submit", run, "--repo", clone);
    const commit = git(clone, "rev-parse", branch);
    const { code, out } = await cli("submit", run, "--repo", clone);
    expect(code).toBe(0);
    expect(out).toContain(`branch ${branch} holds this run already`);
    expect(git(clone, "rev-parse", branch)).toBe(commit);
  });

  it("does not write over a branch that holds something else", async () => {
    git(clone, "branch", branch);
    const { code, err } = await cli("submit", run, "--repo", clone);
    expect(code).toBe(1);
    expect(err).toContain(`there is a branch ${branch} that holds something else  [E_SUBMIT]`);
    expect(git(clone, "rev-parse", branch)).toBe(git(clone, "rev-parse", "main"));
  });

  it("says that a run is there already, whatever its date", async () => {
    const folder = join(clone, model, `2020-01-01-${name.slice(-8)}`);
    cpSync(run, folder, { recursive: true });
    git(clone, "add", ".");
    git(clone, "commit", "-qm", "theirs");
    const { code, err } = await cli("submit", run, "--repo", clone, "--base", "main");
    expect(code).toBe(1);
    expect(err).toContain("this run is in main already");
  });

  it("says what main will ask of another run of a model of this name", async () => {
    const folder = join(clone, model, "2020-01-01-00000000");
    cpSync(run, folder, { recursive: true });
    git(clone, "add", ".");
    git(clone, "commit", "-qm", "theirs");
    const { code, err } = await cli("submit", run, "--repo", clone, "--base", "main");
    expect(code).toBe(0);
    expect(err).toContain(`note: main has ${model}/2020-01-01-00000000: another run of a model of this name`);
  });

  it("without git writes the files to their place", async () => {
    const plain = join(root, "plain");
    mkdirSync(join(plain, "schemas", "run"), { recursive: true });
    writeFileSync(join(plain, "schemas", "run", "v1.schema.json"), "{}");
    const { code, out } = await cli("submit", run, "--repo", plain);
    expect(code).toBe(0);
    expect(out).toContain("there is no git there");
    expect(readFileSync(join(plain, place, "run.json"), "utf8")).toBe(
      readFileSync(join(run, "run.json"), "utf8"),
    );
    expect(readdirSync(join(plain, place)).sort()).toEqual(["run.json", "scores.parquet"]);
  });

  it("refuses what the check would refuse, and says all of it", async () => {
    const bad = join(root, "bad");
    cpSync(run, bad, { recursive: true });
    const text = readFileSync(join(bad, "run.json"), "utf8");
    writeFileSync(join(bad, "run.json"), text.replace(/("correct":\{"mean":)0/, "$11"));
    const forged = await cli("submit", bad, "--repo", clone);
    expect(forged.code).toBe(1);
    expect(forged.err).toMatch(/run\.json would be refused {2}\[E_SUBMIT\]\n {2}\$\./);
    rmSync(join(bad, "scores.parquet"));
    writeFileSync(join(bad, "run.json"), text);
    expect((await cli("submit", bad, "--repo", clone)).err).toContain("scores.parquet: is missing");
    expect(git(clone, "branch", "--list", "run/*")).toBe("");
  });

  it("refuses a first look, and says how to make it count", async () => {
    const quick = join(root, "quick");
    writeRun(quick, madeRun());
    const { code, err } = await cli("submit", quick, "--repo", clone);
    expect(code).toBe(1);
    expect(err).toContain("protocol quick is a first look and never ranked");
    expect(err).toContain("next: evaluate again with --protocol 1");
  });

  it("names what is missing: a run, a clone, an identity", async () => {
    expect((await cli("submit", join(root, "nowhere"), "--repo", clone)).err).toContain("[E_RUN]");
    expect((await cli("submit", run, "--repo", join(root, "nowhere"))).err).toContain("[E_REPO]");
    const stranger = await cli("submit", run, "--repo", root);
    expect(stranger.err).toMatch(/is no copy of the results repository {2}\[E_REPO\]\n {2}next: fork https:/);
    expect((await cli("submit", run, "--repo", clone, "--base", "nonsense")).err).toContain("[E_REPO]");
    for (const key of ["AUTHOR", "COMMITTER"]) {
      vi.stubEnv(`GIT_${key}_NAME`, "");
      vi.stubEnv(`GIT_${key}_EMAIL`, "");
    }
    const nobody = await cli("submit", run, "--repo", clone);
    expect(nobody.err).toMatch(/\[E_GIT\]\n[\s\S]*next: tell git who you are/);
    expect(git(clone, "branch", "--list", "run/*")).toBe("");
  });
});
