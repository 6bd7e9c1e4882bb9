/** What of an attribution is looked at, and on which scale. */
import { type AttributionKind, type MapRule, relevance, toMap } from "../methods/method.ts";
import type { Float32Tensor } from "../onnx/tensor.ts";
import { type Heatmap, robustLimit, type ScaleKind } from "./colour.ts";

export interface Shown {
  readonly map: Heatmap;
  readonly scale: ScaleKind;
  /** the value that gets the last colour */
  readonly limit: number;
}

/** Signed for contributions, which may speak against the class; relevance for rates of change and CAMs. */
export function shownOf(
  method: { readonly kind: AttributionKind; readonly map: MapRule },
  attribution: Float32Tensor,
): Shown {
  const signed = method.kind === "contribution";
  const reduced = toMap(attribution, method.map);
  const { dims, data } = signed ? reduced : relevance(reduced);
  const [height, width] = dims;
  return {
    map: { height, width, data },
    scale: signed ? "diverging" : "sequential",
    limit: robustLimit(data),
  };
}

/** Where the strongest evidence lies, in words: for those who cannot see the map. */
export function placesOf({ height, width, data }: Heatmap, scale: ScaleKind): string {
  const strongest = (sign: 1 | -1): string | undefined => {
    const sums = new Float64Array(9);
    for (const [i, v] of data.entries()) {
      const third = (at: number, size: number) => Math.floor((3 * at) / size);
      if (v * sign > 0) sums[3 * third(Math.floor(i / width), height) + third(i % width, width)] += v * sign;
    }
    const most = Math.max(...sums);
    return most > 0 && Number.isFinite(most) ? ninths[sums.indexOf(most)] : undefined;
  };
  const [evidence, against] = [strongest(1), scale === "diverging" ? strongest(-1) : undefined];
  const parts = [
    ...(evidence ? [`most evidence ${evidence}`] : []),
    ...(against ? [`most against it ${against}`] : []),
  ];
  return parts.length > 0 ? parts.join(", ") : "nothing";
}

const ninths = [
  "at the top left",
  "at the top",
  "at the top right",
  "on the left",
  "in the middle",
  "on the right",
].concat(["at the bottom left", "at the bottom", "at the bottom right"]);
