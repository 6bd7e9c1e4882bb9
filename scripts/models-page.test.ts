import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { pageWith } from "./models-page.ts";

const path = new URL("../kit/docs/models.md", import.meta.url);

it("kit/docs/models.md lists the presets as they are: WRITE_PAGES=1 npx vitest run scripts/models-page.test.ts", () => {
  const page = readFileSync(path, "utf8");
  if (process.env.WRITE_PAGES === "1") writeFileSync(path, pageWith(page));
  else expect(page).toBe(pageWith(page));
});

it("does without no page that has lost its marks", () => {
  expect(() => pageWith("# Models\n")).toThrow("lost its marks");
});
