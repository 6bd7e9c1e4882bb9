import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { locationFault, readExternal } from "./external.ts";

const entries = (fields: Record<string, string>) =>
  Object.entries(fields).map(([key, value]) => ({ key, value }));
const disk = Uint8Array.from({ length: 16 }, (_, i) => i);
const read = (_: string, offset: number, length = 0) => disk.subarray(offset, offset + length);

describe("locationFault", () => {
  for (const location of ["weights.bin", "sub/weights.bin", "a..b", "...", "naïve.bin", "./w.bin"]) {
    it(`allows ${location}`, () => expect(locationFault(location)).toBeUndefined());
  }
  for (const location of [
    "",
    "..",
    "../w",
    "a/../../w",
    "a\\..\\w",
    "/etc/passwd",
    "\\\\server\\share",
    "C:\\w",
    "c:w",
    "file:///w",
    "https://host/w",
    "a\0b",
  ]) {
    it(`refuses ${JSON.stringify(location)}`, () => expect(locationFault(location)).toBeDefined());
  }
});

describe("readExternal", () => {
  it("gives the bytes at the offset", () => {
    expect(readExternal(entries({ location: "w", offset: "4", length: "8" }), 8, "w", read)).toEqual(
      disk.subarray(4, 12),
    );
    expect(readExternal(entries({ location: "w" }), 16, "w", read)).toEqual(disk);
  });

  const refused: readonly (readonly [string, Record<string, string>, typeof read | undefined, string])[] = [
    ["a model alone", { location: "w" }, undefined, "only the model file was given"],
    ["a length that dims contradict", { location: "w", length: "4" }, read, "type and dims ask for 8 bytes"],
    ["a negative offset", { location: "w", offset: "-1" }, read, "not a whole number"],
    ["an offset past the end", { location: "w", offset: "12" }, read, "8 bytes wanted, 4 found"],
    ["an offset beyond integers", { location: "w", offset: "9007199254740991" }, read, "ask for 8 bytes"],
    ["a way out", { location: "../w" }, read, "leaves the model's folder"],
    [
      "a reader that fails",
      { location: "w" },
      () => {
        throw new Error("no such file");
      },
      "no such file",
    ],
  ];
  for (const [what, fields, reader, problem] of refused) {
    it(`refuses ${what}`, () => {
      const body = () => readExternal(entries(fields), 8, "w", reader);
      expect(body).toThrow(KitError);
      expect(body).toThrow(problem);
    });
  }
});
