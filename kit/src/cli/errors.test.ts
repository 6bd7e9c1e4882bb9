import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { errorAsData, exitCodeOf, formatError } from "./errors.ts";

const gap = new KitError("E_NO_GRADIENT", {
  problem: "vit.onnx has operators without a gradient, so --method saliency cannot run",
  details: ["Einsum: 3 nodes, first /attn/Einsum_4"],
  next: "use a method that needs no gradient: kernel-shap, lime, occlusion, rise",
});
const abort = Object.assign(new Error("stop"), { name: "AbortError" });
const commander = (exitCode: number) =>
  Object.assign(new Error("unknown option"), { code: "commander.unknownOption", exitCode });

describe("formatError", () => {
  it("says what, where and what next", () => {
    expect(formatError(gap)).toBe(
      [
        "error: vit.onnx has operators without a gradient, so --method saliency cannot run  [E_NO_GRADIENT]",
        "  Einsum: 3 nodes, first /attn/Einsum_4",
        "  next: use a method that needs no gradient: kernel-shap, lime, occlusion, rise",
        "",
      ].join("\n"),
    );
  });

  it("shows a stack, and causes, with --debug only", () => {
    const error = new KitError("E_WRITE", { problem: "p", cause: new TypeError("deep") });
    expect(formatError(error)).toBe("error: p  [E_WRITE]\n");
    const text = formatError(error, { debug: true });
    expect(text).toMatch(/\n {2}at .*errors\.test\.ts/);
    expect(text).toContain("\n  caused by TypeError: deep\n");
  });

  it("asks for a report of what should not happen", () => {
    expect(formatError(new TypeError("x is undefined"))).toBe(
      [
        "internal error: TypeError: x is undefined  [E_INTERNAL]",
        "  next: please report this; run the same command with --debug for the stack",
        "",
      ].join("\n"),
    );
    expect(formatError("just text")).toContain("internal error: thrown: just text");
    expect(formatError(new Error("x"), { debug: true })).toMatch(/errors\.test\.ts[\s\S]*stack above\n$/);
  });

  it("keeps the indent of an item with line breaks and disarms control codes from files", () => {
    const error = new KitError("E_X", { problem: "bad\u001b[2J name", details: ["one\ntwo"] });
    expect(formatError(error)).toBe("error: bad\\u001b[2J name  [E_X]\n  one\n  two\n");
  });

  it("is short for Ctrl-C and silent for what commander has said", () => {
    expect(formatError(abort)).toBe("interrupted\n");
    expect(formatError(commander(1))).toBe("");
  });
});

describe("exitCodeOf", () => {
  it.each([
    ["a refused input", gap, 1],
    ["a usage error of ours", new KitError("E_USAGE", { problem: "p" }), 2],
    ["a usage error of commander's", commander(1), 2],
    ["--help", commander(0), 0],
    ["a mistake of ours", new TypeError("x"), 3],
    ["a thrown text", "x", 3],
    ["Ctrl-C", abort, 130],
    ["Ctrl-C, told by us", new KitError("E_INTERRUPTED", { problem: "p" }), 130],
  ])("of %s", (_, error, code) => expect(exitCodeOf(error)).toBe(code));
});

describe("errorAsData", () => {
  it("has a stable code for every error", () => {
    expect(errorAsData(gap).error).toMatchObject({ code: "E_NO_GRADIENT", details: [gap.details[0]] });
    expect(errorAsData(new TypeError("x")).error.code).toBe("E_INTERNAL");
    expect(errorAsData(commander(1)).error.code).toBe("E_USAGE");
    expect(errorAsData(abort).error.code).toBe("E_INTERRUPTED");
  });
});
