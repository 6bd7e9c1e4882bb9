import { readOnnx } from "../../src/onnx/read.ts";
import { writeOnnx } from "../../src/onnx/write.ts";

const weights = new Uint8Array(64).fill(1);

export function run(bytes: Uint8Array): void {
  const graph = readOnnx(bytes, {
    external: (_, offset, length = 0) => weights.subarray(offset, offset + length),
  });
  try {
    readOnnx(writeOnnx(graph));
  } catch (cause) {
    throw new Error("what was read cannot be written and read again", { cause });
  }
}
