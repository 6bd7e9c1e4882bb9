import { describe, expect, it } from "vitest";
import { describeParam, type ParamSpecs, quickParams, resolveParams } from "./params.ts";

const specs = {
  steps: { type: "integer", default: 50, minimum: 1, budget: true, description: "" },
  sigma: { type: "number", default: 0.15, minimum: 0, maximum: 1, description: "" },
  absolute: { type: "boolean", default: false, description: "" },
  rule: { type: "choice", choices: ["left", "right"], default: "left", description: "" },
} as const satisfies ParamSpecs;

describe("resolveParams", () => {
  it("lays what is given over the defaults and parses text", () => {
    expect(resolveParams("ig", specs, { steps: "8", absolute: "true" })).toEqual({
      steps: 8,
      sigma: 0.15,
      absolute: true,
      rule: "left",
    });
  });

  it.each([
    [{ steps: "0" }, "steps=0 is not allowed"],
    [{ steps: "1.5" }, "steps=1.5 is not allowed"],
    [{ steps: "" }, "steps= is not allowed"],
    [{ sigma: "NaN" }, "sigma=NaN is not allowed"],
    [{ sigma: 2 }, "sigma=2 is not allowed"],
    [{ rule: "middle" }, "rule=middle is not allowed"],
    [{ absolute: "yes" }, "absolute=yes is not allowed"],
    [{ stepz: 3 }, 'no parameter "stepz"'],
    [{ toString: 3 }, 'no parameter "toString"'],
  ])("refuses %j", (given, message) => {
    expect(() => resolveParams("ig", specs, given as never)).toThrow(message);
  });

  it("quarters budgets for quick runs, never below 4", () => {
    expect(quickParams(specs)).toEqual({ steps: 13 });
    expect(quickParams({ draws: { type: "integer", default: 10, budget: true, description: "" } })).toEqual({
      draws: 4,
    });
    expect(quickParams({ draws: { type: "integer", default: 2, budget: true, description: "" } })).toEqual({
      draws: 2,
    });
  });

  it("describes itself", () => {
    expect(describeParam(specs.steps)).toBe("integer ≥ 1, default 50");
    expect(describeParam(specs.rule)).toBe("left | right, default left");
  });
});
