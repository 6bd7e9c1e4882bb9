import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expected } from "../kit/src/metrics/index.ts";
import { madeRun } from "../kit/test/made-run.ts";
import { type Measurements, pageOf, type Row, rowsOf, withError } from "./controls-table-page.ts";

const scored = (mean: number | null, error: number | null = 0.01, n = mean === null ? 0 : 16) => ({
  n,
  mean,
  error: mean === null ? null : error,
});
const infidelity: Row = {
  model: "cxr-resnet",
  sha256: "00",
  data: "phantom-cxr",
  metric: "infidelity",
  revision: 1,
  protocol: "quick",
  samples: 16,
  date: "2026-01-02",
  controls: {
    random: scored(0.9),
    sobel: scored(0.8),
    constant: scored(0.9),
    "centre-gaussian": scored(0.7),
  },
  scored: ["saliency", "occlusion"],
  passed: ["occlusion"],
  best: {
    method: "occlusion",
    mean: 0.2,
    control: "centre-gaussian",
    controlMean: 0.7,
    difference: [0.4, 0.6],
  },
  violations: [],
};
const other: Row = {
  ...infidelity,
  model: "cxr-vit",
  controls: { ...infidelity.controls, random: scored(0.7, 0.03) },
  passed: ["occlusion", "saliency"],
};

describe("the page", () => {
  it("has what each control must score, and the mean over models with its error", () => {
    const page = pageOf({ rows: [infidelity, other] });
    // (0.9 + 0.7)/2 ± √(0.01² + 0.03²)/2
    expect(page).toContain(
      "| [Infidelity](metrics/infidelity.md) | `random` | the mean of `constant`, to 0.05 and five standard errors | 0.800 ± 0.016 | 0.7 to 0.9 |",
    );
    expect(page).toContain(
      "|  | `sobel` | not known beforehand: depends on image and model | 0.8000 ± 0.0071 |  |",
    );
    expect(page).toContain("Every control scored what it must");
    expect(page).toContain(
      "2 models (`cxr-resnet`, `cxr-vit`); protocol `quick` on 16 images; 2026-01-02 to",
    );
  });

  it("counts what beats the controls", () => {
    expect(pageOf({ rows: [infidelity, other] })).toContain(
      "| [Infidelity](metrics/infidelity.md) | 2 of 2 | 3 of 4 | `occlusion` 2, `saliency` 1 |",
    );
    expect(pageOf({ rows: [infidelity] })).toContain(
      "None: on each of these metrics some standard method beats",
    );
  });

  it("lists with numbers where nothing does", () => {
    const lost = {
      ...infidelity,
      passed: [],
      best: { ...infidelity.best!, mean: 0.6, difference: [-0.1, 0.2] } as const,
    };
    const page = pageOf({ rows: [lost, { ...lost, model: "cxr-vit", best: null }] });
    expect(page).toContain(
      "### Infidelity\n\n- `cxr-resnet`: best `occlusion` 0.6, `centre-gaussian` 0.7; better by -0.1 to 0.2\n- `cxr-vit`: no method could be compared\n",
    );
    // one model on which something passes is enough
    expect(pageOf({ rows: [lost, other] })).not.toContain("### Infidelity");
  });

  it("says where no control has a score, and what should not have been scored", () => {
    const none = scored(null);
    const silent = {
      ...infidelity,
      passed: [],
      controls: { random: none, sobel: none, constant: none, "centre-gaussian": none },
    };
    const page = pageOf({ rows: [silent] });
    expect(page).toContain("No control has a score by [Infidelity](metrics/infidelity.md)");
    expect(page).not.toContain("### Infidelity");
    expect(pageOf({ rows: [{ ...infidelity, violations: ["`random`: 0 expected, found 1"] }] })).toContain(
      "A control scored what it must not:\n\n- `infidelity` on `cxr-resnet`, `random`: 0 expected, found 1\n",
    );
  });

  it("leaves metrics without a gate out of what beats the controls, and those not measured out of all", () => {
    const page = pageOf({
      rows: [{ ...infidelity, metric: "sparseness", scored: [], passed: [], best: null }],
    });
    expect(page).toContain("[Sparseness](metrics/sparseness.md)");
    expect(page).not.toContain("## What beats the controls");
    expect(page).not.toContain("Infidelity");
  });

  it.each([
    [0.33324, 0.00042, "0.33324 ± 0.00042"],
    [7290.4, 1792, "7290 ± 1792"],
    [1, 0, "1 ± 0"],
    [0.5, null, "0.5"],
  ])("rounds %d ± %d as %s", (mean, error, text) => expect(withError(mean, error)).toBe(text));
});

describe("the rows of a run", () => {
  const { run, sidecar } = madeRun();
  const rows = rowsOf(run, sidecar, expected);
  const cell = (method: string, metric: string) =>
    run.result.statistics.cells.find((c) => c.method === method && c.metric === metric)!;

  it("are one a metric, with the controls' means and standard errors", () => {
    expect(rows.map((r) => r.metric)).toEqual(run.result.metrics.map((m) => m.id));
    const [{ controls }] = rows;
    const { mean, sd, n } = cell("sobel", rows[0].metric);
    expect(controls.sobel.n).toBe(n);
    expect(controls.sobel.mean).toBeCloseTo(mean!, 4);
    expect(controls.sobel.error).toBeCloseTo(sd! / Math.sqrt(n), 4);
    expect(rows.flatMap((r) => r.violations)).toEqual([]);
  });

  it("name the methods that pass, and the one that is nearest to it with its hardest control", () => {
    for (const row of rows) {
      const passing = run.result.methods
        .map((m) => m.id)
        .filter((id) => cell(id, row.metric).gate?.passed === true);
      expect(row.passed).toEqual(passing);
      if (row.best === null) continue;
      const { gate } = cell(row.best.method, row.metric);
      const lows = Object.values(gate!.against).flatMap((difference) =>
        difference === null ? [] : [difference[0]],
      );
      expect(row.best.difference[0]).toBeCloseTo(Math.min(...lows), 3);
      if (passing.length > 0) expect(passing).toContain(row.best.method);
    }
    expect(rows.some((r) => r.best !== null)).toBe(true);
    expect(rows.find((r) => r.metric === "sparseness")).toMatchObject({ scored: [], passed: [], best: null });
  });

  it("name a control that scored what it must not", () => {
    const wrong = { ...expected, sparseness: { ...expected.sparseness, constant: { above: 0.9 } } };
    const found = rowsOf(run, sidecar, wrong).find((r) => r.metric === "sparseness")!;
    expect(found.violations).toEqual(["`constant`: above 0.9 on every image expected, found 0"]);
  });
});

const written = (name: string) => new URL(`../kit/docs/${name}`, import.meta.url);

it.skipIf(!existsSync(written("controls.json")))(
  "the page is what the measurements say: node scripts/controls-table.ts --page",
  () => {
    const measurements = JSON.parse(readFileSync(written("controls.json"), "utf8")) as Measurements;
    expect(readFileSync(written("controls.md"), "utf8")).toBe(pageOf(measurements));
  },
);
