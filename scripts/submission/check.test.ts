import { rmSync } from "node:fs";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../kit/src/json.ts";
import { sidecarLimits } from "../../kit/src/results/sidecar.ts";
import { checkSubmission, type Verdict } from "./check.ts";
import { commentOf } from "./comment.ts";
import { type Files, TestRepo } from "./test-repo.ts";
import { testRun } from "./test-runs.ts";

const repo = new TestRepo();
afterAll(() => rmSync(repo.folder, { recursive: true }));

const others = testRun({ model: "others" });
const mine = testRun();
/** On main by another text of its protocol, so that there is a reason to measure again. */
const outdated = testRun({ model: "outdated" });
const before = outdated.text.replace(/("protocol":\{"id":"1","sha256":")[0-9a-f]{64}/, `$1${"a".repeat(64)}`);
/** A newer run of that model, in which one method does badly by one metric. */
const worse = testRun({
  model: "outdated",
  date: "2026-01-20T00:00:00Z",
  change: (o) => ({
    ...o,
    execution: {
      failures: [],
      rows: o.execution.rows.map((row) =>
        row.method === "saliency" && "infidelity" in row.scores
          ? { ...row, scores: { ...row.scores, infidelity: 0 } }
          : row,
      ),
    },
  }),
});
const workflow = ".github/workflows/validate.yml";
const main = repo.commit([], {
  ...others.files,
  ...outdated.files,
  [`${outdated.folder}/run.json`]: before,
  "README.md": "Read me.\n",
  [workflow]: "name: Validate\n",
  "scripts/check-submission.ts": "process.exitCode = 1;\n",
  "kit/src/a.ts": "export const a = 1;\n",
});
repo.git(["branch", "main", main]);

const judge = (head: string, { base = "main", fromFork = true } = {}): Verdict =>
  checkSubmission({ folder: repo.folder, base, head, fromFork, now: new Date("2026-02-01T00:00:00Z") });
const judged = (files: Files, options?: { fromFork: boolean }) => judge(repo.commit([main], files), options);
const told = ({ problems }: Verdict) => problems.map(({ file, message }) => `${file}: ${message}`);
const refused = (verdict: Verdict, ...messages: RegExp[]) => {
  expect(verdict).toMatchObject({ kind: "refused", admitted: false, broken: false });
  expect(verdict.problems.every(({ next }) => next !== "")).toBe(true);
  for (const message of messages) expect(told(verdict).join("\n")).toMatch(message);
};
/** The run with its document changed; the folder stays, unless the identity moves it. */
const withText = (text: string): Files => ({ ...mine.files, [`${mine.folder}/run.json`]: text });
const sidecarOf = (bytes: string | Uint8Array): Files => ({
  ...mine.files,
  [`${mine.folder}/scores.parquet`]: bytes,
});
const document = JSON.parse(mine.text) as Record<string, Record<string, never>>;

/** A commit whose results/ holds these entries beside what main has there. */
const forged = (path: readonly string[], ...entries: { mode: string; name: string; id: string }[]) => {
  const put = (tree: string, [first, ...rest]: readonly string[]): string => {
    const lines = repo.git(["ls-tree", tree]).split("\n").filter(Boolean);
    const old = lines.map((line) => {
      const [, mode, id, name] = /^(\d+) \w+ (\w+)\t(.*)$/.exec(line)!;
      return { mode, id, name };
    });
    if (first === undefined) return repo.tree([...old, ...entries]);
    return repo.tree(old.map((e) => (e.name === first ? { ...e, id: put(e.id, rest) } : e)));
  };
  return repo.commitTree(put(`${main}^{tree}`, path), main);
};
const blob = repo.blob("x");
const file = (name: string) => ({ mode: "100644", name, id: blob });

describe("a pull request with a run", () => {
  it("is admitted when all is well", () => {
    const verdict = judged(mine.files);
    expect(told(verdict)).toEqual([]);
    expect(verdict).toMatchObject({ kind: "submission", admitted: true, base: main });
    expect(verdict.runs).toEqual([
      { place: mine.folder.slice(13), identity: mine.identity, tier: "recomputed", notes: [] },
    ]);
    expect(verdict.checks.map(({ passed }) => passed)).toEqual([true, true, true, true, true]);
    expect(verdict.movement?.runs).toMatchObject([{ run: mine.folder.slice(13), how: "new" }]);
  });

  it("may bring several", () => {
    const second = testRun({ model: "second" });
    expect(judged({ ...mine.files, ...second.files })).toMatchObject({ admitted: true, runs: [{}, {}] });
  });

  it("is refused when it touches anything else", () => {
    refused(judged({ ...mine.files, "README.md": "Buy!\n" }), /"README\.md"/);
    refused(
      judged({ ...mine.files, [workflow]: "exit 0" }),
      /"\.github/,
      /this file decides about pull requests/,
    );
    refused(judged({ ...mine.files, [workflow]: "exit 0" }, { fromFork: false }), /other files as well/);
    refused(judged({ ...mine.files, "kit/src/b.ts": "" }), /other files as well: "kit\/src\/b\.ts"/);
  });

  it("is refused when it brings published values of others, which are code owners' to review", () => {
    const literature = { "results/literature/a.json": "{}\n" };
    for (const fromFork of [true, false]) {
      refused(
        judged({ ...mine.files, ...literature }, { fromFork }),
        /other files as well: "results\/literature\/a\.json"/,
      );
      expect(judged(literature, { fromFork })).toMatchObject({ kind: "code", admitted: false, problems: [] });
    }
  });

  it("may come from a branch that main has left behind, also after merging main", () => {
    const head = repo.commit([main], mine.files);
    const ahead = repo.commit([main], { "README.md": "Newer.\n", [others.folder]: null });
    expect(judge(head, { base: ahead })).toMatchObject({ admitted: true, base: ahead });
    const merged = repo.commit([head, ahead], { "README.md": "Newer.\n", [others.folder]: null });
    expect(judge(merged, { base: ahead }).admitted).toBe(true);
    // the same merge against the old main brings the other changes too
    refused(judge(merged), /other files as well/, /is deleted/);
  });

  it("is refused when main has its folder by now", () => {
    const ahead = repo.commit([main], mine.files);
    refused(judge(repo.commit([main], mine.files), { base: ahead }), /run\.json: is on main by now/);
  });

  it("is refused without one common commit", () => {
    refused(judge(repo.commit([], { ...others.files, ...mine.files })), /nothing in common/);
    const [a, b] = [repo.commit([main], { a: "a" }), repo.commit([main], { b: "b" })];
    const [left, right] = [repo.commit([a, b], { b: "b" }), repo.commit([b, a], { a: "a", ...mine.files })];
    refused(judge(right, { base: left }), /several common commits/);
  });

  it("says what is not there", () => {
    expect(() => judge("0".repeat(40))).toThrow(/no commit 0{40} .*fetch it first/);
    expect(() => judge(main, { base: "nowhere" })).toThrow(/no commit nowhere/);
  });
});

describe("a pull request without a run", () => {
  it("is for people", () => {
    const code: Verdict[] = [judged({ "kit/src/a.ts": "export const a = 2;\n" }), judge(main)];
    for (const verdict of code)
      expect(verdict).toMatchObject({ kind: "code", admitted: false, problems: [] });
  });

  it.each([
    [workflow, "jobs: { check: { steps: [{ run: exit 0 }] } }"],
    ["scripts/check-submission.ts", ""],
    ["scripts/admit.ts", ""],
    ["scripts/submission/paths.ts", ""],
    ["CODEOWNERS", "* @stranger"],
    [".GitHub/workflows/other.yml", "on: push"],
  ])("is refused from a fork when it changes %s", (path, text) => {
    refused(judged({ [path]: text }), /this file decides about pull requests/);
    expect(judged({ [path]: text }, { fromFork: false }).kind).toBe("code");
  });

  it("is refused from a fork when it takes the gate away, or hides its change among others", () => {
    refused(judged({ [workflow]: "exit 0", "README.md": "", "kit/src/a.ts": "" }), /this file decides/);
    refused(judged({ [workflow]: null }), /this file decides/);
  });
});

describe("results of others", () => {
  const theirs = `${others.folder}/run.json`;
  it.each<[string, Files, RegExp]>([
    ["edited", { [theirs]: mine.text }, /is changed/],
    ["deleted", { [theirs]: null }, /is deleted/],
    ["all deleted", { "results/runs": null }, /is deleted/],
    ["moved", { [theirs]: null, "results/old.json": others.text }, /is deleted/],
    ["made executable", { [theirs]: { mode: "100755", data: others.text } }, /is changed/],
    ["made a link", { [theirs]: { mode: "120000", data: "/etc/passwd" } }, /is changed/],
    ["covered by a link", { "results/runs": { mode: "120000", data: "/tmp" } }, /is deleted/],
    ["covered by a link above", { results: { mode: "120000", data: "/tmp" } }, /is deleted/],
    ["edited beside a run", { ...mine.files, [theirs]: mine.text }, /is changed/],
    ["given company", { [`${others.folder}/notes.md`]: "wrong" }, /has no place in results/],
  ])("cannot be %s", (_, files, message) => {
    refused(judged(files), message);
  });
});

describe("names and modes", () => {
  const run = `${mine.folder}/run.json`;
  const at = (folder: string): Files => ({
    [`${folder}/run.json`]: mine.text,
    [`${folder}/scores.parquet`]: mine.sidecar,
  });
  it.each<[string, Files, RegExp]>([
    [
      "a link",
      { ...mine.files, [run]: { mode: "120000", data: "../../x" } },
      /run\.json: is a symbolic link/,
    ],
    ["a submodule", { [mine.folder]: { mode: "160000", id: main } }, /is a submodule/],
    ["an executable", { ...mine.files, [run]: { mode: "100755", data: mine.text } }, /has the mode 100755/],
    ["no sidecar", { [run]: mine.text }, /scores\.parquet: is missing/],
    ["no document", { [`${mine.folder}/scores.parquet`]: mine.sidecar }, /run\.json: is missing/],
    ["a picture", { ...mine.files, [`${mine.folder}/pictures/a.png`]: "x" }, /has no place/],
    ["a third file", { ...mine.files, [`${mine.folder}/.gitattributes`]: "x" }, /has no place/],
    ["another depth", at("results/runs/a/2026-01-02-00000000"), /has no place/],
    ["capitals", at("results/runs/Drawn-32/made/2026-01-02-00000000"), /has no place/],
    ["other capitals above", at(mine.folder.replace("results/runs", "Results/Runs")), /has no place/],
    ["no such day", at("results/runs/a/b/2026-02-30-00000000"), /2026-02-30 is no day/],
    ["a device", at("results/runs/con/b/2026-01-02-00000000"), /Windows cannot have/],
    ["a long name", at(`results/runs/a/${"b".repeat(240)}/2026-01-02-00000000`), /longer than 255/],
    ["a hash in capitals", at("results/runs/a/b/2026-01-02-0000000A"), /has no place/],
    ["a line end", at("results/runs/a\nb/c/2026-01-02-00000000"), /control character/],
    ["a mark to the left", at("results/runs/a\u202eb/c/2026-01-02-00000000"), /control character/],
    ["decomposed letters", at("results/runs/e\u0301/c/2026-01-02-00000000"), /NFC/],
    ["another folder", at("results/runs/a/b/2026-01-02-00000000"), /but the folder is a\/b\/2026/],
  ])("refuse %s", (_, files, message) => refused(judged(files), message));

  it("refuse two that are one without capitals, also on main", () => {
    const twin = mine.folder.replace("made", "Made");
    refused(judged({ ...mine.files, ...at(twin) }), /differs from ".*" in capitals only/);
    const odd = repo.commit([main], { "results/runs/phantom-shapes/Made/x": "" });
    refused(
      judge(repo.commit([odd], mine.files), { base: odd }),
      /from "results\/runs\/phantom-shapes\/Made" in capitals/,
    );
  });

  it.each([
    ["..", /results\/runs\/\.\.\/run\.json: leaves its folder/],
    [".", /leaves its folder/],
    [".git", /leaves its folder/],
    [".GIT", /leaves its folder/],
  ])("refuse a folder %s", (name, message) => {
    const tree = repo.tree([file("run.json")]);
    refused(judge(forged(["results", "runs"], { mode: "40000", name, id: tree })), message);
  });

  it("refuse names with a slash and names twice, which a listing would not show", () => {
    const folder = mine.folder.slice("results/".length);
    const slashed = ["run.json", "scores.parquet"].map((name) => file(`${folder}/${name}`));
    refused(judge(forged(["results"], ...slashed)), /run\.json: a name in a tree is empty or has a slash/);
    refused(judge(forged(["results", "runs"], file("../../.github/x"))), /has a slash/);
    const twice = repo.tree([file("run.json"), file("run.json"), file("scores.parquet")]);
    refused(judge(forged(["results", "runs"], { mode: "40000", name: "a", id: twice })), /this name twice/);
  });

  it("refuse modes that git does not write", () => {
    refused(judge(forged(["results", "runs"], { ...file("x"), mode: "100600" })), /has the mode 100600/);
  });
});

describe("size", () => {
  it("is asked for before anything is read", () => {
    const large = `${mine.folder}/scores.parquet`;
    refused(
      judged({ ...mine.files, [large]: new Uint8Array(sidecarLimits.bytes + 1) }),
      /scores\.parquet: has 16777217 bytes; at most 16777216/,
    );
    refused(judged(withText(" ".repeat(5_000_000))), /run\.json: has 5000000 bytes; at most 4194304/);
  });

  it("of what a fetch left out is too much", () => {
    const id = repo.blob("not to be had");
    const file = `${mine.folder}/scores.parquet`;
    const head = repo.commit([main], { ...mine.files, [file]: { mode: "100644", id } });
    rmSync(`${repo.folder}/objects/${id.slice(0, 2)}/${id.slice(2)}`);
    refused(judge(head), /scores\.parquet: is so large that it was not fetched; at most 16777216/);
  });

  it("is limited for a pull request as a whole", () => {
    const id = repo.blob(new Uint8Array(sidecarLimits.bytes));
    const folders = Array.from({ length: 5 }, (_, i) => `results/runs/a/b/2026-01-02-0000000${i}`);
    const files = folders.flatMap((folder) => [
      [`${folder}/run.json`, "{}"] as const,
      [`${folder}/scores.parquet`, { mode: "100644", id }] as const,
    ]);
    refused(judged(Object.fromEntries(files)), /its files have 83886090 bytes; at most 67108864/);
  });

  it("in files is limited: 10,000 end at once, and none of them is read", () => {
    // none of these is a blob, so reading one would fail
    const names = Array.from({ length: 10_000 }, (_, i) => `f${String(i).padStart(5, "0")}`);
    const head = forged(["results", "runs"], ...names.map((name) => ({ ...file(name), id: "1".repeat(40) })));
    const start = performance.now();
    const verdict = judge(head);
    expect(performance.now() - start).toBeLessThan(10_000);
    refused(verdict, /10000 changes in results\/runs\/, where 20 runs of 2 files are the most/);
    expect(verdict.problems).toHaveLength(1);
    expect(verdict.checks.map(({ passed }) => passed)).toEqual([true, false, null, null, null]);
  });

  it("of trees that hold each other is limited", () => {
    let tree = repo.tree([{ mode: "100644", name: "x", id: repo.blob("x") }]);
    for (let depth = 0; depth < 12; depth++)
      tree = repo.tree(Array.from({ length: 10 }, (_, i) => ({ mode: "40000", name: `d${i}`, id: tree })));
    refused(judge(repo.commitTree(tree, main)), /more than 20000 changes/);
  });
});

describe("documents", () => {
  const changed = (change: (copy: typeof document) => void) => {
    const copy = structuredClone(document);
    change(copy);
    return withText(`${canonicalJson(copy)}\n`);
  };
  /** 96 MB of names in 5 MB. */
  const bomb = () => {
    const data = Array(150_000).fill("a".repeat(640));
    const column = {
      name: "sample",
      data,
      type: "STRING" as const,
      encoding: "PLAIN" as const,
      nullable: false,
    };
    return new Uint8Array(parquetWriteBuffer({ columnData: [column], rowGroupSize: data.length }));
  };
  it.each<[string, () => Files, RegExp]>([
    ["no JSON", () => withText("no"), /no is no JSON value/],
    ["NaN", () => withText(mine.text.replace(/"seconds":[\d.]+/, '"seconds":NaN')), /NaN is no JSON value/],
    ["a key twice", () => withText(mine.text.replace('"jobs":1', '"jobs":1,"jobs":2')), /stands here twice/],
    [
      "__proto__",
      () => withText(mine.text.replace('"jobs":1', '"__proto__":{"a":1},"jobs":1')),
      /is not allowed/,
    ],
    ["other keys", () => changed((d) => Object.assign(d.result, { slug: "x" })), /this key is not known/],
    ["another form", () => withText(JSON.stringify(document, null, 1)), /not in canonical form/],
    ["a forged mean", () => changed((d) => forgeMean(d)), /by the sidecar/],
    ["a forged rank", () => changed((d) => forgeRank(d)), /by the sidecar/],
    ["another sidecar", () => sidecarOf(worse.sidecar), /has [0-9a-f]{64}/],
    [
      "a changed sidecar",
      () => sidecarOf(mine.sidecar.with(2000, mine.sidecar[2000] ^ 1)),
      /has [0-9a-f]{64}/,
    ],
    ["a Parquet bomb", () => sidecarOf(bomb()), /has a page whose sizes are not possible/],
    ["no Parquet", () => sidecarOf("PAR1"), /not a sidecar/],
    [
      "another model's folder",
      () => changed((d) => Object.assign(d.result.model, { id: "other" })),
      /but the folder is/,
    ],
  ])("with %s are refused", (_, files, message) => refused(judged(files()), message));

  function forgeMean(d: typeof document): void {
    const { cells } = d.result.statistics as unknown as { cells: { mean: number | null }[] };
    const cell = cells.find(({ mean }) => mean !== null && mean > 0.1 && mean < 0.9)!;
    cell.mean! += 0.05;
  }
  function forgeRank(d: typeof document): void {
    const { metrics } = d.result.statistics as unknown as { metrics: { places: { rank: number }[] }[] };
    metrics.find(({ places }) => places.length > 1)!.places[0].rank += 1;
  }

  it("may hold tags and Markdown where text is free: it is data, and not shown as more", () => {
    const text = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) `b` # c";
    const free = testRun({
      change: (o) => ({
        ...o,
        dataset: { ...o.dataset, edition: text, notes: [text], classes: [text, "b", "c"] },
        model: { ...o.model, prepared: { ...o.model.prepared, assumptions: [text] } },
      }),
    });
    const verdict = judged(free.files);
    expect(told(verdict)).toEqual([]);
    expect(verdict.admitted).toBe(true);
    expect(commentOf(verdict)).not.toContain("onerror");
  });

  it("with tags and Markdown in every string are refused, and shown as code", () => {
    const hostile = "@everyone <img src=x onerror=alert(1)> [a](https://example.org) ``` | <!-- \n# x";
    const poison = (value: unknown): unknown =>
      typeof value === "string"
        ? hostile
        : Array.isArray(value)
          ? value.map(poison)
          : typeof value === "object" && value !== null
            ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, poison(v)]))
            : value;
    const verdict = judged(withText(`${canonicalJson(poison(document))}\n`));
    refused(verdict, /must match pattern|must be equal|must be/);
    expect(commentOf(verdict)).not.toMatch(/^# x/m);
  });
});

describe("what only main knows", () => {
  it("refuses a result that is there already, whatever its date", () => {
    const again = testRun({ model: "others", date: "2026-01-09T00:00:00Z" });
    refused(judged(again.files), /the same result is in results\/runs\/phantom-shapes\/others\/2026-01-02/);
    const first = testRun({ date: "2026-01-08T00:00:00Z" });
    refused(judged({ ...mine.files, ...first.files }), /the same result is in/);
  });

  it("refuses days to come", () => {
    refused(judged(testRun({ date: "2026-02-03T00:00:00Z" }).files), /2026-02-03T00:00:00Z has not come yet/);
    expect(judged(testRun({ date: "2026-02-01T20:00:00Z" }).files).admitted).toBe(true);
    refused(judged(testRun({ date: "2026-01-02T29:00:00Z" }).files), /run.json: must match pattern/);
  });

  it("refuses quick runs", () => {
    refused(judged(testRun({ protocol: "quick" }).files), /protocol quick is a first look/);
  });

  it("admits a choice of one's own, with a note that it is not ranked", () => {
    const own = testRun({ change: (o) => ({ ...o, plan: { ...o.plan, standard: false } }) });
    const verdict = judged(own.files);
    expect(verdict).toMatchObject({ admitted: true, movement: { runs: [{ how: "unranked" }] } });
    expect(verdict.runs[0].notes).toEqual(["not the protocol as it stands: shown, not ranked"]);
  });

  it("refuses what a registry or a run on main contradicts", () => {
    const again = testRun({ model: "others", change: (o) => ({ ...o, modelSha256: "f".repeat(64) }) });
    refused(judged(again.files), /has a model of this name with another file/);
    const blood = { id: "medmnist-bloodmnist", base: "medmnist-bloodmnist" };
    const posing = testRun({ change: (o) => ({ ...o, dataset: { ...o.dataset, ...blood } }) });
    refused(judged(posing.files), /"synthetic", where the registry has "medical"/);
  });

  it("says what a newer run of the same model moves", () => {
    const { movement, admitted } = judged(worse.files);
    expect(admitted).toBe(true);
    expect(movement?.runs).toMatchObject([{ how: "replaces", other: outdated.folder.slice(13) }]);
    const [run] = movement!.runs;
    const moved = run.how === "replaces" ? run.bases.map(({ basis }) => basis) : [];
    expect(moved).toContain("Infidelity");
    expect(moved).not.toContain("Sparseness");
  });
});
