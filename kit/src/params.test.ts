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

describe("every way of giving a value", () => {
  const values = {
    steps: [1, 8, 1e9],
    sigma: [0, 0.25, 1],
    absolute: [true, false],
    rule: ["left", "right"],
  };

  it("as text or as itself is the same", () => {
    for (const [name, allowed] of Object.entries(values)) {
      for (const value of allowed) {
        const [plain, text] = [value, ` ${value} `.trim()].map((v) =>
          resolveParams("ig", specs, { [name]: v }),
        );
        expect(text).toEqual(plain);
        expect(plain[name]).toBe(value);
      }
    }
  });

  it("settles: what was resolved resolves to itself", () => {
    const once = resolveParams("ig", specs, { steps: "7", rule: "right" });
    expect(resolveParams("ig", specs, once)).toEqual(once);
    expect(resolveParams("ig", specs, { steps: undefined as never })).toEqual(resolveParams("ig", specs));
  });

  it.each([
    [{ steps: true }],
    [{ steps: " " }],
    [{ steps: "8px" }],
    [{ steps: Number.POSITIVE_INFINITY }],
    [{ sigma: "-0.1" }],
    [{ sigma: false }],
    [{ absolute: 1 }],
    [{ absolute: "True" }],
    [{ rule: 0 }],
    [{ rule: "" }],
    [JSON.parse('{ "__proto__": 1 }')],
  ])("refuses %j", (given) => {
    expect(() => resolveParams("ig", specs, given)).toThrow(expect.objectContaining({ code: "E_PARAM" }));
  });

  it("says what is allowed, or which parameters there are", () => {
    expect(() => resolveParams("ig", specs, { sigma: 2 })).toThrow(
      expect.objectContaining({
        message: "ig: sigma=2 is not allowed",
        next: "sigma is number 0 to 1, default 0.15",
      }),
    );
    expect(() => resolveParams("ig", specs, { stepz: 2 })).toThrow(
      expect.objectContaining({ next: "it has: steps, sigma, absolute, rule" }),
    );
    expect(() => resolveParams("cost", {}, { k: 2 })).toThrow(
      expect.objectContaining({ next: "cost takes no parameters" }),
    );
  });

  it("a quick budget is a quarter rounded up, at least 4, never more than the default", () => {
    for (let n = 1; n <= 200; n++) {
      const { k } = quickParams({ k: { type: "integer", default: n, budget: true, description: "" } });
      expect(k).toBe(n <= 4 ? n : Math.max(4, Math.ceil(n / 4)));
    }
  });
});
