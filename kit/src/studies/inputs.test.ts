import { describe, expect, it } from "vitest";
import { studyModels } from "../bundled.ts";
import { KitError } from "../errors.ts";
import { methodOf, metricOf } from "../protocol/protocol.ts";
import { studies, studyOf } from "./index.ts";
import { firstLookOf, missingOf, missingWords, planOf, templateOf } from "./inputs.ts";
import { kowsar2026 as study } from "./kowsar-2026.ts";
import { grid, isAt, valuesOf } from "./study.ts";

const cell = (labels: object, more: object = {}) => ({
  labels,
  model: "m.onnx",
  data: "phantom-cxr",
  ...more,
});
const planned = (cells: readonly object[], more: object = {}) =>
  planOf(study, JSON.stringify({ study: study.id, cells, ...more }), "in.json");

function refusal(act: () => unknown): KitError {
  try {
    act();
  } catch (error) {
    if (error instanceof KitError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const resnet = { architecture: "resnet-50", domain: "bloodmnist" };

describe("an inputs file", () => {
  it("becomes cells, the study's methods and metrics in each", () => {
    const plan = planned([cell(resnet), cell({ architecture: "ViT-B/16", domain: "own" }, { id: "mine" })], {
      samples: 4,
    });
    expect(plan).toMatchObject({ firstLook: false, protocol: "1", samples: 4 });
    expect(plan.cells.map(({ id }) => id)).toEqual(["resnet-50-bloodmnist", "mine"]);
    expect(plan.cells[0].computes).toEqual(study.computes(resnet));
    expect(plan.missing).toHaveLength(32);
    const few = planned([cell(resnet)], { methods: ["saliency"], metrics: ["faith"], protocol: "quick" });
    expect(few.cells[0].computes).toMatchObject({ methods: ["saliency"], metrics: ["faith"] });
    expect(few.protocol).toBe("quick");
  });

  it.each([
    ["{", "is not JSON", []],
    ["[]", "is no inputs file of a study", ["the file: must be object"]],
    ['{"study":"kowsar-2026"}', "is no inputs file", ["the file: must have required property 'cells'"]],
    [
      JSON.stringify({ study: study.id, cells: [cell(resnet, { datadir: "x" })] }),
      "is no inputs file",
      ["cell 1: datadir is not known"],
    ],
    [JSON.stringify({ study: "gradfaith-cam", cells: [cell(resnet)] }), "is for the study gradfaith-cam", []],
    [
      JSON.stringify({ study: study.id, cells: [cell(resnet), cell({ architectur: "a", domain: "b" })] }),
      "has cells that do not fit the study",
      ["cell 2: no axis is called architectur; did you mean architecture?", "cell 2: no label architecture"],
    ],
    [
      JSON.stringify({ study: study.id, cells: [cell(resnet), cell(resnet)] }),
      "has a cell twice",
      ["cells 1 and 2 are both resnet-50-bloodmnist"],
    ],
  ])("is refused where it is %s", (text, problem, details) => {
    const error = refusal(() => planOf(study, text, "in.json"));
    expect(error.code).toBe("E_STUDY_INPUTS");
    expect(error.message).toContain(`in.json ${problem}`);
    expect(error.details).toEqual(details);
    expect(error.next).toBeTruthy();
  });

  it("is told all its faults at once, up to twenty", () => {
    const cells = Array.from({ length: 25 }, () => cell({ nothing: 1 }));
    const { details } = refusal(() => planned(cells));
    expect(details).toHaveLength(21);
    expect(details[20]).toBe("and 55 more");
  });

  it("names a method, metric or protocol that there is not", () => {
    expect(refusal(() => planned([cell(resnet)], { methods: ["salience"] })).code).toBe("E_METHOD");
    expect(refusal(() => planned([cell(resnet)], { metrics: ["faiths"] })).code).toBe("E_METRIC");
    expect(refusal(() => planned([cell(resnet)], { protocol: "0" })).code).toBe("E_PROTOCOL");
  });
});

describe("what the paper has and the inputs lack", () => {
  it("is said once for a whole architecture, and cell by cell for the rest", () => {
    const there = study.wanted.filter(
      ({ architecture, domain }) =>
        (architecture === "resnet-50" && domain !== "imagenet") || architecture === "vit-b-16",
    );
    const missing = missingOf(
      study,
      there.map((labels) => ({ labels })),
    );
    expect(missing).toHaveLength(12);
    // as they come back from cells.json
    expect(missingWords(study, structuredClone(missing))).toEqual([
      "architecture clip-vit-b-16: none of its 11 cells",
      "resnet-50 · imagenet",
    ]);
  });

  it("counts a number and its text as one value", () => {
    const study = { wanted: grid({ seed: [1, 2] }) };
    expect(missingOf(study, [{ labels: { seed: "1" } }])).toEqual([{ seed: 2 }]);
    expect(isAt({ seed: "1", more: "x" }, { seed: 1 })).toBe(true);
    expect(isAt({}, { seed: 1 })).toBe(false);
    expect(
      valuesOf("seed", [{ labels: { seed: 9 } }, { labels: { seed: 2 } }, { labels: {} }], study),
    ).toEqual(["2", "9"]);
  });
});

describe.each(studies.map((own) => [own.id, own] as const))("%s", (id, own) => {
  it("is found by its id, which is also its file's name", async () => {
    expect(studyOf(id)).toBe(own);
    expect(Object.values(await import(`../studies/${id}.ts`))).toContain(own);
  });

  it("has texts, cells and axes that belong together", () => {
    for (const text of [own.title, own.paper, own.question, own.did]) expect(text.trim()).not.toBe("");
    expect(own.differs.length).toBeGreaterThan(0);
    const axes = own.axes.map((axis) => axis.id);
    for (const labels of [...own.wanted, ...own.firstLook.cells.map((c) => c.labels)]) {
      for (const axis of Object.keys(labels)) expect(axes).toContain(axis);
    }
  });

  it("computes what there is", () => {
    for (const labels of own.wanted) {
      const { methods, metrics } = own.computes(labels);
      methods.forEach(methodOf);
      metrics.forEach(metricOf);
    }
  });

  it("has a template that is an inputs file without gaps", () => {
    const plan = planOf(own, JSON.stringify(templateOf(own)), "template.json");
    expect(plan.cells).toHaveLength((own.offered ?? own.wanted).length);
    expect(plan.missing).toEqual([]);
  });

  it("has a first look on bundled models", () => {
    const plan = firstLookOf(own, studyModels());
    expect(plan).toMatchObject({ firstLook: true, protocol: "quick", missing: [] });
    expect(new Set(plan.cells.map((c) => c.id)).size).toBe(own.firstLook.cells.length);
  });
});

it("knows which study was meant", () => {
  expect(refusal(() => studyOf("kowsar")).next).toMatch(/known: |did you mean/);
});
