import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { datasetOf } from "../../test/drawn-dataset.ts";
import { composeOptions, madeRun } from "../../test/made-run.ts";
import { smallCnn, smallModel } from "../../test/small-models.ts";
import { canonicalJson } from "../json.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { rngOf } from "../rng.ts";
import { classify } from "../runner/classify.ts";
import { execute } from "../runner/execute.ts";
import { plan } from "../runner/plan.ts";
import { runSchema } from "../schemas.generated.ts";
import { composeRun, identityOf, modelIdOf } from "./document.ts";
import { decodeSidecar } from "./sidecar.ts";
import { validateRun } from "./validate.ts";

const home = ["", "home", "somebody"].join("/");
const valid = new Ajv2020({ strict: true, allErrors: true }).compile(runSchema);

describe("a run of a real model", () => {
  const samples = [0, 1, 2].map((k) => ({ id: `secret ${k}`, labels: [k], boxes: [k] }));

  async function compose(ids: "public" | "private") {
    const model = smallModel(smallCnn(), { card: { input: { mean: [0.5] } } });
    const dataset = datasetOf(samples, { classes: 4, ids });
    const plans = plan({
      protocol: protocolOf("quick"),
      methods: ["saliency", "grad-cam", "sobel"].map(methodOf),
      metrics: ["sparseness", "randomisation", "pointing-game"].map(metricOf),
      shape: model.shape,
      available: 3,
      annotated: true,
      unmet: { "grad-cam": "no grid" },
    });
    const resize = { method: "bilinear" } as const;
    const { quality } = await classify(model, dataset, resize);
    const execution = await execute({
      model,
      dataset,
      plan: plans,
      selected: samples.map((s) => s.id),
      resize,
    });
    const { engine, fingerprint, idKey, modelSha256, telemetry } = composeOptions({ ids });
    return composeRun({
      kitVersion: "0.1.0",
      engine,
      model,
      modelId: "small",
      card: { id: "small" },
      modelSha256,
      dataset,
      fingerprint,
      idKey,
      resize,
      quality,
      plan: plans,
      execution,
      telemetry,
    });
  }

  it("says what was done, in the form of the schema", async () => {
    const { run, text, sidecar, identity } = await compose("public");
    valid(JSON.parse(text));
    expect(valid.errors).toBeNull();
    expect(text).toBe(`${canonicalJson(run)}\n`);
    expect(identity).toBe(identityOf(run.result));
    expect(run.result).toMatchObject({
      protocol: { id: "quick" },
      standard: false,
      model: { id: "small", family: "cnn", task: "multi-class", classes: 4, camLayer: "features" },
      data: {
        id: "drawn",
        base: "drawn",
        split: "test",
        count: 3,
        ids: "public",
        notes: ["drawn in memory"],
      },
      preprocessing: { height: 6, width: 8, channels: 3, reference: [0.5, 0.5, 0.5] },
      selection: { samples: 3, rerun: 3 },
      methods: [
        { id: "saliency", status: "ok", reason: null, control: false, standard: true },
        { id: "grad-cam", status: "not-applicable", reason: "no grid" },
        { id: "sobel", status: "ok", control: true, standard: false },
      ],
      failures: [],
      sidecar: { rows: 12, bytes: sidecar.length },
    });
    expect(run.result.statistics.cells.map((c) => [c.method, c.metric, c.n])).toEqual(
      ["saliency", "grad-cam", "sobel"].flatMap((method) =>
        ["sparseness", "randomisation", "pointing-game"].map((metric) => [
          method,
          metric,
          method === "grad-cam" ? 0 : 3,
        ]),
      ),
    );
    const verdict = validateRun({ name: "run.json", text, sidecar });
    expect(verdict.problems).toEqual([]);
    expect(verdict.tier).toBe("recomputed");
  });

  it("is the same bytes for equal runs", async () => {
    const [a, b] = [await compose("public"), await compose("public")];
    expect(a.text).toBe(b.text);
    expect(a.sidecar).toEqual(b.sidecar);
  });

  it("holds no class names, no files, no private ids", async () => {
    const { text, sidecar, run } = await compose("private");
    const all = text + new TextDecoder("latin1").decode(sidecar);
    for (const secret of ["secret", "class 0", "drawn in memory"]) expect(all).not.toContain(secret);
    expect(run.result.data).toMatchObject({ ids: "private", classNames: null, notes: [] });
    expect(validateRun({ name: "run.json", text, sidecar })).toMatchObject({ ok: true, problems: [] });
  });
});

describe("composeRun", () => {
  it("does not mind the order of rows and failures", () => {
    const failures = [
      ["image-3", "saliency", undefined, "E_ENGINE_RUN"],
      ["image-5", "sobel", "sparseness", "E_LOGITS"],
      ["image-9", "saliency", undefined, "E_ENGINE_RUN"],
    ].map(([sample, method, metric, code]) => ({
      sample: sample!,
      method: method!,
      metric,
      code: code!,
      reason: "",
    }));
    const run = (turn: boolean) =>
      madeRun({
        change: (o) => {
          const { rows } = o.execution;
          const order = Array.from(rngOf("rows").permutation(rows.length), (i) => rows[i]);
          return {
            ...o,
            execution: turn ? { rows: order, failures: failures.toReversed() } : { rows, failures },
          };
        },
      });
    const [a, b] = [run(false), run(true)];
    expect(b.text).toBe(a.text);
    expect(b.sidecar).toEqual(a.sidecar);
    expect(a.run.result.failures).toEqual([
      { method: "saliency", metric: null, code: "E_ENGINE_RUN", n: 2 },
      { method: "sobel", metric: "sparseness", code: "E_LOGITS", n: 1 },
    ]);
  });

  it("keeps telemetry out of the identity, and the identity nothing else", () => {
    const a = madeRun();
    const later = madeRun({
      change: (o) => ({ ...o, telemetry: { ...o.telemetry, seconds: 9, date: "2027-01-01T00:00:00Z" } }),
    });
    expect(later.identity).toBe(a.identity);
    expect(later.text).not.toBe(a.text);
    expect(madeRun({ change: (o) => ({ ...o, kitVersion: "0.1.1" }) }).identity).not.toBe(a.identity);
  });

  it("takes of the machine what the schema names", () => {
    const machine = { ...composeOptions().telemetry.machine, hostname: "a-secret-host", availableMemory: 1 };
    const { run } = madeRun({ change: (o) => ({ ...o, telemetry: { ...o.telemetry, machine } }) });
    expect(Object.keys(run.telemetry.machine).sort()).toEqual([
      "arch",
      "cores",
      "cpu",
      "memory",
      "node",
      "platform",
    ]);
  });

  it("counts samples that left no trace as failed", () => {
    const lost = madeRun({
      change: (o) => ({
        ...o,
        execution: { ...o.execution, rows: o.execution.rows.filter((r) => r.sample !== "image-4") },
      }),
    });
    const methods = lost.run.result.methods.filter((m) => m.status === "ok").map((m) => m.id);
    expect(lost.run.result.failures).toEqual(
      methods.sort().map((method) => ({ method, metric: null, code: "E_SAMPLE", n: 1 })),
    );
    expect(validateRun({ name: "run.json", text: lost.text, sidecar: lost.sidecar }).problems).toEqual([]);
  });

  it("tells a method that always failed from one that did once, and keeps places to itself", () => {
    const failed = (reason: string, ids: "public" | "private") =>
      madeRun({
        ids,
        change: (o) => ({
          ...o,
          execution: {
            rows: o.execution.rows.filter((r) => r.method !== "saliency"),
            failures: Array.from({ length: o.plan.samples }, (_, k) => ({
              sample: `image-${k}`,
              method: "saliency",
              metric: undefined,
              code: "E_NO_GRADIENT",
              reason,
            })),
          },
        }),
      }).run.result.methods.find((m) => m.id === "saliency");
    expect(failed("no gradient for Foo", "public")).toMatchObject({
      status: "failed",
      reason: "no gradient for Foo",
    });
    expect(failed(`see ${home}/x.onnx`, "public")).toMatchObject({ reason: "E_NO_GRADIENT" });
    expect(failed("image of Somebody", "private")).toMatchObject({ reason: "E_NO_GRADIENT" });
  });

  it("refuses private ids without a key", () => {
    expect(() => madeRun({ ids: "private", change: (o) => ({ ...o, idKey: undefined }) })).toThrow(
      "drawn-32 has private ids, and there is no key to hide them with",
    );
  });

  it("lets no marker of a private set out: ids, groups, paths, class names, notes", () => {
    const { text, sidecar } = madeRun({
      ids: "private",
      nameOf: (k) => `${home}-MARKER/ward-MARKER/patient-MARKER-${k}.png`,
      change: (o) => ({
        ...o,
        dataset: {
          ...o.dataset,
          classes: ["MARKER a", "MARKER b", "MARKER c"],
          notes: ["MARKER.csv line 3"],
        },
        execution: {
          rows: o.execution.rows,
          failures: [
            {
              sample: `${home}-MARKER/ward-MARKER/patient-MARKER-1.png`,
              method: "saliency",
              metric: "sparseness",
              code: "E_LOGITS",
              reason: "MARKER",
            },
          ],
        },
      }),
    });
    const all = text + new TextDecoder("latin1").decode(sidecar);
    expect(all).not.toMatch(/MARKER|patient|somebody|home/i);
    const { rows } = decodeSidecar(sidecar);
    expect(new Set(rows.map((r) => r.sample)).size).toBe(16);
    expect(rows.every((r) => /^[0-9a-f]{16}$/.test(r.sample) && /^[0-9a-f]{16}$/.test(r.group))).toBe(true);
    expect(validateRun({ name: "run.json", text, sidecar }).problems).toEqual([]);
  });
});

it.each([
  [{}, "models/ResNet_18 (final).onnx", "resnet-18-final"],
  [{ id: "mine" }, "x.onnx", "mine"],
  [{}, "C:\\models\\Über.ONNX", "u-ber"],
  [{}, "模型.onnx", "model"],
])("model id of %j %s", (card, file, id) => {
  expect(modelIdOf(card, file)).toBe(id);
});
