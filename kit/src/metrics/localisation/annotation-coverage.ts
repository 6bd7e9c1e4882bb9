import { image } from "../../stats/expectation.ts";
import { defineMetric, skip } from "../metric.ts";
import { ofParam, reading } from "../reading.ts";
import { annotated, places } from "./annotated.ts";
import { fromQuantile, shareOf, zerosParam } from "./salient.ts";

/**
 * Share of the annotated boxes that the map acknowledges: at least 1 % of a box's pixels are salient, which are those with at least the
 * median relevance and more than 0. Parts: `fractions`, of each box the share of it that is salient; `selected`, that of the image. A map
 * that is constant or nowhere positive has no relevance, so it covers nothing: 0.
 *
 * Skips without a mask, with an empty one, and a map that is not finite. Cost: none.
 * Source: arXiv:2605.10054 eqs. 5 and 9, for boxes. Ours: where the annotation is a mask, its 8-connected components stand for the boxes;
 * a pixel of relevance 0 is never salient (`zeros=keep`: eq. 5 literally, which covers every box by a map that is half empty); a box
 * without a pixel in the image, cropped away, is left out.
 */
export const annotationCoverage = defineMetric({
  id: "annotation-coverage",
  title: "Annotation coverage",
  paper: "arXiv:2605.10054",
  revision: 1,
  formula: "|{k : |H⁺ ∩ Bₖ| ≥ 0.01·|Bₖ|}| / K, H⁺ = {h ≥ median h} ∩ {h > 0}, Bₖ the K boxes",
  summary: "Share of the annotated boxes of which at least 1 % of the pixels are salient.",
  limits:
    "Lenient by design: a random half of the pixels covers nearly every box, so hardly any method can beat the random control.",
  family: "localisation",
  better: "higher",
  range: [0, 1],
  gate: "controls",
  controls: {
    // a random half of the pixels misses a box of n ≤ 100 pixels with probability 2⁻ⁿ
    random: { open: "nearly 1, less where boxes are of a few pixels" },
    sobel: image,
    constant: { every: 0, within: 0 },
    "centre-gaussian": image,
  },
  needs: ["mask"],
  params: {
    by: {
      type: "choice",
      choices: ["median", "half-max"],
      default: "median",
      description: "salient pixels: values ≥ their median over the image, or ≥ 0.5",
    },
    zeros: zerosParam,
    least: {
      type: "number",
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description: "share of a box that must be salient",
    },
    of: ofParam("relevance", "min-max"),
  },
  cost: () => ({ forwards: 0, backwards: 0 }),
  async score({ map, mask, boxes, params }) {
    const object = annotated({ map, mask });
    if ("skip" in object) return object;
    const values = reading(map, params.of);
    const salient =
      params.by === "median"
        ? fromQuantile(values, 0.5, params.zeros)
        : Uint8Array.from(values, (v) => Number(v >= 0.5));
    const fractions = places(map, object.mask, boxes).map(
      (pixels) => pixels.reduce((sum, i) => sum + salient[i], 0) / pixels.length,
    );
    if (fractions.length === 0) return skip("no box has a pixel in the image");
    const covered = fractions.filter((fraction) => fraction >= params.least).length;
    return { value: covered / fractions.length, parts: { fractions, selected: shareOf(salient) } };
  },
});
