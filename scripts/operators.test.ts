import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { operatorsPage } from "./operators.ts";

const page = operatorsPage();

it("kit/docs/operators.md is what the registries say", () => {
  const written = readFileSync(new URL("../kit/docs/operators.md", import.meta.url), "utf8");
  expect(written === page, "run node scripts/operators.ts").toBe(true);
});

it.each([
  ["an operator with a gradient", /^\| `Conv` \| 11–24 \| \d+ \| \d+ \| \d+ \| {2}\|$/m],
  ["what a rule does not cover", /^\| `ReduceProd` \| 11–24 \(18\) .*\| a product over the batch \|$/m],
  ["a piecewise constant one", /^\| `Floor` \| 11–24 \| none: piecewise constant \|$/m],
  ["one that is expanded", /^\| `com\.microsoft\.QuickGelu` \| x · sigmoid\(alpha · x\) \|$/m],
  ["one that is left out, and why", /^\| `Multinomial` \| 11 \| it draws random numbers, .* \|$/m],
])("the page has %s", (_, line) => expect(page).toMatch(line));
