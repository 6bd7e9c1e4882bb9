import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { identityOf } from "../kit/src/results/document.ts";
import { recheck } from "./results-recheck.ts";
import { testRun } from "./submission/test-runs.ts";

const repository = mkdtempSync(join(tmpdir(), "xai-kit-recheck-"));
const results = join(repository, "results");
afterAll(() => rmSync(repository, { recursive: true }));

function git(...args: string[]): string {
  const names = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
  const { status, stdout, stderr } = spawnSync("git", [...names, ...args], {
    cwd: repository,
    encoding: "utf8",
    env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    writeFileSync(join(repository, path), content);
  }
}

function commit(): string {
  git("add", "--all");
  git("commit", "--quiet", "--message", "m");
  return git("rev-parse", "--short", "HEAD");
}

const one = testRun({ model: "one" });
const two = testRun({ model: "two" });
const madeUp = new URL("../schemas/literature/valid/made-up.json", import.meta.url);
const path = Object.keys(one.files).find((file) => file.endsWith("run.json"))!;

describe("results:recheck", () => {
  it("finds nothing in what is valid, and says where there is no history", async () => {
    write(one.files);
    expect(await recheck(results)).toMatchObject({
      problems: [],
      runs: 1,
      withoutHistory: "this is no clone of a repository",
    });
    git("init", "--quiet", "--initial-branch=main");
    commit();
    expect((await recheck(results)).withoutHistory).toBe("results/errata.jsonl is in no commit yet");
  });

  it("takes what is added", async () => {
    write({ "results/errata.jsonl": "" });
    commit();
    write(two.files);
    commit();
    expect(await recheck(results)).toMatchObject({ problems: [], runs: 2, withoutHistory: undefined });
  });

  it("counts the scores that errata correct, and names the runs", async () => {
    const erratum = `{"affects":{"metric":"sparseness","revisions":{"from":1,"to":1}},"date":"2026-12-01","reason":"It was wrong."}\n`;
    write({ "results/errata.jsonl": erratum });
    commit();
    const { problems, errata, affected } = await recheck(results);
    expect(problems).toEqual([]);
    expect(errata).toHaveLength(1);
    expect(Object.values(affected)).toEqual([one, two].map(({ run }) => run.result.methods.length));
  });

  it("reads the ledger, whose lines speak of what is here", async () => {
    const entry = {
      by: "some-one",
      date: "2026-12-01",
      evidence: "https://example.org/attestations/1",
      kind: "attested",
      run: identityOf(one.run.result),
    };
    write({ "results/ledger.jsonl": `${JSON.stringify(entry)}\n` });
    commit();
    expect(await recheck(results)).toMatchObject({ problems: [], ledger: [entry] });
    const strange = JSON.stringify({ ...entry, run: "0".repeat(64) });
    write({ "results/ledger.jsonl": `${JSON.stringify(entry)}\n${strange}\n` });
    expect((await recheck(results)).problems).toEqual([
      `${join(results, "ledger.jsonl")}, line 2: $.run: there is no run ${"0".repeat(64)}`,
    ]);
    write({ "results/ledger.jsonl": `${JSON.stringify(entry)}\n` });
  });

  it("reads what others published", async () => {
    write({ "results/literature/made-up.json": readFileSync(madeUp) });
    commit();
    expect(await recheck(results)).toMatchObject({ problems: [], literature: 1 });
    write({ "results/literature/other.json": readFileSync(madeUp) });
    expect((await recheck(results)).problems).toEqual([
      `${join(results, "literature", "other.json")}: $.id: the file of made-up is made-up.json, not other.json`,
    ]);
    rmSync(join(results, "literature", "other.json"));
  });

  it("names a document that does not follow from its scores, before it is committed", async () => {
    write({ [path]: one.text.replace(/"mean":0\.\d+/, '"mean":0.5') });
    expect((await recheck(results)).problems.join("\n")).toMatch(
      /run\.json: \$\.result\.statistics.* by the sidecar/,
    );
    write(one.files);
  });

  it("tells from git what was edited, deleted or taken back, also where it was put right later", async () => {
    write({ [path]: `${one.text} ` });
    const edited = commit();
    write({ [path]: one.text });
    const again = commit();
    rmSync(join(repository, dirname(path)), { recursive: true });
    const deleted = commit();
    write({ "results/errata.jsonl": "" });
    const taken = commit();
    rmSync(join(results, "literature"), { recursive: true });
    const lost = commit();
    write({ "results/ledger.jsonl": "" });
    const denied = commit();
    const { problems } = await recheck(results);
    const short = path.slice("results/".length);
    for (const at of [edited, again, deleted]) {
      expect(problems).toContain(`${short}: edited or deleted in ${at}; results are only added to`);
    }
    expect(problems).toContain(`errata.jsonl: lines edited or deleted in ${taken}; it is only added to`);
    expect(problems).toContain(
      `literature/made-up.json: edited or deleted in ${lost}; results are only added to`,
    );
    expect(problems).toContain(`ledger.jsonl: lines edited or deleted in ${denied}; it is only added to`);
    expect(problems).toHaveLength(7); // the scores went too
  });
});
