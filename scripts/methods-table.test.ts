import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Measured, type Measurements, type Missing, pageOf } from "./methods-table-page.ts";

const tried = {
  model: "resnet50",
  sha256: "00",
  revision: 1,
  budget: "quick",
  date: "2026-01-02",
  input: [3, 224, 224],
  engine: "onnxruntime-node 1.30.0, cpu, 2 threads",
} as const;
const occlusion: Measured = {
  ...tried,
  method: "occlusion",
  status: "ok",
  ms: 12_340,
  forwards: 170,
  backwards: 0,
  note: null,
};
const saliency: Measured = {
  ...occlusion,
  method: "saliency",
  ms: 81.4,
  forwards: 1,
  backwards: 1,
  note: "map is zero",
};
const rollout: Missing = {
  ...tried,
  method: "attention-rollout",
  status: "not-applicable",
  reason: "no attention",
};

it("has a row a method in the order of the registry, and a column a model", () => {
  const page = pageOf({
    rows: [occlusion, saliency, { ...saliency, model: "vit_b_16", ms: 812, note: null }],
  });
  expect(page).toContain("| method | resnet50 (224×224) | vit_b_16 (224×224) |");
  expect(page).toMatch(
    /\| `saliency` \| 81 ms \(1 \+ 1\)\* \| 812 ms \(1 \+ 1\) \|\n\| `occlusion` \| 12\.3 s \(170 \+ 0\) \| {2}\|/,
  );
  expect(page).toContain("- \\* `saliency` on `resnet50`: map is zero");
  expect(page).toContain(
    "3 pairs of a model and a method were tried (2026-01-02 to 2026-01-02; onnxruntime-node 1.30.0, cpu, 2 threads)",
  );
});

it("says once why a method does not apply to several models, and what failed", () => {
  const page = pageOf({
    rows: [
      rollout,
      { ...rollout, model: "vgg16" },
      { ...rollout, model: "swin_t", status: "failed", reason: "out of memory" },
    ],
  });
  expect(page).toContain("| `attention-rollout` | – | – | **fails** |");
  expect(page).toContain(
    "### Not applicable\n\n- `attention-rollout` on `resnet50`, `vgg16`: no attention\n",
  );
  expect(page).toContain("### Failed\n\n- `attention-rollout` on `swin_t`: out of memory\n");
});

it("keeps budgets apart", () => {
  const page = pageOf({ rows: [occlusion, { ...occlusion, budget: "default", ms: 50_000 }] });
  expect(page.indexOf("12.3 s")).toBeLessThan(page.indexOf("## Default budgets"));
  expect(page.indexOf("50.0 s")).toBeGreaterThan(page.indexOf("## Default budgets"));
});

const written = (name: string) => new URL(`../kit/docs/${name}`, import.meta.url);

it.skipIf(!existsSync(written("methods-cost.json")))(
  "the page is what the measurements say: node scripts/methods-table.ts --page",
  () => {
    const measurements = JSON.parse(readFileSync(written("methods-cost.json"), "utf8")) as Measurements;
    expect(readFileSync(written("methods-cost.md"), "utf8")).toBe(pageOf(measurements));
  },
);
