import { image } from "../../stats/expectation.ts";
import { defineMetric } from "../metric.ts";
import { ofParam, weights } from "../reading.ts";
import { annotated } from "./annotated.ts";

/**
 * Intersection over union of the object and the map's bright side, which Otsu's threshold finds: the one that leaves least variance
 * within the two sides, of 256 levels. The mean over images is the mIoU.
 *
 * Skips without a mask, with an empty one, and a map that is zero, constant, nowhere positive or not finite. Cost: none.
 * Source: CheXlocalize, doi:10.1038/s42256-022-00536-x, on the images that have both regions (its "true positives"). There the map is
 * enlarged to the size of the radiograph first; here it is compared at the size of the model's input.
 */
export const miouOtsu = defineMetric({
  id: "miou-otsu",
  title: "mIoU at Otsu's threshold",
  paper: "doi:10.1038/s42256-022-00536-x",
  revision: 1,
  formula: "|B ∩ M| / |B ∪ M|, B = {⌊255h⌋ > t}, t = argmin σ² within {⌊255h⌋ ≤ t} and {⌊255h⌋ > t}",
  summary:
    "Intersection over union of the object and the pixels above Otsu's threshold, averaged over images.",
  limits:
    "A threshold is always found: of a map with one sharp peak and of one without any, and what is measured is as much the threshold as the map.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    random: {
      open: "about s/(1 + s), s the object's share of the image: half of the noise is above its threshold",
    },
    sobel: image,
    constant: { skipped: true },
    "centre-gaussian": image,
  },
  needs: ["mask"],
  params: {
    threshold: {
      type: "choice",
      choices: ["otsu", "half-max"],
      default: "otsu",
      description: "where the bright side begins: above Otsu's threshold, or from 0.5",
    },
    of: ofParam("relevance", "min-max"),
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = weights(map, params.of);
    if ("skip" in values) return values;
    const level = (v: number) => Math.floor(255 * v);
    const t = otsu(values, level);
    const bright = (v: number) => (params.threshold === "otsu" ? level(v) > t : v >= 0.5);
    let both = 0;
    let either = 0;
    values.forEach((v, i) => {
      if (bright(v) && object.mask[i]) both++;
      if (bright(v) || object.mask[i]) either++;
    });
    return both / either;
  },
});

/** The first of 256 levels that, as the last of the dark side, puts most variance between the sides. */
function otsu(values: Float64Array, level: (v: number) => number): number {
  const counts = new Float64Array(256);
  for (const v of values) counts[level(v)]++;
  const total = counts.reduce((sum, n, l) => sum + n * l, 0);
  let [best, most] = [0, -1];
  for (let t = 0, dark = 0, sum = 0; t < 256; t++) {
    dark += counts[t];
    sum += counts[t] * t;
    const bright = values.length - dark;
    if (dark === 0 || bright === 0) continue;
    const between = dark * bright * (sum / dark - (total - sum) / bright) ** 2;
    if (between > most) [best, most] = [t, between];
  }
  return best;
}
