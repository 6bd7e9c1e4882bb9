import { fromGrid } from "../model/cam-layer.ts";
import type { Model } from "../model/model.ts";
import { passesBy } from "../model/programs.ts";
import { float32 } from "../onnx/tensor.ts";
import { activated, camMap, goOn, layerSize, minMax } from "./cam.ts";
import { defineMethod } from "./method.ts";

/**
 * Recipro-CAM: the probability of the class when the CAM layer holds nothing but one cell of its activation; asked for every cell.
 *
 * @returns float32 [H,W], in [0, 1]; with `raw` [rows, columns] of the layer, the probabilities (or logits) as they are
 * @throws  KitError E_CAM_LAYER where the model has no spatial grid
 *
 * Cost: one forward pass, and one for each cell from the layer on.
 * Source: arXiv:2209.14074 and its code, for the softmax; arXiv:2310.02588 for class tokens, which are kept as they are, and for a
 * Gaussian mask over the neighbours' own activations. All 0 where every cell gives the same.
 */
export const reciproCam = defineMethod({
  id: "recipro-cam",
  title: "Recipro-CAM",
  paper: "arXiv:2209.14074",
  revision: 1,
  summary:
    "The probability when all but one cell of the CAM layer is 0, min–max scaled over the cells, bilinear to the input size.",
  formula: "Φᵢ = minmax p(A ⊙ Mᵢ), Mᵢ = 1 at cell i and 0 elsewhere, bilinear to [H,W]",
  limits:
    "One cell alone is far from what the model ever saw behind its layer, and evidence that needs two places is not found.",
  kind: "map",
  map: "sum",
  needs: ["cam"],
  params: {
    mask: {
      type: "choice",
      choices: ["cell", "gaussian"],
      default: "cell",
      description:
        "what stays of the activation: one cell, or its 3×3 neighbourhood by Gaussian weights (1 2 1; 2 4 2; 1 2 1)/16",
    },
    score: {
      type: "choice",
      choices: ["probability", "logit"],
      default: "probability",
      description: "what is asked of the model with one cell",
    },
  },
  refuses: stillSeen,
  cost: (_, shape) => {
    const { rows, columns } = layerSize(shape);
    return { forwards: 1 + rows * columns, backwards: 0 };
  },
  async attribute({ probe, params, raw }) {
    const found = await activated(probe);
    const { layer, activation } = found;
    const { model, target } = probe;
    const { rows, columns } = layer;
    const cells = rows * columns;
    const share = params.mask === "cell" ? sameCell : gaussian;
    const map = new Float32Array(cells);
    await goOn(
      probe,
      found,
      cells,
      (cell, given) => {
        const kept = activation.map((a, at) => {
          const other = at % cells;
          const down = Math.floor(other / columns) - Math.floor(cell / columns);
          return a * share(down, (other % columns) - (cell % columns));
        });
        fromGrid(layer, kept, given);
      },
      (cell, logits) => {
        map[cell] = params.score === "logit" ? logits[target] : model.probabilities(logits)[target];
      },
    );
    return camMap(float32([rows, columns], raw ? map : minMax(map)), model.shape, raw);
  },
});

const sameCell = (down: number, across: number): number => (down === 0 && across === 0 ? 1 : 0);

const gaussian = (down: number, across: number): number =>
  (Math.max(0, 2 - Math.abs(down)) * Math.max(0, 2 - Math.abs(across))) / 16;

/** Behind attention the class token alone is read; elsewhere what passes the layer by would show all cells at once. */
function stillSeen(model: Model): string | undefined {
  const { cam, prepared } = model;
  if (cam === undefined || (cam.kind === "tokens" && cam.skip > 0)) return undefined;
  const node = passesBy({ ...prepared, input: prepared.input.name });
  return (
    node && `the image passes layer "${cam.name}" by (${node}), so that one cell cannot be looked at alone`
  );
}
