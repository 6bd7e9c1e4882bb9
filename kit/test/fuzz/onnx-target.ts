import { KitError } from "../../src/errors.ts";
import { fold } from "../../src/onnx/fold.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { readOnnx } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";

const weights = new Uint8Array(64).fill(1);

/** Folded where it can be; a graph that cannot be is refused in words, which is a good answer. */
function folded(graph: Graph): Graph | undefined {
  try {
    return fold(graph, "batch").graph;
  } catch (error) {
    if (error instanceof KitError) return undefined;
    throw error;
  }
}

export function run(bytes: Uint8Array): void {
  const graph = readOnnx(bytes, {
    external: (_, offset, length = 0) => weights.subarray(offset, offset + length),
  });
  const held = graph.nodes.some((n) => Object.values(n.attributes).some((a) => a.type === "graph"));
  const ready = folded(graph);
  // with an If or a Loop in it, only what folding makes of a graph can be written
  if (held && ready === undefined) return;
  try {
    readOnnx(writeOnnx(ready ?? graph));
  } catch (cause) {
    throw new Error("what was read cannot be written and read again", { cause });
  }
}
