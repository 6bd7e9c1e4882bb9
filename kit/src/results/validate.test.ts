import { describe, expect, it } from "vitest";
import { type MadeOptions, madeRun } from "../../test/made-run.ts";
import { canonicalJson } from "../json.ts";
import { methodOf, protocolOf } from "../protocol/protocol.ts";
import { classificationQuality } from "../stats/classification.ts";
import type { Composed } from "./document.ts";
import { decodeSidecar, encodeSidecar, type SidecarRow } from "./sidecar.ts";
import { placeOf, validateRun } from "./validate.ts";

const made = madeRun();
const hidden = madeRun({ ids: "private" });

type Json = Record<string, unknown> & unknown[];
type Key = string | number;

/** The document with one value changed (`undefined`: the key is gone), in canonical form. */
function forged(
  path: readonly Key[],
  value: unknown | ((old: never) => unknown),
  from: Composed = made,
): string {
  const run = structuredClone(from.run) as unknown as Json;
  let node = run;
  for (const key of path.slice(0, -1)) node = node[key as never] as Json;
  const last = path.at(-1)! as never;
  const next = typeof value === "function" ? value(node[last]) : value;
  if (next === undefined) delete node[last];
  else node[last] = next as never;
  return `${canonicalJson(run)}\n`;
}

const check = (text: string, sidecar: Uint8Array | undefined = made.sidecar) =>
  validateRun({ name: "run.json", text, sidecar });
const problemsOf = (text: string, sidecar?: Uint8Array) =>
  check(text, sidecar).problems.map(({ path, code }) => `${path} ${code}`);

const { statistics, methods, metrics } = made.run.result;
const cell = (method: string, metric: string) =>
  statistics.cells.findIndex((c) => c.method === method && c.metric === metric);
const saliency = methods.findIndex((m) => m.id === "saliency");
const gradCam = methods.findIndex((m) => m.id === "grad-cam");
const occlusion = methods.findIndex((m) => m.id === "occlusion");
const deletion = metrics.findIndex((m) => m.id === "deletion-auc");
const own = cell("saliency", "deletion-auc");
const ranked = statistics.metrics.findIndex((m) => m.of === "deletion-auc");
const plus = (n: number) => (old: number) => old + n;

describe("a run as it was made", () => {
  it.each([
    ["public", made],
    ["private", hidden],
  ] as const)("is believed: %s", (_, { text, sidecar, identity }) => {
    const bytes = new TextEncoder().encode(text);
    for (const form of [text, bytes]) {
      expect(check(form as string, sidecar)).toMatchObject({
        ok: true,
        identity,
        tier: "recomputed",
        problems: [],
        warnings: [],
      });
    }
  });

  it("is only submitted without its sidecar", () => {
    const verdict = validateRun({ name: "run.json", text: made.text });
    expect(verdict).toMatchObject({ ok: true, tier: "submitted", problems: [] });
    expect(verdict.warnings.map((w) => w.message)).toEqual(["without its sidecar nothing can be recomputed"]);
  });

  it("tells which part is looked at, and how many problems came before it", () => {
    const heard: unknown[] = [];
    const tell = (text: string, place?: string) => {
      heard.length = 0;
      const onPart = (part: string, problems: number, run?: unknown) =>
        heard.push([part, problems, run !== undefined]);
      validateRun({ name: "run.json", text, sidecar: made.sidecar, place, onPart });
      return heard;
    };
    const rest = ["registry", "place", "scores", "controls"];
    expect(tell(made.text, placeOf(made.run))).toEqual([
      ["form", 0, false],
      ...rest.map((p) => [p, 0, true]),
    ]);
    expect(tell("{")).toEqual([["form", 0, false]]);
    expect(tell(made.text.trimEnd()).at(-1)).toEqual(["controls", 1, true]);
  });

  it("is one text: key order, spaces and forms of numbers make another file of it", () => {
    const { result, telemetry } = made.run;
    expect(problemsOf(`${JSON.stringify({ telemetry, result })}\n`)).toEqual(["$ E_CANONICAL"]);
    expect(problemsOf(made.text.trimEnd())).toEqual(["$ E_CANONICAL"]);
    expect(problemsOf(made.text.replace('"seconds":1.5', '"seconds":1.50'))).toEqual(["$ E_CANONICAL"]);
    expect(problemsOf(made.text.replace('"seconds":1.5', '"seconds":-0'))).toEqual(["$ E_CANONICAL"]);
    expect(check(made.text.replace('"seconds":1.5', '"seconds":1.50')).problems[0].message).toMatch(
      `from character ${made.text.indexOf('"seconds":1.5') + 14} on`,
    );
  });
});

describe("one forged value is refused, and named", () => {
  const cellAt = (...rest: Key[]): Key[] => ["result", "statistics", "cells", own, ...rest];
  it.each<[string, Key[], unknown, string?]>([
    // aggregates, intervals, ranks, gates
    ["mean", cellAt("mean"), plus(1e-15)],
    ["mean of the right ones", cellAt("correct", "mean"), plus(-1e-9)],
    ["sd", cellAt("sd"), plus(1e-12)],
    ["interval", cellAt("interval", 0), plus(-1e-12)],
    ["no interval", cellAt("noInterval"), "none", cellAt("interval").join()],
    ["worst share", cellAt("worstShare"), 0.5],
    ["recommendation", cellAt("recommendable"), (old: boolean) => !old],
    ["gate", cellAt("gate", "passed"), (old: boolean) => !old],
    ["gate against a control", cellAt("gate", "against", "random", 1), plus(0.1)],
    [
      "skip",
      ["result", "statistics", "cells", cell("constant", "randomisation"), "skips"],
      { "map is nice": 16 },
    ],
    ["rank", ["result", "statistics", "metrics", ranked, "places", 1, "rank"], plus(1)],
    ["rank interval", ["result", "statistics", "metrics", ranked, "places", 0, "interval", 1], 1.5],
    [
      "order of places",
      ["result", "statistics", "metrics", ranked, "places"],
      (old: unknown[]) => old.toReversed(),
    ],
    [
      "tie group",
      ["result", "statistics", "metrics", ranked, "tieGroups"],
      (old: unknown[][]) => [old.flat()],
    ],
    ["facet", ["result", "statistics", "facets", 0, "places", 0, "score"], plus(0.01)],
    ["overall", ["result", "statistics", "overall", "places", 0, "score"], plus(0.01)],
    ["draws", ["result", "statistics", "draws"], 1999],
    ["groups", ["result", "statistics", "groups"], plus(1)],
    // counts
    ["n of a cell", cellAt("n"), plus(-1)],
    ["n of the wrong ones", cellAt("wrong", "n"), plus(1), cellAt("n").join()],
    ["selection", ["result", "selection", "samples"], plus(1)],
    ["re-run selection", ["result", "selection", "rerun"], 3],
    ["samples of a metric", ["result", "metrics", deletion, "samples"], 15],
    ["rows", ["result", "sidecar", "rows"], plus(1)],
    ["images classified", ["result", "quality", "n"], plus(-1)],
    ["confusion", ["result", "quality", "confusion", 0, 1], plus(1), "result,quality,n"],
    ["true positives", ["result", "quality", "perClass", 1, "truePositive"], plus(1)],
    ["accuracy", ["result", "quality", "accuracy"], 1],
    ["sensitivity of a class", ["result", "quality", "perClass", 0, "sensitivity"], 0.5],
    ["AUROC of a class", ["result", "quality", "perClass", 0, "auroc"], 1, "result,quality,auroc"],
    ["average precision", ["result", "quality", "averagePrecision"], 1],
    [
      "failures",
      ["result", "failures"],
      [{ code: "E_X", method: "rise", metric: null, n: 1 }],
      "result,failures,0,method",
    ],
    ["cost", ["result", "methods", occlusion, "cost", "forwards"], 1],
    // hashes
    ["protocol hash", ["result", "protocol", "sha256"], "a".repeat(64)],
    ["sidecar hash", ["result", "sidecar", "sha256"], "a".repeat(64)],
    ["sidecar size", ["result", "sidecar", "bytes"], plus(1)],
    ["kind of fingerprint", ["result", "data", "fingerprint", "kind"], "hmac-sha256"],
    ["fingerprint", ["result", "data", "fingerprint", "value"], "none"],
    // what is known
    ["protocol", ["result", "protocol", "id"], "7"],
    ["revision", ["result", "methods", saliency, "revision"], plus(1)],
    ["revision of a metric", ["result", "metrics", deletion, "revision"], plus(1)],
    ["revision 0", ["result", "methods", saliency, "revision"], 0],
    ["parameter", ["result", "metrics", 0, "params", "draws"], 17],
    ["parameter out of range", ["result", "metrics", 0, "params", "draws"], -1, "result,metrics,0,params"],
    [
      "parameter that is none",
      ["result", "methods", saliency, "params", "nice"],
      1,
      `result,methods,${saliency},params`,
    ],
    ["parameter gone", ["result", "metrics", 0, "params", "draws"], undefined],
    ["method", ["result", "methods", saliency, "id"], "saliancy"],
    ["metric twice", ["result", "metrics", 1, "id"], "infidelity"],
    ["title", ["result", "methods", saliency, "title"], "The best method"],
    ["control", ["result", "methods", saliency, "control"], true],
    ["standard method", ["result", "methods", saliency, "standard"], false],
    ["direction", ["result", "metrics", deletion, "better"], "higher"],
    ["gate of a metric", ["result", "metrics", deletion, "gate"], "none"],
    ["status", ["result", "methods", gradCam, "status"], "ok", `result,methods,${gradCam},reason`],
    ["provider", ["result", "engine", "provider"], "tpu"],
    ["classes", ["result", "model", "classes"], 4, "result,quality,perClass"],
    ["names of classes", ["result", "data", "classNames"], ["a"]],
    ["base", ["result", "data", "base"], "other"],
    // form
    ["tier", ["result", "tier"], "attested"],
    ["slug", ["slug"], "index"],
    ["id of a run", ["id"], "x"],
    ["schema", ["result", "schema"], "xai-kit/run/2"],
    ["a key gone", ["result", "engine"], undefined],
    ["a path for an id", ["result", "data", "id"], "../../etc"],
    ["date", ["telemetry", "date"], "yesterday"],
    // privacy
    ["home folder", ["result", "data", "title"], `Images of ${["", "home", "someone", "scans"].join("/")}`],
    [
      "Windows folder",
      ["result", "model", "assumptions"],
      ["read from C:\\Users\\someone\\m.onnx"],
      "result,model,assumptions,0",
    ],
    ["mail address", ["result", "data", "edition"], "from someone@hospital.org"],
    ["host", ["telemetry", "machine", "cpu"], "node17.cluster.local"],
  ])("%s", (_, path, value, where = path.join()) => {
    const text = forged(path, value);
    expect(text).not.toBe(made.text);
    const { ok, problems, tier } = check(text);
    expect(ok).toBe(false);
    expect(tier).toBe("submitted");
    const expected = pathText(where.split(","));
    expect(problems.map((p) => p.path).filter((path) => path.startsWith(expected))).not.toEqual([]);
    for (const p of problems) {
      expect(p).toMatchObject({ file: expect.any(String), code: expect.stringMatching(/^E_/) });
      expect(p.message.length * p.next.length).toBeGreaterThan(0);
    }
  });

  const pathText = (keys: string[]) =>
    `$${keys.map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`)).join("")}`;

  it("also in a score of the sidecar, even when its hash is corrected", () => {
    const { rows, metrics: columns } = decodeSidecar(made.sidecar);
    const changed = rows.map((row, i) =>
      i === 3 ? { ...row, scores: { ...row.scores, "deletion-auc": Math.fround(0.123) } } : row,
    );
    const problems = withSidecar(changed, columns);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((p) => p.endsWith("E_STATISTICS"))).toBe(true);
  });

  it("and a long key does not make a long message", () => {
    const { problems } = check(forged(["result", "k".repeat(1_000_000)], 1));
    expect(problems[0].path).toMatch(/^\$\.result\.k+…$/);
    expect(problems[0].path.length).toBe(600);
  });

  it("and not more than a hundred problems are told", () => {
    const text = forged(["result", "statistics", "cells"], (cells: { mean: number | null }[]) =>
      cells.map((c) => ({ ...c, mean: c.mean === null ? null : c.mean + 1e-9, sd: 7, worstShare: 0.5 })),
    );
    const { problems } = check(text);
    expect(problems).toHaveLength(100);
    expect(problems[99].message).toMatch(/\(and \d+ more problems\)$/);
  });
});

/** Problems of the run with these rows for its sidecar, the sidecar's own facts corrected. */
function withSidecar(rows: readonly SidecarRow[], columns: readonly string[], from = made): string[] {
  const bytes = encodeSidecar(rows, columns);
  const facts = composeFacts(bytes, rows.length);
  return problemsOf(forged(["result", "sidecar"], facts, from), bytes);
}

function composeFacts(bytes: Uint8Array, rows: number) {
  const probe = validateRun({ name: "x", text: made.text, sidecar: bytes });
  const sha = probe.problems.find((p) => p.path === "$.result.sidecar.sha256")?.message.slice(-64);
  return { bytes: bytes.length, rows, sha256: sha ?? made.run.result.sidecar.sha256 };
}

describe("sidecars", () => {
  const { rows, metrics: columns } = decodeSidecar(made.sidecar);
  it.each<[string, (rows: readonly SidecarRow[]) => readonly SidecarRow[], string]>([
    ["another order", (r) => r.toReversed(), "row 1 E_SIDECAR"],
    ["a row twice", (r) => [r[0], ...r], "row 1 E_SIDECAR"],
    [
      "a method that did not run",
      (r) => r.map((row) => (row.method === "saliency" ? { ...row, method: "grad-cam" } : row)),
      "row 0, method E_SIDECAR",
    ],
    [
      "an unknown method",
      (r) => r.map((row, i) => (i === 0 ? { ...row, method: "rise" } : row)),
      "row 0, method E_SIDECAR",
    ],
    [
      "a class too high",
      (r) => r.map((row, i) => (i === 0 ? { ...row, target: 3 } : row)),
      "row 0, target E_SIDECAR",
    ],
    [
      "two predictions",
      (r) => r.map((row, i) => (i === 5 ? { ...row, correct: !row.correct } : row)),
      "row 5, target E_SIDECAR",
    ],
    [
      "a score out of range",
      (r) => r.map((row, i) => (i === 0 ? { ...row, scores: { ...row.scores, sparseness: 1.5 } } : row)),
      "row 0, sparseness E_SIDECAR",
    ],
    [
      "a mask metric on a prediction",
      (r) =>
        r.map((row, i) =>
          i === 0 ? { ...row, scores: { ...row.scores, "relevance-rank-accuracy": 1 } } : row,
        ),
      "row 0, relevance-rank-accuracy E_SIDECAR",
    ],
    [
      "two groups of a sample",
      (r) => r.map((row, i) => (i === 0 ? { ...row, group: "x" } : row)),
      "rows E_SIDECAR",
    ],
    ["an image left out", (r) => r.filter((row) => row.sample !== "image-3"), "$.result.methods[0] E_COUNT"],
    [
      "a method left out",
      (r) => r.filter((row) => row.method !== "saliency"),
      "$.result.methods[0].status E_COUNT",
    ],
  ])("with %s are refused", (_, change, problem) => {
    expect(withSidecar(change(rows), columns)).toContain(problem);
  });

  it("of another run are refused", () => {
    expect(problemsOf(made.text, hidden.sidecar)).toContain("$.result.sidecar.sha256 E_SIDECAR");
    expect(withSidecar(decodeSidecar(hidden.sidecar).rows, columns)).not.toEqual([]);
  });

  it("with plain ids are refused where ids are private", () => {
    expect(withSidecar(rows, columns, hidden)).toContain("row 0, sample E_SIDECAR");
  });

  it("are refused as files in one problem", () => {
    expect(check(made.text, Uint8Array.of(1, 2, 3)).problems.at(-1)).toMatchObject({
      file: "scores.parquet",
      code: "E_SIDECAR",
      message: "scores.parquet is not a sidecar: no Parquet file: it does not begin and end with PAR1",
    });
  });
});

describe("standard runs", () => {
  const further = { methods: ["rise", "hires-cam"], metrics: ["average-drop", "average-gain"] };
  const of = (change?: MadeOptions["change"]) => madeRun({ protocol: "1", count: 40, further, change });

  it("may have further methods and metrics, on the first images", () => {
    const { run, text, sidecar } = of();
    expect(problemsOf(text, sidecar)).toEqual([]);
    expect(run.result.standard).toBe(true);
    expect(run.result.methods.map((m) => m.samples ?? null)).toEqual([
      ...protocolOf("1").methods.map(() => null),
      32,
      32,
    ]);
    expect(run.result.metrics.slice(-2).map((m) => m.samples)).toEqual([32, 32]);
    // the ranks of the protocol's methods are those without them
    const plain = madeRun({ protocol: "1", count: 40 }).run.result.statistics;
    for (const { of: by, places } of plain.metrics) {
      const own = run.result.statistics.metrics.find((m) => m.of === by)!.places;
      expect(own.filter((p) => p.standard)).toEqual(places.filter((p) => p.standard));
    }
  });

  it("have no further method on more images, or on fewer than they say", () => {
    const longer = of((o) => ({
      ...o,
      plan: {
        ...o.plan,
        methods: o.plan.methods.map((m) => (m.method.id === "rise" ? { ...m, samples: 40 } : m)),
      },
    }));
    expect(problemsOf(longer.text, longer.sidecar)).toContainEqual(
      expect.stringMatching(/^\$\.result\.methods\[\d+\]\.samples E_COUNT$/),
    );
    const fewer = of((o) => ({
      ...o,
      execution: {
        ...o.execution,
        rows: o.execution.rows.filter((r) => r.method !== "rise" || r.sample !== "image-3"),
      },
    }));
    expect(problemsOf(fewer.text, fewer.sidecar)).toContainEqual(
      expect.stringMatching(/^\$\.result\.methods\[\d+\] E_COUNT$/),
    );
    const wide = of((o) => ({
      ...o,
      plan: {
        ...o.plan,
        metrics: o.plan.metrics.map((m) => (m.metric.id === "average-drop" ? { ...m, samples: 40 } : m)),
      },
    }));
    expect(problemsOf(wide.text, wide.sidecar)).toContainEqual(
      expect.stringMatching(/^\$\.result\.metrics\[\d+\]\.samples E_COUNT$/),
    );
  });

  it("leave no room: another set of methods, metrics or images is not standard", () => {
    const without = madeRun({
      change: (o) => ({
        ...o,
        plan: { ...o.plan, metrics: o.plan.metrics.filter((m) => m.metric.id !== "cost") },
      }),
    });
    expect(problemsOf(without.text, without.sidecar)).toEqual(["$.result.metrics E_STANDARD"]);
    const honest = madeRun({
      change: (o) => ({
        ...o,
        plan: { ...o.plan, standard: false, metrics: o.plan.metrics.filter((m) => m.metric.id !== "cost") },
      }),
    });
    expect(problemsOf(honest.text, honest.sidecar)).toEqual([]);
  });

  it("may do without masks", () => {
    const plain = madeRun({
      change: (o) => ({
        ...o,
        plan: { ...o.plan, metrics: o.plan.metrics.filter((m) => !m.metric.needs.includes("mask")) },
        execution: { rows: o.execution.rows.filter((r) => r.targetKind === "predicted"), failures: [] },
      }),
    });
    expect(problemsOf(plain.text, plain.sidecar)).toEqual([]);
  });
});

it("holds controls to what they must score", () => {
  const wrong = madeRun({
    change: (o) => ({
      ...o,
      execution: {
        failures: [],
        rows: o.execution.rows.map((r) =>
          r.method === "random" && "randomisation" in r.scores
            ? { ...r, scores: { ...r.scores, randomisation: 0.9 } }
            : r,
        ),
      },
    }),
  });
  expect(problemsOf(wrong.text, wrong.sidecar)).toEqual([
    `$.result.statistics.cells[${cell("random", "randomisation")}] E_CONTROL`,
  ]);
});

it.each([
  ["binary", { task: "multi-class", probabilities: [0.2, 0.7, 0.6, 0.1], columns: 1, labels: [0, 1, 0, 0] }],
  [
    "classes that never occur",
    { task: "multi-class", probabilities: [1, 0, 0, 0.6, 0.4, 0], columns: 3, labels: [0, 0] },
  ],
  [
    "multi-label",
    {
      task: "multi-label",
      probabilities: [0.9, 0.1, 0.4, 0.2, 0.3, 0.8],
      columns: 3,
      labels: [1, 0, -1, 0, 0, 1],
    },
  ],
] as const)("takes the classification quality of %s", (_, { task, probabilities: data, columns, labels }) => {
  const matrix = { rows: data.length / columns, columns, data };
  const quality = classificationQuality(
    task === "multi-label"
      ? { task, probabilities: matrix, truth: labels }
      : { task, probabilities: matrix, labels },
  );
  const classes = Math.max(2, columns);
  const run = madeRun({
    change: (o) => ({
      ...o,
      quality,
      model: {
        ...o.model,
        prepared: {
          ...o.model.prepared,
          classes,
          task: task === "multi-label" ? task : columns === 1 ? "binary" : task,
        },
      },
      dataset: { ...o.dataset, classes: o.dataset.classes.slice(0, classes) },
      execution: { ...o.execution, rows: o.execution.rows.map((r) => ({ ...r, target: 0 })) },
    }),
  });
  expect(problemsOf(run.text, run.sidecar)).toEqual([]);
});

it("knows the folder of a run, which a forged fingerprint changes", () => {
  const place = placeOf(made.run);
  expect(place).toBe(`drawn-32/made/2026-01-02-${made.identity.slice(0, 8)}`);
  const at = (text: string, where: string) =>
    validateRun({ name: "run.json", text, sidecar: made.sidecar, place: where }).problems.map(
      (p) => `${p.path} ${p.code}`,
    );
  expect(at(made.text, place)).toEqual([]);
  expect(at(made.text, place.replace("made", "other"))).toEqual(["$.result.model.id E_PLACE"]);
  expect(at(made.text, place.replace("2026-01-02", "2026-01-03"))).toEqual(["$.telemetry.date E_PLACE"]);
  const text = forged(["result", "data", "fingerprint", "value"], "f".repeat(64));
  expect(at(text, place)).toEqual(["$.result E_PLACE"]);
});

it("warns of revisions that are no longer the newest, and does not judge their parameters", () => {
  const entry = methodOf("saliency") as { revision: number };
  entry.revision++;
  try {
    const { problems, warnings } = check(forged(["result", "methods", saliency, "params"], { old: 1 }));
    expect(problems).toEqual([]);
    expect(warnings.map((w) => w.path)).toEqual([`$.result.methods[${saliency}].revision`]);
  } finally {
    entry.revision--;
  }
});

describe("what a stranger may not write", () => {
  it.each([
    ["a terminal escape", "\u001b[31mred"],
    ["a mark that turns the text around", "a\u202eb"],
    ["nothing that can be seen", "\u200b"],
  ])("a title with %s", (_, title) => {
    expect(problemsOf(forged(["result", "data", "title"], title))).toContain("$.result.data.title E_PRIVATE");
  });

  it.each([
    ["a path", { sample: "~/patients/3.png" }, "row 0, sample E_SIDECAR"],
    ["an address", { group: "ada@hospital.example" }, "row 0, group E_SIDECAR"],
    ["a control character", { sample: "a\u0007" }, "row 0, sample E_SIDECAR"],
  ])("a row with %s", (_, change, problem) => {
    const [first, ...rest] = decodeSidecar(made.sidecar).rows;
    const bytes = encodeSidecar(
      [{ ...first, ...change }, ...rest],
      metrics.map((m) => m.id),
    );
    expect(problemsOf(made.text, bytes)).toContain(problem);
  });

  it("maps of its own under the name of a method of the kit", () => {
    const path = ["result", "methods", saliency];
    expect(problemsOf(forged([...path, "status"], "external"))).toContain(
      `$.result.methods[${saliency}].id E_METHOD`,
    );
  });

  it("fewer drawn pictures than the protocol takes, since all of them have masks", () => {
    expect(problemsOf(forged(["result", "selection", "samples"], 8))).toContain(
      "$.result.selection.samples E_STANDARD",
    );
  });

  it("rows of more images than were explained, which are not even recomputed", () => {
    const { rows } = decodeSidecar(made.sidecar);
    const last = rows.at(-1)!;
    const empty = Array.from({ length: 5000 }, (_, k) => ({
      ...last,
      sample: `z${`${k}`.padStart(5, "0")}`,
      group: `z${k}`,
      targetKind: "predicted" as const,
      scores: {},
      skips: {},
    }));
    const bytes = encodeSidecar(
      [...rows, ...empty],
      metrics.map((m) => m.id),
    );
    const problems = problemsOf(made.text, bytes);
    expect(problems).toContain("$.result.selection.samples E_COUNT");
    expect(problems.some((p) => p.includes("statistics"))).toBe(false);
  });
});
