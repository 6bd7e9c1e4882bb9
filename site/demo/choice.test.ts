import { describe, expect, it } from "vitest";
import { type Choices, parseChoice, searchOf } from "./choice.ts";

const choices: Choices = {
  models: [
    { id: "cxr-resnet", classes: ["nodule", "cavity"] },
    { id: "shapes-vit", classes: ["circle", "square"] },
  ],
  methods: [{ id: "saliency" }, { id: "grad-cam" }, { id: "random" }],
  samples: 512,
  standard: { model: "cxr-resnet", sample: 6 },
};
const standard = {
  model: "cxr-resnet",
  sample: 6,
  methods: ["saliency", "grad-cam", "random"],
  target: null,
};

describe("the address of the demo", () => {
  it("is empty for what the page shows by itself", () => {
    expect(parseChoice("", choices)).toEqual(standard);
    expect(searchOf(standard, choices)).toBe("");
  });

  it("holds a choice, and gives it back", () => {
    const choice = { model: "shapes-vit", sample: 0, methods: ["saliency", "random"], target: "square" };
    const search = "?model=shapes-vit&sample=0&methods=saliency,random&class=square";
    expect(searchOf(choice, choices)).toBe(search);
    expect(parseChoice(search, choices)).toEqual(choice);
  });

  it.each([
    "?model=nothing&sample=512&methods=lime&class=square", // the class of another model
    "?model=__proto__&sample=-1&methods=,&class=",
    "?sample=1e2&methods=",
    "?sample=06.5",
  ])("ignores what the page does not have: %s", (search) => {
    expect(parseChoice(search, choices)).toEqual(standard);
  });

  it("takes methods in the registry's order, whatever the link says", () => {
    expect(parseChoice("?methods=random,saliency", choices).methods).toEqual(["saliency", "random"]);
  });
});
