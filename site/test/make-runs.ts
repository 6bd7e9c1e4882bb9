/**
 * Writes run documents for tests of the site: real statistics of drawn scores, for four architectures on the four phantoms. They are
 * not results of any model, so they never go to results/. Or any number of them, on twelve data sets of four tracks with nine
 * architectures, for tests of size.
 *
 * usage: node site/test/make-runs.ts <folder> [number]
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { canonicalJson } from "../../kit/src/json.ts";
import {
  cannotRerun,
  type ExternalMaps,
  externalMethod,
  externalReason,
  noAnnotatedMap,
} from "../../kit/src/methods/external.ts";
import { methods as methodRegistry } from "../../kit/src/methods/index.ts";
import { metrics as metricRegistry } from "../../kit/src/metrics/index.ts";
import { protocolOf } from "../../kit/src/protocol/protocol.ts";
import { encodePng } from "../../kit/src/render/png.ts";
import { encodeSidecar, publishedRows } from "../../kit/src/results/sidecar.ts";
import { type Rng, rngOf } from "../../kit/src/rng.ts";
import type { Row } from "../../kit/src/runner/execute.ts";
import { classificationQuality } from "../../kit/src/stats/classification.ts";
import { summarise } from "../../kit/src/stats/summarise.ts";
import type { Run } from "../lib/run.ts";
import { writeBeside } from "./made-beside.ts";
import { writeRecord } from "./made-record.ts";

interface Architecture {
  readonly id: string;
  /** in the names of models */
  readonly style: string;
  readonly family: Run["result"]["model"]["family"];
}

interface Domain {
  readonly id: string;
  readonly title: string;
  readonly channels: number;
  readonly classes: readonly string[];
  /** a drawn set of this name unless told */
  readonly data?: { readonly id: string; readonly track: Run["result"]["data"]["track"] };
}

export const architectures = [
  { id: "resnet-mini", style: "resnet", family: "cnn" },
  { id: "densenet-mini", style: "densenet", family: "cnn" },
  { id: "vit-mini", style: "vit", family: "transformer" },
  { id: "clip-vit-mini", style: "clip", family: "contrastive" },
] as const;

export const domains = [
  {
    id: "cxr",
    title: "Chest radiographs, drawn",
    channels: 1,
    classes: ["nodule", "cavity", "mass", "reticular"],
  },
  { id: "histology", title: "Stained tissue, drawn", channels: 3, classes: ["normal", "tumour", "necrosis"] },
  { id: "retina", title: "Fundus photographs, drawn", channels: 3, classes: ["none", "mild", "severe"] },
  {
    id: "shapes",
    title: "Coloured shapes on clutter, drawn",
    channels: 3,
    classes: ["disc", "ring", "star", "bar"],
  },
] as const;

/** What many runs could be of. */
const manyArchitectures: readonly Architecture[] = [
  ...["resnet-50", "resnet-101", "densenet-121", "densenet-161", "convnext-tiny", "efficientnet-b0"].map(
    (id) => ({ id, style: id, family: "cnn" as const }),
  ),
  { id: "vit-b-16", style: "vit-b-16", family: "transformer" },
  { id: "clip-vit-b-16", style: "clip-vit-b-16", family: "contrastive" },
  { id: "clip-rn50", style: "clip-rn50", family: "contrastive" },
];
const manyDomains: readonly Domain[] = (
  [
    ["imagenet", "natural"],
    ["medmnist-pathmnist", "medical"],
    ["medmnist-bloodmnist", "medical"],
    ["medmnist-dermamnist", "medical"],
    ["medmnist-octmnist", "medical"],
    ["medmnist-retinamnist", "medical"],
    ["medmnist-tissuemnist", "medical"],
    ["chexpert", "cxr"],
    ["nih-cxr14", "cxr"],
    ["vindr-cxr", "cxr"],
    ["medmnist-pneumoniamnist", "cxr"],
    ["iq-othnccd", "ct"],
  ] as const
).map(([id, track]) => ({
  id,
  title: `Made to look like ${id}`,
  channels: 3,
  classes: ["one", "two", "three"],
  data: { id, track },
}));

/** How well each method does, in standard deviations of an image, before what the architecture adds. */
const skill: Readonly<Record<string, number>> = {
  saliency: 0.5,
  "input-x-gradient": 0.8,
  "integrated-gradients": 1.5,
  smoothgrad: 0.9,
  "gradient-shap": 1.1,
  "grad-cam": 1.3,
  "grad-cam-plus-plus": 1.2,
  "score-cam": 1,
  occlusion: 1.9,
  lime: 0.7,
  "kernel-shap": 1.4,
  random: -1.4,
  sobel: -0.9,
  constant: -1.6,
  "centre-gaussian": -0.7,
};

/** Typical value and spread of each metric. */
const scale: Readonly<Record<string, readonly [centre: number, spread: number]>> = {
  infidelity: [0.62, 0.11],
  "max-sensitivity": [0.8, 0.24],
  "deletion-auc": [0.41, 0.08],
  "insertion-auc": [0.55, 0.09],
  sparseness: [0.58, 0.09],
  randomisation: [0.24, 0.08],
  "relevance-rank-accuracy": [0.36, 0.11],
};

const hex = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

interface Options {
  readonly domain: Domain;
  readonly architecture: Architecture;
  readonly date: string;
  readonly protocol?: "1" | "quick";
  /** another model of the same kind */
  readonly copy?: number;
  /** few images and resamples, where only the number of runs matters */
  readonly small?: boolean;
  /** with maps from elsewhere */
  readonly external?: boolean;
}

const theirs: ExternalMaps = {
  id: "their-method",
  map: "sum",
  source: "https://example.org/their-method?of=a&b",
  files: 48,
  sha256: hex("their maps"),
  classesChecked: true,
  annotated: false,
};

export const makeRun = (options: Options): Run => makeScores(options).run;

/** A run with the scores it was made from. */
export function makeScores({
  domain,
  architecture,
  date,
  protocol: protocolId = "1",
  copy = 0,
  small = false,
  external = false,
}: Options): { readonly run: Run; readonly sidecar: Uint8Array } {
  const protocol = protocolOf(protocolId);
  const model = `${domain.id}-${architecture.style}${copy > 0 ? `-seed-${copy}` : ""}`;
  const rng = rngOf("site fixture", model, protocolId, date);
  const methods = methodRegistry.filter((m) => protocol.methods.includes(m.id));
  const metrics = metricRegistry.filter((m) => protocol.metrics.includes(m.id));
  const [samples, rerun] = small ? [12, 4] : protocol.quick ? [16, 16] : [48, 16];
  const data = domain.data ?? { id: `phantom-${domain.id}`, track: "synthetic" as const };
  // one hole, so that pages show what a missing cell looks like
  const absent = architecture.style === "clip" && domain.id === "shapes" ? "grad-cam" : undefined;
  const { id: _, ...externalFacts } = theirs;
  const ran = [...methods.filter((m) => m.id !== absent), ...(external ? [externalMethod(theirs)] : [])];
  const rows = drawRows(ran, metrics, samples, rerun, rng);
  const labels = Array.from({ length: 512 }, (_, i) => i % domain.classes.length);
  const sidecar = encodeSidecar(
    publishedRows(rows, { methods: ran.map((m) => m.id), idKey: undefined }),
    metrics.map((m) => m.id),
  );
  const run: Run = {
    result: {
      schema: "xai-kit/run/1",
      protocol: { id: protocolId, sha256: hex(protocolId) },
      standard: true,
      kit: "0.1.0",
      engine: { id: "onnxruntime", package: "onnxruntime-node", version: "1.30.0", provider: "cpu" },
      model: {
        id: model,
        architecture: architecture.id,
        family: architecture.family,
        task: "multi-class",
        classes: domain.classes.length,
        sha256: hex(model),
        opset: 18,
        camLayer: "/features/last",
        training: { seed: 7 + copy, data: data.id },
        assumptions: [],
      },
      data: {
        id: data.id,
        base: data.id,
        title: domain.title,
        edition: "1",
        track: data.track,
        split: "test",
        count: labels.length,
        ids: "public",
        classNames: [...domain.classes],
        fingerprint: { kind: "sha256", value: hex(domain.id) },
        notes: [],
      },
      preprocessing: {
        height: 64,
        width: 64,
        channels: domain.channels,
        mean: new Array(domain.channels).fill(0.5),
        std: new Array(domain.channels).fill(0.25),
        resize: { method: "bilinear" },
        reference: new Array(domain.channels).fill(0.5),
      },
      quality: quality(labels, domain.classes.length, rng),
      selection: { samples, rerun },
      methods: [
        ...methods.map((m) => ({
          id: m.id,
          title: m.title,
          revision: m.revision,
          params: defaults(m.params),
          control: m.control === true,
          standard: m.control !== true,
          status: m.id === absent ? ("not-applicable" as const) : ("ok" as const),
          reason: m.id === absent ? "the layer's patch gradients all vanish" : null,
          cost: { ...m.cost(defaults(m.params), { height: 64, width: 64 }) },
        })),
        ...(external
          ? [
              {
                ...{
                  id: theirs.id,
                  title: theirs.id,
                  revision: 1,
                  params: {},
                  control: false,
                  standard: false,
                },
                ...{
                  status: "external" as const,
                  reason: externalReason,
                  cost: null,
                  external: externalFacts,
                },
              },
            ]
          : []),
      ],
      metrics: metrics.map((m) => ({
        id: m.id,
        title: m.title,
        revision: m.revision,
        params: defaults(m.params),
        family: m.family,
        better: m.better,
        gate: m.gate,
        samples: isRerun(m) ? rerun : samples,
      })),
      statistics: JSON.parse(
        JSON.stringify(
          summarise(rows, {
            methods: ran.map(({ id, control }) => ({ id, control })),
            metrics,
            rng: rngOf("site fixture", "bootstrap"),
            draws: small ? 40 : 300,
          }),
        ),
      ) as Run["result"]["statistics"],
      failures: absent ? [{ method: absent, metric: null, code: "E_CAM_LAYER", n: samples }] : [],
      sidecar: { rows: rows.length, sha256: hex(sidecar), bytes: sidecar.length },
    },
    telemetry: {
      date,
      seconds: 187.4,
      threads: 2,
      jobs: 1,
      machine: {
        platform: "linux",
        arch: "x64",
        node: "24.21.0",
        cpu: "A processor",
        cores: 2,
        memory: 8 * 2 ** 30,
      },
      passes: { forwards: 412_880, backwards: 96_512 },
      msPerAttribution: Object.fromEntries(ran.map(({ id }, i) => [id, 1.25 * (i + 1) ** 2])),
      peakMemory: 512 * 2 ** 20,
    },
  };
  return { run, sidecar };
}

const isRerun = (metric: { readonly needs: readonly string[]; readonly id: string }) =>
  metric.needs.includes("method") || metric.id === "randomisation";

const defaults = (specs: (typeof methodRegistry)[number]["params"]) =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default]));

function drawRows(
  methods: typeof methodRegistry,
  metrics: typeof metricRegistry,
  samples: number,
  rerun: number,
  rng: Rng,
): Row[] {
  const bent = new Map(
    methods.flatMap((m) =>
      metrics.map(({ id }) => [`${m.id} ${id}`, (m.control ? 0.2 : 0.9) * rng.normal()]),
    ),
  );
  const rows: Row[] = [];
  for (let i = 0; i < samples; i++) {
    const hard = rng.normal();
    const correct = rng.uniform() < 0.93;
    for (const method of methods) {
      for (const targetKind of ["predicted", "annotated"] as const) {
        const scores: Record<string, number> = {};
        const skips: Record<string, string> = {};
        for (const { id, family, better, needs } of metrics) {
          if ((family === "localisation") !== (targetKind === "annotated")) continue;
          if (i >= rerun && isRerun({ id, needs })) continue;
          const z = (skill[method.id] ?? 0) + bent.get(`${method.id} ${id}`)! + hard + 0.8 * rng.normal();
          const [centre, spread] = scale[id] ?? [0.5, 0.1];
          if (
            method.id === theirs.id &&
            (id === "cost" || isRerun({ id, needs }) || family === "localisation")
          )
            skips[id] = family === "localisation" ? noAnnotatedMap : cannotRerun;
          else if (id === "cost")
            scores[id] = method.cost(defaults(method.params), { height: 64, width: 64 }).forwards + 1;
          else if (id === "pointing-game") scores[id] = Number(z > 0.6);
          else if (method.id === "constant" && id !== "infidelity") skips[id] = "map is constant";
          else scores[id] = Math.max(0, centre + (better === "higher" ? 1 : -1) * spread * 0.6 * z);
        }
        const sample = `test-${String(i).padStart(5, "0")}`;
        rows.push({
          sample,
          group: sample,
          method: method.id,
          target: 0,
          targetKind,
          correct,
          scores,
          skips,
        } as Row);
      }
    }
  }
  return rows;
}

function quality(labels: readonly number[], classes: number, rng: Rng): Run["result"]["quality"] {
  const data = labels.flatMap((label) => {
    const logits = Array.from({ length: classes }, (_, c) => (c === label ? 2.2 : 0) + rng.normal());
    const sum = logits.reduce((total, v) => total + Math.exp(v), 0);
    return logits.map((v) => Math.exp(v) / sum);
  });
  const probabilities = { rows: labels.length, columns: classes, data };
  return JSON.parse(
    JSON.stringify(classificationQuality({ task: "multi-class", probabilities, labels })),
  ) as Run["result"]["quality"];
}

/** Writes one run where the site looks for it, without its scores if there are none; returns its id. */
async function write(
  folder: string,
  { run, sidecar }: { readonly run: Run; readonly sidecar?: Uint8Array },
  picture: Uint8Array,
): Promise<string> {
  const { data, model } = run.result;
  const id = `${data.id}/${model.id}/${run.telemetry.date.slice(0, 10)}-${hex(canonicalJson(run.result)).slice(0, 8)}`;
  const place = join(folder, "runs", id);
  await mkdir(join(place, "pictures"), { recursive: true });
  await writeFile(join(place, "run.json"), `${canonicalJson(run)}\n`);
  if (sidecar !== undefined) await writeFile(join(place, "scores.parquet"), sidecar);
  await writeFile(join(place, "pictures", "test-00000.png"), picture);
  return id;
}

/** A disc on a ramp, at the shape of a contact sheet. */
async function drawing(): Promise<Uint8Array> {
  const [width, height] = [768, 144];
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) % 128, Math.floor(i / width)];
    const inside = Math.hypot(x - 64, y - 72) < 36;
    data.set(inside ? [214, 158, 66, 255] : [40 + x, 60 + y / 2, 96, 255], 4 * i);
  }
  return encodePng({ width, height, data });
}

/** The runs every test of the site reads. */
export async function makeRuns(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  const picture = await drawing();
  const ids: string[] = [];
  for (const domain of domains) {
    for (const architecture of architectures) {
      const made = makeScores({ domain, architecture, date: "2026-11-20T12:00:00Z" });
      ids.push(await write(folder, made, picture));
    }
  }
  const [domain, architecture] = [domains[0], architectures[0]];
  // an old one, from before scores were handed in with their document, and with maps from elsewhere
  const old = makeRun({ domain, architecture, date: "2026-10-01T12:00:00Z", external: true });
  ids.push(await write(folder, { run: old }, picture));
  ids.push(
    await write(
      folder,
      makeScores({ domain, architecture, date: "2026-11-19T12:00:00Z", protocol: "quick" }),
      picture,
    ),
  );
  await writeRecord(folder, ids);
  await writeBeside(folder);
  return ids;
}

/** Runs for tests of size: no two alike, on real data sets' names, as many models of each architecture as it takes. */
export async function makeManyRuns(folder: string, number: number): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const picture = await drawing();
  for (let k = 0; k < number; k++) {
    const pair = Math.floor(k / manyDomains.length);
    const made = makeScores({
      domain: manyDomains[k % manyDomains.length],
      architecture: manyArchitectures[pair % manyArchitectures.length],
      copy: 1 + Math.floor(pair / manyArchitectures.length),
      date: `2026-11-${String(1 + (k % 28)).padStart(2, "0")}T12:00:00Z`,
      small: true,
    });
    await write(folder, made, picture);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [folder, number] = process.argv.slice(2);
  if (folder === undefined || (number !== undefined && !/^\d+$/.test(number))) {
    console.error("usage: node site/test/make-runs.ts <folder> [number]");
    process.exit(2);
  }
  if (number === undefined) await makeRuns(folder);
  else await makeManyRuns(folder, Number(number));
}
