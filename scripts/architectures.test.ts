import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { agrees, type Measured, type Measurements, pageOf } from "./architectures-page.ts";

const stored = (name: string) => readFileSync(new URL(`../kit/docs/${name}`, import.meta.url), "utf8");
const measurements = JSON.parse(stored("architectures.json")) as Measurements;

const near = { max: 1e-6, l2: 1e-6 };
const smooth: Measured = {
  family: "F",
  model: "m",
  opset: 17,
  source: "torchvision",
  status: "run",
  date: "2026-01-02",
  input: [2, 3, 224, 224],
  parameters: 10,
  operators: { Conv: 3, Gelu: 2 },
  nodes: 5,
  gradientNodes: 12,
  logits: near,
  gradient: near,
  torchLogits: near,
  torchGradient: near,
  versions: { torch: "1.13" },
};
const kinked: Measured = { ...smooth, operators: { Conv: 3, Relu: 2 } };

describe("the page of architectures", () => {
  it("is what the measurements say: node scripts/architectures.ts --page", () => {
    expect(stored("architectures.md")).toBe(pageOf(measurements));
  });

  it("has networks of every family that was asked for, and all agree", () => {
    const run = measurements.rows.filter((r) => r.status === "run");
    expect(run.filter((r) => !agrees(r)).map((r) => r.model)).toEqual([]);
    expect(measurements.rows.filter((r) => r.status === "failed").map((r) => r.model)).toEqual([]);
    expect(new Set(run.map((r) => r.model))).toEqual(new Set([...run.map((r) => r.model), ...asked]));
  });

  it("says what was not run, and why", () => {
    const missing = measurements.rows.filter((r) => r.status === "not run");
    expect(missing.length).toBeGreaterThan(2);
    for (const { model, why } of missing) {
      expect(why).not.toBe("");
      expect(pageOf(measurements)).toContain(model);
    }
  });
});

/** The table that the engine was asked to fill. */
const asked =
  "resnet50 resnet101 densenet121 densenet161 convnext_tiny efficientnet_b0 vit_b_16 swin_t mobilenet_v2 mobilenet_v3_small regnet_y_400mf inception_v3 vgg16 squeezenet1_1 shufflenet_v2_x1_0 mnasnet1_0 maxvit_t clip_rn50 clip_vit_b_32".split(
    " ",
  );

describe("agreement", () => {
  it("of smooth networks is the largest difference, absolutely small", () => {
    expect(agrees(smooth)).toBe(true);
    expect(agrees({ ...smooth, gradient: { max: 2e-5, l2: 1e-6 } })).toBe(false);
    expect(agrees({ ...smooth, logits: { max: 2e-5, l2: 1e-6 } })).toBe(false);
    const coarse = { max: 4e-5, l2: 1e-5 };
    expect(agrees({ ...smooth, gradient: coarse, torchGradient: coarse })).toBe(true);
  });

  it("of networks with kinks is the whole difference, against PyTorch's own", () => {
    const flipped = { max: 1e-1, l2: 1e-2 };
    expect(agrees({ ...kinked, gradient: flipped })).toBe(false);
    expect(agrees({ ...kinked, gradient: flipped, torchGradient: { max: 1e-3, l2: 6e-3 } })).toBe(true);
  });

  it("is no NaN", () => {
    expect(agrees({ ...smooth, gradient: { max: Number.NaN, l2: Number.NaN } })).toBe(false);
  });

  it("is said in the table", () => {
    const page = pageOf({ rows: [smooth, { ...kinked, model: "k", gradient: { max: 1, l2: 1 } }] });
    expect(page).toContain(
      "| F | `m` | torchvision | tracing | 17 | 224 | 5 → 12 | 1.0e-6 | 1.0e-6 (1.0e-6) max | agrees |",
    );
    expect(page).toContain("1.0e+0 (1.0e-6) L2 | **differs** |");
    expect(page).toContain("2 exports were run");
    expect(page).toContain("| Gelu | m |");
    expect(page).toContain("| Conv | all |");
  });

  it("is no question where the export failed", () => {
    const { family, model, opset, source, date } = smooth;
    const page = pageOf({ rows: [{ family, model, opset, source, date, status: "failed", why: "no rule" }] });
    expect(page).toContain("- `m@17`: no rule");
  });
});
