import { KitError } from "../errors.ts";
import { bilinear } from "../model/image.ts";
import { gradCam } from "./grad-cam.ts";
import { guided } from "./guided-backprop.ts";
import { defineMethod } from "./method.ts";
import { passedBack } from "./ruled.ts";

/**
 * Guided Grad-CAM: guided backpropagation where Grad-CAM looks.
 *
 * @returns float32 [C,H,W], signed
 * @throws  KitError E_NO_RULE as guided-backprop, E_CAM_LAYER as grad-cam, E_NO_GRADIENT
 *
 * Cost: two forward and two backward passes; one of each is shared with grad-cam, the other with guided-backprop.
 * Source: arXiv:1610.02391 § 3.2, whose Grad-CAM is bilinear; `interpolation=nearest` is Captum's.
 */
export const guidedGradCam = defineMethod({
  id: "guided-grad-cam",
  title: "Guided Grad-CAM",
  paper: "arXiv:1610.02391",
  revision: 1,
  summary: "Guided backpropagation ⊙ Grad-CAM brought to the input size.",
  formula: "Φ = guided backpropagation ⊙ ReLU(Σₖ mean(∂f/∂Aₖ) · Aₖ), enlarged to [H,W]",
  limits:
    "Which edges are drawn inside the Grad-CAM region says as little of the class as guided backpropagation does.",
  kind: "map",
  map: "abs-sum",
  needs: ["gradient", "cam"],
  params: {
    interpolation: {
      type: "choice",
      choices: ["bilinear", "nearest"],
      default: "bilinear",
      description: "how Grad-CAM is brought to the input size",
    },
  },
  refuses: guided.refuses,
  cost: () => ({ forwards: 2, backwards: 2 }),
  async attribute(context) {
    const { probe, x, params } = context;
    if (context.raw) {
      throw new KitError("E_PARAM", {
        problem: "guided-grad-cam has no map at a resolution of its own",
        next: "ask grad-cam for its raw map",
      });
    }
    const gradient = await passedBack(context, guided);
    const map = await gradCam.attribute({ ...context, params: {}, raw: true });
    const [rows, columns] = map.dims;
    const { height, width } = probe.model.shape;
    const resize = params.interpolation === "nearest" ? nearest : bilinear;
    const location = resize(
      map.data.map((v) => Math.max(v, 0)),
      rows,
      columns,
      height,
      width,
    );
    return { ...x, data: gradient.data.map((g, i) => g * location[i % location.length]) };
  },
});

/** The cell that a pixel's upper left corner lies in, as torch's "nearest". */
function nearest(
  plane: Float32Array,
  height: number,
  width: number,
  toHeight: number,
  toWidth: number,
): Float32Array {
  const out = new Float32Array(toHeight * toWidth);
  for (let i = 0; i < toHeight; i++) {
    for (let j = 0; j < toWidth; j++) {
      out[i * toWidth + j] =
        plane[Math.floor((i * height) / toHeight) * width + Math.floor((j * width) / toWidth)];
    }
  }
  return out;
}
