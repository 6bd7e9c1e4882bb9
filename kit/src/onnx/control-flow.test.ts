import { describe, expect, it } from "vitest";
import { distance, load, ramp, runOnce } from "../../test/ort.ts";
import { KitError } from "../errors.ts";
import { fold } from "./fold.ts";
import { encode } from "./protobuf.ts";
import {
  type GraphMessage,
  GraphProto,
  ModelProto,
  type NodeMessage,
  type TensorMessage,
} from "./protobuf-schema.ts";
import { readOnnx } from "./read.ts";
import { writeOnnx } from "./write.ts";

const value = (name: string, dims: readonly (number | string)[] = ["batch", 3], elem_type = 1) => ({
  name,
  type: {
    tensor_type: {
      elem_type,
      shape: { dim: dims.map((d) => (typeof d === "number" ? { dim_value: d } : { dim_param: d })) },
    },
  },
});
const op = (op_type: string, input: string[], output: string[], rest: NodeMessage = {}): NodeMessage => ({
  op_type,
  input,
  output,
  name: `${op_type} ${output[0]}`,
  ...rest,
});
const int = (name: string, i: number) => ({ name, type: 2, i: BigInt(i) });
const graphs = (parts: Readonly<Record<string, GraphMessage>>) =>
  Object.entries(parts).map(([name, g]) => ({ name, type: 5, g: encode(GraphProto, { name, ...g }) }));
const integers = (name: string, values: readonly (number | bigint)[], scalar = false): TensorMessage => ({
  name,
  dims: scalar ? new BigInt64Array(0) : BigInt64Array.of(BigInt(values.length)),
  data_type: 7,
  int64_data: BigInt64Array.from(values, BigInt),
});
const flag = (name: string, yes: boolean): TensorMessage => ({
  name,
  dims: new BigInt64Array(0),
  data_type: 9,
  int32_data: Int32Array.of(yes ? 1 : 0),
});
const model = (node: NodeMessage[], graph: GraphMessage = {}) =>
  encode(ModelProto, {
    ir_version: 8,
    opset_import: [{ version: 17 }],
    graph: {
      name: "g",
      node,
      input: [value("x")],
      output: [{ name: "y", type: { tensor_type: { elem_type: 1 } } }],
      ...graph,
    },
  });

/** Folded, no control flow is left, and the numbers are those of the file. */
async function expectSame(bytes: Uint8Array, dims: readonly number[] = [2, 3]): Promise<readonly string[]> {
  const { graph } = fold(readOnnx(bytes), "batch");
  const theirs = await load(bytes);
  const feeds = { x: ramp(dims, 4) };
  const expected = await theirs.run(feeds);
  await theirs.release();
  const ours = await runOnce(graph, feeds);
  for (const name of Object.keys(expected)) {
    expect(ours[name].dims).toEqual(expected[name].dims);
    expect(distance(ours[name], expected[name])).toBeLessThan(1e-6);
  }
  return graph.nodes.map((n) => n.op);
}

/** If condition then Relu(x) else -x, the results called alike in both branches. */
const choice = (condition: string, output = "y"): NodeMessage =>
  op("If", [condition], [output], {
    attribute: graphs({
      then_branch: { node: [op("Relu", ["x"], ["r"])], output: [{ name: "r" }] },
      else_branch: { node: [op("Neg", ["x"], ["r"])], output: [{ name: "r" }] },
    }),
  });

describe("If", () => {
  it.each([
    [true, "Relu"],
    [false, "Neg"],
  ])("by a constant %s is its branch", async (yes, expected) => {
    const bytes = model([choice("c")], { initializer: [flag("c", yes)] });
    expect(await expectSame(bytes)).toEqual([expected]);
  });

  // ONNX Runtime has types for both branches or none, so it takes this file with a free width only
  it("by a fixed size is its branch, as torch writes Squeeze", () => {
    const bytes = model(
      [
        op("Shape", ["x"], ["shape"]),
        op("Gather", ["shape", "one"], ["size"]),
        op("Equal", ["size", "one"], ["single"]),
        op("If", ["single"], ["y"], {
          attribute: graphs({
            then_branch: { node: [op("Squeeze", ["x", "axes"], ["s"])], output: [{ name: "s" }] },
            else_branch: { node: [op("Identity", ["x"], ["i"])], output: [{ name: "i" }] },
          }),
        }),
        op("Relu", ["x"], ["z"]),
      ],
      {
        initializer: [integers("one", [1], true), integers("axes", [1])],
        output: [{ name: "y", type: { tensor_type: { elem_type: 1 } } }, value("z")],
      },
    );
    const { graph } = fold(readOnnx(bytes), "batch");
    expect(graph.nodes.map((n) => [n.op, ...n.inputs])).toEqual([
      ["Identity", "x"],
      ["Relu", "x"],
    ]);
  });

  it("in an If reads what is made two graphs out, and weights of every level", async () => {
    const w = { name: "w", dims: BigInt64Array.of(3n), data_type: 1, float_data: Float32Array.of(1, 2, 3) };
    const inner = op("If", ["d"], ["r"], {
      attribute: graphs({
        then_branch: {
          node: [op("Add", ["h", "w"], ["a"]), op("Mul", ["a", "k"], ["r"])],
          output: [{ name: "r" }],
        },
        else_branch: { node: [op("Identity", ["h"], ["r"])], output: [{ name: "r" }] },
      }),
    });
    const bytes = model(
      [
        op("Relu", ["x"], ["h"]),
        op("If", ["c"], ["y"], {
          attribute: graphs({
            then_branch: { node: [op("Neg", ["x"], ["r"])], output: [{ name: "r" }] },
            else_branch: {
              node: [inner],
              output: [{ name: "r" }],
              initializer: [{ ...w, name: "k" }],
            },
          }),
        }),
      ],
      { initializer: [w, flag("c", false), flag("d", true)] },
    );
    expect(await expectSame(bytes)).toEqual(["Relu", "Add", "Mul"]);
  });

  it("takes one weight for two readers", () => {
    const w = { name: "w", dims: BigInt64Array.of(3n), data_type: 1, float_data: Float32Array.of(1, 2, 3) };
    const branch = { node: [op("Add", ["x", "w"], ["r"])], output: [{ name: "r" }] };
    const bytes = model(
      [
        op("If", ["c"], ["a"], { attribute: graphs({ then_branch: branch, else_branch: branch }) }),
        op("Mul", ["a", "w"], ["y"]),
      ],
      { initializer: [w, flag("c", true)] },
    );
    const { graph } = fold(readOnnx(bytes), "batch");
    expect([...graph.initializers.keys()]).toEqual(["w"]);
  });

  it("that nobody reads is dropped, whatever decides it", () => {
    const dead = choice("c", "dead");
    const input = [value("x"), value("c", [], 9)];
    const bytes = model([dead, op("Relu", ["x"], ["y"])], { input });
    expect(fold(readOnnx(bytes), "batch").graph.nodes.map((n) => n.op)).toEqual(["Relu"]);
  });
});

/** Loop over v := v·2 + iteration, gathering v. */
const doubling = (
  trips: string,
  condition: string,
  again: NodeMessage,
  rest: GraphMessage = {},
): NodeMessage =>
  op("Loop", [trips, condition, "x"], ["y", "all"], {
    attribute: graphs({
      body: {
        node: [
          op("Cast", ["i"], ["number"], { attribute: [int("to", 1)] }),
          op("Add", ["v", "v"], ["twice"]),
          op("Add", ["twice", "number"], ["next"]),
          op("Identity", ["next"], ["row"]),
          again,
        ],
        input: [value("i", [], 7), value("go", [], 9), value("v")],
        output: [{ name: "goes" }, { name: "next" }, { name: "row" }],
        ...rest,
      },
    }),
  });
const both = ["y", "all"].map((name) => ({ name, type: { tensor_type: { elem_type: 1 } } }));

describe("Loop", () => {
  it("of three trips is three bodies; what it gathers is stacked", async () => {
    const bytes = model([doubling("n", "c", op("Identity", ["go"], ["goes"]))], {
      initializer: [integers("n", [3], true), flag("c", true)],
      output: both,
    });
    const ops = await expectSame(bytes);
    expect(ops.filter((o) => o === "Add")).toHaveLength(6);
    expect(ops).not.toContain("Loop");
  });

  it("ends when its condition does, which the iteration decides", async () => {
    const bytes = model([doubling("n", "c", op("Less", ["i", "two"], ["goes"]))], {
      initializer: [integers("n", [2n ** 63n - 1n], true), integers("two", [2], true), flag("c", true)],
      output: both,
    });
    expect((await expectSame(bytes)).filter((o) => o === "Add")).toHaveLength(6);
  });

  it("goes over the sizes of its input", async () => {
    const bytes = model(
      [
        op("Shape", ["x"], ["shape"]),
        op("Gather", ["shape", "one"], ["n"]),
        doubling("n", "", op("Identity", ["go"], ["goes"])),
      ],
      { initializer: [integers("one", [1], true)], output: both },
    );
    expect((await expectSame(bytes)).filter((o) => o === "Add")).toHaveLength(6);
  });

  it("that never runs gives back what it was given", () => {
    const bytes = model([doubling("n", "c", op("Identity", ["go"], ["goes"])), op("Relu", ["x"], ["z"])], {
      initializer: [integers("n", [0], true), flag("c", true)],
      output: [{ name: "y", type: { tensor_type: { elem_type: 1 } } }],
    });
    expect(fold(readOnnx(bytes), "batch").graph.nodes.map((n) => [n.op, n.inputs])).toEqual([
      ["Identity", ["x"]],
    ]);
  });
});

describe("control flow that stays", () => {
  const caught = (bytes: Uint8Array): KitError => {
    try {
      fold(readOnnx(bytes), "batch");
    } catch (error) {
      if (error instanceof KitError) return error;
      throw error;
    }
    return expect.unreachable("it was accepted");
  };

  it("says which If, and what its condition hangs on", () => {
    const bytes = model(
      [
        op("ReduceSum", ["x"], ["sum"], { attribute: [int("keepdims", 0)] }),
        op("Greater", ["sum", "zero"], ["c"]),
        choice("c"),
      ],
      {
        initializer: [
          { name: "zero", dims: new BigInt64Array(0), data_type: 1, float_data: Float32Array.of(0) },
        ],
      },
    );
    const error = caught(bytes);
    expect(error.code).toBe("E_ONNX_CONTROL_FLOW");
    expect(error.message).toBe("If If y: its condition c is not known before running");
    expect(error.details[0]).toBe("c is made by Greater Greater c, from values");
  });

  it("says that a condition is an input", () => {
    const error = caught(model([choice("c")], { input: [value("x"), value("c", [], 9)] }));
    expect(error.details[0]).toBe("c is an input of the graph");
  });

  it("refuses a choice that differs from one batch size to the next", () => {
    const bytes = model(
      [
        op("Shape", ["x"], ["shape"]),
        op("Gather", ["shape", "zero"], ["size"]),
        op("Less", ["size", "three"], ["c"]),
        choice("c"),
      ],
      { initializer: [integers("zero", [0], true), integers("three", [3], true)] },
    );
    expect(caught(bytes).code).toBe("E_ONNX_CONTROL_FLOW");
  });

  it.each([10n ** 18n, 1025n])("refuses a Loop of %s trips", (trips) => {
    const bytes = model([doubling("n", "c", op("Identity", ["go"], ["goes"]))], {
      initializer: [integers("n", [trips], true), flag("c", true)],
      output: both,
    });
    const error = caught(bytes);
    expect(error.code).toBe("E_ONNX_CONTROL_FLOW");
    expect(error.message).toBe("Loop Loop y runs more than 1024 times");
  });

  it("refuses loops in loops that multiply", () => {
    const again = op("Identity", ["go"], ["goes"]);
    const level = (n: number): NodeMessage =>
      op("Loop", ["n", "c", n === 0 ? "x" : "v"], [n === 0 ? "y" : "next"], {
        attribute: graphs({
          body: {
            node: [n === 3 ? op("Neg", ["v"], ["next"]) : level(n + 1), again],
            input: [value("i", [], 7), value("go", [], 9), value("v")],
            output: [{ name: "goes" }, { name: "next" }],
          },
        }),
      });
    const bytes = model([level(0)], { initializer: [integers("n", [1000], true), flag("c", true)] });
    expect(caught(bytes).message).toContain("more than 100000 nodes");
  });

  it("is not written", () => {
    const bytes = model([choice("c")], { initializer: [flag("c", true)] });
    expect(() => writeOnnx(readOnnx(bytes))).toThrow("still holds an If or a Loop");
  });
});
