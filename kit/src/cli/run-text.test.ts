import { describe, expect, it } from "vitest";
import { madeRun } from "../../test/made-run.ts";
import type { Result } from "../results/document.ts";
import { reportText } from "./run-text.ts";

const { result } = madeRun({ count: 40 }).run;
const textOf = (accuracy: number | null, n = 40, task: Result["model"]["task"] = "multi-class") =>
  reportText(
    { ...result, model: { ...result.model, task }, quality: { ...result.quality, accuracy, n } },
    { columns: undefined, classNames: [] },
  );

describe("what an evaluation prints", () => {
  it("asks for the order of classes where a model does far worse than guessing", () => {
    expect(textOf(0.05)).toMatch(/right on 5\.0 % of the images, guessing on 33\.3 %.*--class-names/);
    for (const text of [
      textOf(0.3),
      textOf(0.9),
      textOf(null),
      textOf(0.05, 10),
      textOf(0.05, 40, "multi-label"),
    ]) {
      expect(text).not.toContain("--class-names");
    }
  });
});
