import { describe, expect, it } from "vitest";
import { madeRun } from "../../test/made-run.ts";
import { canonicalJson } from "../json.ts";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { type Erratum, errataOf, readErrata, unexplained } from "./errata.ts";

const line = (affects: Erratum["affects"], more = {}) =>
  `${canonicalJson({ affects, reason: "It was wrong.", date: "2026-12-01", ...more })}\n`;
const once = { from: 1, to: 1 };
const of = (...affects: Erratum["affects"][]) => readErrata(affects.map((a) => line(a)).join(""), "e").errata;
const document = {
  methods: [
    { id: "lime", revision: 1 },
    { id: "occlusion", revision: 2 },
  ],
  metrics: [
    { id: "infidelity", revision: 1 },
    { id: "deletion-auc", revision: 3 },
  ],
};
const marks = (errata: readonly Erratum[]) =>
  document.methods.map((m) =>
    document.metrics.map((metric) => errataOf(errata, document, m.id, metric.id).length),
  );

describe("errata", () => {
  it("are read line by line", () => {
    const text = line({ method: "lime", revisions: once }) + line({ metric: "infidelity", revisions: once });
    expect(readErrata(text, "e")).toMatchObject({
      problems: [],
      errata: [{ affects: { method: "lime" } }, {}],
    });
    expect(readErrata("", "e")).toEqual({ errata: [], problems: [] });
  });

  it.each([
    ["no JSON", "{\n", "e, line 1 $ E_JSON"],
    ["an empty line", `${line({ method: "lime", revisions: once })}\n`, "e, line 2 $ E_JSON"],
    ["another form", `${line({ revisions: once })}`, "e, line 1 $.affects E_SCHEMA"],
    ["a key too many", line({ method: "lime", revisions: once }, { by: "me" }), "e, line 1 $.by E_SCHEMA"],
    [
      "another way of writing it",
      line({ method: "lime", revisions: once }).replace(":", ": "),
      "e, line 1 $ E_CANONICAL",
    ],
    ["no newline at the end", line({ method: "lime", revisions: once }).trim(), "e, line 1 $ E_CANONICAL"],
    ["no such method", line({ method: "limes", revisions: once }), "e, line 1 $.affects.method E_ERRATUM"],
    ["no such metric", line({ metric: "lime", revisions: once }), "e, line 1 $.affects.metric E_ERRATUM"],
    [
      "no such method of a metric",
      line({ method: "limes", metric: "infidelity", revisions: once }),
      "e, line 1 $.affects.method E_ERRATUM",
    ],
    [
      "a revision to come",
      line({ method: "lime", revisions: { from: 1, to: 99 } }),
      "e, line 1 $.affects.revisions E_ERRATUM",
    ],
    [
      "revisions backwards",
      line({ method: "lime", revisions: { from: 2, to: 1 } }),
      "e, line 1 $.affects.revisions E_ERRATUM",
    ],
  ])("with %s are refused", (_, text, problem) => {
    const { problems } = readErrata(text, "e");
    expect(problems.map(({ file, path, code }) => `${file} ${path} ${code}`)).toContain(problem);
  });

  it("affect a method, a metric, or one by the other, in the revisions they name", () => {
    expect(marks(of({ method: "lime", revisions: once }))).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(marks(of({ metric: "infidelity", revisions: once }))).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(marks(of({ method: "lime", metric: "infidelity", revisions: once }))).toEqual([
      [1, 0],
      [0, 0],
    ]);
    // revision 2 of occlusion and 3 of deletion are newer
    expect(marks(of({ method: "occlusion", revisions: once }))).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(marks(of({ metric: "deletion-auc", revisions: once }))).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it("must speak of what has been revised since", () => {
    const { result } = madeRun().run;
    expect(unexplained([], result)).toEqual([]);
    const older = {
      methods: [{ id: methods[0].id, revision: methods[0].revision - 1 }],
      metrics: [{ id: metrics[0].id, revision: metrics[0].revision - 1 }],
    };
    expect(unexplained([], older)).toEqual([
      `${methods[0].id}, revision 0 of 1`,
      `${metrics[0].id}, revision 0 of 1`,
    ]);
    const [ofMethod, ofMetric, ofBoth] = [
      { method: methods[0].id },
      { metric: metrics[0].id },
      { method: methods[0].id, metric: metrics[0].id },
    ].map(
      (affects): Erratum => ({
        affects: { ...affects, revisions: { from: 0, to: 0 } },
        reason: "",
        date: "",
      }),
    );
    expect(unexplained([ofMethod], older)).toEqual([`${metrics[0].id}, revision 0 of 1`]);
    expect(unexplained([ofMetric], older)).toEqual([`${methods[0].id}, revision 0 of 1`]);
    // of one method by one metric: that says nothing of the method elsewhere, but what of the metric changed
    expect(unexplained([ofBoth], older)).toEqual([`${methods[0].id}, revision 0 of 1`]);
    expect(unexplained([ofMethod, ofMetric], older)).toEqual([]);
  });
});
