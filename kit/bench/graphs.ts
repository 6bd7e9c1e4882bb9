/** What is measured: a model's forward graph, or the one with the gradient of its first output at its first input. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { backward } from "../src/autodiff/backward.ts";
import { graphFor, graphOptionsFor } from "../src/autodiff/graph-options.ts";
import { checkGraph } from "../src/engine/check.ts";
import type { Provider } from "../src/engine/engine.ts";
import { KitError } from "../src/errors.ts";
import type { Graph, Node } from "../src/onnx/graph.ts";
import { readOnnx } from "../src/onnx/read.ts";
import { shapeAt } from "../src/onnx/shapes.ts";
import { simplify } from "../src/onnx/simplify.ts";
import { float32, sizeOf, type Tensor } from "../src/onnx/tensor.ts";

export const kinds = ["forward", "gradient"] as const;
export type Kind = (typeof kinds)[number];

export interface Source {
  readonly name: string;
  readonly path: string | undefined;
  read(): Graph;
}

/** The small network of the device check, then the .onnx files that were named, folders opened. */
export function sources(paths: readonly string[]): Source[] {
  const found: Source[] = [{ name: "small", path: undefined, read: checkGraph }];
  for (const path of paths) {
    if (!existsSync(path)) {
      throw new KitError("E_BENCH_MODEL", {
        problem: `no such file or folder: ${path}`,
        next: "give a model.onnx",
      });
    }
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((f) => f.endsWith(".onnx"))
          .sort()
          .map((f) => join(path, f))
      : [path];
    for (const file of files) {
      const read = () => readOnnx(readFileSync(file), { name: basename(file) });
      found.push({ name: basename(file, ".onnx"), path: file, read });
    }
  }
  return found;
}

export interface Measured {
  readonly graph: Graph;
  readonly fetches: readonly string[];
  /** new tensors every time: a run may take them away */
  feeds(batch: number): Record<string, Tensor>;
}

/** The graph as the kit runs it on a provider. */
export function measuredGraph({ read }: Source, kind: Kind, provider: Provider): Measured {
  const graph = read();
  const [input] = graph.inputs;
  const score = graph.outputs[0].name;
  let folded = simplify(
    graph,
    input.dims.find((d) => typeof d === "string"),
  );
  let fetches = [score];
  let seed: string | undefined;
  if (kind === "gradient") {
    const differentiated = backward(folded, { score, wrt: [input.name], ...graphOptionsFor(provider) });
    folded = differentiated.folded;
    seed = differentiated.seed;
    fetches = [score, differentiated.gradients[input.name]];
  }
  const dimsOf = (tensor: string, batch: number) => shapeAt(folded.shapes.get(tensor) ?? [], batch);
  return {
    graph: graphFor(provider, folded.graph, folded.shapes),
    fetches,
    feeds(batch) {
      const x = { [input.name]: filled(dimsOf(input.name, batch), Math.sin) };
      if (seed === undefined) return x;
      const dims = dimsOf(score, batch);
      return { ...x, [seed]: filled(dims, (i) => (i % dims[1] === 0 ? 1 : 0)) };
    },
  };
}

/**
 * The gradient's graph as the walk backwards leaves it: nodes in the order they were made in, one name for the batch. What the two
 * decisions against it cost or bring is "Memory" in the README of this folder.
 */
export function plain({ nodes, values, ...graph }: Graph): Graph {
  const made = (n: Node): number => Number(/^grad\d*\/.*_(\d+)$/.exec(n.outputs[0])?.[1] ?? -1);
  return {
    ...graph,
    // what was there before has no number and stays in front, in its order
    nodes: nodes.toSorted((a, b) => made(a) - made(b)),
    values: values?.map((v) => ({ ...v, dims: v.dims.map(ofOneName) })),
  };
}

const ofOneName = (dim: number | string) =>
  typeof dim === "string" ? dim.replace(/ of gradients$/, "") : dim;

export function filled(dims: readonly number[], value: (i: number) => number): Tensor {
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => value(i)),
  );
}
