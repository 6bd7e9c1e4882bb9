/** Class activation maps. */
import { relevance } from "../../src/methods/method.ts";
import { attributed, by, plain, type Table } from "./fixture.ts";

export const cam: Table = {
  "captum.layer_gradcam": plain("grad-cam", {}, undefined, true),
  "cam.gradcam_raw": plain("grad-cam", {}, undefined, true),
  "cam.gradcam": by("grad-cam", async (f) => relevance(await attributed(f, "grad-cam"))),
  "heat.gradcam": by("grad-cam", async (f) => relevance(await attributed(f, "grad-cam"))),
  "cam.gradcam_weights": async (f) => {
    const { activationGradient } = await f.probe.cam();
    const cells = f.model.cam!.rows * f.model.cam!.columns;
    return Float32Array.from({ length: f.model.cam!.channels }, (_, k) =>
      activationGradient.subarray(k * cells, (k + 1) * cells).reduce((s, v) => s + v / cells, 0),
    );
  },
};
