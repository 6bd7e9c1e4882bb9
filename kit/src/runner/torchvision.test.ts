/** Preprocessing as torchvision's presets do it: shorter side, centre crop, colours. Made by scripts/preprocessing-reference.py. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Image8 } from "../datasets/readers/image8.ts";
import { rngOf } from "../rng.ts";
import fixture from "./pixels.fixtures.json" with { type: "json" };
import { pixelsOf, type Resize } from "./pixels.ts";

interface Case {
  readonly from: readonly number[];
  /** of the model */
  readonly channels: number;
  readonly resizeTo?: number;
  readonly crop: readonly number[];
}
interface Answer extends Case {
  readonly expected: {
    readonly "pillow-bilinear": string;
    readonly "pillow-bicubic": string;
    readonly "pillow-lanczos": string;
    readonly bilinear?: string;
    readonly antialiased?: string;
  };
}

/** As `drawn` of the script. */
function pattern([channels, height, width]: readonly number[]): Image8 {
  const data = Uint8Array.from({ length: channels * height * width }, (_, i) => {
    const [k, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const block = Math.floor(x / 3) + Math.floor(y / 2) + k;
    return block % 2 === 0 ? (x * x * 7 + y * y * 13 + x * y * 5 + k * 29) % 256 : 255 * ((x + y) % 2);
  });
  return { channels: channels === 1 ? 1 : 3, height, width, data };
}

const floats = (text: string) => {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

function compare({ from, channels, resizeTo, crop: [height, width], expected }: Answer): void {
  const pixels = (method: Resize["method"]) =>
    pixelsOf(pattern(from), { channels, height, width }, { method, ...(resizeTo && { resizeTo }) }).data;
  for (const method of ["pillow-bilinear", "pillow-bicubic", "pillow-lanczos"] as const) {
    const bytes = Uint8Array.from(pixels(method), (v) => Math.round(v * 255));
    expect([method, createHash("sha256").update(bytes).digest("hex")]).toEqual([method, expected[method]]);
  }
  const farthest = (found: Float32Array, wanted: Float32Array) => {
    expect(found).toHaveLength(wanted.length);
    return found.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i])), 0);
  };
  // torch computes weights in float32
  if (expected.bilinear !== undefined)
    expect(farthest(pixels("bilinear"), floats(expected.bilinear))).toBeLessThan(1e-5);
  // Pillow rounds after each axis, a tensor keeps its fractions
  if (expected.antialiased !== undefined)
    expect(farthest(pixels("pillow-bilinear"), floats(expected.antialiased))).toBeLessThanOrEqual(1.01 / 255);
}

const nameOf = ({ from, channels, resizeTo, crop }: Case) =>
  `${from.join("x")} → ${resizeTo ?? "stretched"} → ${channels}x${crop.join("x")}`;

describe("torchvision makes the same of a picture", () => {
  it.each((fixture.cases as readonly Answer[]).map((one) => [nameOf(one), one] as const))("%s", (_, one) =>
    compare(one),
  );
});

const python = ["python3", "/usr/bin/python3"].find((command) => {
  try {
    execFileSync(command, ["-c", "import torchvision"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

describe.skipIf(python === undefined)("torchvision itself (needs python3 with torchvision)", () => {
  it("on pictures of sizes drawn by lot", () => {
    const rng = rngOf("torchvision");
    const cases = Array.from({ length: 40 }, (): Case => {
      const side = () => 4 + rng.integer(90);
      return {
        from: [rng.integer(2) === 0 ? 1 : 3, side(), side()],
        channels: rng.integer(3) === 0 ? 1 : 3,
        ...(rng.integer(4) > 0 && { resizeTo: 4 + rng.integer(60) }),
        crop: [4 + rng.integer(50), 4 + rng.integer(50)],
      };
    });
    const script = fileURLToPath(new URL("../../../scripts/preprocessing-reference.py", import.meta.url));
    const told = execFileSync(python!, [script, "-", JSON.stringify(cases)], { encoding: "utf8" });
    const answers = JSON.parse(told) as readonly Answer[];
    expect(answers.map(nameOf)).toEqual(cases.map(nameOf));
    for (const answer of answers) {
      try {
        compare(answer);
      } catch (cause) {
        throw new Error(nameOf(answer), { cause });
      }
    }
  });
});
