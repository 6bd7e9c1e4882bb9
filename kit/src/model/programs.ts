/** Graphs that several methods are built on. A method with a graph nobody else needs keeps it in its own file. */
import { backward } from "../autodiff/backward.ts";
import type { RuleTable } from "../autodiff/vjp.ts";
import { KitError } from "../errors.ts";
import { type Graph, names } from "../onnx/graph.ts";
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
 * The logits when the activation of the CAM layer is another than the image's.
 *
 * Roles: `activation`, as the layer has it (a `CamLayer` says how its axes lie), and `image` [C,H,W] where something passes the layer by (a
 * skip connection): where nothing does, only what lies behind the layer is computed and there is no such role → logits [K].
 *
 * @throws KitError E_CAM_LAYER where the model has no spatial grid
 */
export const fromLayer: Program = {
  id: "from layer",
  passes: { forwards: 1, backwards: 0 },
  build: (parts) => {
    const { input, score, cam } = parts;
    if (cam === undefined) throw new KitError("E_CAM_LAYER", { problem: "the model has no spatial grid" });
    const { folded, activation } = cutAt(parts, cam.name);
    return { folded, feeds: { image: input, activation }, fetches: [score] };
  },
};

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
