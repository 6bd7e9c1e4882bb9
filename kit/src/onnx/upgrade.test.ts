import { describe, expect, it } from "vitest";
import { ramp, runOnnx } from "../../test/run-onnx.ts";
import { KitError } from "../errors.ts";
import { type Attribute, attr, type Graph, type Node, node, unknownRank } from "./graph.ts";
import { readOnnx } from "./read.ts";
import { float32, int64, type Tensor } from "./tensor.ts";
import { upgrade } from "./upgrade.ts";
import { writeOnnx } from "./write.ts";

/** A model of one operator at an old opset: input x, output y. */
function model(
  opset: number,
  nodes: readonly Node[],
  dims: readonly number[],
  weights: Record<string, Tensor> = {},
  outputs: readonly string[] = ["y"],
): Graph {
  return {
    name: "test",
    opsets: { "": opset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", ...dims.slice(1)] }],
    outputs: outputs.map((name) => ({ name, type: "float32", dims: unknownRank })),
    nodes,
    initializers: new Map(Object.entries(weights)),
  };
}

const a = node;
const none = float32([0], []);
const bool = (value: number): Tensor => ({ type: "bool", dims: [], data: Uint8Array.of(value) });
const axes = (values: number[], keepdims = 1): Record<string, Attribute> => ({
  axes: attr.ints(values),
  keepdims: attr.int(keepdims),
});
const resizeModes = (transformation: string, nearest: string) => ({
  mode: attr.string("nearest"),
  coordinate_transformation_mode: attr.string(transformation),
  nearest_mode: attr.string(nearest),
});
const box = float32([1, 4], [0.3, 0.7, 3.2, 4.9]);
const align = (attributes: Record<string, Attribute>) =>
  a("RoiAlign", ["x", "boxes", "which"], ["y"], {
    output_height: attr.int(2),
    output_width: attr.int(2),
    ...attributes,
  });
const boxes = { boxes: box, which: int64([1], [0]) };

type Case = readonly [what: string, graph: Graph, dims: readonly number[]];

const shape = [2, 3, 4, 5];
const cases: readonly Case[] = [
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((op) =>
    [undefined, 0, 1, 2, 3, -1, -2].map((axis): Case => {
      const attributes: Record<string, Attribute> = axis === undefined ? {} : { axis: attr.int(axis) };
      return [`${op} 11, axis ${axis}`, model(11, [a(op, ["x"], ["y"], attributes)], shape), shape];
    }),
  ),
  ...[
    [4, 3, 2, 5],
    [1, 3, 20],
  ].map(
    (dims): Case => [
      `weights [${dims}] standardised by batch normalisation in training mode`,
      model(
        17,
        [
          a("BatchNormalization", ["w", "s", "b", "m", "v"], ["n", "m1", "v1"], {
            training_mode: attr.int(1),
            epsilon: attr.float(1e-2),
          }),
          a("ReduceMean", ["n"], ["k"], axes([0, ...dims.map((_, i) => i).slice(2)], 0)),
          a("ReduceMax", ["n"], ["l"], axes([0, ...dims.map((_, i) => i).slice(2)], 0)),
          a("Sum", ["k", "l"], ["t"]),
          a("Reshape", ["t", "shape"], ["u"]),
          a("Add", ["x", "u"], ["y"]),
        ],
        shape,
        {
          w: float32(
            dims,
            Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i) + 0.1 * i),
          ),
          s: float32([3], [1, -2, 3]),
          b: float32([3], [0.1, 0.2, 0.3]),
          m: float32([3], [7, 7, 7]),
          v: float32([3], [7, 7, 7]),
          shape: int64([3], [3, 1, 1]),
        },
      ),
      shape,
    ],
  ),
  ["Softmax 13 stays", model(13, [a("Softmax", ["x"], ["y"], { axis: attr.int(1) })], shape), shape],
  ...["L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].flatMap((kind): Case[] => [
    [`Reduce${kind} 11, axes`, model(11, [a(`Reduce${kind}`, ["x"], ["y"], axes([2, -1], 0))], shape), shape],
    [`Reduce${kind} 11, all`, model(11, [a(`Reduce${kind}`, ["x"], ["y"])], shape), shape],
  ]),
  ["ReduceMean 13", model(13, [a("ReduceMean", ["x"], ["y"], axes([2, 3]))], shape), shape],
  [
    "ReduceLogSum 11",
    model(11, [a("Exp", ["x"], ["e"]), a("ReduceLogSum", ["e"], ["y"], axes([1]))], shape),
    shape,
  ],
  [
    "ReduceSum 13 stays",
    model(13, [a("ReduceSum", ["x", "axes"], ["y"])], shape, { axes: int64([1], [3]) }),
    shape,
  ],
  [
    "Squeeze 11, Unsqueeze 12",
    model(
      12,
      [
        a("Unsqueeze", ["x"], ["u"], { axes: attr.ints([0, -1]) }),
        a("Squeeze", ["u"], ["y"], { axes: attr.ints([0]) }),
      ],
      shape,
    ),
    shape,
  ],
  [
    "Squeeze 11 of all ones",
    model(11, [a("ReduceSum", ["x"], ["s"], axes([1, 2])), a("Squeeze", ["s"], ["y"])], shape),
    shape,
  ],
  [
    "Split 11, sizes",
    model(11, [a("Split", ["x"], ["y", "z"], { axis: attr.int(3), split: attr.ints([1, 4]) })], shape, {}, [
      "y",
      "z",
    ]),
    shape,
  ],
  [
    "Split 11, equal",
    model(11, [a("Split", ["x"], ["y", "z"], { axis: attr.int(2) })], shape, {}, ["y", "z"]),
    shape,
  ],
  [
    "Split 17, equal",
    model(17, [a("Split", ["x"], ["y", "z"], { axis: attr.int(-2) })], shape, {}, ["y", "z"]),
    shape,
  ],
  [
    "Split 17, sizes",
    model(17, [a("Split", ["x", "s"], ["y", "z"], { axis: attr.int(3) })], shape, { s: int64([2], [2, 3]) }, [
      "y",
      "z",
    ]),
    shape,
  ],
  [
    "Dropout 11, attribute",
    model(
      11,
      [a("Dropout", ["x"], ["d", "mask"], { ratio: attr.float(0.9) }), a("Relu", ["d"], ["y"])],
      shape,
    ),
    shape,
  ],
  [
    "Dropout 13, inputs",
    model(13, [a("Dropout", ["x", "r", "t"], ["d"]), a("Relu", ["d"], ["y"])], shape, {
      r: float32([], [0.9]),
      t: bool(0),
    }),
    shape,
  ],
  [
    "BatchNormalization 11",
    model(
      11,
      [a("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], { momentum: attr.float(0.8) })],
      shape,
      {
        s: float32([3], [1, -2, 0.5]),
        b: float32([3], [0.1, 0.2, 0.3]),
        m: float32([3], [0, 1, -1]),
        v: float32([3], [1, 2, 0.25]),
      },
    ),
    shape,
  ],
  ["Clip 11", model(11, [a("Clip", ["x", "", "max"], ["y"])], shape, { max: float32([], [0.25]) }), shape],
  [
    "Pad 11",
    model(11, [a("Pad", ["x", "pads"], ["y"], { mode: attr.string("reflect") })], shape, {
      pads: int64([8], [0, 0, 1, 2, 0, 0, 2, 1]),
    }),
    shape,
  ],
  ...[0, 1].flatMap((ceil) =>
    [0, 1].map(
      (include): Case => [
        `AveragePool 11, ceil ${ceil}, include pad ${include}`,
        model(
          11,
          [
            a("AveragePool", ["x"], ["y"], {
              kernel_shape: attr.ints([3, 3]),
              strides: attr.ints([2, 2]),
              pads: attr.ints([1, 1, 1, 1]),
              ceil_mode: attr.int(ceil),
              count_include_pad: attr.int(include),
            }),
          ],
          shape,
        ),
        shape,
      ],
    ),
  ),
  [
    "MaxPool 11",
    model(
      11,
      [a("MaxPool", ["x"], ["y"], { kernel_shape: attr.ints([2, 2]), auto_pad: attr.string("SAME_UPPER") })],
      shape,
    ),
    shape,
  ],
  [
    "Gemm, Flatten 11",
    model(11, [a("Flatten", ["x"], ["f"]), a("Gemm", ["f", "w"], ["y"])], shape, {
      w: float32([60, 2], ramp([60, 2]).data),
    }),
    shape,
  ],
  [
    "Resize 11, sizes with empty scales",
    model(
      11,
      [
        a("Resize", ["x", "none", "none", "sizes"], ["y"], {
          mode: attr.string("linear"),
          coordinate_transformation_mode: attr.string("pytorch_half_pixel"),
        }),
      ],
      shape,
      { none, sizes: int64([4], [2, 3, 7, 6]) },
    ),
    shape,
  ],
  ...["floor", "round_prefer_ceil"].map(
    (nearest): Case => [
      `Resize 11, asymmetric ${nearest}`,
      model(11, [a("Resize", ["x", "none", "scales"], ["y"], resizeModes("asymmetric", nearest))], shape, {
        none,
        scales: float32([4], [1, 1, 1.5, 2]),
      }),
      shape,
    ],
  ),
  [
    "Resize 11, tf_half_pixel_for_nn",
    model(
      11,
      [a("Resize", ["x", "none", "scales"], ["y"], resizeModes("tf_half_pixel_for_nn", "floor"))],
      shape,
      {
        none,
        scales: float32([4], [1, 1, 1.75, 0.6]),
      },
    ),
    shape,
  ],
  ["RoiAlign 11", model(11, [align({})], shape, boxes), shape],
  [
    "RoiAlign 16 stays",
    model(16, [align({ coordinate_transformation_mode: attr.string("half_pixel") })], shape, boxes),
    shape,
  ],
  ...["bilinear", "nearest", "bicubic"].map(
    (mode): Case => [
      `GridSample 16, ${mode}`,
      model(16, [a("GridSample", ["x", "grid"], ["y"], { mode: attr.string(mode) })], shape, {
        grid: float32([2, 2, 3, 2], ramp([2, 2, 3, 2]).data),
      }),
      shape,
    ],
  ),
  [
    "GroupNormalization 18",
    model(18, [a("GroupNormalization", ["x", "s", "b"], ["y"], { num_groups: attr.int(2) })], [2, 4, 3, 5], {
      s: float32([2], [1.5, -2]),
      b: float32([2], [0.1, 0.4]),
    }),
    [2, 4, 3, 5],
  ],
  ["HardSwish 14", model(14, [a("HardSwish", ["x"], ["y"])], shape), shape],
  [
    "Cast, Equal, Where 11",
    model(
      11,
      [
        a("Cast", ["x"], ["i"], { to: attr.int(6) }),
        a("Equal", ["i", "zero"], ["e"]),
        a("Where", ["e", "x", "one"], ["y"]),
      ],
      shape,
      { zero: { type: "int32", dims: [], data: Int32Array.of(0) }, one: float32([], [1]) },
    ),
    shape,
  ],
];

describe("upgrade keeps what a model computes", () => {
  for (const [what, graph, dims] of cases) {
    it(what, async () => {
      const old = writeOnnx(graph);
      const now = readOnnx(old);
      expect(now.opsets[""]).toBe(21);
      const feeds = { x: ramp(dims) };
      const [before, after] = [await runOnnx(old, feeds), await runOnnx(writeOnnx(now), feeds)];
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, { dims: sizes, data }] of Object.entries(before)) {
        expect(after[name].dims).toEqual(sizes);
        const worst = data.reduce((most, v, i) => Math.max(most, Math.abs(v - after[name].data[i])), 0);
        expect(worst).toBeLessThan(3e-6);
        expect(after[name].data).toHaveLength(data.length);
      }
    });
  }
});

const codeOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof KitError) return `${error.code} ${error.details.join("; ")}`;
    throw error;
  }
  return "no error";
};

describe("upgrade refuses", () => {
  it("a Dropout whose mask is read", () => {
    const graph = model(
      12,
      [a("Dropout", ["x"], ["d", "m"], {}, "drop"), a("Where", ["m", "d", "d"], ["y"])],
      shape,
    );
    expect(codeOf(() => upgrade(graph))).toBe("E_ONNX_TRAINING its mask is read");
  });
  it("a Dropout in training mode, unless its ratio is 0", () => {
    const graph = (ratio: number) =>
      model(13, [a("Dropout", ["x", "r", "t"], ["y"])], shape, { r: float32([], [ratio]), t: bool(1) });
    expect(codeOf(() => upgrade(graph(0.5)))).toBe("E_ONNX_TRAINING it is in training mode");
    expect(upgrade(graph(0)).nodes.map((n) => n.op)).toEqual(["Identity"]);
  });
  it("batch normalisation in training mode", () => {
    const graph = model(
      15,
      [a("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], { training_mode: attr.int(1) })],
      shape,
    );
    expect(codeOf(() => upgrade(graph))).toBe("E_ONNX_TRAINING it is in training mode");
  });
  it("forms without a successor", () => {
    const modes = { ...resizeModes("tf_half_pixel_for_nn", "floor"), mode: attr.string("linear") };
    const graph = model(12, [a("Resize", ["x", "", "s"], ["y"], modes)], shape);
    expect(codeOf(() => upgrade(graph))).toBe(
      "E_ONNX_UNSUPPORTED Resize y: its tf_half_pixel_for_nn has no successor",
    );
    expect(codeOf(() => upgrade(model(17, [a("DFT", ["x"], ["y"])], shape)))).toContain("E_ONNX_UNSUPPORTED");
  });
});
