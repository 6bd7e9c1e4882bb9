/** PNG files of pictures. Node only: sharp does the encoding. */
import { writeFileAtomic } from "../files.ts";
import { loadSharp } from "../sharp.ts";
import type { Raster } from "./raster.ts";

export async function encodePng({ data, width, height }: Raster): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return await sharp(data, { raw: { width, height, channels: 4 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Throws KitError E_WRITE if the file cannot be written; then nothing is left behind. */
export async function writePng(path: string, picture: Raster): Promise<void> {
  await writeFileAtomic(path, await encodePng(picture));
}
