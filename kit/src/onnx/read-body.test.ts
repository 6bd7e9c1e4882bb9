import { describe, expect, it } from "vitest";
import { distance, load, ramp, runOnce } from "../../test/ort.ts";
import { KitError } from "../errors.ts";
import { fold } from "./fold.ts";
import { encode } from "./protobuf.ts";
import {
  type AttributeMessage,
  type FunctionMessage,
  type GraphMessage,
  GraphProto,
  type ModelMessage,
  ModelProto,
  type NodeMessage,
} from "./protobuf-schema.ts";
import { readOnnx } from "./read.ts";
import type { Tensor } from "./tensor.ts";

const local = "pkg.local";
const value = (name: string) => ({
  name,
  type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_param: "batch" }, { dim_value: 3 }] } } },
});
const op = (op_type: string, input: string[], output: string[], rest: NodeMessage = {}): NodeMessage => ({
  op_type,
  input,
  output,
  ...rest,
});
const call = (name: string, input: string[], output: string[], rest: NodeMessage = {}): NodeMessage =>
  op(name, input, output, { domain: local, ...rest });
const float = (name: string, f: number): AttributeMessage => ({ name, type: 1, f });
const reference = (name: string, type: number, ref_attr_name = name): AttributeMessage => ({
  name,
  type,
  ref_attr_name,
});
const fn = (
  name: string,
  input: string[],
  output: string[],
  node: NodeMessage[],
  rest: FunctionMessage = {},
) => ({
  name,
  domain: local,
  input,
  output,
  node,
  opset_import: [{ version: 18 }, { domain: local, version: 1 }],
  ...rest,
});

function model(
  node: NodeMessage[],
  functions: FunctionMessage[],
  rest: ModelMessage = {},
  graph: GraphMessage = {},
) {
  return encode(ModelProto, {
    ir_version: 8,
    opset_import: [{ version: 18 }, { domain: local, version: 1 }],
    graph: { name: "g", node, input: [value("x")], output: [value("y")], ...graph },
    functions,
    ...rest,
  });
}

/** What ONNX Runtime makes of the file, and of our graph without functions. */
async function expectSame(bytes: Uint8Array): Promise<Record<string, Tensor>> {
  const graph = readOnnx(bytes);
  expect(graph.nodes.filter((n) => n.domain !== "")).toEqual([]);
  expect(Object.keys(graph.opsets)).toEqual([""]);
  const feeds = { x: ramp([2, 3], 4) };
  const theirs = await load(bytes);
  const expected = await theirs.run(feeds);
  await theirs.release();
  const ours = await runOnce(graph, feeds);
  for (const [name, tensor] of Object.entries(expected))
    expect(distance(ours[name], tensor)).toBeLessThan(1e-6);
  return expected;
}

describe("local functions", () => {
  const leaky = fn(
    "Leaky",
    ["a"],
    ["b"],
    [op("LeakyRelu", ["a"], ["b"], { attribute: [reference("alpha", 1)] })],
    {
      attribute_proto: [float("alpha", 0.5)],
    },
  );

  it("take attributes from the call, else their defaults", async () => {
    const bytes = model(
      [call("Leaky", ["x"], ["h"]), call("Leaky", ["h"], ["y"], { attribute: [float("alpha", 0.1)] })],
      [leaky],
    );
    const slopes = readOnnx(bytes).nodes.map((n) => n.attributes.alpha?.value);
    expect(slopes).toEqual([0.5, Math.fround(0.1)]);
    await expectSame(bytes);
  });

  it("hand attributes on, to constants as well, and leave out what nobody gives", async () => {
    const inner = fn(
      "Inner",
      ["a"],
      ["b"],
      [
        op("Constant", [], ["k"], { attribute: [reference("value_float", 1, "k")] }),
        op("Constant", [], ["list"], { attribute: [reference("value_ints", 7, "shape")] }),
        op("Mul", ["a", "k"], ["scaled"]),
        op("Reshape", ["scaled", "list"], ["wide"]),
        op("Elu", ["wide"], ["b"], { attribute: [reference("alpha", 1)] }),
      ],
    );
    const outer = fn(
      "Outer",
      ["a"],
      ["b"],
      [call("Inner", ["a"], ["b"], { attribute: [reference("k", 1, "factor"), reference("shape", 7)] })],
    );
    const bytes = model(
      [
        call("Outer", ["x"], ["y"], {
          attribute: [float("factor", 3), { name: "shape", type: 7, ints: BigInt64Array.of(0n, -1n) }],
        }),
      ],
      [
        { ...inner, attribute: ["k", "shape", "alpha"] },
        { ...outer, attribute: ["factor", "shape"] },
      ],
    );
    await expectSame(bytes);
    expect(readOnnx(bytes).nodes.find((n) => n.op === "Elu")?.attributes).toEqual({});
  });

  it("keep their names apart, also from those of the graph and of other calls", async () => {
    const twice = fn("Twice", ["x"], ["y"], [op("Add", ["x", "x"], ["h"]), op("Neg", ["h"], ["y"])]);
    const nodes = [
      op("Relu", ["x"], ["h"]),
      call("Twice", ["h"], ["t"]),
      call("Twice", ["x"], ["u"]),
      op("Add", ["t", "u"], ["v"]),
      op("Add", ["v", "h"], ["y"]),
    ];
    await expectSame(model(nodes, [twice]));
  });

  // ONNX Runtime 1.30 has no types for a call that asks for less, so it is no judge here
  it("may be given less than they take and asked for less than they make", () => {
    const clip = fn(
      "Between",
      ["a", "low", "high"],
      ["b", "c"],
      [op("Clip", ["a", "low", "high"], ["b"]), op("Neg", ["a"], ["c"])],
    );
    const low = { name: "low", dims: new BigInt64Array(0), data_type: 1, float_data: Float32Array.of(-0.5) };
    const nodes = [
      call("Between", ["x", "low"], ["p"]),
      call("Between", ["x", "", "low"], ["", "q"]),
      op("Add", ["p", "q"], ["y"]),
    ];
    const bytes = model(nodes, [clip], {}, { initializer: [low] });
    expect(readOnnx(bytes).nodes.map((n) => [n.op, n.inputs])).toEqual([
      ["Clip", ["x", "low", ""]],
      ["Neg", ["x"]],
      ["Add", ["p", "q"]],
    ]);
  });

  it("may return what they were given, twice", async () => {
    const same = fn("Same", ["a"], ["a", "b"], [op("Neg", ["a"], ["b"])]);
    const bytes = model([call("Same", ["x"], ["h", "i"]), op("Mul", ["h", "i"], ["y"])], [same]);
    expect(readOnnx(bytes).nodes.map((n) => n.inputs)).toEqual([["x"], ["x", "i"]]);
  });

  it("are read at their own opset", async () => {
    // Softmax of opset 12 flattens behind axis 1
    const old = fn("Old", ["a"], ["b"], [op("Softmax", ["a"], ["b"])], { opset_import: [{ version: 12 }] });
    const graph = readOnnx(model([call("Old", ["x"], ["h"]), op("Softmax", ["h"], ["y"])], [old]));
    expect(graph.nodes.map((n) => n.op)).toEqual(["Flatten", "Softmax", "Shape", "Reshape", "Softmax"]);
  });

  it("share the weights they hold between calls", () => {
    const weight = {
      name: "value",
      type: 4,
      t: { dims: BigInt64Array.of(3n), data_type: 1, float_data: Float32Array.of(1, 2, 3) },
    };
    const heavy = fn(
      "Heavy",
      ["a"],
      ["b"],
      [op("Constant", [], ["w"], { attribute: [weight] }), op("Add", ["a", "w"], ["b"])],
    );
    const graph = readOnnx(model([call("Heavy", ["x"], ["h"]), call("Heavy", ["h"], ["y"])], [heavy]));
    expect(graph.initializers.size).toBe(1);
  });

  it("win over a standard operator of the same name", async () => {
    const relu = fn("Relu", ["a"], ["b"], [op("Neg", ["a"], ["b"])], { domain: "" });
    const graph = readOnnx(model([op("Relu", ["x"], ["y"])], [relu]));
    expect(graph.nodes.map((n) => n.op)).toEqual(["Neg"]);
  });

  it("hold branches, whose attributes are theirs", () => {
    const branch = (node: NodeMessage) =>
      encode(GraphProto, { name: "b", node: [node], output: [{ name: "r" }] });
    const body = fn(
      "Choose",
      ["a", "c"],
      ["b"],
      [
        op("If", ["c"], ["b"], {
          attribute: [
            {
              name: "then_branch",
              type: 5,
              g: branch(op("LeakyRelu", ["a"], ["r"], { attribute: [reference("alpha", 1)] })),
            },
            { name: "else_branch", type: 5, g: branch(op("Neg", ["a"], ["r"])) },
          ],
        }),
      ],
    );
    const yes = { name: "yes", dims: new BigInt64Array(0), data_type: 9, int32_data: Int32Array.of(1) };
    const bytes = model(
      [call("Choose", ["x", "yes"], ["y"], { attribute: [float("alpha", 0.25)] })],
      [{ ...body, attribute: ["alpha"] }],
      {},
      { initializer: [yes] },
    );
    const [n] = readOnnx(bytes).nodes;
    expect(n.inputs).toEqual(["yes", "x"]);
    const then = n.attributes.then_branch;
    expect(then?.type === "graph" && then.value.nodes[0].attributes).toEqual({
      alpha: { type: "float", value: 0.25 },
    });
  });
});

describe("local functions as torch.onnx.dynamo_export writes them", () => {
  const common = "pkg.onnxscript.torch_lib.common";
  const lib = "pkg.onnxscript.torch_lib";
  const imports = [{ version: 18 }, { domain: lib, version: 1 }, { domain: common, version: 1 }];
  const of = (domain: string, f: FunctionMessage): FunctionMessage => ({
    ...f,
    domain,
    opset_import: imports,
  });
  const ints = (name: string, ...values: number[]): AttributeMessage => ({
    name,
    type: 7,
    ints: BigInt64Array.from(values, BigInt),
  });
  const functions = [
    of(common, fn("Rank", ["input"], ["rank"], [op("Shape", ["input"], ["s"]), op("Size", ["s"], ["rank"])])),
    of(
      common,
      fn(
        "IsScalar",
        ["input"],
        ["yes"],
        [
          op("Rank", ["input"], ["rank"], { domain: common }),
          op("Constant", [], ["zero"], { attribute: [{ name: "value_int", type: 2, i: 0n }] }),
          op("Equal", ["rank", "zero"], ["yes"]),
        ],
      ),
    ),
    of(lib, {
      ...fn(
        "aten_mean_dim",
        ["self", "dim"],
        ["result"],
        [
          op("IsScalar", ["self"], ["scalar"], { domain: common }),
          op("If", ["scalar"], ["result"], {
            attribute: [
              {
                name: "then_branch",
                type: 5,
                g: encode(GraphProto, {
                  name: "then",
                  node: [op("Identity", ["self"], ["r"])],
                  output: [{ name: "r" }],
                }),
              },
              {
                name: "else_branch",
                type: 5,
                g: encode(GraphProto, {
                  name: "else",
                  node: [
                    op("Constant", [], ["minus"], { attribute: [ints("value_ints", -1)] }),
                    op("Reshape", ["dim", "minus"], ["dims"]),
                    op("ReduceMean", ["self", "dims"], ["r"], {
                      attribute: [reference("keepdims", 2, "keepdim")],
                    }),
                  ],
                  output: [{ name: "r" }],
                }),
              },
            ],
          }),
        ],
      ),
      attribute: ["keepdim"],
    }),
  ];

  it("dissolve, with the branches that the rank decides", async () => {
    const bytes = model(
      [
        op("Constant", [], ["one"], { attribute: [{ name: "value_int", type: 2, i: 1n }] }),
        op("aten_mean_dim", ["x", "one"], ["m"], {
          domain: lib,
          attribute: [{ name: "keepdim", type: 2, i: 1n }],
        }),
        op("Sub", ["x", "m"], ["y"]),
      ],
      functions,
      { opset_import: imports },
    );
    const { graph } = fold(readOnnx(bytes), "batch");
    expect(graph.nodes.map((n) => n.op)).toEqual(["ReduceMean", "Sub"]);
    expect(graph.opsets).toEqual({ "": 21 });
    const feeds = { x: ramp([2, 3], 4) };
    const theirs = await load(bytes);
    const expected = await theirs.run(feeds);
    await theirs.release();
    expect(distance((await runOnce(graph, feeds)).y, expected.y)).toBeLessThan(1e-6);
  });
});

describe("local functions of a hostile file", () => {
  const caught = (bytes: Uint8Array): KitError => {
    try {
      readOnnx(bytes, { name: "m.onnx" });
    } catch (error) {
      if (error instanceof KitError) return error;
      throw error;
    }
    return expect.unreachable("it was accepted");
  };

  it("may not call themselves", () => {
    const a = fn("A", ["a"], ["b"], [call("B", ["a"], ["b"])]);
    const b = fn("B", ["a"], ["b"], [call("A", ["a"], ["b"])]);
    const error = caught(model([call("A", ["x"], ["y"])], [a, b]));
    expect(error.code).toBe("E_ONNX_INVALID");
    expect(error.message).toContain("a local function calls itself");
    expect(error.details).toEqual(["function pkg.local:A"]);
  });

  it("may not double at every level", () => {
    const level = (i: number) =>
      fn(`F${i}`, ["a"], ["c"], [call(`F${i + 1}`, ["a"], ["b"]), call(`F${i + 1}`, ["b"], ["c"])]);
    const last = fn("F28", ["a"], ["b"], [op("Neg", ["a"], ["b"])]);
    const levels = Array.from({ length: 28 }, (_, i) => level(i));
    const error = caught(model([call("F0", ["x"], ["y"])], [...levels, last]));
    expect(error.code).toBe("E_ONNX_UNSUPPORTED");
    expect(error.message).toContain("more than 100000 nodes");
  });

  it("may not be a chain without end", () => {
    const levels = Array.from({ length: 40 }, (_, i) =>
      fn(`F${i}`, ["a"], ["b"], [call(`F${i + 1}`, ["a"], ["b"])]),
    );
    expect(caught(model([call("F0", ["x"], ["y"])], levels)).message).toContain("nested deeper than 32");
  });

  it("may not be called with more than they take", () => {
    const one = fn("One", ["a"], ["b"], [op("Neg", ["a"], ["b"])]);
    const error = caught(model([call("One", ["x", "x"], ["y"])], [one]));
    expect(error.message).toContain("more inputs or outputs than it has");
  });

  it("need what their constants are", () => {
    const k = fn(
      "K",
      ["a"],
      ["b"],
      [
        op("Constant", [], ["k"], { attribute: [reference("value_float", 1, "factor")] }),
        op("Mul", ["a", "k"], ["b"]),
      ],
    );
    expect(caught(model([call("K", ["x"], ["y"])], [k])).message).toContain("factor, which is not given");
  });

  it("may not hide graphs in graphs in graphs", () => {
    let body = encode(GraphProto, { node: [op("Neg", ["x"], ["r"])], output: [{ name: "r" }] });
    const attribute = (g: Uint8Array) => [
      { name: "then_branch", type: 5, g },
      { name: "else_branch", type: 5, g },
    ];
    for (let i = 0; i < 6; i++) {
      const node = op("If", ["c"], ["r"], { attribute: attribute(body) });
      body = encode(GraphProto, { node: [node], output: [{ name: "r" }] });
    }
    const shallow = model(
      [op("If", ["c"], ["y"], { attribute: attribute(body) })],
      [],
      {},
      {
        input: [value("x"), { name: "c", type: { tensor_type: { elem_type: 9, shape: {} } } }],
      },
    );
    expect(readOnnx(shallow).nodes).toHaveLength(1);
    let deep = encode(GraphProto, { node: [op("Neg", ["x"], ["r"])], output: [{ name: "r" }] });
    for (let i = 0; i < 40; i++) {
      const node = op("Loop", ["n", "c"], ["r"], { attribute: [{ name: "body", type: 5, g: deep }] });
      deep = encode(GraphProto, {
        node: [node],
        output: [{ name: "r" }],
        input: [{ name: "i" }, { name: "k" }],
      });
    }
    const bytes = model(
      [op("Loop", ["n", "c"], ["y"], { attribute: [{ name: "body", type: 5, g: deep }] })],
      [],
    );
    expect(caught(bytes).message).toContain("graphs nested deeper than 32");
  });
});
