/**
 * Picture files to 8-bit pixels in a browser or worker, as the Node reader (datasets/readers/image.ts) gives them: colour profiles are not
 * applied, EXIF orientation is, transparency is composed over black, of several frames the first is taken, grey PNG and JPEG files have one
 * channel. What decodes is the browser: lossless files give the Node reader's bytes (half-transparent pixels to within 1), JPEG its own
 * rounding. TIFF is not read.
 */
import { fromInterleaved, type Image8 } from "../datasets/readers/image8.ts";
import { fault, type Header, MAX_FILE_BYTES, readHeader, tooManyBytes } from "./header.ts";

/** What is used of the platform; Node's types do not know it. */
interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}
interface Context2d {
  drawImage(bitmap: Bitmap, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}
declare function createImageBitmap(
  source: Blob,
  options: { colorSpaceConversion: "none"; premultiplyAlpha: "none"; imageOrientation: "from-image" },
): Promise<Bitmap>;
declare const OffscreenCanvas: new (
  width: number,
  height: number,
) => { getContext(kind: "2d", options: { willReadFrequently: boolean }): Context2d | null };

export interface DecodedImage8 extends Image8 {
  /** what was decided on the way, in words; empty for a plain picture */
  readonly notes: readonly string[];
}

/**
 * One picture file: PNG, JPEG, WebP or GIF. Its header is checked before a pixel is decoded.
 *
 * @param name  what errors call it
 * @returns     uint8 [C, H, W], C = 1 for files that store grey
 * @throws      KitError E_IMAGE when it is not such a file, damaged, above 64 MB or above 24 megapixels
 *
 * Cost: 8 bytes per pixel while it runs.
 */
export async function decodeImage8(file: Blob, name = "the picture"): Promise<DecodedImage8> {
  if (file.size > MAX_FILE_BYTES) throw tooManyBytes(name, file.size);
  const header = readHeader(new Uint8Array(await file.arrayBuffer()), name);
  const bitmap = await decoded(file, header, name);
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) {
      throw fault(
        name,
        `cannot be drawn: the browser has no memory for ${width} × ${height} pixels`,
        "make it smaller",
      );
    }
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return fromRgba(data, { width, height, grey: header.grey, notes: header.notes });
  } finally {
    bitmap.close();
  }
}

async function decoded(file: Blob, { format }: Header, name: string): Promise<Bitmap> {
  try {
    return await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
      imageOrientation: "from-image",
    });
  } catch (cause) {
    throw fault(
      name,
      `begins like a ${format} but cannot be decoded`,
      "the file may be cut off or damaged: open it in a viewer and save it again",
      cause,
    );
  }
}

/** Interleaved RGBA, not premultiplied, over black, to planes. Exported for its test. */
export function fromRgba(
  rgba: Uint8ClampedArray,
  { width, height, grey, notes }: Pick<Header, "width" | "height" | "grey" | "notes">,
): DecodedImage8 {
  const channels = grey ? 1 : 3;
  const pixels = new Uint8Array(width * height * channels);
  let transparent = false;
  for (let i = 0; i < width * height; i++) {
    const alpha = rgba[4 * i + 3];
    if (alpha !== 255) transparent = true;
    for (let c = 0; c < channels; c++) {
      pixels[i * channels + c] = Math.round((rgba[4 * i + c] * alpha) / 255);
    }
  }
  return {
    ...fromInterleaved(pixels, { channels, height, width }),
    notes: transparent ? [...notes, "transparency composed over black"] : notes,
  };
}
