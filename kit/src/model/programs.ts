/** Graphs that several methods are built on. A method with a graph nobody else needs keeps it in its own file. */
import { backward } from "../autodiff/backward.ts";
import type { RuleTable } from "../autodiff/vjp.ts";
import { KitError } from "../errors.ts";
import { ancestors, descendants, type Graph, labelOf, names } from "../onnx/graph.ts";
import { equalDims } from "../onnx/shapes.ts";
import type { CamLayer } from "./cam-layer.ts";
import type { Built, Parts, Program } from "./model.ts";

/**
 * The gradient of the score at the input, passed back by `rules` where they differ from the derivative's.
 *
 * Roles: `image` [C,H,W], `seed` [K] → d(seed · logits)/dx [C,H,W].
 */
export const gradientBy = (id: string, rules: RuleTable): Program => ({
  id,
  passes: { forwards: 1, backwards: 1 },
  build({ folded, input, score, options }) {
    const pass = backward(folded, { score, wrt: [input], rules, ...options });
    return {
      folded: pass.folded,
      feeds: { image: input, seed: pass.seed },
      fetches: [pass.gradients[input]],
    };
  },
});

/**
 * What the CAM layer holds, without a gradient.
 *
 * Roles: `image` [C,H,W] → the activation as the layer has it, logits [K], then what passes the layer by, for `fromLayer`.
 *
 * @throws KitError E_CAM_LAYER where the model has no spatial grid
 */
export const atLayer: Program = {
  id: "at layer",
  passes: { forwards: 1, backwards: 0 },
  build: (parts) => ({
    folded: parts.folded,
    feeds: { image: parts.input },
    fetches: [camOf(parts).name, parts.score, ...beside(parts)],
  }),
};

/**
 * The logits when the activation of the CAM layer is another than the image's: only what lies behind the layer is computed.
 *
 * Roles: `activation`, as the layer has it (a `CamLayer` says how its axes lie); `beside 0`, `beside 1`, … where something passes the layer
 * by (skip connections), as `atLayer` found it; `image` [C,H,W] where something else of it is still asked for → logits [K].
 *
 * @throws KitError E_CAM_LAYER where the model has no spatial grid
 */
export const fromLayer: Program = {
  id: "from layer",
  passes: { forwards: 1, backwards: 0 },
  build: (parts) => {
    const { input, score } = parts;
    let { folded, activation } = cutAt(parts, camOf(parts).name);
    const feeds: Record<string, string> = { image: input, activation };
    for (const [k, name] of beside(parts).entries()) {
      ({ folded, activation: feeds[`beside ${k}`] } = cutAt({ folded }, name));
    }
    return { folded, feeds, fetches: [score] };
  },
};

/** Of the parts, all but what the device wants. */
type Where = Omit<Parts, "options">;

/** The nodes behind the CAM layer where something else of the image meets it, and what that is. Shapes do not count: every image has the same. */
function meetings(parts: Where) {
  const { folded, activation } = cutAt(parts, camOf(parts).name);
  const graph = { ...folded.graph, nodes: folded.graph.nodes.filter((n) => n.op !== "Shape") };
  const live = ancestors(graph, [parts.score]);
  const [image, layer] = [descendants(graph, [parts.input]), descendants(graph, [activation])];
  return graph.nodes
    .filter((n) => n.outputs.some((o) => live.has(o)) && n.inputs.some((i) => layer.has(i)))
    .map((node) => ({ node, others: node.inputs.filter((i) => image.has(i) && !layer.has(i)) }))
    .filter(({ others }) => others.length > 0);
}

/** The image's tensors that meet the layer's behind it, one row an image. What is no float is cheap to compute again. */
function beside(parts: Where): string[] {
  const { shapes, types } = parts.folded;
  const ofEachImage = (name: string) => {
    const [rows] = shapes.get(name) ?? [];
    return rows !== undefined && equalDims(rows, shapes.get(parts.input)![0]);
  };
  const met = new Set(meetings(parts).flatMap(({ others }) => others));
  met.delete(parts.input);
  return [...met].filter((name) => types.get(name) === "float32" && ofEachImage(name));
}

/** Where what passes the CAM layer by (a skip connection) meets what comes from it, for example "Add /block/Add"; undefined where nothing passes. */
export function passesBy(parts: Where): string | undefined {
  const [meeting] = meetings(parts);
  return meeting && `${meeting.node.op} ${labelOf(meeting.node)}`;
}

function camOf({ cam }: Pick<Parts, "cam">): CamLayer {
  if (cam) return cam;
  throw new KitError("E_CAM_LAYER", { problem: "the model has no spatial grid" });
}

/** The graph whose nodes read a new input in the place of the tensor `name`. */
export function cutAt(
  { folded }: Pick<Parts, "folded">,
  name: string,
): Pick<Built, "folded"> & { readonly activation: string } {
  const { graph, shapes, types } = folded;
  const used = names(graph);
  let activation = `${name} given`;
  while (used.has(activation)) activation += "'";
  const shape = shapes.get(name)!;
  const type = types.get(name)!;
  const batch = graph.inputs.flatMap((i) => i.dims).find((d) => typeof d === "string") ?? "batch";
  const cut: Graph = {
    ...graph,
    inputs: [
      ...graph.inputs,
      {
        name: activation,
        type,
        dims: shape.map((d) => (typeof d === "number" ? d : d.batch === 1 ? batch : "?")),
      },
    ],
    nodes: graph.nodes.map((n) =>
      n.inputs.includes(name) ? { ...n, inputs: n.inputs.map((i) => (i === name ? activation : i)) } : n,
    ),
  };
  return {
    folded: {
      ...folded,
      graph: cut,
      shapes: new Map([...shapes, [activation, shape]]),
      types: new Map([...types, [activation, type]]),
    },
    activation,
  };
}
