import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { attr, type Graph, type Node, node, unknownRank } from "./graph.ts";
import { encode } from "./protobuf.ts";
import { type AttributeMessage, type ModelMessage, ModelProto, type NodeMessage } from "./protobuf-schema.ts";
import { readOnnx } from "./read.ts";
import { float32, int64, type Tensor } from "./tensor.ts";
import { writeOnnx } from "./write.ts";

const base: Graph = {
  name: "test",
  opsets: { "": 21 },
  inputs: [{ name: "x", type: "float32", dims: ["batch", 3] }],
  outputs: [{ name: "y", type: "float32", dims: ["batch", 3] }],
  nodes: [],
  initializers: new Map(),
};
const graph = (nodes: readonly Node[], rest: Partial<Graph> = {}) => writeOnnx({ ...base, nodes, ...rest });
const outputs = (...names: string[]) =>
  names.map((name) => ({ name, type: "float32" as const, dims: ["?"] }));
const weights = (entries: Record<string, Tensor>) => new Map(Object.entries(entries));
const texts = (g: Graph) => g.nodes.map((n) => `${n.outputs.join()}=${n.op}(${n.inputs.join()})`);

const x = {
  name: "x",
  type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_param: "batch" }, { dim_value: 3 }] } } },
};
const y = { ...x, name: "y" };
const relu: NodeMessage = { op_type: "Relu", input: ["x"], output: ["y"] };
/** What the writer would never write. */
const raw = (parts: ModelMessage["graph"], model: ModelMessage = {}) =>
  encode(ModelProto, {
    ir_version: 8,
    opset_import: [{ version: 21 }],
    graph: { node: [relu], input: [x], output: [y], ...parts },
    ...model,
  });
const constant = (attribute: AttributeMessage, output = "k"): NodeMessage => ({
  op_type: "Constant",
  output: [output],
  attribute: [attribute],
});

describe("readOnnx", () => {
  it("gives back what writeOnnx was given", () => {
    const given: Graph = {
      ...base,
      opsets: { "": 21, "com.example": 3 },
      inputs: [{ name: "x", type: "float16", dims: ["batch", 3, "?"] }],
      outputs: [{ name: "y", type: "float32", dims: unknownRank }],
      nodes: [
        node(
          "Custom",
          ["x", "", "w"],
          ["y", ""],
          {
            i: attr.int(-(2 ** 40)),
            f: attr.float(0.5),
            s: attr.string("ß"),
            t: attr.tensor(int64([2], [1, -1])),
            is: attr.ints([0, -1]),
            fs: attr.floats([0.25]),
            ss: { type: "strings", value: ["", "a"] },
          },
          "named",
          "com.example",
        ),
      ],
      initializers: weights({ w: float32([2, 1], [1, 2]) }),
    };
    expect(readOnnx(writeOnnx(given))).toEqual(given);
  });

  it("turns every kind of Constant into an initializer", () => {
    const constants = [
      constant(
        {
          name: "value",
          type: 4,
          t: { dims: BigInt64Array.of(1n), data_type: 1, float_data: Float32Array.of(1) },
        },
        "a",
      ),
      constant({ name: "value_float", type: 1, f: 2 }, "b"),
      constant({ name: "value_floats", type: 6, floats: Float32Array.of(3, 4) }, "c"),
      constant({ name: "value_int", type: 2, i: 2n ** 63n - 1n }, "d"),
      constant({ name: "value_ints", type: 7, ints: BigInt64Array.of(5n, -6n) }, "e"),
      constant({ name: "value_string", type: 3, s: "s" }, "f"),
      constant({ name: "value_strings", type: 8, strings: ["t", "u"] }, "g"),
    ];
    const use = { op_type: "Use", domain: "d", input: ["x", ..."abcdefg"], output: ["y"] };
    const read = readOnnx(raw({ node: [...constants, use] }));
    expect(Object.fromEntries(read.initializers)).toEqual({
      a: float32([1], [1]),
      b: float32([], [2]),
      c: float32([2], [3, 4]),
      d: { type: "int64", dims: [], data: BigInt64Array.of(2n ** 63n - 1n) },
      e: int64([2], [5, -6]),
      f: { type: "string", dims: [], data: ["s"] },
      g: { type: "string", dims: [2], data: ["t", "u"] },
    });
    expect(read.nodes).toHaveLength(1);
  });

  it("sorts nodes, and leaves sorted ones as they are", () => {
    const shuffled = graph([node("C", ["a", "b"], ["y"]), node("B", ["a"], ["b"]), node("A", ["x"], ["a"])]);
    expect(texts(readOnnx(shuffled))).toEqual(["a=A(x)", "b=B(a)", "y=C(a,b)"]);
    const sorted = graph([node("P", ["x"], ["p"]), node("Q", ["x"], ["q"]), node("R", ["q", "p"], ["y"])]);
    expect(texts(readOnnx(sorted))).toEqual(["p=P(x)", "q=Q(x)", "y=R(q,p)"]);
  });

  it("sorts a chain deeper than the call stack", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) =>
      node("Relu", [i === 0 ? "x" : `n${i - 1}`], [i === 49_999 ? "y" : `n${i}`]),
    );
    expect(readOnnx(graph(chain.toReversed())).nodes.at(-1)?.outputs).toEqual(["y"]);
  });

  it("sees through Identity, shared weights included", () => {
    const read = readOnnx(
      graph(
        [
          node("Identity", ["w"], ["w1"]),
          node("Identity", ["w1"], ["w2"]),
          node("Add", ["x", "w1"], ["a"]),
          node("Add", ["a", "w2"], ["b"]),
          node("Identity", ["b"], ["c"]),
          node("Relu", ["c"], ["d"]),
          node("Identity", ["d"], ["y"]),
          node("Neg", ["d"], ["z"]),
        ],
        { initializers: weights({ w: float32([3], [1, 2, 3]) }), outputs: outputs("y", "z") },
      ),
    );
    expect(texts(read)).toEqual(["a=Add(x,w)", "b=Add(a,w)", "y=Relu(b)", "z=Neg(y)"]);
    expect([...read.initializers.keys()]).toEqual(["w"]);
  });

  it("keeps the Identity where an output needs a second name", () => {
    const nodes = [
      node("Relu", ["x"], ["r"]),
      node("Identity", ["r"], ["y"]),
      node("Identity", ["r"], ["z"]),
      node("Identity", ["x"], ["copy"]),
      node("Identity", ["w"], ["weight"]),
    ];
    const rest = {
      initializers: weights({ w: float32([1], [1]) }),
      outputs: outputs("y", "z", "copy", "weight"),
    };
    expect(texts(readOnnx(graph(nodes, rest)))).toEqual([
      "y=Relu(x)",
      "z=Identity(y)",
      "copy=Identity(x)",
      "weight=Identity(w)",
    ]);
  });

  it("drops what no output needs, and inputs that are weights", () => {
    const w = { name: "w", dims: BigInt64Array.of(3n), data_type: 1, float_data: Float32Array.of(1, 2, 3) };
    const read = readOnnx(
      raw({
        node: [
          { op_type: "Add", input: ["x", "w"], output: ["y"] },
          { op_type: "Relu", input: ["unused"], output: ["dead"] },
        ],
        initializer: [w, { ...w, name: "unused" }],
        input: [x, { ...x, name: "w" }],
      }),
    );
    expect(read.inputs.map((i) => i.name)).toEqual(["x"]);
    expect(texts(read)).toEqual(["y=Add(x,w)"]);
    expect([...read.initializers.keys()]).toEqual(["w"]);
  });

  it("reads free, unknown and missing dims", () => {
    const dim = [{ dim_param: "N" }, {}, { dim_value: -1 }, { dim_value: 7 }];
    const shaped = { name: "x", type: { tensor_type: { elem_type: 10, shape: { dim } } } };
    const bare = { name: "y", type: { tensor_type: { elem_type: 1 } } };
    const read = readOnnx(raw({ input: [shaped], output: [bare] }));
    expect(read.inputs).toEqual([{ name: "x", type: "float16", dims: ["N", "?", "?", 7] }]);
    expect(read.outputs).toEqual([{ name: "y", type: "float32", dims: unknownRank }]);
  });

  it("treats the domain ai.onnx as the standard one", () => {
    const model = raw(
      { node: [{ ...relu, domain: "ai.onnx" }] },
      { opset_import: [{ domain: "ai.onnx", version: 17 }] },
    );
    expect(readOnnx(model)).toMatchObject({ opsets: { "": 21 }, nodes: [{ op: "Relu", domain: "" }] });
  });

  it("reads external weights through the given reader", () => {
    const entry = (key: string, value: string) => ({ key, value });
    const w = {
      name: "w",
      dims: BigInt64Array.of(2n),
      data_type: 1,
      data_location: 1,
      external_data: [entry("location", "w.bin"), entry("offset", "4"), entry("length", "8")],
    };
    const model = raw({ node: [{ op_type: "Add", input: ["x", "w"], output: ["y"] }], initializer: [w] });
    const disk = new Uint8Array(Float32Array.of(0, 1, 2).buffer);
    const asked: unknown[] = [];
    const external = (location: string, offset: number, length = 0) => {
      asked.push([location, offset, length]);
      return disk.subarray(offset, offset + length);
    };
    expect(readOnnx(model, { external }).initializers.get("w")).toEqual(float32([2], [1, 2]));
    expect(asked).toEqual([["w.bin", 4, 8]]);
    expect(() => readOnnx(model)).toThrow("only the model file was given");
  });

  it("reads weights as views of the file, which is why a model of any size is read at once", () => {
    const bytes = writeOnnx({
      ...base,
      nodes: [node("Add", ["x", "w"], ["y"])],
      initializers: new Map([["w", float32([3], [1, 2, 3])]]),
    });
    // weights are views where their place in the file allows it: try every place
    const shared = [0, 1, 2, 3].filter((shift) => {
      const moved = new Uint8Array(new ArrayBuffer(bytes.length + 8), shift, bytes.length);
      moved.set(bytes);
      const { data } = readOnnx(moved).initializers.get("w") as { data: Float32Array };
      expect([...data]).toEqual([1, 2, 3]);
      return data.buffer === moved.buffer;
    });
    expect(shared).toHaveLength(1);
  });
});

describe("readOnnx refuses", () => {
  const two = (a: string, b: string) => [node("A", ["x"], [a]), node("B", ["x"], [b])];
  const withAttribute = (attribute: AttributeMessage) =>
    raw({ node: [{ ...relu, name: "act", attribute: [attribute] }] });
  const text = (s: string) => new TextEncoder().encode(s);
  const opset = (version: number) => raw({}, { opset_import: [{ version }] });

  const cases: readonly (readonly [what: string, bytes: Uint8Array, code: string, says: string])[] = [
    [
      "an empty file",
      new Uint8Array(0),
      "E_ONNX_CORRUPT",
      "m.onnx is not a readable ONNX model: the file is empty",
    ],
    ["text", text("hello, world, this is no model"), "E_ONNX_CORRUPT", "byte 3, field 13"],
    [
      "a Git LFS pointer",
      text("version https://git-lfs.github.com/spec/v1\n"),
      "E_ONNX_CORRUPT",
      "git lfs pull",
    ],
    ["a zip file", text("PK\x03\x04\x14"), "E_ONNX_CORRUPT", "zip file"],
    ["a web page", text("\n<!DOCTYPE html>"), "E_ONNX_CORRUPT", "web page"],
    ["a model without a graph", encode(ModelProto, { ir_version: 8 }), "E_ONNX_CORRUPT", "it has no graph"],
    ["a file cut short", raw({}).subarray(0, 40), "E_ONNX_CORRUPT", "graph"],
    [
      "opset 10",
      opset(10),
      "E_ONNX_OPSET",
      "opset 10; 11 to 24 are supported | next: export the model again with opset_version=17",
    ],
    ["opset 25", opset(25), "E_ONNX_OPSET", "opset 25"],
    ["no opset", raw({}, { opset_import: [] }), "E_ONNX_OPSET", "opset (none)"],
    [
      "no inputs",
      raw({ input: [], node: [constant({ name: "value_float", type: 1, f: 1 }, "y")] }),
      "E_ONNX_INVALID",
      "it has no inputs",
    ],
    ["no outputs", raw({ output: [] }), "E_ONNX_INVALID", "it has no outputs"],
    [
      "an output nobody makes",
      graph([node("Relu", ["x"], ["z"])]),
      "E_ONNX_INVALID",
      "no node makes the output y",
    ],
    [
      "an input nobody makes",
      graph([node("Add", ["x", "z"], ["y"], {}, "sum")]),
      "E_ONNX_INVALID",
      "no node makes z | read by Add sum",
    ],
    ["a name made twice", graph(two("y", "y")), "E_ONNX_INVALID", "y is made twice | B y"],
    [
      "a node that makes an input",
      graph([...two("y", "z"), node("C", ["y"], ["x"])]),
      "E_ONNX_INVALID",
      "x is made twice",
    ],
    [
      "an output named twice",
      graph(two("y", "z"), { outputs: outputs("y", "y") }),
      "E_ONNX_INVALID",
      "y is an output twice",
    ],
    [
      "weights named twice",
      raw({ initializer: [1, 2].map(() => ({ name: "w", dims: BigInt64Array.of(0n), data_type: 1 })) }),
      "E_ONNX_INVALID",
      "w is defined twice | graph.initializer[1] w",
    ],
    [
      "a cycle",
      graph([
        node("A", ["x", "c"], ["a"], {}, "first"),
        node("B", ["a"], ["b"]),
        node("C", ["b"], ["c"]),
        node("D", ["c"], ["y"]),
      ]),
      "E_ONNX_INVALID",
      "in a cycle | A first | C c | B b",
    ],
    ["a node that reads itself", graph([node("A", ["x", "y"], ["y"])]), "E_ONNX_INVALID", "in a cycle | A y"],
    ["a node without operator", raw({ node: [{ ...relu, op_type: "" }] }), "E_ONNX_INVALID", "graph.node[0]"],
    [
      "an If without branches",
      raw({ node: [{ ...relu, op_type: "If", name: "branch" }] }),
      "E_ONNX_INVALID",
      "a condition and two branches | graph.node[0] If branch",
    ],
    [
      "a Loop without a body",
      raw({ node: [{ ...relu, op_type: "Loop", input: ["x", "x"] }] }),
      "E_ONNX_INVALID",
      "a trip count, a condition and a body | graph.node[0] Loop y",
    ],
    [
      "Scan",
      raw({ node: [{ ...relu, op_type: "Scan" }] }),
      "E_ONNX_CONTROL_FLOW",
      "graph.node[0] Scan y: Scan runs",
    ],
    [
      "a graph attribute",
      withAttribute({ name: "body", type: 5 }),
      "E_ONNX_CONTROL_FLOW",
      "graph.node[0] Relu act: Relu runs a graph of its own",
    ],
    [
      "a list of graphs",
      withAttribute({ name: "bodies", type: 10 }),
      "E_ONNX_CONTROL_FLOW",
      "graph.node[0] Relu act, attribute[0] bodies: it holds a list of graphs",
    ],
    [
      "a sparse attribute",
      withAttribute({ name: "s", type: 11 }),
      "E_ONNX_UNSUPPORTED",
      "attribute of type 11",
    ],
    ["an attribute without type", withAttribute({ name: "s" }), "E_ONNX_UNSUPPORTED", "attribute of type 0"],
    [
      "a sparse weight",
      raw({ sparse_initializer: new Uint8Array(0) }),
      "E_ONNX_UNSUPPORTED",
      "sparse weights",
    ],
    [
      "a sequence input",
      raw({ input: [{ name: "x", type: {} }] }),
      "E_ONNX_UNSUPPORTED",
      "no tensor | graph.input[0] x",
    ],
    [
      "a negative dim",
      raw({
        input: [{ name: "x", type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: -2 }] } } } }],
      }),
      "E_ONNX_INVALID",
      "-2 is no dimension",
    ],
    [
      "a Dropout without input",
      graph([node("Dropout", [], ["y"])]),
      "E_ONNX_INVALID",
      "no input or no output",
    ],
    [
      "a Constant of two values",
      raw({ node: [relu, { ...constant({ name: "value_int", type: 2, i: 1n }), output: ["a", "b"] }] }),
      "E_ONNX_INVALID",
      "one value and one output",
    ],
    [
      "terminal codes in names, shown plain",
      graph([node("Add", ["x", "\u001b[31mred\n"], ["y"])]),
      "E_ONNX_INVALID",
      "no node makes �[31mred�",
    ],
  ];
  for (const [what, bytes, code, says] of cases) {
    it(what, () => {
      try {
        readOnnx(bytes, { name: "m.onnx" });
      } catch (error) {
        if (!(error instanceof KitError)) throw error;
        expect(error.code).toBe(code);
        expect([error.message, ...error.details, `next: ${error.next}`].join(" | ")).toContain(says);
        expect(error.message).toContain("m.onnx");
        return;
      }
      expect.unreachable("it was accepted");
    });
  }
});
