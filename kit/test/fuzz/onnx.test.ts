import { describe, expect, it } from "vitest";
import { attr, type Node, node } from "../../src/onnx/graph.ts";
import { decode, encode, type Of } from "../../src/onnx/protobuf.ts";
import { GraphProto, ModelProto, type NodeMessage } from "../../src/onnx/protobuf-schema.ts";
import { float32, int64, type Tensor } from "../../src/onnx/tensor.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { type Case, fuzz, joinBytes, mutateBytes } from "./harness.ts";

const dims = ["batch", 1, 4, 4] as const;

/** Small, valid, and with one of everything: attributes of each type, each way to store a tensor. */
function seedModel(): Uint8Array {
  const kernel = { kernel_shape: attr.ints([3, 3]), pads: attr.ints([1, 1, 1, 1]), group: attr.int(1) };
  const bytes = writeOnnx({
    name: "seed",
    opsets: { "": 12, "com.example": 1 },
    inputs: [{ name: "x", type: "float32", dims }],
    outputs: [
      { name: "y", type: "float32", dims: ["?", 2] },
      { name: "z", type: "float32", dims },
    ],
    nodes: [
      node("Conv", ["x", "w"], ["c"], { ...kernel, auto_pad: attr.string("NOTSET") }, "conv"),
      node("Identity", ["c"], ["i"]),
      node("LeakyRelu", ["i"], ["r"], { alpha: attr.float(0.1), many: attr.floats([1, 2]) }),
      node("Dropout", ["r"], ["d", "mask"]),
      node("Add", ["d", "outside"], ["z"]),
      node("Softmax", ["z"], ["s"], { axis: attr.int(1) }),
      node("Flatten", ["s"], ["f"]),
      node("MatMul", ["f", "m"], ["p"]),
      node("Add", ["p", "constant"], ["q"]),
      node("Unsqueeze", ["q"], ["u"], { axes: attr.ints([0]) }),
      node("Squeeze", ["u"], ["v"], { axes: attr.ints([0]) }),
      node("Clip", ["v", "bytes", "half"], ["t"]),
      node(
        "Custom",
        ["t", "steps", "words"],
        ["y"],
        { text: { type: "strings", value: ["a", "b"] }, table: attr.tensor(int64([1], [3])) },
        "",
        "com.example",
      ),
    ],
    initializers: new Map<string, Tensor>([
      ["w", float32([1, 1, 3, 3], new Float32Array(9).fill(0.1))],
      ["m", float32([16, 2], new Float32Array(32).fill(0.2))],
      ["steps", int64([2], [1, -1])],
      ["words", { type: "string", dims: [1], data: ["word"] }],
    ]),
  });
  const model = decode(ModelProto, bytes, "seed");
  model.graph?.initializer?.push(
    {
      name: "outside",
      dims: BigInt64Array.of(1n, 1n, 4n, 4n),
      data_type: 1,
      data_location: 1,
      external_data: [
        { key: "location", value: "weights.bin" },
        { key: "offset", value: "0" },
        { key: "length", value: "64" },
      ],
    },
    { name: "bytes", dims: BigInt64Array.of(2n), data_type: 3, int32_data: Int32Array.of(-1, 1) },
    { name: "half", dims: BigInt64Array.of(1n), data_type: 10, int32_data: Int32Array.of(0x3c00) },
  );
  model.graph?.node?.unshift({
    op_type: "Constant",
    output: ["constant"],
    attribute: [
      {
        name: "value",
        type: 4,
        t: { dims: BigInt64Array.of(2n), data_type: 1, float_data: Float32Array.of(1, 2) },
      },
    ],
  });
  return encode(ModelProto, model);
}

/** A local function, an If and a Loop that fold away. */
function seedOfGraphs(): Uint8Array {
  const op = (op_type: string, input: string[], output: string[], rest: NodeMessage = {}): NodeMessage => ({
    op_type,
    input,
    output,
    ...rest,
  });
  const body = (name: string, g: Of<typeof GraphProto>) => ({ name, type: 5, g: encode(GraphProto, g) });
  const number = (name: string, value: number) => ({
    name,
    dims: new BigInt64Array(0),
    data_type: 7,
    int64_data: BigInt64Array.of(BigInt(value)),
  });
  const x = {
    name: "x",
    type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_param: "batch" }, { dim_value: 3 }] } } },
  };
  const slope = { name: "alpha", type: 1, ref_attr_name: "slope" };
  return encode(ModelProto, {
    ir_version: 8,
    opset_import: [{ version: 17 }, { domain: "local", version: 1 }],
    functions: [
      {
        name: "Leaky",
        domain: "local",
        input: ["a"],
        output: ["b"],
        node: [op("LeakyRelu", ["a"], ["c"], { attribute: [slope] }), op("Neg", ["c"], ["b"])],
        opset_import: [{ version: 16 }],
        attribute_proto: [{ name: "slope", type: 1, f: 0.5 }],
      },
    ],
    graph: {
      node: [
        op("Leaky", ["x"], ["l"], { domain: "local", attribute: [{ name: "slope", type: 1, f: 0.1 }] }),
        op("Shape", ["l"], ["shape"]),
        op("Gather", ["shape", "one"], ["size"]),
        op("Equal", ["size", "one"], ["single"]),
        op("If", ["single"], ["m"], {
          attribute: [
            body("then_branch", { node: [op("Neg", ["l"], ["r"])], output: [{ name: "r" }] }),
            body("else_branch", { node: [op("Relu", ["l"], ["r"])], output: [{ name: "r" }] }),
          ],
        }),
        op("Loop", ["two", "", "m"], ["y", "rows"], {
          attribute: [
            body("body", {
              node: [op("Add", ["v", "l"], ["w"]), op("Identity", ["go"], ["goes"])],
              input: [{ name: "i" }, { name: "go" }, { name: "v" }],
              output: [{ name: "goes" }, { name: "w" }, { name: "w" }],
            }),
          ],
        }),
      ],
      initializer: [number("one", 1), number("two", 2)],
      input: [x],
      output: [
        { ...x, name: "y" },
        { name: "rows", type: { tensor_type: { elem_type: 1 } } },
      ],
    },
  });
}

/** Operators that settling writes in others: quantisation, attention, fused convolutions. */
function seedOfFused(): Uint8Array {
  const filled = (...dims: number[]): Tensor =>
    float32(
      dims,
      Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => (i % 7) / 7 - 0.4),
    );
  const fused = (op: string, inputs: string[], outputs: string[], attributes: Node["attributes"]) =>
    node(op, inputs, outputs, attributes, "", "com.microsoft");
  return writeOnnx({
    name: "fused",
    opsets: { "": 21, "com.microsoft": 1 },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 2, 2, 4] }],
    outputs: [{ name: "y", type: "float32", dims: ["batch", 4, 4] }],
    nodes: [
      node("QuantizeLinear", ["x", "s", "z"], ["q"], { axis: attr.int(1) }),
      node("DequantizeLinear", ["q", "s", "z"], ["d"], { axis: attr.int(1) }),
      node("DequantizeLinear", ["w8", "s"], ["w"], { axis: attr.int(0) }),
      fused("FusedConv", ["d", "w"], ["c"], {
        activation: attr.string("Clip"),
        activation_params: attr.floats([-1, 1]),
      }),
      node("Reshape", ["c", "shape"], ["t"]),
      fused("Attention", ["t", "qkv", "b"], ["a"], { num_heads: attr.int(2), unidirectional: attr.int(1) }),
      fused("SkipLayerNormalization", ["a", "t", "g"], ["n", "", "", "sum"], { epsilon: attr.float(1e-5) }),
      fused("FusedMatMul", ["n", "sum"], ["y"], { transB: attr.int(1), alpha: attr.float(0.5) }),
    ],
    initializers: new Map<string, Tensor>([
      ["s", { type: "float32", dims: [2], data: Float32Array.of(0.1, 0.2) }],
      ["z", { type: "int8", dims: [2], data: Int8Array.of(0, 3) }],
      ["w8", { type: "int8", dims: [2, 2, 1, 1], data: Int8Array.of(1, -2, 3, 100) }],
      ["shape", int64([3], [0, 4, 4])],
      ["qkv", filled(4, 12)],
      ["b", filled(12)],
      ["g", filled(4)],
    ]),
  });
}

// ---- a protobuf file as a tree, so that one field can be changed and every length around it stays right

type Payload = bigint | Uint8Array | readonly Field[];
interface Field {
  readonly number: number;
  readonly wire: number;
  readonly payload: Payload;
}

/** Which fields are messages: number → its own map. */
interface Nest {
  readonly [number: number]: Nest;
}
const tensor: Nest = { 13: {} };
const value: Nest = { 2: { 1: { 2: { 1: {} } } } };
const inner: Nest = { 1: {}, 11: value, 12: value };
const attribute: Nest = { 5: tensor, 6: inner };
const model: Nest = {
  7: { 1: { 5: attribute }, 5: tensor, 11: value, 12: value },
  8: {},
  25: { 7: { 5: attribute }, 9: {}, 11: attribute },
};

function parse(bytes: Uint8Array, nest: Nest): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      result |= BigInt(byte & 127) << shift;
      if (byte < 128) return result;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wire] = [tag >> 3, tag & 7];
    if (wire === 0) {
      fields.push({ number, wire, payload: varint() });
      continue;
    }
    const length = wire === 2 ? Number(varint()) : wire === 5 ? 4 : 8;
    const raw = bytes.subarray(at, at + length);
    at += length;
    fields.push({ number, wire, payload: wire === 2 && nest[number] ? parse(raw, nest[number]) : raw });
  }
  return fields;
}

function varint(number: bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, number);
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return [...out, Number(rest)];
}

function serialise(fields: readonly Field[]): number[] {
  return fields.flatMap(({ number, wire, payload }) => {
    const tag = varint(BigInt(number * 8 + wire));
    if (typeof payload === "bigint") return [...tag, ...varint(payload)];
    const body = payload instanceof Uint8Array ? [...payload] : serialise(payload);
    return wire === 2 ? [...tag, ...varint(BigInt(body.length)), ...body] : [...tag, ...body];
  });
}

const integers = [
  0n,
  1n,
  -1n,
  2n,
  5n,
  7n,
  10n,
  16n,
  99n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
];
const utf8 = (text: string) => new TextEncoder().encode(text);
const texts = [
  "",
  "x",
  "y",
  "If",
  "Constant",
  "__proto__",
  "../../secret",
  "/etc/passwd",
  "a\0b",
  "-1",
  "9e9",
].map(utf8);
const blobs = [...texts, Uint8Array.of(0xff, 0xfe), new Uint8Array(4), new Uint8Array(5000).fill(97)];

/** What one field can be replaced by. */
function variants({ number, wire, payload }: Field): readonly Field[][] {
  const field = { number, wire, payload };
  const structural = [
    [],
    [field, field],
    [{ ...field, number: number + 1 }],
    [{ number, wire: 0, payload: 1n }],
    [{ number, wire: 2, payload: utf8("text") }],
    [{ number, wire: 3, payload: new Uint8Array(0) }],
    [{ number, wire: 5, payload: new Uint8Array(4) }],
  ];
  if (typeof payload === "bigint") return [...structural, ...integers.map((n) => [{ ...field, payload: n }])];
  if (!(payload instanceof Uint8Array)) return structural;
  if (wire === 5) return [...structural, [{ ...field, payload: Uint8Array.of(0, 0, 0xc0, 0x7f) }]];
  const edited = [payload.slice(1), payload.slice(0, -1), Uint8Array.of(...payload, 0), ...blobs];
  return [...structural, ...edited.map((bytes) => [{ ...field, payload: bytes }])];
}

/** Every variant of every field, one at a time. */
function* changed(fields: readonly Field[], path: string): Generator<{ path: string; fields: Field[] }> {
  for (const [i, field] of fields.entries()) {
    const [before, after] = [fields.slice(0, i), fields.slice(i + 1)];
    const here = `${path}/${field.number}[${i}]`;
    for (const [v, replacement] of variants(field).entries()) {
      yield { path: `${here} variant ${v}`, fields: [...before, ...replacement, ...after] };
    }
    const { payload } = field;
    if (typeof payload === "bigint" || payload instanceof Uint8Array) continue;
    for (const inner of changed(payload, here)) {
      yield { path: inner.path, fields: [...before, { ...field, payload: inner.fields }, ...after] };
    }
  }
}

function* structureAware(seed: Uint8Array, every: number): Generator<Case> {
  let i = 0;
  for (const { path, fields } of changed(parse(seed, model), "")) {
    if (i++ % every === 0) yield { name: path, bytes: Uint8Array.from(serialise(fields)) };
  }
}

function* damaged(seed: Uint8Array, count: number): Generator<Case> {
  for (let i = 0; i < count; i++) yield { name: `bytes, seed ${i}`, bytes: mutateBytes(seed, i) };
}

/** Files built to cost more than they weigh. */
function* costly(): Generator<Case> {
  const repeat = (unit: number[], megabytes: number) => {
    const bytes = new Uint8Array(megabytes * 2 ** 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = unit[i % unit.length];
    return bytes.subarray(0, bytes.length - (bytes.length % unit.length));
  };
  /** `body` as the field `numbers[0]` that holds the field `numbers[1]` … */
  const within = (numbers: number[], body: Uint8Array) =>
    numbers.reduceRight(
      (inner, number) =>
        joinBytes(Uint8Array.of(...varint(BigInt(number * 8 + 2)), ...varint(BigInt(inner.length))), inner),
      body,
    );
  const op = Uint8Array.of(0x22, 1, 65);
  const ints = Uint8Array.of(0x0a, 1, 65, 0xa0, 1, 7);
  yield { name: "millions of empty nodes", bytes: within([7], repeat([0x0a, 0], 8)) };
  yield { name: "millions of empty weights", bytes: within([7], repeat([0x2a, 0], 8)) };
  yield { name: "millions of opsets", bytes: repeat([0x42, 0], 16) };
  yield { name: "millions of inputs of one node", bytes: within([7, 1], repeat([0x0a, 0], 8)) };
  yield { name: "millions of dims, one by one", bytes: within([7, 5], repeat([0x08, 1], 8)) };
  yield { name: "millions of dims, packed", bytes: within([7, 5, 1], repeat([1], 8)) };
  yield { name: "millions of floats, one by one", bytes: within([7, 5], repeat([0x25, 0, 0, 0, 0], 8)) };
  yield { name: "millions of unknown fields", bytes: within([7], repeat([0xf8, 0x7f, 0], 8)) };
  yield {
    name: "an attribute of millions of numbers",
    bytes: within([7, 1], joinBytes(op, within([5], joinBytes(ints, within([8], repeat([1], 8)))))),
  };
  yield {
    name: "graphs in graphs",
    bytes: Array.from({ length: 2000 }).reduce<Uint8Array>(
      (inner) => within([1, 5, 6], inner),
      new Uint8Array(0),
    ),
  };
}

describe("readOnnx, fuzzed", () => {
  it("answers damaged files with a graph or a KitError", async () => {
    const seed = seedModel();
    const aware = [...structureAware(seed, 3)];
    const blind = [...damaged(seed, 400)];
    const report = await fuzz(new URL("onnx-target.ts", import.meta.url), [
      { name: "the seed itself", bytes: seed },
      ...aware,
      ...blind,
    ]);
    expect(report.faults).toEqual([]);
    expect(aware.length).toBeGreaterThan(400);
    // Both answers must be common: a reader that refused everything would prove nothing.
    expect(report.accepted).toBeGreaterThan(100);
    expect(report.rejected).toBeGreaterThan(300);
  });

  it.each([
    ["functions, branches and loops", seedOfGraphs()],
    ["fused and quantised operators", seedOfFused()],
  ])("answers damaged %s alike", async (_, seed) => {
    const report = await fuzz(new URL("onnx-target.ts", import.meta.url), [
      ...structureAware(seed, 2),
      ...damaged(seed, 200),
    ]);
    expect(report.faults).toEqual([]);
    expect(report.accepted).toBeGreaterThan(100);
    expect(report.rejected).toBeGreaterThan(300);
  });

  it("is not drowned by small files that ask for much", async () => {
    const report = await fuzz(new URL("onnx-target.ts", import.meta.url), costly());
    expect(report).toEqual({ accepted: 0, rejected: 10, faults: [] });
  });

  it("accepts the seeds", async () => {
    const report = await fuzz(new URL("onnx-target.ts", import.meta.url), [
      { name: "seed", bytes: seedModel() },
      { name: "seed of graphs", bytes: seedOfGraphs() },
      { name: "seed of fused operators", bytes: seedOfFused() },
    ]);
    expect(report).toEqual({ accepted: 3, rejected: 0, faults: [] });
  });
});

describe("fuzz names the case that", () => {
  const target = (body: string) =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`export function run(bytes) { if (bytes[0] === 1) { ${body} } }`)}`,
    );
  const cases = [0, 1, 0].map((byte, i) => ({ name: `case ${i}`, bytes: Uint8Array.of(byte) }));
  const faultOf = async (body: string, ms = 20_000) => {
    const report = await fuzz(target(body), cases, { ms, megabytes: 256 });
    expect(report.accepted).toBe(2);
    return report.faults.map(({ name, kind }) => `${name}: ${kind}`);
  };
  it("hangs", async () => expect(await faultOf("for (;;) {}", 1000)).toEqual(["case 1: hang"]));
  it("crashes", async () => expect(await faultOf("process.exit(3)")).toEqual(["case 1: crash"]));
  it("throws something else", async () =>
    expect(await faultOf("throw new RangeError('x')")).toEqual(["case 1: stack-trace"]));
  it("takes too much memory", async () =>
    expect(await faultOf("new Uint8Array(400e6).fill(1)")).toEqual(["case 1: memory"]));
});
