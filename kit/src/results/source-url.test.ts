import { describe, expect, it } from "vitest";
import { sourceUrl } from "./source-url.ts";

describe("sourceUrl", () => {
  it.each([
    ["https://github.com/someone/their-method", "https://github.com/someone/their-method"],
    ["http://arxiv.org", "http://arxiv.org/"],
    ["HTTPS://Example.org/a b?x=<y>#'z", "https://example.org/a%20b?x=%3Cy%3E#%27z"],
    ["https://пример.example/ж", "https://xn--e1afmkfd.example/%D0%B6"],
    ["https://example.org/x\u202ey", "https://example.org/x%E2%80%AEy"],
  ])("%s is written one way", (given, href) => {
    expect(sourceUrl(given)).toBe(href);
    expect(sourceUrl(href)).toBe(href);
  });

  it.each([
    ["no address", "their paper"],
    ["nothing", ""],
    ["a script", "javascript:alert(1)"],
    ["data", "data:text/html,<b>"],
    ["a file", "file:///etc/passwd"],
    ["another protocol", "ftp://example.org/"],
    ["a password", "https://ada:secret@example.org/"],
    ["a user", "https://ada@example.org/"],
    ["an address of mail", "https://example.org/?to=ada@hospital.example"],
    ["a machine on somebody's network", "http://gpu7.internal/maps"],
    ["a length without bound", `https://example.org/${"x".repeat(300)}`],
  ])("refuses %s", (_, given) => {
    expect(sourceUrl(given)).toBeUndefined();
  });
});
