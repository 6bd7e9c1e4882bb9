import { decodeImage8 } from "../../src/datasets/readers/image.ts";

export async function run(bytes: Uint8Array): Promise<void> {
  const { channels, height, width, data } = await decodeImage8(bytes);
  if (data.length !== channels * height * width) throw new Error(`${data.length} bytes`);
}
