/** Small models by hand, and what runs them: onnxruntime-web in this process, one thread, the same bits on every machine. */
import * as ort from "onnxruntime-web";
import type { Engine } from "../src/engine/engine.ts";
import { createOnnxRuntime } from "../src/engine/onnxruntime.ts";
import { createPool } from "../src/engine/pool.ts";
import { createModel, type Model, type ModelOptions } from "../src/model/model.ts";
import { type PrepareOptions, prepare } from "../src/model/prepare.ts";
import { attr, canonicalOpset, type Graph, type Node, node } from "../src/onnx/graph.ts";
import { type Float32Tensor, float32, int64, sizeOf, type Tensor } from "../src/onnx/tensor.ts";
import { rngOf } from "../src/rng.ts";

export const wasm: Engine = createOnnxRuntime(ort, {
  package: "onnxruntime-web",
  provider: "wasm",
  threads: 1,
});

type Dims = readonly (number | string)[];

/** A graph from the image "x" to "y". */
export const graphOf = (
  x: Dims,
  nodes: readonly Node[],
  weights: Readonly<Record<string, Tensor>>,
): Graph => ({
  name: "small",
  opsets: { "": canonicalOpset },
  inputs: [{ name: "x", type: "float32", dims: x }],
  outputs: [{ name: "y", type: "float32", dims: ["N", "?"] }],
  nodes,
  initializers: new Map(Object.entries(weights)),
});

/** Normal values that depend on the name alone. */
export function weight(name: string, ...dims: number[]): Float32Tensor {
  const rng = rngOf("small", name);
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
  );
}

/** An image in pixel space. */
export function picture(name: string, channels: number, height: number, width: number): Float32Tensor {
  const rng = rngOf("small picture", name);
  return float32(
    [channels, height, width],
    Float32Array.from({ length: channels * height * width }, () => rng.uniform()),
  );
}

export interface CnnOptions {
  readonly batch?: number | string;
  readonly channels?: number;
  readonly height?: number | string;
  readonly width?: number | string;
  readonly classes?: number;
  /** "flatten" keeps the batch free; "reshape" bakes its size in, as exporters with a fixed batch do */
  readonly head?: "flatten" | "reshape";
  /** an operator behind the logits */
  readonly tail?: "Softmax" | "LogSoftmax" | "Sigmoid";
}

/** Conv 3×3 → Relu ("features") → global mean → Gemm ("logits") → tail ("y"). */
export function smallCnn(options: CnnOptions = {}): Graph {
  const { batch = "N", channels = 3, height = 6, width = 8, classes = 4, head = "flatten", tail } = options;
  const logits = tail === undefined ? "y" : "logits";
  const nodes = [
    node("Conv", ["x", "w", "b"], ["c"], { pads: attr.ints([1, 1, 1, 1]) }),
    node("Relu", ["c"], ["features"]),
    node("GlobalAveragePool", ["features"], ["p"]),
    head === "flatten" ? node("Flatten", ["p"], ["f"]) : node("Reshape", ["p", "shape"], ["f"]),
    node("Gemm", ["f", "v", "a"], [logits]),
    ...(tail === undefined ? [] : [node(tail, [logits], ["y"])]),
  ];
  return graphOf([batch, channels, height, width], nodes, {
    w: weight("w", 5, channels, 3, 3),
    b: weight("b", 5),
    v: weight("v", 5, classes),
    a: weight("a", classes),
    ...(head === "reshape" ? { shape: int64([2], [Number(batch), 5]) } : {}),
  });
}

export interface VitOptions {
  /** class and register tokens; 0: the mean of the patches is classified */
  readonly extra?: number;
  readonly blocks?: number;
  readonly height?: number;
  readonly width?: number;
}

/**
 * Patches of 2×2 → tokens of 4 → blocks of one-headed attention ("norm0", "block0", …) → "final" → class token or mean → "y".
 */
export function smallVit({ extra = 1, blocks = 2, height = 4, width = 6 }: VitOptions = {}): Graph {
  const weights: Record<string, Tensor> = {
    patch: weight("patch", 4, 3, 2, 2),
    columns: int64([3], [0, 4, (height / 2) * (width / 2)]),
    scale: weight("scale", 4),
    shift: weight("shift", 4),
    head: weight("head", 4, 3),
  };
  const nodes = [
    node("Conv", ["x", "patch"], ["grid"], { strides: attr.ints([2, 2]) }),
    node("Reshape", ["grid", "columns"], ["transposed"]),
    node("Transpose", ["transposed"], ["patches"], { perm: attr.ints([0, 2, 1]) }),
  ];
  let at = "patches";
  if (extra > 0) {
    // as many rows as images, which exporters write as an Expand
    Object.assign(weights, {
      none: float32([], [0]),
      axis: int64([1], [1]),
      tokens: weight("tokens", 1, extra, 4),
    });
    nodes.push(
      node("ReduceMean", [at, "axis"], ["one"]),
      node("Mul", ["one", "none"], ["nothing"]),
      node("Add", ["nothing", "tokens"], ["extra"]),
      node("Concat", ["extra", at], ["all"], { axis: attr.int(1) }),
    );
    at = "all";
  }
  for (let k = 0; k < blocks; k++) {
    for (const name of ["q", "k", "v"]) weights[`${name}${k}`] = weight(`${name}${k}`, 4, 4);
    nodes.push(
      node("LayerNormalization", [at, "scale", "shift"], [`norm${k}`], { axis: attr.int(-1) }),
      ...["q", "k", "v"].map((name) => node("MatMul", [`norm${k}`, `${name}${k}`], [`${name}s${k}`])),
      node("Transpose", [`ks${k}`], [`kt${k}`], { perm: attr.ints([0, 2, 1]) }),
      node("MatMul", [`qs${k}`, `kt${k}`], [`scores${k}`]),
      node("Softmax", [`scores${k}`], [`attention${k}`], { axis: attr.int(-1) }),
      node("MatMul", [`attention${k}`, `vs${k}`], [`mixed${k}`]),
      node("Add", [at, `mixed${k}`], [`block${k}`]),
    );
    at = `block${k}`;
  }
  nodes.push(node("LayerNormalization", [at, "scale", "shift"], ["final"], { axis: attr.int(-1) }));
  if (extra > 0) {
    weights.first = int64([], [0]);
    nodes.push(node("Gather", ["final", "first"], ["pooled"], { axis: attr.int(1) }));
  } else {
    weights.cells = int64([1], [1]);
    nodes.push(node("ReduceMean", ["final", "cells"], ["pooled"], { keepdims: attr.int(0) }));
  }
  nodes.push(node("MatMul", ["pooled", "head"], ["y"]));
  return graphOf(["N", 3, height, width], nodes, weights);
}

export const smallModel = (
  graph: Graph,
  options: PrepareOptions = {},
  { memory = 1e9, pool = createPool(wasm), provider = "wasm", ...rest }: Partial<ModelOptions> = {},
): Model => createModel(prepare(graph, options), { pool, memory, provider, ...rest });

/** Logits of some images. */
export async function logitsOf(model: Model, images: readonly Float32Tensor[]): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  await model.forward(
    images.length,
    (k, out) => out.set(images[k].data),
    (k, logits) => {
      found[k] = logits.slice();
    },
  );
  return found;
}
