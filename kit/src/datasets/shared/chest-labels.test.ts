import { describe, expect, it } from "vitest";
import { labelsOf, matchLabels, namesOf, uces8 } from "./chest-labels.ts";

const labels = ["No Finding", "Lung Opacity", "Consolidation", "Pleural Effusion"];

describe("names of one finding", () => {
  it.each([
    ["Airspace Opacity", "lung_opacity"],
    ["Infiltrate", "Infiltration"],
    ["Effusion", "Pleural effusion"],
    ["Pleural_Thickening", "Pleural thickening"],
    ["Pulmonary fibrosis", "Fibrosis"],
  ])("takes %s for %s", (label, name) => {
    expect(matchLabels("a set", [label], [name]).classOf(label)).toBe(0);
  });

  it("takes neither parts nor kinds of a finding for it", () => {
    expect(namesOf("Nodule/Mass")).not.toContain("Nodule");
    expect(() => matchLabels("a set", ["Nodule/Mass"], ["Mass"])).toThrow(/no label of a set means.*Mass/);
    expect(() => matchLabels("a set", ["Pleural Other"], ["Pleural Effusion"])).toThrow(/Pleural Effusion/);
    expect(namesOf("3")).toEqual(["3"]);
  });
});

describe("labels as classes", () => {
  it("has the set's own labels in their order without a model", () => {
    const { classes, classOf, notes } = matchLabels("a set", labels, undefined, { also: ["Normal"] });
    expect(classes).toEqual(labels);
    expect(labels.map(classOf)).toEqual([0, 1, 2, 3]);
    expect(classOf("Normal")).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it("has the model's order, and notes the labels that it does not have", () => {
    const { classes, classOf, notes } = matchLabels("a set", labels, ["Effusion", "Airspace Opacity"], {
      also: ["Normal"],
    });
    expect(classes).toEqual(["Effusion", "Airspace Opacity"]);
    expect(labels.map(classOf)).toEqual([undefined, 1, undefined, 0]);
    expect(notes).toEqual(["labels that the model does not have: No Finding, Consolidation"]);
  });

  it("finds its own labels in other spellings, and no strangers", () => {
    const { labelOf, classOf } = matchLabels("a set", labels, undefined);
    expect(labelOf("Airspace Opacity")).toBe("Lung Opacity");
    expect(classOf("effusion")).toBe(3);
    expect([labelOf("Hernia"), classOf("Hernia"), labelOf("1"), classOf("1")]).toEqual(
      Array(4).fill(undefined),
    );
  });

  it("lists both where a class is no label", () => {
    expect(() => matchLabels("a set", labels, ["Edema", "Effusion", "Hernia"])).toThrow(
      expect.objectContaining({
        code: "E_DATASET_CLASSES",
        message: "no label of a set means the model's classes Edema, Hernia",
        details: [
          "the model's classes: Edema, Effusion, Hernia",
          "the set's labels: No Finding, Lung Opacity, Consolidation, Pleural Effusion",
        ],
      }),
    );
  });

  it("merges labels as a study does, unless the model keeps them apart", () => {
    const all = [...labels, "Atelectasis", "Cardiomegaly", "Edema", "Pneumonia", "Pneumothorax", "Fracture"];
    const merged = matchLabels("a set", all, undefined, { space: uces8 });
    expect(merged.classes).toHaveLength(8);
    expect(merged.classOf("Lung Opacity")).toBe(merged.classOf("Consolidation"));
    expect(merged.notes).toEqual(["labels that the model does not have: Fracture"]);
    const apart = matchLabels("a set", all, ["Consolidation", "Airspace Opacity"], { space: uces8 });
    expect(["Consolidation", "Lung Opacity"].map(apart.classOf)).toEqual([0, 1]);
  });
});

describe("answers of a reader", () => {
  it.each([
    ["ignore", [0], [2, 3]],
    ["one", [0, 2], [3]],
    ["zero", [0], [3]],
  ] as const)("counts what is unsure as told: %s", (uncertain, present, unknown) => {
    const answers = [
      [0, "yes"],
      [1, "no"],
      [2, "unsure"],
      [3, undefined],
    ] as const;
    expect(labelsOf(4, answers, uncertain)).toEqual({ labels: present, unknown });
  });

  it("counts silence as told, and a class without any answer as open", () => {
    expect(labelsOf(2, [[0, undefined]], "ignore", "no")).toEqual({ labels: [], unknown: [1] });
  });

  it("has a merged class present by any yes, absent only if nothing is open", () => {
    const of = (...said: ("yes" | "no" | "unsure" | undefined)[]) =>
      labelsOf(
        1,
        said.map((answer) => [0, answer] as const),
      );
    expect(of("no", "yes", undefined)).toEqual({ labels: [0], unknown: [] });
    expect(of("no", "unsure")).toEqual({ labels: [], unknown: [0] });
    expect(of("no", "no")).toEqual({ labels: [], unknown: [] });
  });
});
