import { describe, expect, it } from "vitest";
import { datasetOf } from "../../test/drawn-dataset.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { toJson } from "../json.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { classify } from "../runner/classify.ts";
import { execute, type Row } from "../runner/execute.ts";
import { plan } from "../runner/plan.ts";
import { cellsOf, composeRun } from "./document.ts";

const row = (method: string, scores: Row["scores"], skips: Row["skips"] = {}): Row => ({
  sample: "s",
  group: "s",
  method,
  target: 0,
  targetKind: "predicted",
  correct: true,
  scores,
  skips,
});

const planned = (methods: readonly string[], metrics: readonly string[]) =>
  plan({
    protocol: protocolOf("quick"),
    methods: methods.map(methodOf),
    metrics: metrics.map(metricOf),
    shape: { channels: 3, height: 6, width: 8 },
    available: 3,
    annotated: true,
    unmet: (need) => (need === "cam" ? "no grid" : undefined),
  });

describe("cells", () => {
  it("are mean, sd, n and skips by reason of every method × metric", () => {
    const plans = planned(["saliency", "sobel"], ["sparseness", "pointing-game"]);
    const rows = [
      row("sobel", { sparseness: 0.5 }),
      row("saliency", { sparseness: 1 }),
      row("saliency", { sparseness: 2 }),
      row("saliency", { sparseness: 6 }, {}),
      row("saliency", {}, { sparseness: "map is zero", "pointing-game": "empty mask" }),
      row("saliency", {}, { sparseness: "map is zero" }),
      row("saliency", { "pointing-game": 0 }),
    ];
    expect(cellsOf(plans, rows)).toEqual([
      // (1 + 2 + 6)/3; √((4 + 1 + 9)/2)
      {
        method: "saliency",
        metric: "sparseness",
        mean: 3,
        sd: Math.sqrt(7),
        n: 3,
        skips: { "map is zero": 2 },
      },
      { method: "saliency", metric: "pointing-game", mean: 0, sd: null, n: 1, skips: { "empty mask": 1 } },
      { method: "sobel", metric: "sparseness", mean: 0.5, sd: null, n: 1, skips: {} },
      { method: "sobel", metric: "pointing-game", mean: null, sd: null, n: 0, skips: {} },
    ]);
  });
});

describe("run document", () => {
  const samples = [0, 1, 2].map((k) => ({ id: `secret ${k}`, labels: [k], boxes: [k] }));

  async function compose(ids: "public" | "private") {
    const model = smallModel(smallCnn(), { card: { input: { mean: [0.5] } } });
    const dataset = {
      ...datasetOf(samples, { classes: 4, ids }),
      skipped: [{ what: "somebody/x.png", reason: "torn" }],
    };
    const plans = planned(
      ["saliency", "grad-cam", "sobel"],
      ["sparseness", "randomisation", "pointing-game"],
    );
    const resize = { method: "bilinear" } as const;
    const selected = samples.map((s) => s.id);
    const { quality } = await classify(model, dataset, resize);
    const execution = await execute({ model, dataset, plan: plans, selected, resize });
    return composeRun({
      kitVersion: "0",
      engine: { id: "onnxruntime", package: "onnxruntime-web", version: "1", provider: "wasm", threads: 1 },
      model,
      card: { id: "small" },
      modelSha256: "00",
      dataset,
      resize,
      quality,
      plan: plans,
      execution,
      telemetry: { seconds: 1 },
    });
  }

  it("says what was done", async () => {
    const { result, telemetry } = await compose("public");
    expect(result).toMatchObject({
      protocol: "quick",
      model: { id: "small", family: "cnn", task: "multi-class", classes: 4, camLayer: "features" },
      dataset: {
        id: "drawn",
        edition: "1",
        split: "test",
        count: 3,
        ids: "public",
        notes: ["drawn in memory"],
      },
      preprocessing: { height: 6, width: 8, channels: 3, reference: [0.5, 0.5, 0.5] },
      samples: 3,
      methods: [
        { id: "saliency", status: "ok" },
        { id: "grad-cam", status: "not-applicable", reason: "no grid" },
        { id: "sobel", status: "ok" },
      ],
      failures: [],
    });
    expect(result.cells.map((c) => [c.method, c.metric, c.n])).toEqual([
      ["saliency", "sparseness", 3],
      ["saliency", "randomisation", 3],
      ["saliency", "pointing-game", 3],
      ["grad-cam", "sparseness", 0],
      ["grad-cam", "randomisation", 0],
      ["grad-cam", "pointing-game", 0],
      ["sobel", "sparseness", 3],
      ["sobel", "randomisation", 3],
      ["sobel", "pointing-game", 3],
    ]);
    // 3 classified, 3 predicted, gradients for 3 predictions, for annotated classes and on the randomised model
    const { forwards, backwards } = telemetry.passes as { forwards: number; backwards: number };
    expect(forwards).toBe(6 + backwards);
  });

  it("is the same for equal runs", async () => {
    const [a, b] = [await compose("public"), await compose("public")];
    expect(toJson(a.result)).toBe(toJson(b.result));
  });

  it("holds no number that JSON has not, no class names, no files, no private ids", async () => {
    const { result } = await compose("private");
    const text = JSON.stringify(result);
    for (const secret of ["secret", "class 0", "somebody", "drawn in memory"])
      expect(text).not.toContain(secret);
    expect(result.dataset).toEqual({
      id: "drawn",
      edition: "1",
      split: "test",
      count: 3,
      ids: "private",
      notes: [],
    });
  });

  it("tells a method that always failed from one that did once", async () => {
    const model = smallModel(smallCnn());
    const plans = planned(["saliency", "sobel"], []);
    const failure = (method: string) => ({
      sample: "s",
      method,
      metric: undefined,
      code: "E_NO_GRADIENT",
      reason: "no gradient for Foo",
    });
    const { result } = composeRun({
      kitVersion: "0",
      engine: { id: "onnxruntime", package: "onnxruntime-web", version: "1", provider: "wasm", threads: 1 },
      model,
      card: {},
      modelSha256: "00",
      dataset: datasetOf(samples, { classes: 4 }),
      resize: { method: "bilinear" },
      quality: (await classify(model, datasetOf(samples, { classes: 4 }), { method: "bilinear" })).quality,
      plan: plans,
      execution: {
        rows: [row("sobel", {})],
        failures: [failure("saliency"), failure("sobel")],
        msPerAttribution: {},
      },
      telemetry: {},
    });
    expect(result.methods).toMatchObject([
      { id: "saliency", status: "failed", reason: "no gradient for Foo" },
      { id: "sobel", status: "ok" },
    ]);
    expect(result.failures).toHaveLength(2);
  });
});
