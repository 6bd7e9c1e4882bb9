/** From attributions to the tiles of a contact sheet. */
import type { Method } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import type { PixelImage } from "../render/overlay.ts";
import type { SheetTile } from "../render/sheet.ts";
import { shownOf } from "../render/shown.ts";

export const pixelImage = (x: Float32Tensor): PixelImage => {
  const [channels, height, width] = x.dims;
  return { channels: channels === 1 ? 1 : 3, height, width, data: x.data };
};

export function tileOf(method: Method, attribution: Float32Tensor, lines: readonly string[]): SheetTile {
  const { map, scale } = shownOf(method, attribution);
  return { title: method.title, lines, map, scale };
}
