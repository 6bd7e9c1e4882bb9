/** The contact sheet of one image of an evaluation, and what it says about itself. */
import { join } from "node:path";
import type { Model } from "../model/model.ts";
import { writePng } from "../render/png.ts";
import { type SheetBox, type SheetTile, sheet } from "../render/sheet.ts";
import { placesOf } from "../render/shown.ts";
import type { SampleView } from "../runner/execute.ts";
import { boxesOf, type Resize } from "../runner/pixels.ts";
import type { Plan } from "../runner/plan.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { pixelImage, tileOf } from "./pictures.ts";
import { directed } from "./run-text.ts";
import { className } from "./session.ts";

/** In the order of the selection, and unique whatever the sample is called: `003-platelet_17.png`. */
export const pictureName = (position: number, sample: string): string =>
  `${String(position + 1).padStart(3, "0")}-${sample.replace(/\.[a-z]+$/i, "").replaceAll(/[^a-z0-9-]+/gi, "_")}.png`;

/** What a contact sheet shows and where, kept inside its file: `xai-kit report` shows its parts side by side with those of others. */
export interface PictureNote {
  readonly sample: string;
  readonly predicted: string;
  readonly probability: number;
  readonly annotated: string;
  readonly input: SheetBox;
  /** in the order of the plan */
  readonly maps: readonly (SheetBox & {
    readonly method: string;
    /** for those who cannot see it: where the strongest evidence lies; or why there is no map */
    readonly words: string;
  })[];
}

/** What an evaluation knows of all its images. */
interface Setting {
  readonly plan: Plan;
  readonly card: ModelCard;
  readonly resize: Resize;
  readonly model: Pick<Model, "shape">;
}

/** Throws KitError E_WRITE. */
export async function writePicture(
  folder: string,
  position: number,
  { sample, x, prediction, probability, attributions, rows }: SampleView,
  { plan, card, resize, model }: Setting,
): Promise<void> {
  const scoresOf = (method: string) => {
    const scores = rows.find((r) => r.method === method && r.targetKind === "predicted")?.scores ?? {};
    return ["deletion-auc", "insertion-auc", "infidelity"]
      .filter((id) => id in scores)
      .map((id) => `${directed(id)} ${scores[id].toFixed(3)}`);
  };
  const annotated = sample.labels.map((l) => className(card, l)).join(", ");
  const predicted = className(card, prediction);
  const tiles = plan.methods.map(({ method, notApplicable }): SheetTile => {
    const attribution = attributions.get(method.id);
    return attribution
      ? tileOf(method, attribution, scoresOf(method.id))
      : { title: method.title, reason: notApplicable ?? "failed" };
  });
  const drawn = sheet(
    [
      {
        title: `${predicted} ${probability.toFixed(3)}`,
        lines: [`annotated: ${annotated}`],
        image: pixelImage(x),
        boxes: sample.labels.flatMap((label) =>
          boxesOf(sample, label, model.shape, resize).map((b) => ({
            x: b.x0,
            y: b.y0,
            width: b.x1 - b.x0,
            height: b.y1 - b.y0,
          })),
        ),
        tiles,
      },
    ],
    { title: sample.id, subtitle: `explained class: ${predicted}` },
  );
  const [input, ...maps] = drawn.cells;
  const note: PictureNote = {
    sample: sample.id,
    predicted,
    probability,
    annotated,
    input,
    maps: tiles.map(({ map, scale = "sequential", reason = "no map" }, at) => ({
      ...maps[at],
      method: plan.methods[at].method.id,
      words: map ? placesOf(map, scale) : reason,
    })),
  };
  await writePng(join(folder, pictureName(position, sample.id)), drawn, JSON.stringify(note));
}
