import { expect, it } from "vitest";
import { smallModel } from "../../test/small-models.ts";
import { bundledModels } from "../bundled.ts";
import { readModelFile } from "../node.ts";
import { deconvolution } from "./deconvolution.ts";
import { deeplift } from "./deeplift.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { guidedGradCam } from "./guided-grad-cam.ts";

const methods = [guidedBackprop, deconvolution, guidedGradCam, deeplift];

/** What stands against rules of ReLUs in the bundled models, by the end of their names. */
const against = {
  resnet: undefined,
  densenet: undefined,
  vit: [
    "Gelu: 3 nodes",
    "LayerNormalization: 7 nodes",
    "MatMul (of two activations): 6 nodes",
    "Softmax: 3 nodes",
  ],
  clip: [
    "Div (by an activation): 1 node",
    "LayerNormalization: 8 nodes",
    "Mul (of two activations): 3 nodes",
  ],
} as const;

it.each(bundledModels().map(({ id, path }) => [id, path] as const))("knows the family of %s", (id, path) => {
  const family = id.split("-").at(-1);
  const reasons = against[family as keyof typeof against];
  const model = smallModel(readModelFile(path).graph);
  for (const method of methods) {
    const refusal = method.refuses?.(model);
    if (reasons === undefined) expect(refusal).toBeUndefined();
    else for (const reason of reasons) expect(refusal).toContain(reason);
  }
});
