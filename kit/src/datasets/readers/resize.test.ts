import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Image8 } from "./image8.ts";
import { toUnit } from "./image8.ts";
import fixture from "./resize.fixtures.json" with { type: "json" };
import { bilinear, type ResizeFilter, resize8, resizeFilters } from "./resize.ts";

/** Hash noise over flat and chequered blocks; the fixture's images (see `made` there) were drawn the same way. */
function pattern([channels, height, width]: number[]): Image8 {
  const data = new Uint8Array(channels * height * width);
  let i = 0;
  for (let k = 0; k < channels; k++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const noise = (x * x * 7 + y * y * 13 + x * y * 5 + k * 29) % 256;
        const block = Math.floor(x / 3) + Math.floor(y / 2) + k;
        data[i++] = block % 2 === 0 ? noise : 255 * ((x + y) % 2);
      }
    }
  }
  return { channels: channels === 1 ? 1 : 3, height, width, data };
}

describe("resize8 is Pillow's to the bit", () => {
  for (const { from, to, filter, ...expected } of fixture.pillow) {
    it(`${filter} ${from.join("x")} to ${to.join("x")}`, () => {
      const { data } = resize8(pattern(from), to[0], to[1], filter as ResizeFilter);
      if (expected.bytes) expect([...data]).toEqual([...Buffer.from(expected.bytes, "base64")]);
      else expect(createHash("sha256").update(data).digest("hex")).toBe(expected.sha256);
    });
  }
});

describe("bilinear is torch's", () => {
  for (const { from, to, values } of fixture.torch) {
    it(`${from.join("x")} to ${to.join("x")}`, () => {
      const image = pattern(from);
      const { data } = bilinear({ ...image, channels: from[0], data: toUnit(image) }, to[0], to[1]);
      expect(data.length).toBe(values.length);
      data.forEach((value, i) => {
        expect(value).toBeCloseTo(values[i], 6);
      });
    });
  }
});

describe("both", () => {
  it("keep a constant image constant", () => {
    const flat: Image8 = { channels: 1, height: 5, width: 7, data: new Uint8Array(35).fill(200) };
    for (const filter of resizeFilters) {
      expect(new Set(resize8(flat, 9, 3, filter).data)).toEqual(new Set([200]));
    }
    expect(new Set(bilinear({ ...flat, data: new Float32Array(35).fill(0.5) }, 9, 3).data)).toEqual(
      new Set([0.5]),
    );
  });

  it("refuse sizes that are none", () => {
    const image = pattern([1, 4, 4]);
    expect(() => resize8(image, 0, 4, "bilinear")).toThrow("cannot resize to 0x4");
    expect(() => resize8(image, 4, 1.5, "bilinear")).toThrow("cannot resize to 4x1.5");
  });
});
