/**
 * Random numbers as a function of their purpose alone: the same key gives the same stream on every machine, in every order, at every
 * batch size.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

export interface Rng {
  /** uniform in [0, 1), 53 bits */
  uniform(): number;
  /** standard normal (Box–Muller) */
  normal(): number;
  /** uniform integer in [0, n) */
  integer(n: number): number;
  /** a uniformly drawn order of 0 … n−1 */
  permutation(n: number): Int32Array;
}

/** A stream for this key, e.g. `rngOf("xai-kit/1", sample.id, "noise")`. */
export function rngOf(...key: readonly (string | number)[]): Rng {
  const digest = sha256(utf8ToBytes(JSON.stringify(key)));
  const words = new DataView(digest.buffer, digest.byteOffset);
  const source = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => words.getInt32(at)));
  const uniform = () => {
    const high = source.next() >>> 5; // 27 bits
    const low = source.next() >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
  const integer = (n: number) => Math.floor(uniform() * n);
  let spare: number | undefined;
  return {
    uniform,
    integer,
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    permutation(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        const swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
      return order;
    },
  };
}

/** `n` values drawn one by one; the purpose-keyed stream decides them, not the batch they are used in. */
export const drawn = (n: number, draw: () => number): Float32Array => Float32Array.from({ length: n }, draw);
