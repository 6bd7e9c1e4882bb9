import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noGradient, type Vjp } from "../vjp.ts";
import { vjps } from "./index.ts";

const files = readdirSync(new URL(".", import.meta.url)).filter(
  (f) => f.endsWith(".ts") && !f.endsWith(".test.ts") && f !== "index.ts",
);

describe("the table of rules", () => {
  it("has every rule of every file, once", async () => {
    const found: string[] = [];
    for (const file of files) {
      const module: Record<string, Vjp> = await import(
        /* @vite-ignore */ new URL(file, import.meta.url).href
      );
      for (const [op, vjp] of Object.entries(module)) {
        if (!/^[A-Z]/.test(op)) continue;
        expect(vjps[op], `${op} of ${file}`).toBe(vjp);
        found.push(op);
      }
    }
    expect(found.toSorted()).toEqual(Object.keys(vjps).toSorted());
  });

  it.each(Object.entries(vjps).filter(([, vjp]) => vjp !== noGradient))(
    "proves %s on two samples or more",
    (_, vjp) => {
      expect(vjp.samples.length).toBeGreaterThanOrEqual(2);
    },
  );
});
