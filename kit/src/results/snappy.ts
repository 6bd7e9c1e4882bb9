/**
 * Snappy's raw format, https://github.com/google/snappy/blob/main/format_description.txt. hyparquet has a decoder for trusted files: a
 * literal of negative length makes it loop for ever.
 */

/** @throws RangeError unless `input` is exactly `length` bytes compressed */
export function snappyDecode(input: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  let at = 0;
  let written = 0;
  const byte = (): number => {
    if (at >= input.length) throw new RangeError("compressed data ends too early");
    return input[at++];
  };
  const integer = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += byte() * 2 ** (8 * i);
    return value;
  };
  let promised = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    const next = byte();
    promised += (next & 0x7f) * 2 ** shift;
    more = next > 0x7f && shift < 28;
  }
  if (promised !== length) throw new RangeError(`compressed data promises ${promised} bytes, not ${length}`);
  while (at < input.length) {
    const tag = byte();
    const kind = tag & 3;
    const high = tag >>> 2;
    const size =
      kind === 0 ? (high < 60 ? high : integer(high - 59)) + 1 : kind === 1 ? (high & 7) + 4 : high + 1;
    if (size > length - written) throw new RangeError("compressed data holds more than it promises");
    if (kind === 0) {
      if (size > input.length - at) throw new RangeError("compressed data ends too early");
      output.set(input.subarray(at, at + size), written);
      at += size;
    } else {
      const back = kind === 1 ? (high >>> 3) * 256 + byte() : integer(kind === 2 ? 2 : 4);
      if (back < 1 || back > written) throw new RangeError("compressed data refers to what is not there");
      // byte by byte: what is copied may be what this copy wrote
      for (let i = 0; i < size; i++) output[written + i] = output[written + i - back];
    }
    written += size;
  }
  if (written !== length) throw new RangeError("compressed data ends too early");
  return output;
}
