import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it, vi } from "vitest";
import { KitError } from "../../errors.ts";
import { openDataset } from "../open.ts";
import fixtures from "./dicom.fixtures.json" with { type: "json" };
import { decodeImage8 } from "./image.ts";

const made = (name: string) => {
  const found = fixtures.files.find((file) => file.name === name);
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return new Uint8Array(Buffer.from(found.base64, "base64"));
};

describe("files of other software", () => {
  it.each(fixtures.files)("shows what pydicom shows: $name", async (expected) => {
    const { channels, size, sha256, notes } = expected;
    const { data, ...image } = await decodeImage8(Buffer.from(expected.base64, "base64"));
    expect(image).toEqual({ channels, height: size[0], width: size[1], notes });
    expect(createHash("sha256").update(data).digest("hex")).toBe(sha256);
  });
});

type Value = string | readonly number[] | Uint8Array;
const text = (value: string) => Buffer.from(value.length % 2 === 0 ? value : `${value} `, "latin1");

/** Explicit VR, little endian, byte for byte after PS3.5, 7.1.2. */
function element(tag: number, vr: string, value: Value, length?: number): Buffer {
  const bytes =
    typeof value === "string"
      ? text(value)
      : value instanceof Uint8Array
        ? Buffer.from(value)
        : Buffer.from(Uint16Array.from(value).buffer);
  const long = ["OB", "OW", "SQ", "UN"].includes(vr);
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, "latin1");
  if (long) head.writeUInt32LE(length ?? bytes.length, 8);
  else head.writeUInt16LE(length ?? bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

interface Made {
  readonly syntax?: string;
  readonly rows?: number;
  readonly columns?: number;
  readonly bits?: readonly [allocated: number, stored: number];
  readonly signed?: boolean;
  readonly photometric?: string;
  readonly samples?: number;
  readonly extra?: readonly Buffer[];
  readonly pixels?: Buffer;
}

function dicom({
  syntax = "1.2.840.10008.1.2.1",
  rows = 2,
  columns = 3,
  bits = [16, 12],
  signed = false,
  photometric = "MONOCHROME2",
  samples = 1,
  extra = [],
  pixels = element(0x7fe00010, "OW", [0, 1000, 2000, 3000, 4000, 4095]),
}: Made = {}): Buffer {
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from("DICM"),
    element(0x00020010, "UI", `${syntax}\0`.slice(0, syntax.length + (syntax.length % 2))),
    element(0x00280002, "US", [samples]),
    element(0x00280004, "CS", photometric),
    element(0x00280010, "US", [rows]),
    element(0x00280011, "US", [columns]),
    element(0x00280100, "US", [bits[0]]),
    element(0x00280101, "US", [bits[1]]),
    element(0x00280102, "US", [bits[1] - 1]),
    element(0x00280103, "US", [signed ? 1 : 0]),
    ...extra,
    pixels,
  ]);
}

const window = (center: string, width: string, kind?: string) => [
  element(0x00281050, "DS", center),
  element(0x00281051, "DS", width),
  ...(kind === undefined ? [] : [element(0x00281056, "CS", kind)]),
];

describe("what is shown", () => {
  // Every 12-bit value, signed ones as they are stored.
  const stored = Array.from({ length: 4096 }, (_, i) => i);
  const shown = async (how: Made) =>
    (await decodeImage8(dicom({ rows: 64, columns: 64, pixels: element(0x7fe00010, "OW", stored), ...how })))
      .data;

  /** The pseudo code of PS3.3, C.11.2.1.2.1, and the formulas after it, with an output of 0 to 255. */
  const standard: Readonly<Record<string, (x: number, c: number, w: number) => number>> = {
    LINEAR: (x, c, w) => {
      if (x <= c - 0.5 - (w - 1) / 2) return 0;
      else if (x > c - 0.5 + (w - 1) / 2) return 255;
      else return ((x - (c - 0.5)) / (w - 1) + 0.5) * (255 - 0) + 0;
    },
    LINEAR_EXACT: (x, c, w) => {
      if (x <= c - w / 2) return 0;
      else if (x > c + w / 2) return 255;
      else return ((x - c) / w + 0.5) * (255 - 0) + 0;
    },
    SIGMOID: (x, c, w) => (255 - 0) / (1 + Math.exp(-4 * ((x - c) / w))) + 0,
  };
  const cases = [
    { center: 2048, width: 4096 },
    { center: 40, width: 400 },
    { center: -600.5, width: 1500.25 },
    { center: 100, width: 1 },
  ];
  it.each(Object.keys(standard).flatMap((kind) => cases.map((one) => ({ kind, ...one }))))(
    "is the standard's $kind of center $center, width $width, for every value",
    async ({ kind, center, width }) => {
      for (const signed of [false, true]) {
        for (const inverted of [false, true]) {
          const data = await shown({
            signed,
            photometric: inverted ? "MONOCHROME1" : "MONOCHROME2",
            extra: [
              ...window(String(center), String(width), kind),
              element(0x00281052, "DS", "-24.5"),
              element(0x00281053, "DS", "0.5"),
            ],
          });
          const expected = stored.map((cell) => {
            const value = signed && cell >= 2048 ? cell - 4096 : cell;
            const y = Math.round(standard[kind](value * 0.5 - 24.5, center, width));
            return inverted ? 255 - y : y;
          });
          // A half may fall to either side by the last bit of the arithmetic.
          const off = expected.map((y, i) => Math.abs(y - data[i]));
          expect(Math.max(...off)).toBeLessThanOrEqual(1);
          expect(off.filter((d) => d > 0).length).toBeLessThanOrEqual(2);
        }
      }
    },
  );

  it("is LINEAR where no function is told, and spreads smallest to largest where no window is", async () => {
    const linear = await shown({ extra: window("2000", "1000") });
    expect(linear).toEqual(await shown({ extra: window("2000", "1000", "LINEAR") }));
    expect(linear).not.toEqual(await shown({ extra: window("2000", "1000", "LINEAR_EXACT") }));
    const falling = await shown({ extra: [element(0x00281053, "DS", "-2")] });
    expect([falling[0], falling[4095]]).toEqual([255, 0]);
    const flat = dicom({ pixels: element(0x7fe00010, "OW", [7, 7, 7, 7, 7, 7]) });
    expect([...(await decodeImage8(flat)).data]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("leaves bits above those stored out of account", async () => {
    const overlaid = stored.map((value) => value | 0x7000);
    expect(await shown({ pixels: element(0x7fe00010, "OW", overlaid) })).toEqual(await shown({}));
  });

  it("reads 8 bits, of which a row may be odd", async () => {
    const image = await decodeImage8(
      dicom({
        bits: [8, 8],
        rows: 1,
        columns: 3,
        extra: window("128", "256"),
        pixels: element(0x7fe00010, "OB", Buffer.from([0, 100, 255, 0])),
      }),
    );
    expect([...image.data]).toEqual([0, 100, 255]);
  });
});

describe("files that are at fault", () => {
  const refusal = async (bytes: Uint8Array) => {
    const error = await decodeImage8(bytes, "a.dicom").catch((e: unknown) => e);
    if (!(error instanceof KitError)) throw new Error(`was not refused: ${String(error)}`);
    expect(error.message).toMatch(/^a\.dicom /);
    return `${error.code} ${error.message}`;
  };
  const item = (bytes: Uint8Array) => Buffer.concat([tagged(0xfffee000, bytes.length), bytes]);
  const tagged = (tag: number, length: number) => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(tag >>> 16, 0);
    head.writeUInt16LE(tag & 0xffff, 2);
    head.writeUInt32LE(length, 4);
    return head;
  };
  /** Pixel data in these fragments, after an empty table of offsets. */
  const encapsulated = (...fragments: readonly Uint8Array[]) =>
    Buffer.concat([
      element(0x7fe00010, "OB", new Uint8Array(0), 0xffffffff),
      item(new Uint8Array(0)),
      ...fragments.map(item),
      tagged(0xfffee0dd, 0),
    ]);
  const JPEG = "1.2.840.10008.1.2.4.50";
  const J2K = "1.2.840.10008.1.2.4.90";
  const RLE = "1.2.840.10008.1.2.5";
  const wide = { bits: [8, 8], rows: 18, columns: 23 } as const;
  const none = Buffer.alloc(0);

  it.each<[what: string, bytes: () => Uint8Array | Promise<Uint8Array>, says: RegExp]>([
    ["no bytes", () => none, /is empty/],
    ["a PNG by that name, cut off", async () => (await png()).subarray(0, 60), /not a readable PNG/],
    ["no preamble", () => dicom().subarray(132), /perhaps a DICOM without its preamble/],
    ["nothing after DICM", () => dicom().subarray(0, 132), /does not tell its transfer syntax/],
    ["half a header", () => dicom().subarray(0, 203), /is cut off/],
    [
      "half the pixels",
      () => dicom().subarray(0, -6),
      /is cut off: \(7fe0,0010\) should have 12 bytes, 6 are/,
    ],
    ["no pixel data", () => dicom({ pixels: none }), /has no pixel data/],
    [
      "fewer pixels than promised",
      () => dicom({ rows: 3 }),
      /12 bytes of pixel data, too few for 3 x 3 \(18\)/,
    ],
    ["no rows", () => dicom({ rows: 0 }), /says it has 3 x 0 pixels/],
    [
      "a window of half a megabyte",
      () => dicom({ extra: [element(0x00281050, "UN", " ".repeat(2 ** 19))] }),
      /has 524288 bytes of \(0028,1050\)/,
    ],
    ["absurd rows", () => dicom({ rows: 65535, columns: 65535 }), /says it has 65535 x 65535 pixels/],
    ["no photometric", () => dicom({ photometric: "" }), /no photometric interpretation/],
    ["CMYK", () => dicom({ photometric: "CMYK", samples: 4 }), /is CMYK with 4 samples/],
    ["grey of three samples", () => dicom({ samples: 3 }), /MONOCHROME2 with 3 samples/],
    ["colour of 16 bits", () => dicom({ photometric: "RGB", samples: 3 }), /12 of 16 bits in colour/],
    ["32 bits", () => dicom({ bits: [32, 32] }), /has 32 of 32 bits/],
    ["more bits stored than allocated", () => dicom({ bits: [8, 12] }), /has 12 of 8 bits/],
    ["a window without width", () => dicom({ extra: window("1", "0") }), /width 0, function LINEAR/],
    ["a window of words", () => dicom({ extra: window("wide", "20") }), /window center "wide"/],
    ["an unknown function", () => dicom({ extra: window("1", "2", "CUBIC") }), /function CUBIC/],
    ["half a window", () => dicom({ extra: [element(0x00281050, "DS", "40")] }), /width undefined/],
    [
      "a rescale without end",
      () => dicom({ extra: [element(0x00281053, "DS", "1e308")] }),
      /beyond all numbers/,
    ],
    ["an element twice", () => dicom({ extra: [element(0x00280010, "US", [2])] }), /\(0028,0010\) twice/],
    [
      "a length beyond the end",
      () => dicom({ extra: [element(0x00280008, "IS", "1", 60000)] }),
      /is cut off/,
    ],
    [
      "no representation",
      () => dicom({ extra: [Buffer.from([0x28, 0, 0, 0x20, 1, 2, 3, 4])] }),
      /no value rep/,
    ],
    [
      "an empty look-up table",
      () => dicom({ extra: [sequence(0x00283010, item(element(0x00283002, "US", [4, 0, 8])))] }),
      /look-up table without/,
    ],
    [
      "a short look-up table",
      () =>
        dicom({
          extra: [
            sequence(
              0x00283010,
              item(
                Buffer.concat([element(0x00283002, "US", [900, 0, 16]), element(0x00283006, "OW", [1, 2])]),
              ),
            ),
          ],
        }),
      /too few for 900 entries/,
    ],
    [
      "sequences without end",
      () => dicom({ extra: [sequence(0x00283010, none, 0xffffffff)] }),
      /where an item should begin/,
    ],
    ["sequences in sequences", () => dicom({ extra: nested(100) }), /more than 16 deep/],
    [
      "frames in words",
      () => dicom({ extra: [element(0x00280008, "IS", "many")] }),
      /number of frames "many"/,
    ],
    ["an unknown transfer syntax", () => dicom({ syntax: "1.2.3.4" }), /transfer syntax 1\.2\.3\.4, which/],
    ["video", () => dicom({ syntax: "1.2.840.10008.1.2.4.102" }), /4\.102 \(video\), which is not read/],
    ["JPEG that is not compressed", () => dicom({ syntax: JPEG }), /not compressed as it says/],
    [
      "compressed that is called raw",
      () => dicom({ pixels: encapsulated(none) }),
      /compressed pixel data, and says/,
    ],
    ["no fragments", () => dicom({ syntax: JPEG, pixels: encapsulated() }), /no fragments/],
    [
      "a fragment of nothing",
      () => dicom({ syntax: JPEG, pixels: encapsulated(none) }),
      /does not begin like JPEG/,
    ],
    [
      "a JPEG of another size",
      async () => dicom({ syntax: JPEG, bits: [8, 8], pixels: encapsulated(await jpeg()) }),
      /says 3 x 2 with 1 samples, its compressed picture 23 x 18/,
    ],
    [
      "half a JPEG",
      async () => dicom({ syntax: JPEG, ...wide, pixels: encapsulated((await jpeg()).subarray(0, -60)) }),
      /cannot be decoded: (Corrupt|Premature)/,
    ],
    [
      "a JPEG 2000 that is none",
      () => dicom({ syntax: J2K, pixels: encapsulated(Buffer.alloc(64)) }),
      /does not begin like JPEG 2000/,
    ],
    [
      "RLE of too many segments",
      () => dicom({ syntax: RLE, pixels: encapsulated(Buffer.alloc(64, 9)) }),
      /should have 2 RLE segments/,
    ],
    [
      "RLE beyond its end",
      () => dicom({ syntax: RLE, pixels: encapsulated(rle([64, 4000])) }),
      /RLE segment \(1 of 2\)/,
    ],
    [
      "RLE that stops early",
      () => dicom({ syntax: RLE, pixels: encapsulated(rle([64, 68])) }),
      /RLE segment \(1 of 2\)/,
    ],
    [
      "pixel data without end",
      () => dicom({ syntax: J2K, pixels: encapsulated(none).subarray(0, -8) }),
      /does not end/,
    ],
  ])("%s", async (_, bytes, says) => {
    expect(await refusal(await bytes())).toMatch(says);
  });

  it.each(["JPEG lossless, first-order prediction", "JPEG-LS", "JPEG 2000", "HT-J2K"])(
    "half a %s picture, and goes on with the next file",
    async (name) => {
      const whole = made(name);
      const start = Buffer.from(whole).lastIndexOf(Buffer.from([0xfe, 0xff, 0x00, 0xe0]));
      const length = new DataView(whole.buffer, whole.byteOffset).getUint32(start + 4, true);
      const half = whole.slice();
      half.fill(0, start + 8 + Math.floor(length * 0.6), start + 8 + length);
      const cut = Buffer.concat([
        whole.subarray(0, start),
        item(whole.subarray(start + 8, start + 8 + 2 * Math.floor(length * 0.3))),
        tagged(0xfffee0dd, 0),
      ]);
      expect(await refusal(cut)).toMatch(/cannot be decoded/);
      // Zeros in its place: refused, or shown as far as the codec takes them for data, but never with an error of its own.
      await decodeImage8(half, "a.dicom").catch((error: unknown) => expect(error).toBeInstanceOf(KitError));
      await expect(decodeImage8(whole)).resolves.toMatchObject({ width: 23 });
    },
  );

  it("never ends in anything but a picture or a KitError, wherever a file is cut or a byte is wrong", async () => {
    for (const name of ["VOI look-up tables, lengths not told", "RLE", "deflated", "JPEG 2000"]) {
      const whole = made(name);
      for (let k = 0; k < 150; k++) {
        const at = Math.floor((k / 150) * whole.length);
        const wrong = whole.slice();
        wrong[at] ^= 1 << (k % 8);
        for (const bytes of [whole.subarray(0, at), wrong]) {
          const result = await decodeImage8(bytes, "a.dicom").catch((e: unknown) => e);
          if (result instanceof Error) expect(result).toBeInstanceOf(KitError);
          else expect(result).toMatchObject({ data: expect.any(Uint8Array) });
        }
      }
    }
  });

  const png = () =>
    sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
      .png()
      .toBuffer();
  const jpeg = () =>
    sharp(Buffer.from(Array.from({ length: 18 * 23 }, (_, i) => (i * 37) % 256)), {
      raw: { width: 23, height: 18, channels: 1 },
    })
      .toColourspace("b-w")
      .jpeg()
      .toBuffer();
  const sequence = (tag: number, value: Uint8Array, length?: number) => element(tag, "SQ", value, length);
  const nested = (depth: number): Buffer[] =>
    Array.from({ length: depth }, () => [
      element(0x00081140, "SQ", none, 0xffffffff),
      tagged(0xfffee000, 0xffffffff),
    ]).flat();
  function rle(offsets: readonly number[]): Buffer {
    const bytes = Buffer.alloc(80, 128); // which the decoder passes over
    bytes.fill(0, 0, 64);
    bytes.writeUInt32LE(offsets.length, 0);
    for (const [i, offset] of offsets.entries()) bytes.writeUInt32LE(offset, 4 + 4 * i);
    return bytes;
  }
});

it("are pictures of a folder by class like any others", async () => {
  const root = mkdtempSync(join(tmpdir(), "xai-kit-dicom-"));
  try {
    for (const name of ["ill/a.dcm", "well/b.dicom"]) {
      mkdirSync(join(root, dirname(name)));
      writeFileSync(join(root, name), made("JPEG 2000"));
    }
    const sizes: string[] = [];
    for await (const { id, image } of (await openDataset(`folder:${root}`)).read())
      sizes.push(`${id} ${image.width} x ${image.height}`);
    expect(sizes).toEqual(["ill/a.dcm 23 x 18", "well/b.dicom 23 x 18"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe("the codecs", () => {
  const image = fileURLToPath(new URL("image.ts", import.meta.url));

  it("print nothing, neither of a good picture nor of a bad one", () => {
    const half = made("JPEG 2000").slice();
    half.fill(0, -80);
    const files = [made("JPEG baseline"), made("JPEG 2000"), half, made("HT-J2K"), made("JPEG-LS")];
    const script = `
      import { decodeImage8 } from ${JSON.stringify(image)};
      for (const file of ${JSON.stringify(files.map((file) => Buffer.from(file).toString("base64")))})
        await decodeImage8(Buffer.from(file, "base64")).catch(() => undefined);
      await new Promise((done) => process.stdout.write("end", done));`;
    const args = ["--input-type=module-typescript", "--disable-warning=ExperimentalWarning", "-e", script];
    expect(execFileSync(process.execPath, args, { encoding: "utf8", stdio: "pipe" })).toBe("end");
  });

  it("are asked for by name where they are not installed, and raw files do without", async () => {
    vi.resetModules();
    vi.doMock("dcmjs-codecs", () => {
      throw new Error("Cannot find package");
    });
    try {
      const { decodeImage8: decode } = await import("./image.ts");
      await expect(decode(made("JPEG-LS"))).rejects.toMatchObject({
        code: "E_DICOM_CODECS",
        next: "npm install dcmjs-codecs",
      });
      await expect(decode(made("RLE"))).resolves.toMatchObject({ width: 23 });
    } finally {
      vi.doUnmock("dcmjs-codecs");
      vi.resetModules();
    }
  });
});
