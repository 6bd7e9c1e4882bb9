import { expect, it } from "vitest";
import { url } from "./url.ts";

it("puts a path under the base, however that is written", () => {
  for (const base of ["/xai-kit", "/xai-kit/"]) {
    expect(url("", base)).toBe("/xai-kit/");
    expect(url("leaderboard/", base)).toBe("/xai-kit/leaderboard/");
  }
  expect(url("", "/")).toBe("/");
  expect(url("theme.js", "/")).toBe("/theme.js");
});
