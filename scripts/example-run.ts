/**
 * Writes the examples of schemas/run: a tiny real run, and the same with one fault each. Needed again when the protocol `quick`, a
 * revision or the form of a run changes.
 *
 *   node scripts/example-run.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../kit/src/json.ts";
import { methodOf, metricOf, protocolOf } from "../kit/src/protocol/protocol.ts";
import { composeRun } from "../kit/src/results/document.ts";
import { validateRun } from "../kit/src/results/validate.ts";
import { classifyImages, fingerprintText, qualityOf } from "../kit/src/runner/classify.ts";
import { execute } from "../kit/src/runner/execute.ts";
import { plan } from "../kit/src/runner/plan.ts";
import { datasetOf } from "../kit/test/drawn-dataset.ts";
import { smallCnn, smallModel } from "../kit/test/small-models.ts";

if (process.argv.length > 2) {
  console.log(
    "node scripts/example-run.ts\n\nWrites schemas/run/valid and schemas/run/invalid from a tiny run.",
  );
  process.exit(process.argv[2] === "--help" ? 0 : 2);
}

const samples = Array.from({ length: 8 }, (_, k) => ({ id: `drawn-${k}`, labels: [k % 3], boxes: [k % 3] }));
const dataset = datasetOf(samples, { classes: 3 });
const model = smallModel(smallCnn({ classes: 3 }), { card: { input: { mean: [0.5] } } });
const resize = { method: "bilinear" } as const;
const plans = plan({
  protocol: protocolOf("quick"),
  methods: ["saliency", "grad-cam", "random", "constant"].map(methodOf),
  metrics: ["deletion-auc", "randomisation", "pointing-game"].map(metricOf),
  shape: model.shape,
  available: samples.length,
  annotated: true,
  unmet: {},
});
const images = await classifyImages(model, dataset, resize);
const composed = composeRun({
  kitVersion: "0.1.0",
  engine: { id: "onnxruntime", package: "onnxruntime-web", version: "1.30.0", provider: "wasm" },
  model,
  modelId: "small-cnn",
  card: { architecture: "small-cnn", input: { mean: [0.5] } },
  modelSha256: bytesToHex(sha256(utf8ToBytes("weights are drawn from the names of the tensors"))),
  dataset: { ...dataset, track: "synthetic" },
  fingerprint: { kind: "sha256", value: bytesToHex(sha256(utf8ToBytes(fingerprintText(images)))) },
  idKey: undefined,
  resize,
  quality: qualityOf(images, model).quality,
  plan: plans,
  execution: await execute({ model, dataset, plan: plans, selected: samples.map((s) => s.id), resize }),
  telemetry: {
    date: "2026-01-01T00:00:00Z",
    seconds: 1.25,
    threads: 1,
    jobs: 1,
    machine: { platform: "linux", arch: "x64", node: "24.0.0", cpu: null, cores: 2, memory: 8 * 2 ** 30 },
    passes: { forwards: 1000, backwards: 100 },
    msPerAttribution: { constant: 0.1, "grad-cam": 1.5, random: 0.1, saliency: 1.25 },
    peakMemory: null,
  },
});
const { ok, problems } = validateRun({ name: "tiny.json", text: composed.text, sidecar: composed.sidecar });
if (!ok) throw new Error(`the run is not valid: ${JSON.stringify(problems, null, 2)}`);

interface Document {
  readonly result: { readonly data: object; readonly statistics: { readonly cells: readonly object[] } };
  readonly telemetry: { readonly machine: object };
}
const faults: Record<string, (run: Document) => unknown> = {
  "unknown-key": (run) => Object.assign(run, { slug: "index" }),
  tier: (run) => Object.assign(run.result, { tier: "attested" }),
  "id-that-is-a-path": (run) => Object.assign(run.result.data, { id: "../other" }),
  "no-sidecar": (run) => Reflect.deleteProperty(run.result, "sidecar"),
  "host-name": (run) => Object.assign(run.telemetry.machine, { hostname: "node17" }),
  "interval-of-three": (run) => Object.assign(run.result.statistics.cells[0], { interval: [0, 0.5, 1] }),
};
const folder = new URL("../schemas/run/", import.meta.url);
for (const part of ["valid", "invalid"]) mkdirSync(new URL(part, folder), { recursive: true });
writeFileSync(new URL("valid/tiny.json", folder), composed.text);
writeFileSync(new URL("valid/tiny.parquet", folder), composed.sidecar);
for (const [name, change] of Object.entries(faults)) {
  const run = structuredClone(composed.run) as Document;
  change(run);
  writeFileSync(new URL(`invalid/${name}.json`, folder), `${canonicalJson(run)}\n`);
}
