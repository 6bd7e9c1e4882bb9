/** The browser's part is tested in a browser: site/test/demo.spec.ts compares dropped files with the Node reader. */
import { describe, expect, it } from "vitest";
import { fromRgba } from "./image.ts";

const header = { width: 2, height: 1, grey: false, notes: ["a note"] };

describe("fromRgba", () => {
  it("takes colours apart into planes", () => {
    const rgba = Uint8ClampedArray.of(1, 2, 3, 255, 4, 5, 6, 255);
    expect(fromRgba(rgba, header)).toEqual({
      channels: 3,
      width: 2,
      height: 1,
      data: Uint8Array.of(1, 4, 2, 5, 3, 6),
      notes: ["a note"],
    });
  });

  it("gives a grey file one channel", () => {
    const rgba = Uint8ClampedArray.of(7, 7, 7, 255, 8, 8, 8, 255);
    expect(fromRgba(rgba, { ...header, grey: true })).toMatchObject({
      channels: 1,
      data: Uint8Array.of(7, 8),
    });
  });

  it("lays transparency over black, and says so", () => {
    const rgba = Uint8ClampedArray.of(200, 100, 50, 128, 9, 9, 9, 0);
    const { data, notes } = fromRgba(rgba, header);
    expect([...data]).toEqual([100, 0, 50, 0, 25, 0]); // 200·128/255 = 100.4
    expect(notes).toEqual(["a note", "transparency composed over black"]);
  });
});
