/** What the comparison with the engine (`test/onnx-ops.test.ts`) cannot show: errors, guards and whole graphs. */
import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { fromHalf, toHalf } from "./evaluate/data.ts";
import { type Attribute, attr, canonicalOpset, type Graph, node } from "./graph.ts";
import { type Info, inferGraph, inferNode, withInputDims } from "./infer.ts";
import { refused, rules } from "./inference/index.ts";
import { float32, int64, sizeOf, type Tensor } from "./tensor.ts";

const f = (...dims: number[]): Info => ({ type: "float32", dims });
const known = (value: Tensor): Info => ({ type: value.type, dims: value.dims, value });
const i = (...values: number[]): Info => known(int64([values.length], values));

function caught(run: () => unknown): KitError {
  try {
    run();
  } catch (error) {
    if (error instanceof KitError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const infer = (
  op: string,
  inputs: readonly (Info | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
  outputs = 1,
) =>
  inferNode(
    node(
      op,
      inputs.map((given, k) => (given ? `x${k}` : "")),
      Array.from({ length: outputs }, (_, k) => `y${k}`),
      attributes,
      "here",
    ),
    inputs,
  );

describe("an error of inference", () => {
  it("names the node, the shapes and what was expected", () => {
    const error = caught(() => infer("Conv", [f(2, 3, 8, 8), f(4, 5, 3, 3)]));
    expect(error.code).toBe("E_ONNX_SHAPE");
    expect(error.message).toBe("Conv node here: expected 5 × 1 groups = 5 input channels, not 3");
    expect(error.details).toEqual(["input 0 x0: float32[2, 3, 8, 8]", "input 1 x1: float32[4, 5, 3, 3]"]);
    expect(error.next).toMatch(/export/);
  });

  it("names an operator nobody knows, in any domain", () => {
    const error = caught(() => inferNode(node("Foo", ["x"], ["y"], {}, "there"), [f(2)]));
    expect([error.code, error.message]).toEqual(["E_ONNX_OP", "an operator is not supported"]);
    expect(error.details).toEqual(["Foo: 1 node, first there"]);
    const foreign = caught(() => inferNode(node("Relu", ["x"], ["y"], {}, "", "my.domain"), [f(2)]));
    expect(foreign.details).toEqual(["my.domain.Relu: 1 node, first y"]);
    expect(caught(() => inferNode(node("constructor", ["x"], ["y"]), [f(2)])).code).toBe("E_ONNX_OP");
  });

  it("names all operators that nobody knows, and why where there is a reason", () => {
    const nodes = [
      node("RandomNormalLike", ["x"], ["a"]),
      node("Foo", ["a"], ["b"], {}, "there"),
      node("Bernoulli", ["b"], ["c"], {}, "", "my.domain"),
      node("Foo", ["c"], ["y"]),
    ];
    const error = caught(() => inferGraph({ ...graph, nodes }, { batch: 2, "?": 3 }));
    expect(error.message).toBe("3 operators are not supported");
    expect(error.details).toEqual([
      "RandomNormalLike: 1 node, first a (it draws random numbers, and a random model has no explanation to measure)",
      "Foo: 2 nodes, first there",
      "my.domain.Bernoulli: 1 node, first c",
    ]);
    for (const op of Object.keys(refused)) expect(rules("").has(op)).toBe(false);
  });

  const axis = (value: number) => ({ axis: attr.int(value) });
  const wrong: [string, () => unknown, RegExp][] = [
    ["broadcasting", () => infer("Add", [f(2, 3), f(2)]), /broadcast together/],
    ["mixed types", () => infer("Add", [f(2), i(1, 2)]), /one element type/],
    ["an absent input", () => infer("Add", [f(2), undefined]), /input 1 to be given/],
    ["a slope that is too large", () => infer("PRelu", [f(3), f(2, 3)]), /input 1 to broadcast to input 0/],
    ["inner sizes", () => infer("MatMul", [f(2, 3), f(4, 5)]), /inner sizes that agree, not 3 and 4/],
    ["Gemm", () => infer("Gemm", [f(2, 3), f(3, 4), f(3)]), /broadcast together/],
    ["Gemm with a large bias", () => infer("Gemm", [f(1, 3), f(3, 4), f(2, 4)]), /to broadcast to \[1, 4\]/],
    ["a window that does not fit", () => infer("Conv", [f(1, 1, 2, 2), f(1, 1, 3, 3)]), /the window \(3\)/],
    ["no image", () => infer("GlobalAveragePool", [f(2, 3)]), /\[N, C, spatial…\]/],
    [
      "strides",
      () => infer("MaxPool", [f(1, 1, 4)], { kernel_shape: attr.ints([2]), strides: attr.ints([0]) }),
      /strides to be 1/,
    ],
    [
      "auto_pad",
      () => infer("Conv", [f(1, 1, 4), f(1, 1, 2)], { auto_pad: attr.string("SAME") }),
      /auto_pad/,
    ],
    ["an axis", () => infer("Softmax", [f(2, 3)], axis(2)), /within rank 2, not 2/],
    ["a scalar's axis", () => infer("Softmax", [f()]), /within rank 0/],
    ["repeated axes", () => infer("ReduceSum", [f(2, 3), i(1, -1)]), /different axes, not \[1, -1\]/],
    ["Concat", () => infer("Concat", [f(2, 3), f(3, 3)], axis(1)), /differ on axis 1 only/],
    ["Concat of ranks", () => infer("Concat", [f(2, 3), f(2)], axis(0)), /differ on axis 0 only/],
    ["Reshape", () => infer("Reshape", [f(2, 3), i(4, -1)]), /a shape for 6 elements, not \[4, -1\]/],
    ["Reshape, two -1", () => infer("Reshape", [f(2, 3), i(-1, -1)]), /a shape for 6/],
    ["Reshape, 0 beyond the rank", () => infer("Reshape", [f(6), i(6, 0)]), /a shape for 6/],
    ["Reshape, -1 of nothing", () => infer("Reshape", [f(0, 3), i(0, -1)]), /a shape for 0/],
    [
      "an unknown target",
      () => infer("Reshape", [f(6), { type: "int64", dims: [1] }]),
      /known before running/,
    ],
    [
      "Transpose",
      () => infer("Transpose", [f(2, 3)], { perm: attr.ints([0, 0]) }),
      /a permutation of rank 2/,
    ],
    ["Squeeze", () => infer("Squeeze", [f(2, 3), i(0)]), /of size 1/],
    ["Slice", () => infer("Slice", [f(4), i(0), i(2), i(0), i(0)]), /steps other than 0/],
    ["Split", () => infer("Split", [f(4), i(1, 2)], {}, 2), /make up 4 on axis 0, not \[1, 2\]/],
    ["Split into none", () => infer("Split", [f(4)], { num_outputs: attr.int(0) }, 2), /2 pieces/],
    ["Pad", () => infer("Pad", [f(2, 3), i(1, 1)]), /4 pads/],
    ["Pad below nothing", () => infer("Pad", [f(2), i(-3, 0)]), /sizes of at least 0, not \[-1\]/],
    [
      "Pad round twice",
      () => infer("Pad", [f(3), i(0, 4)], { mode: attr.string("wrap") }),
      /at most 3 wrap pads on axis 0/,
    ],
    [
      "Pad reflecting itself",
      () => infer("Pad", [f(3), i(-1, 2)], { mode: attr.string("reflect") }),
      /at most 1 reflect pads/,
    ],
    ["NonZero of what runs", () => infer("NonZero", [f(3)]), /a mask known before running/],
    [
      "GridSample",
      () => infer("GridSample", [f(1, 2, 3, 3), f(1, 4, 4, 3)]),
      /a grid \[N, spatial…, number of spatial axes\]/,
    ],
    ["AffineGrid", () => infer("AffineGrid", [f(1, 2, 2), i(1, 1, 4, 4)]), /theta of \[N, 2, 3\]/],
    ["Col2Im", () => infer("Col2Im", [f(1, 4, 5), i(3, 3), i(2, 2)]), /and 2 × 2 places/],
    ["Tile", () => infer("Tile", [f(2), i(-1)]), /one repeat per axis/],
    ["Resize", () => infer("Resize", [f(1, 1, 2, 2)]), /4 scales or sizes/],
    [
      "DepthToSpace",
      () => infer("DepthToSpace", [f(1, 3, 2, 2)], { blocksize: attr.int(2) }),
      /divisible by 4/,
    ],
    [
      "per-channel vectors",
      () => infer("BatchNormalization", [f(1, 3, 2), f(3), f(3), f(2), f(3)]),
      /input 3 to be \[3\]/,
    ],
    ["TopK", () => infer("TopK", [f(3), i(4)], {}, 2), /at most 3, not 4/],
    [
      "ScatterND",
      () => infer("ScatterND", [f(3, 4), known(int64([1, 1], [0])), f(1, 3)]),
      /updates of \[1, 4\]/,
    ],
    ["Range", () => infer("Range", [i(0), i(3), i(0)]), /a step other than 0/],
    [
      "Einsum",
      () => infer("Einsum", [f(2, 3), f(4, 5)], { equation: attr.string("ij,jk->ik") }),
      /one size for "j"/,
    ],
    ["a missing output", () => infer("Relu", [f(2)], {}, 2), /1 outputs/],
  ];
  it.each(wrong)("says what is wrong with %s", (_, run, message) => {
    const error = caught(run);
    expect(error.code).toBe("E_ONNX_SHAPE");
    expect(error.message).toMatch(message);
  });
});

describe("hostile sizes", () => {
  it.each([
    ["ConstantOfShape", [i(2 ** 41)]],
    ["ConstantOfShape", [i(2 ** 21, 2 ** 21, 2 ** 21, 2 ** 21)]],
    ["ConstantOfShape", [i(-1)]],
    ["Expand", [f(1), i(Number.MAX_SAFE_INTEGER)]],
    ["Range", [known(int64([], [0])), known(int64([], [2 ** 52])), known(int64([], [1]))]],
    ["Tile", [f(2 ** 30), i(2 ** 30)]],
    ["Reshape", [f(1), i(...new Array(100).fill(1))]],
    ["Unsqueeze", [f(1), i(...new Array(5000).keys())]],
    ["Relu", [f(...new Array(100).fill(1))]],
  ] as const)("%s is refused", (op, inputs) => {
    const error = caught(() => infer(op, inputs));
    expect(error.code).toBe("E_ONNX_SHAPE");
    expect(error.message.length).toBeLessThan(300);
  });

  it("large values are inferred but not made", () => {
    const [large] = infer("Expand", [known(float32([1], [0])), i(2 ** 30)]);
    expect(large).toEqual({ type: "float32", dims: [2 ** 30] });
    const [small] = infer("Expand", [known(float32([1], [5])), i(3)]);
    expect(small.value).toEqual(float32([3], [5, 5, 5]));
  });
});

describe("any node at all", () => {
  // a linear congruential generator: the same nodes every time
  let state = 12345;
  const draw = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const some = <T>(from: readonly T[]): T => from[draw(from.length)];
  const list = (most: number, from: readonly number[]): number[] =>
    Array.from({ length: draw(most + 1) }, () => some(from));
  const odd = [-(2 ** 53) + 1, -5, -2, -1, 0, 1, 2, 3, 4, 7, 2 ** 31, 2 ** 53 - 1];
  const info = (): Info | undefined => {
    const dims = list(5, [0, 1, 1, 2, 2, 3, 4, 2 ** 33]);
    const kind = draw(8);
    if (kind === 0) return undefined;
    if (kind < 4) return { type: some(["float32", "float32", "int64", "bool", "string"] as const), dims };
    if (kind < 6) return i(...list(5, odd));
    return kind === 6 ? known(int64([], [some(odd)])) : known(float32([2], [0.5, Number.NaN]));
  };
  const attribute = (): Attribute =>
    some([
      () => attr.int(some(odd)),
      () => attr.ints(list(5, odd)),
      () => attr.float(0.5),
      () => attr.string(some(["SAME_UPPER", "VALID", "ij,jk->ik", "...i->", "not_larger", ",", "->"])),
    ])();
  const keys =
    `axis axes keepdims noop_with_empty_axes to auto_pad strides dilations pads kernel_shape group ceil_mode
    output_padding output_shape perm num_outputs blocksize equation num_groups batch_dims start end value value_ints
    allowzero keep_aspect_ratio_policy transA transB transBatchA fmod dtype output_dtype`.split(/\s+/);

  it.each([...rules("").keys(), "FusedMatMul"])("is inferred or refused with a KitError: %s", (op) => {
    for (let round = 0; round < 400; round++) {
      const inputs = Array.from({ length: draw(6) }, info);
      const attributes = Object.fromEntries(Array.from({ length: draw(5) }, () => [some(keys), attribute()]));
      const outputs = Array.from({ length: 1 + draw(3) }, (_, k) => `y${k}`);
      const domain = op === "FusedMatMul" ? "com.microsoft" : "";
      const n = node(
        op,
        inputs.map((given, k) => (given ? `x${k}` : "")),
        outputs,
        attributes,
        "",
        domain,
      );
      try {
        for (const made of inferNode(n, inputs)) {
          if (made.value) expect(made.value).toMatchObject({ type: made.type, dims: made.dims });
          if (made.value) expect(made.value.data.length).toBe(sizeOf(made.dims));
        }
      } catch (error) {
        if (!(error instanceof KitError))
          throw new Error(`${op} ${JSON.stringify({ attributes })}`, { cause: error });
      }
    }
  });
});

describe("values", () => {
  it("of reshaped weights share their data", () => {
    const weight = float32([2, 3], [1, 2, 3, 4, 5, 6]);
    const [made] = infer("Reshape", [known(weight), i(3, 2)]);
    expect(made.value?.data).toBe(weight.data);
  });

  it("of int64 wrap as in C and survive division by zero", () => {
    const large = known({ type: "int64", dims: [1], data: BigInt64Array.of(2n ** 62n) });
    expect(infer("Mul", [large, i(2)])[0].value?.data).toEqual(BigInt64Array.of(-(2n ** 63n)));
    expect(infer("Div", [i(1), i(0)])[0].value).toBeUndefined();
    expect(infer("Pow", [i(2), i(10 ** 9)])[0].value).toBeUndefined();
  });

  it("of half floats: every one of the 65536 survives a round trip", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromHalf(bits);
      if (Number.isNaN(value)) expect(fromHalf(toHalf(value))).toBeNaN();
      else if (toHalf(value) !== bits) throw new Error(`${bits} became ${toHalf(value)}`);
    }
    // ties go to the even neighbour, what is too large to infinity
    expect(toHalf(1 + 2 ** -11)).toBe(toHalf(1));
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(toHalf(1 + 2 ** -9));
    expect(fromHalf(toHalf(65519))).toBe(65504);
    expect(fromHalf(toHalf(65520))).toBe(Number.POSITIVE_INFINITY);
    expect(fromHalf(toHalf(-(2 ** -25)))).toBe(-0);
  });
});

const graph: Graph = {
  name: "",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "x", type: "float32", dims: ["batch", "?", 4] }],
  outputs: [{ name: "y", type: "float32", dims: ["batch", 8] }],
  nodes: [
    node("Shape", ["x"], ["shape"]),
    node("Reshape", ["x", "target"], ["flat"]),
    node("Relu", ["flat"], ["y"]),
  ],
  initializers: new Map([["target", int64([2], [0, -1])]]),
};

describe("inferGraph", () => {
  it("infers every tensor of a graph whose free dims are bound", () => {
    const infos = inferGraph(withInputDims(graph, { x: ["batch", 2, 4] }), { batch: 3 });
    expect(infos.get("y")).toEqual({ type: "float32", dims: [3, 8] });
    expect(infos.get("shape")?.value).toEqual(int64([3], [3, 2, 4]));
    expect([...infos.keys()].sort()).toEqual(["flat", "shape", "target", "x", "y"]);
  });

  it("says which dimension is free", () => {
    expect(caught(() => inferGraph(graph, { batch: 3 })).message).toBe(
      "input x has a free dimension ? in [batch, ?, 4] and no size for it",
    );
    expect(caught(() => inferGraph(graph, { batch: -1, "?": 2 })).message).toContain("free dimension batch");
    expect(caught(() => inferGraph(withInputDims(graph, { x: ["constructor"] }), {})).code).toBe(
      "E_ONNX_SHAPE",
    );
  });

  it("says what nothing makes", () => {
    const broken = { ...withInputDims(graph, { x: [1, 2, 4] }), nodes: graph.nodes.slice(2) };
    expect(caught(() => inferGraph(broken, {})).message).toBe(
      "Relu node y reads flat, which nothing before it makes",
    );
    const empty = { ...broken, nodes: [] };
    expect(caught(() => inferGraph(empty, {})).message).toContain("the list of outputs reads y");
  });
});
