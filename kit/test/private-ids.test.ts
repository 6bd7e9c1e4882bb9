/**
 * What leaves the machine of a run on private data, from the files of the set to what would be published: every id, patient, folder
 * and class name below has the same mark in it, and no file may.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nihLabels } from "../src/datasets/nih-cxr14.ts";
import { git } from "./results-repository.ts";
import { cli, json } from "./run-cli.ts";
import { cnn, saveModel, savePicture } from "./tiny.ts";

const mark = /qzmark/i;
const dir = mkdtempSync(join(tmpdir(), "xai-kit-private-"));
const at = (...parts: string[]) => join(dir, ...parts);
afterAll(() => rmSync(dir, { recursive: true }));

/** Bytes of any kind: names are ASCII, as UTF-8 or UTF-16. */
const marked = (bytes: Uint8Array): boolean => {
  const text = Buffer.from(bytes).toString("latin1");
  return mark.test(text) || mark.test(text.replaceAll("\0", ""));
};

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );

const few = [
  ...["--methods", "saliency,random", "--metrics", "deletion-auc,relevance-rank-accuracy", "--samples", "3"],
  ...["--pictures", "2", "--device", "wasm", "--quiet"],
];

/** A set as NIH ships it, with a picture that does not open. */
async function saveNih(root: string): Promise<void> {
  mkdirSync(join(root, "images"), { recursive: true });
  const names = Array.from({ length: 5 }, (_, k) => `0000${k}QZMARK_00${k % 2}.png`);
  // boxes are on pictures of the size that NIH ships
  for (const [k, name] of names.entries())
    await savePicture(join(root, "images", name), { size: k < 2 ? 1024 : 24, at: 5 + k });
  writeFileSync(join(root, "images", names[4]), "QZMARK is no picture");
  const rows = names.map(
    (name, k) =>
      `${name},${k % 2 ? "Mass|Edema" : "Nodule"},0,QZMARK-patient-${k >> 1},58,M,PA,1024,1024,1,1,`,
  );
  const header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position";
  writeFileSync(join(root, "Data_Entry_2017.csv"), [header, ...rows].join("\n"));
  writeFileSync(join(root, "test_list.txt"), names.join("\n"));
  // the last is at fault, and told by its name
  const boxes = ["Nodule,1,1,300,300", "Mass,1,1,300,300", "Nodule,1,1,0,300"].map(
    (box, k) => `${names[k]},${box}`,
  );
  writeFileSync(
    join(root, "BBox_List_2017.csv"),
    ["Image Index,Finding Label,Bbox [x,y,w,h],,,", ...boxes].join("\n"),
  );
}

async function saveClasses(root: string): Promise<void> {
  for (const [label, name] of ["QZMARK-cat", "dog-QZMARK", "qzmark"].entries()) {
    mkdirSync(join(root, name), { recursive: true });
    for (let k = 0; k < 3; k++)
      await savePicture(join(root, name, `QZMARK ${k}.png`), { colour: label, at: 1 + k });
  }
}

beforeAll(async () => {
  await saveNih(at("ward-QZMARK"));
  await saveClasses(at("photos-QZMARK"));
  const classes = nihLabels.slice(0, 8);
  saveModel(at("nih.onnx"), cnn({ classes: classes.length }));
  writeFileSync(at("nih.card.json"), JSON.stringify({ task: "multi-label", classes }));
  saveModel(at("folder.onnx"), cnn());
}, 60_000);

const runs = [
  [
    "nih-cxr14",
    ["--model", at("nih.onnx"), "--data", "nih-cxr14", "--data-dir", at("ward-QZMARK"), "--on-fault", "skip"],
  ],
  ["folder", ["--model", at("folder.onnx"), "--data", `folder:${at("photos-QZMARK")}`]],
] as const;

describe.each(runs)("a run on %s", (name, data) => {
  const out = at(`run-${name}`);

  beforeAll(async () => {
    const ran = await cli("evaluate", ...data, "--protocol", "1", ...few, "--out", out);
    expect(ran).toMatchObject({ code: 0 });
  }, 60_000);

  it("leaves its mark in no file but those that stay here", () => {
    const files = filesBelow(out);
    expect(files).toEqual(expect.arrayContaining(["run.json", "scores.parquet", "curves.json"]));
    const stays = (file: string) => file === "journal.jsonl" || file.startsWith("pictures");
    const holding = files.filter((file) => mark.test(file) || marked(readFileSync(join(out, file))));
    expect(holding).toContain("journal.jsonl"); // else the marks were never there to be found
    expect(holding.filter((file) => !stays(file))).toEqual([]);
  });

  it("has it in no column of its rows either, where it is compressed", async () => {
    const { buffer } = new Uint8Array(readFileSync(join(out, "scores.parquet")));
    const rows = await parquetReadObjects({ file: buffer });
    expect(rows.length).toBeGreaterThan(0);
    expect(
      JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    ).not.toMatch(mark);
    expect(rows.every(({ sample, group }) => [sample, group].every((id) => /^[0-9a-f]{16}$/.test(id)))).toBe(
      true,
    );
  });

  it("shows it on no page that is for others", async () => {
    await cli("report", out, "--public", "--out", at(`${name}.html`), "--quiet");
    const page = readFileSync(at(`${name}.html`));
    expect(page.length).toBeGreaterThan(1000);
    expect(marked(page)).toBe(false);
    await cli("report", out, "--out", at(`${name}-own.html`), "--quiet");
    expect(readFileSync(at(`${name}-own.html`), "utf8")).toContain("Not for publication.");
  });

  it("hands none of it in", async () => {
    const clone = at(`clone-${name}`);
    mkdirSync(clone);
    git(clone, "init", "-q", "-b", "main");
    git(clone, "commit", "-q", "--allow-empty", "-m", "Results so far");
    const answer = await json<{ place: string; files: { path: string }[] }>(
      ...["submit", out, "--repo", clone, "--base", "main", "--dry-run"],
    );
    expect(JSON.stringify(answer)).not.toMatch(mark);
    expect(answer.files.map(({ path }) => path.slice(answer.place.length + 1)).sort()).toEqual([
      "run.json",
      "scores.parquet",
    ]);
    expect(existsSync(join(clone, answer.place))).toBe(false);
  });
});
