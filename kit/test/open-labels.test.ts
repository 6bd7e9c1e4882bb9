/** Labels that nobody has said yes or no to, from the data set to the document: through the journal, in shards, and before the validator. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { composeParts } from "../src/cli/run-folder.ts";
import { methodOf, metricOf, protocolOf } from "../src/protocol/protocol.ts";
import { decodeSidecar, encodeSidecar } from "../src/results/sidecar.ts";
import { validateRun } from "../src/results/validate.ts";
import { blockOf, classifyImages } from "../src/runner/classify.ts";
import { execute } from "../src/runner/execute.ts";
import { factsOf } from "../src/runner/facts.ts";
import { openJournal, readJournal } from "../src/runner/journal.ts";
import { plan } from "../src/runner/plan.ts";
import { inShard, type Shard } from "../src/runner/share.ts";
import { type Drawn, datasetOf } from "./drawn-dataset.ts";
import { smallCnn, smallModel, wasm } from "./small-models.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-open-labels-"));
afterAll(() => rmSync(dir, { recursive: true }));

// 70 images are two blocks; of label 3 nobody has said no, label 2 is open in every second image
const samples: Drawn[] = Array.from({ length: 70 }, (_, k) => ({
  id: `s${k}`,
  labels: [[0], [1, 3], [0, 1], []][k % 4],
  unknown: [[1, 2, 3], [0], [2, 3], [3]][k % 4],
}));
const thresholds = [0.5, 0.6, 0.5, 0.5];
const classes = ["a", "b", "c", "d"];
const card = { task: "multi-label", thresholds, classes } as const;
const dataset = datasetOf(samples, { classes: 4, task: "multi-label" });
const resize = { method: "bilinear" } as const;
const selected = samples.slice(0, 6).map(({ id }) => id);

/** What a command does in a sitting; then it begins anew from the disk. */
async function sitting(name: string, { shard, images }: { shard?: Shard; images?: number } = {}) {
  const path = join(dir, name);
  const model = smallModel(smallCnn({ tail: "Sigmoid" }), { card: { ...card, classes: [...classes] } });
  const plans = plan({
    protocol: protocolOf("quick"),
    methods: ["saliency", "sobel"].map(methodOf),
    metrics: ["sparseness", "max-sensitivity"].map(metricOf),
    shape: model.shape,
    available: samples.length,
    samples: selected.length,
    annotated: false,
    unmet: {},
  });
  const facts = factsOf({
    kit: "0.1.0",
    engine: wasm.info,
    model,
    modelId: "small",
    modelSha256: "0".repeat(64),
    card: { ...card, id: "small", classes: [...classes] },
    dataset,
    resize,
    available: samples.length,
    annotated: false,
    unmet: {},
    plan: plans,
    selected,
    following: [],
  });
  const found = await readJournal(path);
  const journal = await openJournal({
    path,
    facts,
    shard,
    found,
    sitting: { date: "2026-01-01T00:00:00Z", threads: 1, jobs: 1 },
    now: () => 0,
  });
  const share = (at: number) => shard === undefined || inShard(at, shard);
  let clock = 0;
  await classifyImages(model, dataset, resize, {
    share: (block) => share(block) && (images === undefined || block < blockOf(images)),
    log: { images: found?.images ?? [], add: (some) => journal.addImages(some) },
    now: () => clock++,
  });
  if (images === undefined) {
    await execute({
      model,
      dataset,
      plan: plans,
      selected,
      resize,
      share,
      log: { units: [], add: (unit) => journal.addUnit(unit) },
    });
    await journal.finish(0);
  }
  await journal.close();
  return (await readJournal(path))!;
}

type Journal = Awaited<ReturnType<typeof sitting>>;

function composed(journals: readonly Journal[]) {
  const [{ header }] = journals;
  return composeParts({
    facts: header.facts,
    secret: header.secret,
    images: journals.flatMap((j) => j.images).sort((a, b) => a.at - b.at),
    units: journals.flatMap((j) => j.units),
    telemetry: { date: "2026-01-01T00:00:00Z", seconds: 1, threads: 1, jobs: 1, peakMemory: null },
  });
}

describe("labels left open", () => {
  let whole: Journal;
  let run: ReturnType<typeof composed>;
  beforeAll(async () => {
    whole = await sitting("whole.jsonl");
    run = composed([whole]);
  });

  it("count neither way in the quality of any label", () => {
    const { quality, model } = run.run.result;
    const known = quality.perClass.map(
      (q) => q.truePositive + q.falsePositive + q.falseNegative + q.trueNegative,
    );
    // k % 4 is 0 and 1 for 18 images each, 2 and 3 for 17
    expect(known).toEqual([70 - 18, 70 - 18, 70 - 35, 70 - 52]);
    // present in 18 images, open in all others: no image without it
    expect(quality.perClass[3]).toMatchObject({ falsePositive: 0, trueNegative: 0, auroc: null });
    expect(quality.leftOut).toEqual([2, 3]);
    expect(model.thresholds).toEqual(thresholds);
    expect(run.run.telemetry.msPerImage).toBeGreaterThan(0);
  });

  it("make a prediction neither right nor wrong", () => {
    const rows = whole.units.flatMap((unit) => (unit.kind === "sample" ? unit.rows : []));
    for (const { sample, target, correct } of rows) {
      const { labels, unknown } = samples.find(({ id }) => id === sample)!;
      expect(correct).toBe(unknown!.includes(target) ? null : labels.includes(target));
    }
    expect(new Set(rows.map(({ correct }) => correct))).toContain(null);
    const cells = run.run.result.statistics.cells.filter(({ method }) => method === "saliency");
    const open = rows.filter(({ method, correct }) => method === "saliency" && correct === null).length;
    for (const { n, correct, wrong } of cells) expect(n - correct.n - wrong.n).toBe(open);
  });

  it("survive the sidecar, and the validator finds the same numbers", () => {
    const { text, sidecar } = run;
    expect(validateRun({ name: "run.json", text, sidecar })).toMatchObject({
      problems: [],
      warnings: [],
      tier: "recomputed",
    });
    const { rows, metrics } = decodeSidecar(sidecar);
    expect(rows.some(({ correct }) => correct === null)).toBe(true);
    expect(encodeSidecar(rows, metrics)).toEqual(sidecar);
    // and it would see one that is settled afterwards
    const settled = rows.map((row) => ({ ...row, correct: row.correct ?? true }));
    const changed = validateRun({ name: "run.json", text, sidecar: encodeSidecar(settled, metrics) });
    expect(changed.problems.map(({ path }) => path).join()).toMatch(/correct\.n/);
  });

  it("are the same in shards, and after a stop", async () => {
    const parts = [
      await sitting("1.jsonl", { shard: { index: 1, of: 2 } }),
      await sitting("2.jsonl", { shard: { index: 2, of: 2 } }),
    ];
    expect(parts.map(({ images }) => images.length)).toEqual([64, 6]);
    const merged = composed(parts);
    expect(merged.identity).toBe(run.identity);
    expect(merged.sidecar).toEqual(run.sidecar);

    expect((await sitting("stopped.jsonl", { images: 64 })).images).toHaveLength(64);
    const resumed = composed([await sitting("stopped.jsonl")]);
    expect(resumed.identity).toBe(run.identity);
  });

  it("are refused where a model names one class of several", () => {
    const { header } = whole;
    const { prepared } = header.facts.model;
    const single = {
      ...header,
      facts: {
        ...header.facts,
        model: {
          ...header.facts.model,
          prepared: { ...prepared, task: "multi-class", thresholds: undefined },
        },
      },
    } as typeof header;
    const images = whole.images.map((image) => ({ ...image, labels: [0] }));
    const { text, sidecar } = composed([{ ...whole, header: single, images }]);
    const { problems } = validateRun({ name: "run.json", text, sidecar });
    expect(problems.map(({ message }) => message).join("\n")).toMatch(
      /of which \d+ right and \d+ wrong.*only labels of several can be left open/s,
    );
  });
});
