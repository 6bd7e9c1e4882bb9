/** The one picture type of the data sets: the bytes of the file's pixels, channel by channel. Runs anywhere. */
export interface Image8 {
  /** 1 = grey, 3 = red, green, blue */
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** [channels, height, width], 0 to 255 */
  readonly data: Uint8Array;
}

export interface DecodedImage8 extends Image8 {
  /** what was decided on the way, in words; empty for a plain picture */
  readonly notes: readonly string[];
}

/** Larger pictures are refused before anything is decoded: 50 megapixels are 150 MB of RGB. */
export const MAX_PIXELS = 50_000_000;

/** Pixel space: the same values as float32 in [0, 1], still [C, H, W]. */
export function toUnit(image: Image8): Float32Array {
  const { data } = image;
  const unit = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) unit[i] = data[i] / 255;
  return unit;
}

/** [height, width, channels] bytes, as decoders and numpy give them, to [channels, height, width]. */
export function fromInterleaved(
  bytes: Uint8Array,
  { channels, height, width }: Omit<Image8, "data">,
): Image8 {
  const plane = height * width;
  if (bytes.length !== plane * channels) {
    throw new RangeError(`${bytes.length} bytes for ${height}x${width}x${channels}`);
  }
  if (channels === 1) return { channels, height, width, data: bytes };
  const data = new Uint8Array(bytes.length);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < channels; c++) data[c * plane + i] = bytes[i * channels + c];
  }
  return { channels, height, width, data };
}
