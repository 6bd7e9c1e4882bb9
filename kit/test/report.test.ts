/** `xai-kit report` on run folders: finished, stopped, private, from before there were curves, and on what is none. */
import {
  copyFileSync,
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
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noteIn } from "../src/render/png.ts";
import { cli, json } from "./run-cli.ts";
import { cnn, saveFolder, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-report-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const evaluate = (out: string, ...more: string[]) =>
  cli(
    ...[
      "evaluate",
      "--model",
      at("cnn.onnx"),
      "--data",
      "phantom-shapes",
      "--protocol",
      "quick",
      "--device",
      "wasm",
    ],
    ...[
      "--methods",
      "saliency,grad-cam,random",
      "--metrics",
      "deletion-auc,insertion-auc,sparseness,randomisation",
    ],
    ...["--samples", "6", "--pictures", "2", "--quiet", "--out", at(out), ...more],
  );
const pageOf = (file: string) => readFileSync(file, "utf8");
const textOf = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/gs, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ");

interface Answer {
  readonly out: string;
  readonly identity: string | null;
  readonly finished: boolean;
  readonly curves: boolean;
  readonly pictures: number;
  readonly confidential: boolean;
  readonly warnings: number;
}
const report = (...argv: string[]) => json<Answer>("report", ...argv);

beforeAll(async () => {
  saveModel(at("cnn.onnx"), cnn({ classes: 4 }));
  expect((await evaluate("run")).code).toBe(0);
});

/** A copy of the run that stopped after so many lines of its journal. */
function stoppedAfter(lines: number, name: string): string {
  mkdirSync(at(name));
  const journal = readFileSync(at("run", "journal.jsonl"), "utf8").split("\n");
  writeFileSync(at(name, "journal.jsonl"), `${journal.slice(0, lines).join("\n")}\n`);
  cpSync(at("run", "pictures"), at(name, "pictures"), { recursive: true });
  return at(name);
}

/** Lines of the journal up to and with the n-th sample. */
function linesTo(samples: number): number {
  const kinds = readFileSync(at("run", "journal.jsonl"), "utf8")
    .split("\n")
    .map((line) => (line === "" ? "" : (JSON.parse(line) as { data: { kind: string } }).data.kind));
  const found = kinds.flatMap((kind, k) => (kind === "sample" ? [k + 1] : []));
  return samples === 0 ? found[0] - 1 : found[samples - 1];
}

describe("a finished run", () => {
  it("becomes a page in its folder, with curves and maps", async () => {
    const ran = await cli("report", at("run"));
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(/^report: .*report\.html \([\d.]+ [kM]B\)\n$/);
    const page = pageOf(at("run", "report.html"));
    expect(page.match(/<figure class="panel">/g)).toHaveLength(6);
    expect(page.match(/class="tile"/g)).toHaveLength(2 * 4);
    expect(page).not.toMatch(/<script|https?:\/\/|src="(?!data:)/);
    const { result } = JSON.parse(readFileSync(at("run", "run.json"), "utf8"));
    expect(page).toContain(result.model.sha256);
    expect(textOf(page)).toContain("every statistic was computed again from the scores");
    expect(page).not.toContain(dir);
  });

  it("is the same page again, wherever it goes, by its folder or its document", async () => {
    await cli("report", at("run"));
    const answer = await report(at("run", "run.json"), "--out", at("other.html"));
    expect(answer).toMatchObject({
      out: at("other.html"),
      finished: true,
      curves: true,
      pictures: 2,
      confidential: false,
    });
    expect(answer.identity).toMatch(/^[0-9a-f]{64}$/);
    expect(pageOf(at("other.html"))).toBe(pageOf(at("run", "report.html")));
  });

  it("has as many sheets as are asked for", async () => {
    expect(await report(at("run"), "--pictures", "1", "--out", at("one.html"))).toMatchObject({
      pictures: 1,
    });
    expect(textOf(pageOf(at("one.html")))).toContain("The run folder holds 1 more sheet.");
    expect(await report(at("run"), "--pictures", "0", "--out", at("no.html"))).toMatchObject({ pictures: 0 });
    expect(pageOf(at("no.html"))).not.toContain("data:image");
  });

  it("keeps sheets that say what they show, in words too", () => {
    const [name] = readdirSync(at("run", "pictures")).sort();
    const note = JSON.parse(noteIn(readFileSync(at("run", "pictures", name)))!);
    expect(note.maps.map((map: { method: string }) => map.method)).toEqual([
      "saliency",
      "grad-cam",
      "random",
    ]);
    expect(note.maps[0].words).toMatch(/^most evidence|^nothing$/);
    expect(name).toContain(note.sample.replaceAll(/[^a-z0-9-]+/gi, "_"));
  });

  it("without its scores says that nothing was computed again, and one that was changed what is wrong", async () => {
    mkdirSync(at("bare"));
    copyFileSync(at("run", "run.json"), at("bare", "run.json"));
    const bare = await cli("report", at("bare"));
    expect(bare).toMatchObject({ code: 0, err: "" });
    const text = textOf(pageOf(at("bare", "report.html")));
    expect(text).toContain("without its sidecar nothing can be recomputed");
    expect(text).toContain("No curves were kept");
    expect(text).toContain("holds no contact sheets");

    cpSync(at("run"), at("changed"), { recursive: true });
    const run = readFileSync(at("run", "run.json"), "utf8");
    writeFileSync(at("changed", "run.json"), run.replace(/"accuracy":0?\.?\d+/, '"accuracy":0.987'));
    const changed = await cli("report", at("changed"));
    expect(changed.err).toMatch(/^warning: the validator does not accept this run; the page says why$/m);
    const said = textOf(pageOf(at("changed", "report.html")));
    expect(said).toContain("The validator does not accept this run.");
    // curves of another run are not shown as this one's
    expect(said).toContain("No curves were kept");
  });
});

describe("a run that is not finished", () => {
  it("is marked so, with what is there", async () => {
    const folder = stoppedAfter(linesTo(4), "stopped");
    const ran = await cli("report", folder);
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/^note: the run is not finished: 4 of 6 images are explained$/m);
    const page = pageOf(join(folder, "report.html"));
    expect(textOf(page)).toMatch(/Unfinished\. 4 of 6 images explained, 512 of 512 classified/);
    expect(page.match(/<figure class="panel">/g)).toHaveLength(6);
    expect(page).not.toContain("E_SAMPLE");
    expect(await report(folder)).toMatchObject({ finished: false, identity: null, curves: true });
    // nothing was made of it: the same command goes on
    expect(readdirSync(folder).sort()).toEqual(["journal.jsonl", "pictures", "report.html"]);
  });

  it("ends in the curves of the run that was never stopped", async () => {
    stoppedAfter(linesTo(2), "resumed");
    expect((await evaluate("resumed")).code).toBe(0);
    expect(pageOf(at("resumed", "curves.json"))).toBe(pageOf(at("run", "curves.json")));
  });

  it("and has nothing to show is refused", async () => {
    const { code, err } = await cli("report", stoppedAfter(linesTo(0), "empty"));
    expect(code).toBe(1);
    expect(err).toMatch(/^error: no image is explained yet in .*\[E_RUN\]$/m);
    expect(err).toMatch(/^ {2}512 of 512 images are classified$/m);
  });

  it("is part of a whole where it is a shard; the whole has the curves of the run that never was in parts", async () => {
    for (const shard of ["1/2", "2/2"])
      expect((await evaluate(`part-${shard[0]}`, "--shard", shard)).code).toBe(0);
    await cli("report", at("part-1"));
    expect(textOf(pageOf(at("part-1", "report.html")))).toMatch(
      /Shard 1\/2 of a run: 3 of 3 images explained/,
    );
    expect((await cli("merge", at("part-1"), at("part-2"), "--out", at("whole"), "--quiet")).code).toBe(0);
    expect(pageOf(at("whole", "curves.json"))).toBe(pageOf(at("run", "curves.json")));
  });
});

describe("a private data set", () => {
  beforeAll(async () => {
    saveModel(at("private.onnx"), cnn());
    await saveFolder(at("photos"));
    const ran = await cli(
      ...[
        "evaluate",
        "--model",
        at("private.onnx"),
        "--data",
        `folder:${at("photos")}`,
        "--protocol",
        "quick",
      ],
      ...["--methods", "saliency,random", "--metrics", "deletion-auc", "--samples", "4", "--pictures", "1"],
      ...["--device", "wasm", "--quiet", "--out", at("private")],
    );
    expect(ran.code).toBe(0);
  });

  it("is shown to who runs it, and said to be theirs", async () => {
    const ran = await cli("report", at("private"));
    expect(ran.err).toMatch(/^note: the data set is private, .*--public leaves them out$/m);
    const page = pageOf(at("private", "report.html"));
    expect(textOf(page)).toContain("Not for publication.");
    expect(page).toContain("data:image/png");
    expect(page).toMatch(/green|red|blue/);
  });

  it("leaves out pictures and names with --public", async () => {
    const ran = await cli("report", at("private"), "--public", "--out", at("public.html"));
    expect(ran.err).toBe("");
    const page = pageOf(at("public.html"));
    expect(page).not.toContain("data:image");
    expect(textOf(page)).not.toMatch(/Not for publication|green|photos/);
    expect(textOf(page)).toContain("class 0");
  });

  it("writes no id of an image into its curves", () => {
    const text = pageOf(at("private", "curves.json"));
    expect(text).not.toMatch(/green|photos|png/);
    expect(Object.keys(JSON.parse(text)).sort()).toEqual(["curves", "run"]);
  });
});

describe("runs in results/", () => {
  const results = fileURLToPath(new URL("../../results/runs", import.meta.url));
  const runs = readdirSync(results, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("run.json"))
    .map((name) => name.replaceAll("\\", "/"))
    .sort();

  it.each(runs)("%s", async (name) => {
    const out = at("published.html");
    const answer = await report(join(results, name), "--out", out);
    expect(answer).toMatchObject({ finished: true, out });
    expect(answer.pictures).toBe(2);
    expect(existsSync(join(results, name, "..", "report.html"))).toBe(false);
  });
});

describe("what is refused", () => {
  it.each([
    ["a folder that is not there", ["report", at("nowhere")], "E_RUN", /there is no run in/],
    ["a folder without a run", ["report", dir], "E_RUN", /neither run\.json nor journal\.jsonl/],
    [
      "a place that cannot be written",
      ["report", at("run"), "--out", at("no", "such", "r.html")],
      "E_WRITE",
      /mkdir -p/,
    ],
    ["a folder as the page", ["report", at("run"), "--out", dir], "E_WRITE", /it is a folder/],
  ])("%s", async (_, argv, code, says) => {
    const ran = await cli(...argv);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(`[${code}]`);
    expect(ran.err).toMatch(says);
    expect(ran.err).toMatch(/^ {2}next: /m);
  });

  it("a document of another form, with what is wrong about it", async () => {
    mkdirSync(at("odd"));
    writeFileSync(at("odd", "run.json"), '{"result":{}}');
    const { code, err } = await cli("report", at("odd"));
    expect(code).toBe(1);
    expect(err).toMatch(/run\.json is not a run document {2}\[E_RUN\]/);
    expect(err).toMatch(/\$\.result/);
  });
});
