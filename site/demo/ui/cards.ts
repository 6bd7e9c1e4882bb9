/** The methods side by side: map over picture, scores, curve. */
import type { PixelImage } from "../../../kit/src/render/overlay.ts";
import { number } from "../../lib/format.ts";
import type { Scored } from "../compute.ts";
import { curveLabel, curvePath } from "./curve.ts";
import { all, one, write } from "./dom.ts";
import { overlayRaster, paint } from "./picture.ts";
import type { Result } from "./results.ts";

interface Card {
  readonly root: HTMLElement;
  readonly title: string;
  readonly summary: string;
  readonly canvas: HTMLCanvasElement;
}

const cards = new Map<string, Card>(
  all<HTMLElement>("[data-method]").map((root) => {
    const title = one("h3", root).textContent;
    const summary = one("[data-words]", root).textContent;
    return [root.dataset.method!, { root, title, summary, canvas: one("canvas", root) }];
  }),
);

/** Only these are there. */
export function chooseCards(methods: readonly string[]): void {
  for (const [id, { root }] of cards) root.hidden = !methods.includes(id);
  for (const group of all<HTMLElement>("[data-group]"))
    group.hidden = one<HTMLElement>(".cards", group).querySelector("[data-method]:not([hidden])") === null;
}

/** What is shown is of a picture, class or model that is no longer chosen. */
export function setStale(stale: boolean): void {
  for (const { root } of cards.values()) root.toggleAttribute("data-stale", stale);
}

/** One method as far as it is known; `undefined` is nothing yet. */
export function showCard(id: string, result: Result | undefined): void {
  const card = cards.get(id)!;
  const { root, summary, canvas } = card;
  root.removeAttribute("data-stale");
  canvas.hidden = result?.shown === undefined;
  root.toggleAttribute("data-missing", result?.reason !== undefined);
  write(root, "words", result?.reason === undefined ? summary : `Not for this model: ${result.reason}`);
  one<HTMLElement>("[data-words]", root).hidden = result?.shown !== undefined;
  write(root, "time", result?.ms === undefined ? "–" : `${number(result.ms, result.ms < 10 ? 1 : 0)} ms`);
  for (const cell of all<HTMLElement>("[data-score]", root)) {
    const score = result?.scores[cell.dataset.score as keyof Result["scores"]];
    cell.textContent = scoreText(score);
    cell.title = score && "skip" in score ? score.skip : "";
  }
  drawCurve(card, result?.scores["deletion-auc"]);
}

/** "0.412", "–"; the reason for a dash is in the table. */
export const scoreText = (score: Scored | undefined): string =>
  score && "value" in score ? number(score.value, 3) : "–";

function drawCurve({ root, title }: Card, score: Scored | undefined): void {
  const curve = one<SVGElement>("[data-curve]", root);
  const points = (name: string): readonly number[] | undefined => {
    const part = score && "value" in score ? score.parts[name] : undefined;
    return typeof part === "object" ? part : undefined;
  };
  for (const line of all<SVGPathElement>("[data-line]", curve)) {
    const part = points(line.dataset.line!);
    if (part) line.setAttribute("d", curvePath(part));
    else line.removeAttribute("d");
  }
  const [mean, blur] = [points("mean-curve"), points("blur-curve")];
  const label =
    mean && blur && score && "value" in score
      ? curveLabel(title, mean, blur, score.value)
      : `${title}: no deletion curve yet`;
  curve.setAttribute("aria-label", label);
}

/** The maps over the picture, at this strength. */
export function drawMaps(
  image: PixelImage,
  results: ReadonlyMap<string, Result>,
  opacity: number,
  className: string,
): void {
  for (const [id, { shown }] of results) {
    const card = cards.get(id);
    if (shown === undefined || card === undefined) continue;
    paint(card.canvas, overlayRaster(image, shown, opacity));
    card.canvas.setAttribute("aria-label", `${card.title}: evidence for ${className} over the picture`);
  }
}
