/** A run with maps from elsewhere: believed as composed, refused where it claims more than such maps can have. */
import { describe, expect, it } from "vitest";
import { composeOptions } from "../../test/made-run.ts";
import { canonicalJson } from "../json.ts";
import { cannotRerun, type ExternalMaps, externalMethod } from "../methods/external.ts";
import { reruns } from "../metrics/metric.ts";
import { type Composed, composeRun } from "./document.ts";
import { validateRun } from "./validate.ts";

const maps: ExternalMaps = {
  id: "theirs",
  map: "abs-sum",
  source: "https://example.org/their-method?v=1&x=%3Cb%3E",
  files: 16,
  sha256: "a".repeat(64),
  classesChecked: true,
  annotated: false,
};
const options = composeOptions();

/** The run with saliency's scores once more as the maps', as far as maps can be scored. */
function composed(external: readonly ExternalMaps[]): Composed {
  const { plan, execution } = options;
  const rows = external.flatMap(({ id }) =>
    execution.rows
      .filter((row) => row.method === "saliency")
      .map((row) => {
        const cannot = plan.metrics.filter(({ metric }) => reruns(metric) || metric.id === "cost");
        const lost = cannot.map(({ metric }) => metric.id).filter((metric) => metric in row.scores);
        return {
          ...row,
          method: id,
          scores: Object.fromEntries(Object.entries(row.scores).filter(([metric]) => !lost.includes(metric))),
          skips: { ...row.skips, ...Object.fromEntries(lost.map((metric) => [metric, cannotRerun])) },
        };
      }),
  );
  return composeRun({
    ...options,
    plan: {
      ...plan,
      methods: [
        ...plan.methods,
        ...external.map((own) => ({
          method: externalMethod(own),
          params: {},
          samples: plan.samples,
          notApplicable: undefined,
          external: own,
        })),
      ],
    },
    execution: { ...execution, rows: [...execution.rows, ...rows] },
  });
}

const made = composed([maps]);
const { result } = made.run;
const at = result.methods.findIndex((m) => m.id === "theirs");
const problems = (text: string) =>
  validateRun({ name: "run.json", text, sidecar: made.sidecar }).problems.map((p) => `${p.path} ${p.code}`);

/** The document with changes to the method of the maps. */
function changed(change: (method: Record<string, unknown>, run: Composed["run"]) => void): string {
  const run = structuredClone(made.run);
  change(run.result.methods[at] as unknown as Record<string, unknown>, run);
  return `${canonicalJson(run)}\n`;
}
const external = (changes: object) =>
  changed((method) => Object.assign(method, { external: { ...(method.external as object), ...changes } }));

describe("a run with maps from elsewhere", () => {
  it("is believed, and says what they are", () => {
    const verdict = validateRun({ name: "run.json", text: made.text, sidecar: made.sidecar });
    expect(verdict).toMatchObject({ ok: true, tier: "recomputed", problems: [], warnings: [] });
    const { id: _, ...facts } = maps;
    expect(result.methods[at]).toMatchObject({
      status: "external",
      standard: false,
      cost: null,
      external: facts,
    });
    expect(at).toBe(result.methods.length - 1);
    // the protocol's own methods are all there, so the run is what it would be without them
    expect(result.standard).toBe(options.plan.standard);
  });

  it("ranks the other methods as without them", () => {
    const bare = composed([]).run.result.statistics;
    const own = (entries: readonly { readonly method: string }[]) =>
      entries.filter(({ method }) => method !== "theirs");
    for (const key of ["metrics", "facets"] as const) {
      for (const [k, ranking] of result.statistics[key].entries()) {
        expect(own(ranking.places)).toEqual(bare[key][k].places);
        expect(ranking.tieGroups).toEqual(bare[key][k].tieGroups);
      }
    }
    expect(own(result.statistics.cells)).toEqual(bare.cells);
    const places = result.statistics.metrics.find((m) => m.of === "deletion-auc")!.places;
    expect(places.find((p) => p.method === "theirs")).toMatchObject({ standard: false });
  });

  it.each<[string, string, string]>([
    ["without where they come from", changed((m) => delete m.external), "external E_METHOD"],
    ["as a method that ran", changed((m) => Object.assign(m, { status: "ok", reason: null })), "id E_METHOD"],
    ["as one that is ranked", changed((m) => Object.assign(m, { standard: true })), "standard E_METHOD"],
    ["as a control", changed((m) => Object.assign(m, { control: true })), "control E_METHOD"],
    ["under another title", changed((m) => Object.assign(m, { title: "Saliency" })), "title E_METHOD"],
    ["with words of their own", changed((m) => Object.assign(m, { reason: "best" })), "reason E_METHOD"],
    [
      "at no cost",
      changed((m) => Object.assign(m, { cost: { forwards: 0, backwards: 0 } })),
      "cost E_METHOD",
    ],
    ["with parameters", changed((m) => Object.assign(m, { params: { steps: 3 } })), "params E_PARAM"],
    ["of a script", external({ source: "javascript:alert(1)" }), "external.source E_SCHEMA"],
    ["with a quote", external({ source: "https://example.org/'" }), "external.source E_SCHEMA"],
    ["of a user's server", external({ source: "https://ada@example.org/" }), "external.source E_METHOD"],
    ["in another spelling", external({ source: "https://EXAMPLE.org/" }), "external.source E_METHOD"],
    ["without a hash", external({ sha256: "" }), "external.sha256 E_SCHEMA"],
    ["fewer than images", external({ files: 15 }), "external.files E_COUNT"],
    ["more than images", external({ files: 17 }), "external.files E_COUNT"],
    ["by another rule", external({ map: "max" }), "external.map E_SCHEMA"],
    ["with a key of their own", external({ note: "x" }), "external.note E_SCHEMA"],
  ])("is refused: maps %s", (_, text, problem) => {
    expect(problems(text)).toContain(`$.result.methods[${at}].${problem}`);
  });

  it("is refused with a score of a metric that runs the method again", () => {
    const cell = result.statistics.cells.findIndex(
      (c) => c.method === "theirs" && c.metric === "max-sensitivity",
    );
    expect(result.statistics.cells[cell]).toMatchObject({ n: 0, mean: null, skips: { [cannotRerun]: 16 } });
    const text = changed((_, run) =>
      Object.assign(run.result.statistics.cells[cell], {
        n: 16,
        mean: 0,
        skips: {},
        correct: { n: 16, mean: 0 },
      }),
    );
    expect(problems(text)).toContain(`$.result.statistics.cells[${cell}].n E_METHOD`);
  });

  it("is refused where a method of the kit claims to come from elsewhere, or stands behind such", () => {
    const own = changed((method, run) =>
      Object.assign(run.result.methods[0], { external: method.external, cost: null }),
    );
    expect(problems(own)).toEqual(
      expect.arrayContaining(["$.result.methods[0].external E_METHOD", "$.result.methods[0].cost E_COUNT"]),
    );
    const order = changed((_, run) => {
      const list = run.result.methods as unknown[];
      list.unshift(list.pop());
    });
    expect(problems(order)).toContain("$.result.methods[1] E_METHOD");
  });
});
