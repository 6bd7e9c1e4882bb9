import { describe, expect, it } from "vitest";
import { anyOf, fillRuns, runsOf } from "./rle.ts";

/** Runs of a mask given row by row, told a pixel at a time. */
function runsFrom(mask: ArrayLike<number>, height: number, width: number): number[] {
  const runs = [0];
  let value = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (mask[y * width + x] !== value) {
        runs.push(0);
        value = 1 - value;
      }
      runs[runs.length - 1]++;
    }
  }
  return runs;
}

/** COCO's text of runs: 5 bits at a time until sign and value agree on the rest. */
const compressed = (runs: readonly number[]) =>
  runs
    .map((run, i) => {
      let rest = i > 2 ? run - runs[i - 2] : run;
      let text = "";
      for (let more = true; more; ) {
        const bits = rest & 31;
        rest >>= 5;
        more = (bits & 16) !== 0 ? rest !== -1 : rest !== 0;
        text += String.fromCharCode(48 + bits + (more ? 32 : 0));
      }
      return text;
    })
    .join("");

describe("runs", () => {
  it("go down the columns", () => {
    // 2 rows, 3 columns: 0 1 1 / 0 0 1
    expect([...fillRuns([2, 1, 1, 2], 2, 3)]).toEqual([0, 1, 1, 0, 0, 1]);
    expect([...fillRuns([0, 1, 5], 2, 3)]).toEqual([1, 0, 0, 0, 0, 0]);
  });

  it("are read from text as other software writes it", () => {
    // masks without an object, from the sample of CheXlocalize, which pycocotools wrote
    expect(runsOf("PVWX6", 2320, 2828)).toEqual([2320 * 2828]);
    expect(runsOf("nefl3", 2022, 2021)).toEqual([2022 * 2021]);
  });

  it("come back from lists and text for masks of any kind", () => {
    let state = 7;
    const random = () => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return state / 2 ** 31;
    };
    for (let k = 0; k < 60; k++) {
      const [height, width] = [1 + Math.floor(random() * 40), 1 + Math.floor(random() * 40)];
      const share = random();
      const mask = Uint8Array.from({ length: height * width }, () => (random() < share ? 1 : 0));
      const runs = runsFrom(mask, height, width);
      expect(runsOf(runs, height, width)).toEqual(runs);
      const read = runsOf(compressed(runs), height, width);
      expect(read).toEqual(runs);
      expect(fillRuns(read as number[], height, width)).toEqual(mask);
      expect(anyOf(runs)).toBe(mask.includes(1));
    }
  });

  it.each([
    ["PVWX6", 2320, 2829, /end after 6560960 of the 6563280 pixels/],
    ["PVWX6", 2320, 2827, /run 0 leaves the picture of 2320 x 2827/],
    ["PVWX", 2320, 2828, /cut off within run 0/],
    ["", 4, 4, /end after 0 of the 16 pixels/],
    ["PV X6", 2320, 2828, /the character " " at 2/],
    ["PV\u00e9X6", 2320, 2828, /the character "é" at 2/],
    ["oooooooo0", 4, 4, /run 0 is longer than any picture/],
    [compressed([3, 4, -2, 11]), 4, 4, /run 2 has the length -2/],
    [[3, 2.5], 4, 4, /run 1 has the length 2.5/],
    [[Number.NaN], 4, 4, /run 0 has the length NaN/],
    [["16"], 4, 4, /run 0 has the length 16/],
    [{ 0: 16 }, 4, 4, /neither text nor a list/],
    [undefined, 4, 4, /neither text nor a list/],
    [[16], 4.5, 4, /size 4.5 x 4 is none/],
    [[0], 0, 4, /size 0 x 4 is none/],
    [[1e12], 1e6, 1e6, /above 50000000 pixels/],
  ])("refuse %j of %d x %d", (counts, height, width, reason) => {
    expect(runsOf(counts, height, width)).toMatch(reason);
  });
});
