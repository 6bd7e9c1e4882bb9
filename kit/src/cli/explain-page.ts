/** What `explain` found, as a sheet and as a page. */
import type { Float32Tensor } from "../onnx/tensor.ts";
import { colourAt, lutOf, type ScaleKind } from "../render/colour.ts";
import { displayFactor, layer, opacityOf, renderImage, resizePlane } from "../render/overlay.ts";
import { type PageContent, type PageMethod, page } from "../render/page.ts";
import { dataUri, encodeIndexedPng, encodePng } from "../render/png.ts";
import { blank, blendPixel, type Raster } from "../render/raster.ts";
import { type SheetTile, sheet } from "../render/sheet.ts";
import { placesOf, type Shown } from "../render/shown.ts";
import type { Role } from "../stats/common.ts";
import { roleOf } from "../stats/summarise.ts";
import { type Explained, scoredBy } from "./explained.ts";
import { pixelImage } from "./pictures.ts";
import { directed } from "./run-text.ts";

export interface Prediction {
  readonly index: number;
  readonly class: string;
  readonly probability: number;
}

/** All that is said about one picture besides the maps. */
export interface Explanation {
  /** of the image's file, and of the model's */
  readonly image: string;
  readonly model: string;
  readonly x: Float32Tensor;
  readonly explained: { readonly name: string; readonly logit: number; readonly probability: number };
  /** whether the explained class is the prediction */
  readonly predicted: boolean;
  readonly predictions: readonly Prediction[];
  readonly outcomes: readonly Explained[];
  readonly scores: boolean;
  /** how it was computed, a sentence each */
  readonly about: readonly string[];
}

const groupsOf: Readonly<Record<Role, { readonly title: string; readonly says: string }>> = {
  standard: { title: "Standard methods", says: "Defined for every kind of model; the ones that are ranked." },
  further: { title: "Further methods", says: "Variants, and methods for some kinds of model." },
  control: {
    title: "Controls",
    says: "They cannot know the model: what looks like them has explained nothing.",
  },
};

const grouped = (outcomes: readonly Explained[]) =>
  (["standard", "further", "control"] as const)
    .map((role) => ({
      ...groupsOf[role],
      outcomes: outcomes.filter(({ method }) => roleOf(method) === role),
    }))
    .filter((group) => group.outcomes.length > 0);

/** "12 ms", "3.4 s" */
export const duration = (ms: number): string =>
  ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** Forward and backward. */
const passesOf = ({ passes }: Explained): string =>
  passes ? `${passes.forwards} fwd, ${passes.backwards} bwd` : "";

const scoreText = (value: number | { readonly skip: string } | undefined): string =>
  typeof value === "number" ? value.toFixed(3) : "–";

/** "not applicable: no gradient for …" */
const reasonOf = ({ status, reason }: Explained): string =>
  `${status === "failed" ? "failed" : "not applicable"}: ${reason}`;

/** More than one block of this many, and the tiles get headings. */
const fewTiles = 11;

export function sheetOf({ image, model, x, explained, outcomes }: Explanation): Raster {
  const groups = outcomes.length > fewTiles ? grouped(outcomes) : [{ title: undefined, outcomes }];
  const [first, ...further] = groups.map(({ title, outcomes: own }) => ({
    heading: title,
    tiles: own.map(tileOf),
  }));
  return sheet(
    [
      {
        ...first,
        title: `${explained.name} ${explained.probability.toFixed(3)}`,
        image: pixelImage(x),
        groups: further.map(({ heading = "", tiles }) => ({ heading, tiles })),
      },
    ],
    {
      title: image,
      subtitle: `explained class: ${explained.name}, logit ${explained.logit.toFixed(2)}; model ${model}`,
      ...(outcomes.length > fewTiles && { columns: 6 }),
    },
  );
}

function tileOf(outcome: Explained): SheetTile {
  const { method, shown, ms = 0, note, scores } = outcome;
  if (shown === undefined) return { title: method.title, reason: reasonOf(outcome) };
  return {
    title: method.title,
    ...shown,
    lines: [
      `${duration(ms)}, ${passesOf(outcome)}`,
      ...scoredBy
        .filter(({ id }) => scores.has(id))
        .map(({ id }) => `${directed(id)} ${scoreText(scores.get(id))}`),
      ...(note === undefined ? [] : [note]),
    ],
  };
}

export async function pageOf(explanation: Explanation): Promise<string> {
  const { image, model, x, explained, predicted, predictions, outcomes, scores, about } = explanation;
  const pixels = pixelImage(x);
  const { height, width } = pixels;
  const factor = Math.min(1, displayFactor(height, width));
  const png = async (raster: Raster) => dataUri(await encodePng(raster));
  const content: PageContent = {
    title: image,
    model,
    explained: { name: explained.name, logit: explained.logit, predicted },
    predictions: predictions.map((p) => ({ name: p.class, probability: p.probability })),
    image: {
      picture: await png(renderImage(pixels, { factor })),
      pale: await png(renderImage(pixels, { factor, fade: 0.8 })),
      width,
      height,
      coarse: displayFactor(height, width) >= 2,
    },
    bars: { diverging: await png(bar("diverging")), sequential: await png(bar("sequential")) },
    groups: grouped(outcomes).map(({ title, says, outcomes: own }) => ({
      title,
      says,
      methods: own.map((outcome) => pageMethod(outcome, factor)),
    })),
    table: {
      columns: ["ms", "forward", "backward", ...(scores ? scoredBy.map(({ id }) => directed(id)) : [])],
      rows: new Map(outcomes.map((outcome) => [outcome.method.id, rowOf(outcome, scores)])),
      note: [
        "Times and passes are those of each map alone, nothing shared.",
        ...(scores
          ? [
              "↑ higher is better, ↓ lower is better; one image ranks no method: xai-kit evaluate does, over many.",
            ]
          : []),
      ].join(" "),
    },
    about,
  };
  return page(content);
}

const rowOf = ({ ms, passes, scores }: Explained, scored: boolean): string[] => [
  ms?.toFixed(0) ?? "–",
  `${passes?.forwards ?? "–"}`,
  `${passes?.backwards ?? "–"}`,
  ...(scored ? scoredBy.map(({ id }) => scoreText(scores.get(id))) : []),
];

function pageMethod(outcome: Explained, factor: number): PageMethod {
  const { method, params, shown, ms = 0, note, scores } = outcome;
  const { id, title, summary, formula, limits, paper } = method;
  const about = {
    id,
    title,
    summary,
    formula,
    limits,
    params: Object.entries(params).map(([name, value]) => `${name} = ${value}`),
    source: sourceOf(paper),
  };
  if (shown === undefined) return { ...about, reason: reasonOf(outcome), facts: [] };
  const skips = [...scores].flatMap(([of, value]) =>
    typeof value === "number" || value.skip === note ? [] : [`no ${of}: ${value.skip}`],
  );
  return {
    ...about,
    note: [...(note === undefined ? [] : [note]), ...skips].join("; "),
    map: mapOf(shown, factor),
    facts: [
      ["time", duration(ms)],
      ["passes", passesOf(outcome)],
      ...scoredBy
        .filter(({ id: of }) => scores.has(of))
        .map(({ id: of }): [string, string] => [directed(of), scoreText(scores.get(of))]),
    ],
  };
}

function mapOf({ map, scale, limit }: Shown, factor: number) {
  return {
    layer: dataUri(encodeIndexedPng(layer(resizePlane(map, factor, "nearest"), { scale, limit }))),
    scale,
    limit,
    cut: map.data.some((v) => Math.abs(v) > limit),
    words: placesOf(map, scale),
  };
}

function sourceOf(paper: string): PageMethod["source"] {
  const [scheme, rest] = [paper.slice(0, paper.indexOf(":")), paper.slice(paper.indexOf(":") + 1)];
  if (scheme === "arXiv") return { name: paper, href: `https://arxiv.org/abs/${rest}` };
  if (scheme === "doi") return { name: paper, href: `https://doi.org/${rest}` };
  return scheme === "https" ? { name: paper, href: paper } : undefined;
}

/** A scale as it looks over a pale background. */
function bar(scale: ScaleKind): Raster {
  const width = 255;
  const picture = blank(width, 1, [240, 241, 242]);
  const lut = lutOf(scale);
  for (let x = 0; x < width; x++) {
    const p = scale === "diverging" ? (2 * x) / (width - 1) - 1 : x / (width - 1);
    blendPixel(picture, x, 0, colourAt(lut, scale, p), opacityOf(p));
  }
  return picture;
}
