/** Noise subtracted from the image: what the score does, and what an attribution says it does. */
import { ofShape } from "../../methods/baseline.ts";
import type { MetricContext } from "../metric.ts";

interface Noise {
  /** f(x) − f(x − I) of each draw of I; the same for all methods of a sample */
  readonly falls: Float64Array;
  /** Σ(I ⊙ slope) of each draw; one slope per pixel counts for every channel */
  along(slope: ArrayLike<number>): Float64Array;
}

type Context = Pick<MetricContext<{ draws: number; sigma: number }>, "probe" | "params" | "given" | "rng">;

/**
 * @param clipped  x − I is clipped to pixel space, and I is what is left of it
 * @param room     values of I that are kept for all methods, 64 MB: drawing takes as long as many models; more is drawn anew for each
 */
export async function noise(
  { probe, params: { draws: asked, sigma }, given, rng }: Context,
  clipped = false,
  room = 2 ** 24,
): Promise<Noise> {
  const { x } = probe;
  const size = x.data.length;
  const supplied = given("perturbations");
  const own = supplied && ofShape("perturbations", supplied, [null, ...x.dims]);
  const draws = own ? own.dims[0] : asked;
  const once = <T>(what: string, compute: () => Promise<T>): Promise<T> =>
    own ? compute() : probe.once(`${what} ${JSON.stringify({ draws, sigma, clipped })}`, compute);

  const draw = (k: number, steps: Float32Array): Float32Array => {
    const stream = rng(`infidelity perturbation ${k}`);
    for (let i = 0; i < size; i++) steps[i] = own ? own.data[k * size + i] : sigma * stream.normal();
    if (!clipped) return steps;
    const moved = probe.model.clip(x.data.map((v, i) => v - steps[i]));
    for (let i = 0; i < size; i++) steps[i] = x.data[i] - moved[i];
    return steps;
  };
  const all = async () => {
    const kept = new Float32Array(draws * size);
    for (let k = 0; k < draws; k++) draw(k, kept.subarray(k * size, (k + 1) * size));
    return kept;
  };
  const kept = draws * size <= room ? await once("noise", all) : undefined;
  const stepsOf = (k: number): Float32Array =>
    kept ? kept.subarray(k * size, (k + 1) * size) : draw(k, new Float32Array(size));

  const falls = await once("falls", async () => {
    const score = await probe.score();
    const moved = await probe.scores(draws, (k, out) => {
      const steps = stepsOf(k);
      for (let i = 0; i < size; i++) out[i] = x.data[i] - steps[i];
    });
    return moved.map((value) => score - value);
  });
  return {
    falls,
    along: (slope) =>
      Float64Array.from({ length: draws }, (_, k) => {
        const steps = stepsOf(k);
        let sum = 0;
        for (let i = 0; i < size; i++) sum += steps[i] * slope[i % slope.length];
        return sum;
      }),
  };
}
