import { describe, expect, it } from "vitest";
import { type GridPicture, grid } from "./grid.ts";
import type { Raster } from "./raster.ts";

const flat = (
  height: number,
  width: number,
  value: number,
  more: Partial<GridPicture> = {},
): GridPicture => ({
  image: { channels: 1, height, width, data: new Float32Array(height * width).fill(value) },
  lines: ["a name", "a class"],
  ...more,
});
const colours = ({ data }: Raster) => {
  const found = new Map<string, number>();
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.slice(i, i + 3).join();
    found.set(colour, (found.get(colour) ?? 0) + 1);
  }
  return found;
};

describe("grid", () => {
  it("shows every picture once, small ones enlarged and large ones shrunk", () => {
    const found = colours(
      grid([flat(64, 64, 1), flat(576, 576, 0), flat(200, 100, 0.5)], { title: "A set" }),
    );
    expect(found.get("255,255,255")).toBe(128 * 128);
    expect(found.get("0,0,0")).toBe(288 * 288);
    expect(found.get("128,128,128")).toBe(400 * 200);
  });

  it("breaks into rows, and is wide enough for its title", () => {
    const many = Array.from({ length: 7 }, () => flat(128, 128, 1, { lines: [] }));
    const wide = grid(many, { title: "" });
    const narrow = grid(many, { title: "", columns: 2 });
    expect(wide.width).toBe(2 * 24 + 6 * 128 + 5 * 18);
    expect(narrow.width).toBeLessThan(wide.width);
    expect(narrow.height - wide.height).toBe(2 * (128 + 18));
    expect(grid([], { title: "nothing in it" }).width).toBe(2 * 24 + 360);
  });

  it("outlines masks and boxes", () => {
    const mask = { height: 64, width: 64, data: new Uint8Array(64 * 64).fill(1, 0, 64 * 16) };
    const bare = colours(grid([flat(64, 64, 1)], { title: "" })).get("255,255,255")!;
    expect(colours(grid([flat(64, 64, 1, { masks: [mask] })], { title: "" })).get("255,255,255")).toBe(
      bare - (2 * 128 * 2 + 2 * 32 * 2 - 4 * 4),
    );
    const boxes = [{ x: 8, y: 8, width: 16, height: 16 }];
    const outline = 4 * 32 * 2 - 4 * 4;
    expect(colours(grid([flat(64, 64, 1, { boxes })], { title: "" })).get("255,255,255")).toBe(
      bare - outline,
    );
  });
});
