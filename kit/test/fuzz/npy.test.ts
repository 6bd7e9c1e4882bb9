import { describe, expect, it } from "vitest";
import { encodeNpy } from "../../src/datasets/readers/npy.ts";
import { float32 } from "../../src/onnx/tensor.ts";
import { type Case, fuzz, mutateBytes } from "./harness.ts";

const target = new URL("npy-target.ts", import.meta.url);
const values = new Uint8Array(24 * 8).fill(1);
const encode = (text: string) => new TextEncoder().encode(text);

interface Parts {
  readonly magic: readonly number[];
  readonly version: readonly number[];
  /** the length field's value; the text's own by default */
  readonly length?: number;
  readonly header: string;
  readonly data: Uint8Array;
}
const good: Parts = {
  magic: [0x93, ...encode("NUMPY")],
  version: [1, 0],
  header: "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }\n",
  data: values.subarray(0, 96),
};

function assemble({ magic, version, length, header, data }: Parts): Uint8Array {
  const text = encode(header);
  const size = length ?? text.length;
  const long = [size & 255, (size >> 8) & 255, (size >>> 16) & 255, size >>> 24];
  return Uint8Array.from([
    ...magic,
    ...version,
    ...(version[0] === 1 ? long.slice(0, 2) : long),
    ...text,
    ...data,
  ]);
}

const descrs = [
  ...["u1", "i1", "b1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"].flatMap((code) =>
    ["<", ">", "=", "|", ""].map((order) => `'${order}${code}'`),
  ),
  ...[
    "O",
    "S5",
    "U7",
    "V3",
    "c8",
    "M8[ns]",
    "m8",
    "f3",
    "f16",
    "i0",
    "u99999999999",
    "?",
    "<",
    "",
    "<f4,<f4",
    "f4 ",
    "__proto__",
  ].map((code) => `'${code}'`),
  ...["4", "None", "[('a', '<f4')]", "{'a': 1}", "('<f4',)", "True", "'<f4", '"<f4"', "b'<f4'", "'\\x3cf4'"],
];
const shapes = [
  ...[
    "()",
    "(24,)",
    "(2,12)",
    "(24, 1, 1)",
    "(0,)",
    "(0, 99999999)",
    "(24L,)",
    "(1,1,1,24)",
    "(25,)",
    "(23,)",
    "(-24,)",
    "(-2, -12)",
  ],
  ...[
    "(4294967296,)",
    "(9007199254740993,)",
    "(1e3,)",
    "(24.0,)",
    "(0x18,)",
    "(2**4,)",
    "('24',)",
    "(True,)",
    "(None,)",
    "24",
    "[24]",
    "(,)",
    "((24,),)",
  ],
  ...[
    "(4294967296, 4294967296)",
    "(3, 8",
    "3, 8)",
    "(24,,)",
    `(${"1,".repeat(64)})`,
    `(${"1,".repeat(65)})`,
    `(${"9,".repeat(5000)})`,
    `${"(".repeat(3000)}24`,
  ],
];
const orders = ["False", "True", "false", "0", "1", "None", "'False'", "()"];
const dict = (descr: string, fortran: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

/** A good file with one part changed. */
function* aware(): Generator<Case> {
  const vary = (name: string, parts: Partial<Parts>): Case => ({
    name,
    bytes: assemble({ ...good, ...parts }),
  });
  for (const descr of descrs) {
    const header = dict(descr, "False", "(2, 3, 4)");
    yield vary(`descr ${descr}`, { header });
    const width = Number(/\d+/.exec(descr)?.[0] ?? 1);
    if (width <= 8)
      yield vary(`descr ${descr}, data to match`, { header, data: values.subarray(0, 24 * width) });
  }
  for (const shape of shapes) {
    for (const data of [values.subarray(0, 96), values.subarray(0, 0)]) {
      yield vary(`shape ${shape.slice(0, 30)}, ${data.length} bytes`, {
        header: dict("'<f4'", "False", shape),
        data,
      });
    }
  }
  for (const order of orders) yield vary(`order ${order}`, { header: dict("'<f4'", order, "(2, 3, 4)") });
  for (let major = 0; major < 256; major += major < 8 ? 1 : 31) {
    for (const minor of [0, 1, 255]) yield vary(`version ${major}.${minor}`, { version: [major, minor] });
  }
  for (const length of [
    0,
    1,
    10,
    61,
    62,
    64,
    65,
    158,
    159,
    1000,
    65535,
    65536,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
  ]) {
    for (const major of [1, 2, 3])
      yield vary(`length ${length}, version ${major}`, { length, version: [major, 0] });
  }
  for (let i = 0; i < 6; i++)
    yield vary(`magic ${i}`, { magic: good.magic.map((byte, k) => (k === i ? byte ^ 1 : byte)) });
  for (const cut of [0, 1, 5, 6, 7, 8, 9, 10, 30, 71, 72, 100, 160]) {
    yield { name: `cut at ${cut}`, bytes: assemble(good).subarray(0, cut) };
  }
  for (const size of [0, 1, 95, 97, 192])
    yield vary(`${size} bytes of data`, { data: values.subarray(0, size) });
  const keys = ["'descr': '<f4'", "'fortran_order': False", "'shape': (2, 3, 4)"];
  for (const [i, key] of keys.entries()) {
    const others = keys.filter((_, k) => k !== i);
    yield vary(`without ${key}`, { header: `{${others.join(", ")}}` });
    yield vary(`twice ${key}`, { header: `{${[...keys, key].join(", ")}}` });
    yield vary(`last ${key}`, { header: `{${[...others, key].join(",")}}` });
    yield vary(`extra after ${key}`, { header: `{${[...keys, "'extra': None"].join(", ")}}` });
  }
  const texts = [
    "",
    " ",
    "{",
    "}",
    "{}",
    "{}{}",
    "()",
    "None",
    "{1: 2}",
    "{'a'}",
    "{'a':}",
    "{,}",
    "\0\0\0",
    "é",
    "\ud83d\ude00",
    "#",
    "'".repeat(999),
    "[".repeat(9),
    "{'a': ".repeat(5000),
  ];
  for (const header of texts) yield vary(`header ${header.slice(0, 20)}`, { header });
}

describe("parseNpy, fuzzed", () => {
  it("answers damaged files with a tensor or a KitError", async () => {
    const structured = [...aware()];
    const seeds = [assemble(good), encodeNpy(float32([3, 4], new Float32Array(12).fill(0.5)))];
    const blind = Array.from({ length: 400 }, (_, i) => ({
      name: `bytes, seed ${i}`,
      bytes: mutateBytes(seeds[i % seeds.length], i),
    }));
    const report = await fuzz(target, [
      { name: "the seed itself", bytes: seeds[0] },
      ...structured,
      ...blind,
    ]);
    expect(report.faults).toEqual([]);
    expect(structured.length).toBeGreaterThan(250);
    expect(report.accepted).toBeGreaterThan(50);
    expect(report.rejected).toBeGreaterThan(300);
  });
});
