/** `xai-kit study explanation-aware` on the two models that its first look takes, from an inputs file to the page. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { studyModels } from "../src/bundled.ts";
import type { Block, Boxes, Section, Table } from "../src/studies/findings.ts";
import { cli } from "./run-cli.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-study-explanation-"));
const out = join(dir, "out");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const labels = { architecture: "resnet", disease: "all" };
const cells = [
  { labels: { ...labels, loss: "none", alpha: 0 } },
  { labels: { ...labels, loss: "input-gradient", alpha: 1 } },
].map((cell) => ({
  ...cell,
  model: studyModels().find(({ id }) => id === `cxr-resnet-alpha-${cell.labels.alpha}`)!.path,
  data: "phantom-cxr",
}));
const study = (own: readonly object[]) => {
  const file = join(dir, "inputs.json");
  writeFileSync(
    file,
    JSON.stringify({ study: "explanation-aware", protocol: "quick", samples: 16, cells: own }),
  );
  return cli("study", "explanation-aware", "--inputs", file, "--device", "wasm", "--out", out);
};

it("refuses a label that the card contradicts", async () => {
  const [, guided] = cells;
  const ran = await study([{ ...guided, labels: { ...guided.labels, alpha: 0.5 } }]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("E_STUDY_PLAN");
  expect(ran.err).toContain(
    "its labels say the loss input-gradient with weight 0.5, its card input-gradient with 1",
  );
  expect((await study([{ ...guided, labels: { ...guided.labels, loss: "none", alpha: 0 } }])).err).toContain(
    "its labels say the loss none with weight 0, its card input-gradient with 1",
  );
});

it("ends in box plots over diseases, a trade-off, and verdicts with numbers", async () => {
  const ran = await study(cells);
  expect(ran, ran.err.slice(-400)).toMatchObject({ code: 0 });
  const { sections } = JSON.parse(readFileSync(join(out, "study.json"), "utf8")) as {
    sections: readonly Section[];
  };
  const find = <B extends Block>(id: string): B =>
    sections.flatMap(({ blocks }) => blocks).find((own) => own.id === id) as B;
  const { rows } = find<Boxes>("gradients-all-saliency-precision");
  expect(rows.map(({ label }) => label).slice(0, 2)).toEqual(["cross-entropy alone", "input-gradient, α 1"]);
  expect(rows[0].points.map(({ label }) => label)).toEqual([
    "nodule",
    "cavity",
    "consolidation",
    "reticular",
  ]);
  // it is what was trained
  expect(rows[1].box!.median).toBeGreaterThan(rows[0].box!.median);
  const verdict = (text: string) =>
    find<Table>("verdicts").rows.find(({ label }) => label.startsWith(text))!.values[0];
  expect(verdict("Annotation coverage is highest")).toBe("cannot be told");
  const run = readFileSync(join(out, "runs", "resnet-input-gradient-1-all", "run.json"), "utf8");
  expect(JSON.parse(run).result.model.training.explanationLoss).toEqual({
    formulation: "input-gradient",
    alpha: 1,
  });
  const page = readFileSync(join(out, "report.html"), "utf8");
  for (const part of ['class="box"', 'class="line"', 'class="whisker"', "What is missing"])
    expect(page).toContain(part);
  // any three letters may stand in a picture
  const text = page.replaceAll(/src="data:[^"]*"/g, "");
  expect(text).not.toMatch(/<script|https?:\/\/|NaN|undefined/);
}, 240_000);
