/** Graph clean-up after decoding: names checked, nodes sorted, aliases and unused parts gone. */
import { type Graph, labelOf, type Node, producers, prune } from "./graph.ts";
import { invalid } from "./read-errors.ts";

/** Every name is made once and every name read is made. Throws KitError E_ONNX_INVALID. */
export function checkNames(graph: Graph, file: string): void {
  const made = new Set<string>(graph.initializers.keys());
  const make = (name: string, by: string) => {
    if (made.has(name)) throw invalid(file, `${name} is made twice`, [by]);
    made.add(name);
  };
  for (const input of graph.inputs) make(input.name, "a graph input");
  for (const n of graph.nodes) for (const o of n.outputs) if (o !== "") make(o, `${n.op} ${labelOf(n)}`);
  for (const n of graph.nodes) {
    for (const i of n.inputs) {
      if (i !== "" && !made.has(i))
        throw invalid(file, `no node makes ${i}`, [`read by ${n.op} ${labelOf(n)}`]);
    }
  }
  for (const { name } of graph.outputs) {
    if (!made.has(name)) throw invalid(file, `no node makes the output ${name}`);
  }
}

/** A model, unlike the body of a loop, names each output once. Throws KitError E_ONNX_INVALID. */
export function checkOutputs(graph: Graph, file: string): void {
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (outputs.has(name)) throw invalid(file, `${name} is an output twice`);
    outputs.add(name);
  }
}

/**
 * Nodes after the nodes they read, otherwise in the order of the file: depth first, with a stack of our own because
 * models can be deeper than the call stack. Throws KitError E_ONNX_INVALID naming the nodes of a cycle.
 */
export function sortNodes(graph: Graph, file: string): Graph {
  const makers = producers(graph);
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of graph.nodes) {
    if (state.has(root)) continue;
    state.set(root, "open");
    const stack = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next === top.node.inputs.length) {
        state.set(top.node, "done");
        sorted.push(top.node);
        stack.pop();
        continue;
      }
      const maker = makers.get(top.node.inputs[top.next++]);
      if (maker === undefined || state.get(maker) === "done") continue;
      if (state.get(maker) === "open") {
        const cycle = stack.slice(stack.findIndex((s) => s.node === maker)).map((s) => s.node);
        const shown = cycle.slice(0, 10).map((n) => `${n.op} ${labelOf(n)}`);
        if (cycle.length > shown.length) shown.push(`and ${cycle.length - shown.length} more`);
        throw invalid(file, "nodes wait for each other in a cycle", shown);
      }
      state.set(maker, "open");
      stack.push({ node: maker, next: 0 });
    }
  }
  return { ...graph, nodes: sorted };
}

/** What no output needs is dropped, initializers included; graph inputs stay. */
export const removeUnused = (graph: Graph): Graph => prune(graph, graph.outputs);

/**
 * Identity nodes become nothing: readers of the copy read the original (torch shares equal weights through them).
 * A graph output keeps its name: its maker takes it over, or, where the original has a name of its own to keep (a graph
 * input, an initializer, another output), the Identity stays.
 */
export function removeAliases(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const fixedNames = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys(), ...outputs]);
  const original = new Map<string, string>();
  const renamed = new Map<string, string>();
  const nodes: Node[] = [];
  for (const n of graph.nodes) {
    const isCopy = n.op === "Identity" && n.domain === "" && n.inputs.length === 1 && n.outputs.length === 1;
    if (!isCopy) {
      nodes.push(n);
      continue;
    }
    const [copy] = n.outputs;
    const source = original.get(n.inputs[0]) ?? n.inputs[0];
    if (!outputs.has(copy)) {
      original.set(copy, source);
    } else if (fixedNames.has(source) || renamed.has(source)) {
      nodes.push(n);
    } else {
      renamed.set(source, copy);
    }
  }
  const resolve = (name: string): string => {
    const source = original.get(name) ?? name;
    return renamed.get(source) ?? source;
  };
  return {
    ...graph,
    nodes: nodes.map((n) => ({ ...n, inputs: n.inputs.map(resolve), outputs: n.outputs.map(resolve) })),
  };
}
