/** From attributions to the tiles of a contact sheet. */
import type { Method } from "../methods/method.ts";
import { relevance, toMap } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { methodOf } from "../protocol/protocol.ts";
import type { Heatmap } from "../render/colour.ts";
import type { PixelImage } from "../render/overlay.ts";
import type { SheetTile } from "../render/sheet.ts";

export const pixelImage = (x: Float32Tensor): PixelImage => {
  const [channels, height, width] = x.dims;
  return { channels: channels === 1 ? 1 : 3, height, width, data: x.data };
};

/** Signed for contributions, which may speak against the class; relevance for rates of change and CAMs. */
export function tileOf(method: Method, attribution: Float32Tensor, lines: readonly string[]): SheetTile {
  const map = toMap(attribution, method.map);
  const signed = method.kind === "contribution";
  const shown = signed ? map : relevance(map);
  const [height, width] = shown.dims;
  const heatmap: Heatmap = { height, width, data: shown.data };
  return { title: method.title, lines, map: heatmap, scale: signed ? "diverging" : "sequential" };
}

export const missingTile = (id: string, reason: string): SheetTile => ({ title: methodOf(id).title, reason });
