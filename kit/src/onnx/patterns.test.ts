/** Every way to emit GELU and LayerNorm that we know of is recognised, and gives the engine the same numbers. */
import { describe, expect, it } from "vitest";
import { distance, ramp, runOnce } from "../../test/ort.ts";
import { fold } from "./fold.ts";
import { attr, canonicalOpset, floatOf, type Graph, type Node, node, stringOf } from "./graph.ts";
import { recognise } from "./patterns.ts";
import { simplify } from "./simplify.ts";
import { float32, int64, type Tensor } from "./tensor.ts";

/** Writes nodes as nested calls: `mul(x, add(erf(…), 1))`; numbers become constants. */
function write(formula: (w: Writer) => string, x = "x"): Graph {
  const nodes: Node[] = [];
  const initializers = new Map<string, Tensor>();
  const named = (a: string | number | Tensor): string => {
    if (typeof a === "string") return a;
    const name = `c${initializers.size}`;
    initializers.set(name, typeof a === "number" ? float32([], [a]) : a);
    return name;
  };
  const made = (op: string, inputs: readonly string[]): string => {
    const out = `${op}${nodes.length}`;
    nodes.push(node(op, inputs, [out], op === "ReduceMean" ? { keepdims: attr.int(1) } : {}));
    return out;
  };
  const call =
    (op: string) =>
    (...args: (string | number | Tensor)[]) =>
      made(op, args.map(named));
  const [add, sub, mul, div, pow] = ["Add", "Sub", "Mul", "Div", "Pow"].map(call);
  const [erf, tanh, sqrt, reciprocal, neg, clip, relu] = [
    "Erf",
    "Tanh",
    "Sqrt",
    "Reciprocal",
    "Neg",
    "Clip",
    "Relu",
  ].map(call);
  const mean = (a: string, axis = -1) => made("ReduceMean", [a, named(int64([1], [axis]))]);
  const y = formula({ x, add, sub, mul, div, pow, erf, tanh, sqrt, reciprocal, neg, clip, relu, mean });
  return {
    name: "",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 3, 4] }],
    outputs: [{ name: y, type: "float32", dims: ["batch", 3, 4] }],
    nodes,
    initializers,
  };
}

type Call = (...args: (string | number | Tensor)[]) => string;
interface Writer {
  readonly x: string;
  readonly add: Call;
  readonly sub: Call;
  readonly mul: Call;
  readonly div: Call;
  readonly pow: Call;
  readonly erf: Call;
  readonly tanh: Call;
  readonly sqrt: Call;
  readonly reciprocal: Call;
  readonly neg: Call;
  readonly clip: Call;
  readonly relu: Call;
  mean(a: string, axis?: number): string;
}

async function expectOne(graph: Graph, op: string): Promise<Node> {
  const whole = recognise(graph, new Set(), fold(graph, "batch").shapes);
  expect(whole.nodes.map((n) => n.op)).toEqual([op]);
  const [output] = graph.outputs;
  const feeds = { x: ramp([2, 3, 4], 6) };
  const [ours, theirs] = await Promise.all([runOnce(whole, feeds), runOnce(graph, feeds)]);
  expect(distance(ours[output.name], theirs[output.name])).toBeLessThan(3e-6);
  return whole.nodes[0];
}

const root2 = Math.SQRT2;
const gelus: Readonly<Record<string, (w: Writer) => string>> = {
  "torch: (x·(1 + erf(x/√2)))·½": ({ x, add, mul, div, erf }) => mul(mul(x, add(erf(div(x, root2)), 1)), 0.5),
  "½ first": ({ x, add, mul, div, erf }) => mul(0.5, mul(x, add(1, erf(div(x, root2))))),
  "½·x first": ({ x, add, mul, div, erf }) => mul(mul(x, 0.5), add(erf(div(x, root2)), 1)),
  "x/2": ({ x, add, mul, div, erf }) => mul(add(erf(mul(1 / root2, x)), 1), div(x, 2)),
  "½ on the bracket": ({ x, add, mul, erf }) => mul(x, mul(0.5, add(1, erf(mul(x, Math.SQRT1_2))))),
  "½ in the bracket": ({ x, add, mul, erf }) => mul(x, add(0.5, mul(0.5, erf(mul(x, Math.SQRT1_2))))),
  "TensorFlow's, by 1 − erf(−x/√2)": ({ x, sub, mul, neg, erf }) =>
    mul(mul(0.5, x), sub(1, erf(mul(neg(x), Math.SQRT1_2)))),
  "divided by 2": ({ x, add, mul, div, erf }) => div(mul(x, add(1, erf(mul(x, Math.SQRT1_2)))), 2),
};
const inner = Math.sqrt(2 / Math.PI);
const tanhs: Readonly<Record<string, (w: Writer) => string>> = {
  "the paper's": ({ x, add, mul, pow, tanh }) =>
    mul(mul(0.5, x), add(1, tanh(mul(inner, add(x, mul(0.044715, pow(x, 3))))))),
  "a cube of products": ({ x, add, mul, tanh }) =>
    mul(mul(x, 0.5), add(tanh(mul(add(x, mul(mul(mul(x, x), x), 0.044715)), inner)), 1)),
  "Horner's": ({ x, add, mul, tanh }) =>
    mul(0.5, mul(x, add(tanh(mul(mul(x, inner), add(1, mul(mul(0.044715, x), x)))), 1))),
};

describe("GELU", () => {
  it.each(Object.entries(gelus))("%s", async (_, formula) => {
    const gelu = await expectOne(write(formula), "Gelu");
    expect([gelu.inputs, stringOf(gelu, "approximate", "")]).toEqual([["x"], "none"]);
  });

  it.each(Object.entries(tanhs))("with tanh: %s", async (_, formula) => {
    const gelu = await expectOne(write(formula), "Gelu");
    expect([gelu.inputs, stringOf(gelu, "approximate", "")]).toEqual([["x"], "tanh"]);
  });

  it("of a sum stops at the sum", () => {
    const graph = write((w) => gelus["½ first"]({ ...w, x: w.add(w.x, 1) }));
    expect(recognise(graph).nodes.map((n) => n.op)).toEqual(["Add", "Gelu"]);
    const cubic = write((w) => tanhs["the paper's"]({ ...w, x: w.add(w.x, w.x) }));
    expect(recognise(cubic).nodes.map((n) => n.op)).toEqual(["Add", "Gelu"]);
  });

  it.each<[string, (w: Writer) => string]>([
    ["a wrong factor", ({ x, add, mul, div, erf }) => mul(mul(x, add(erf(div(x, 1.5)), 1)), 0.5)],
    ["a wrong half", ({ x, add, mul, div, erf }) => mul(mul(x, add(erf(div(x, root2)), 1)), 0.4)],
    ["a difference", ({ x, sub, mul, div, erf }) => mul(mul(x, sub(erf(div(x, root2)), 1)), 0.5)],
    ["√2/x", ({ x, add, mul, div, erf }) => mul(mul(x, add(erf(div(root2, x)), 1)), 0.5)],
    [
      "another x outside",
      ({ x, add, mul, div, erf }) => mul(mul(add(x, 1), add(erf(div(x, root2)), 1)), 0.5),
    ],
    ["a tanh of x", ({ x, add, mul, tanh }) => mul(mul(x, add(tanh(mul(x, inner)), 1)), 0.5)],
  ])("is not %s", (_, formula) => {
    const graph = write(formula);
    expect(recognise(graph)).toBe(graph);
  });

  it("is left alone where an inner tensor is read, given out or kept", () => {
    const graph = write(gelus["½ first"]);
    const erf = graph.nodes.find((n) => n.op === "Erf")!.outputs[0];
    expect(recognise(graph, new Set([erf]))).toBe(graph);
    const given = {
      ...graph,
      outputs: [...graph.outputs, { name: erf, type: "float32" as const, dims: [] }],
    };
    expect(recognise(given)).toBe(given);
    const read = write((w) => {
      const e = w.erf(w.div(w.x, root2));
      return w.add(w.mul(w.mul(w.x, w.add(e, 1)), 0.5), e);
    });
    expect(recognise(read)).toBe(read);
    expect(recognise(graph, new Set([graph.outputs[0].name, "x"])).nodes).toHaveLength(1);
  });
});

const swishes: Readonly<Record<string, (w: Writer) => string>> = {
  "torch: x·clip(x + 3, 0, 6)/6": ({ x, add, mul, div, clip }) => div(mul(x, clip(add(x, 3), 0, 6)), 6),
  "torch 1.13: a Relu before the clip": ({ x, add, mul, div, clip, relu }) =>
    div(mul(x, clip(relu(add(x, 3)), 0, 6)), 6),
  "the sixth on the clip": ({ x, add, mul, div, clip }) => mul(x, div(clip(add(3, x), 0, 6), 6)),
  "the sixth as a factor": ({ x, add, mul, clip }) => mul(mul(clip(add(x, 3), 0, 6), 1 / 6), x),
  "clipped to 1": ({ x, add, mul, div, clip }) => mul(x, clip(add(div(x, 6), 0.5), 0, 1)),
};

describe("HardSwish", () => {
  it.each(Object.entries(swishes))("%s", async (_, formula) => {
    expect((await expectOne(write(formula), "HardSwish")).inputs).toEqual(["x"]);
  });

  it("with a HardSigmoid", async () => {
    const graph = write(({ x, mul }) => mul(x, "h"));
    const h = node("HardSigmoid", ["x"], ["h"], { alpha: attr.float(1 / 6), beta: attr.float(0.5) });
    await expectOne({ ...graph, nodes: [h, ...graph.nodes] }, "HardSwish");
    const other = { ...graph, nodes: [node("HardSigmoid", ["x"], ["h"]), ...graph.nodes] };
    expect(recognise(other)).toBe(other);
  });

  it.each<[string, (w: Writer) => string]>([
    ["without its sixth", ({ x, add, mul, clip }) => mul(x, clip(add(x, 3), 0, 6))],
    ["clipped elsewhere", ({ x, add, mul, div, clip }) => div(mul(x, clip(add(x, 3), 0, 5)), 6)],
    ["clipped from elsewhere", ({ x, add, mul, div, clip }) => div(mul(x, clip(add(x, 3), -1, 6)), 6)],
    ["shifted by 2", ({ x, add, mul, div, clip }) => div(mul(x, clip(add(x, 2), 0, 6)), 6)],
  ])("is not one %s", (_, formula) => {
    const graph = write(formula);
    expect(recognise(graph)).toBe(graph);
  });
});

const scale = float32([4], [1, 2, -1, 0.5]);
const bias = float32([4], [0, 1, 0.25, -3]);
const norms: Readonly<Record<string, (w: Writer) => string>> = {
  torch: ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
    const d = sub(x, mean(x));
    return add(mul(div(d, sqrt(add(mean(pow(d, 2)), 1e-5))), scale), bias);
  },
  "all operands the other way, a square as a product": ({ x, add, sub, mul, div, sqrt, mean }) => {
    const d = sub(x, mean(x));
    return add(bias, mul(scale, div(d, sqrt(add(1e-5, mean(mul(d, d)))))));
  },
  "a reciprocal": ({ x, add, sub, mul, sqrt, reciprocal, mean }) => {
    const d = sub(x, mean(x));
    return add(mul(mul(reciprocal(sqrt(add(mean(mul(d, d)), 1e-5))), d), scale), bias);
  },
  "one over, differences taken twice": ({ x, add, sub, mul, div, pow, sqrt, mean }) =>
    add(mul(mul(sub(x, mean(x)), div(1, sqrt(add(mean(pow(sub(x, mean(x)), 2)), 1e-5)))), scale), bias),
  "a positive axis, scale with leading ones": ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
    const d = sub(x, mean(x, 2));
    const wide = { ...scale, dims: [1, 1, 4] };
    return add(mul(div(d, sqrt(add(mean(pow(d, 2), 2), 1e-5))), wide), bias);
  },
  "Keras 2: x·k + (bias − mean·k)": ({ x, add, sub, mul, sqrt, reciprocal, mean }) => {
    const m = mean(x);
    const d = sub(x, m);
    const k = mul(reciprocal(sqrt(add(mean(mul(d, d)), 1e-5))), { ...scale, dims: [1, 1, 4] });
    return add(mul(x, k), sub(bias, mul(m, k)));
  },
  "Keras 3: x·k + (−mean·k + bias)": ({ x, add, sub, mul, neg, sqrt, reciprocal, mean }) => {
    const m = mean(x);
    const d = sub(x, m);
    const k = mul(reciprocal(sqrt(add(mean(mul(d, d)), 1e-5))), scale);
    return add(mul(k, x), add(mul(neg(m), k), bias));
  },
  "Keras, without scale": ({ x, add, sub, mul, sqrt, reciprocal, mean }) => {
    const d = sub(x, mean(x));
    const k = reciprocal(sqrt(add(mean(mul(d, d)), 1e-5)));
    return add(sub(bias, mul(mean(x), k)), mul(x, k));
  },
  "without bias": ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
    const d = sub(x, mean(x));
    return mul(div(d, sqrt(add(mean(pow(d, 2)), 1e-5))), scale);
  },
  bare: ({ x, add, sub, div, pow, sqrt, mean }) => {
    const d = sub(x, mean(x));
    return div(d, sqrt(add(mean(pow(d, 2)), 1e-5)));
  },
};

describe("LayerNorm", () => {
  it.each(Object.entries(norms))("%s", async (_, formula) => {
    const norm = await expectOne(write(formula), "LayerNormalization");
    expect(norm.inputs[0]).toBe("x");
    expect(floatOf(norm, "epsilon", 0)).toBeCloseTo(1e-5, 10);
  });

  it("takes the bias only if nobody else reads what comes before", () => {
    const graph = write((w) => {
      const d = w.sub(w.x, w.mean(w.x));
      const scaled = w.mul(w.div(d, w.sqrt(w.add(w.mean(w.pow(d, 2)), 1e-5))), scale);
      return w.mul(w.add(scaled, bias), scaled);
    });
    expect(recognise(graph).nodes.map((n) => n.op)).toEqual(["LayerNormalization", "Add", "Mul"]);
  });

  it("is left alone where an inner tensor is read, given out or kept", () => {
    const graph = write(norms.torch);
    const root = graph.nodes.find((n) => n.op === "Sqrt")!.outputs[0];
    expect(recognise(graph, new Set([root]))).toBe(graph);
    const given = {
      ...graph,
      outputs: [...graph.outputs, { name: root, type: "float32" as const, dims: [] }],
    };
    expect(recognise(given)).toBe(given);
    const read = write((w) => {
      const d = w.sub(w.x, w.mean(w.x));
      return w.add(w.mul(w.div(d, w.sqrt(w.add(w.mean(w.pow(d, 2)), 1e-5))), scale), d);
    });
    expect(recognise(read)).toBe(read);
  });

  it.each<[string, (w: Writer) => string]>([
    [
      "another axis",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const d = sub(x, mean(x, 1));
        return mul(div(d, sqrt(add(mean(pow(d, 2), 1), 1e-5))), scale);
      },
    ],
    [
      "mixed axes",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const d = sub(x, mean(x));
        return mul(div(d, sqrt(add(mean(pow(d, 2), 1), 1e-5))), scale);
      },
    ],
    [
      "a cube",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const d = sub(x, mean(x));
        return mul(div(d, sqrt(add(mean(pow(d, 3)), 1e-5))), scale);
      },
    ],
    [
      "a mean minus x",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const d = sub(mean(x), x);
        return mul(div(d, sqrt(add(mean(pow(d, 2)), 1e-5))), scale);
      },
    ],
    [
      "σ/d",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const d = sub(x, mean(x));
        return mul(div(sqrt(add(mean(pow(d, 2)), 1e-5)), d), scale);
      },
    ],
    [
      "a shift by something else than the mean",
      ({ x, add, sub, mul, sqrt, reciprocal, mean }) => {
        const d = sub(x, mean(x));
        const k = mul(reciprocal(sqrt(add(mean(mul(d, d)), 1e-5))), scale);
        return add(mul(x, k), sub(bias, mul(mean(x, 1), k)));
      },
    ],
    [
      "a shift the other way",
      ({ x, add, sub, mul, sqrt, reciprocal, mean }) => {
        const m = mean(x);
        const d = sub(x, m);
        const k = mul(reciprocal(sqrt(add(mean(mul(d, d)), 1e-5))), scale);
        return add(mul(x, k), sub(mul(m, k), bias));
      },
    ],
    [
      "the spread of something else",
      ({ x, add, sub, mul, div, pow, sqrt, mean }) => {
        const z = mul(x, 2);
        const d = sub(z, mean(z));
        return mul(div(sub(x, mean(x)), sqrt(add(mean(pow(d, 2)), 1e-5))), scale);
      },
    ],
  ])("is not %s", (_, formula) => {
    const graph = write(formula);
    expect(recognise(graph, new Set(), fold(graph, "batch").shapes)).toBe(graph);
  });

  it("is described by simplify, with the constants it adds", () => {
    const { graph, shapes } = simplify(write(norms.bare), "batch");
    expect(graph.nodes.map((n) => n.op)).toEqual(["LayerNormalization"]);
    expect(shapes.get(graph.nodes[0].inputs[1])).toEqual([4]);
  });
});
