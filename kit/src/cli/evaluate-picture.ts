import type { Model } from "../model/model.ts";
import { sheet } from "../render/sheet.ts";
import type { SampleView } from "../runner/execute.ts";
import { boxesOf, type Resize } from "../runner/pixels.ts";
import type { Plan } from "../runner/plan.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { pixelImage, tileOf } from "./pictures.ts";
import { directed } from "./report.ts";
import { className } from "./session.ts";

/** In the order of the selection, and unique whatever the sample is called: `003-platelet_17.png`. */
export const pictureName = (position: number, sample: string): string =>
  `${String(position + 1).padStart(3, "0")}-${sample.replace(/\.[a-z]+$/i, "").replaceAll(/[^a-z0-9-]+/gi, "_")}.png`;

export function picture(
  { sample, x, prediction, probability, attributions, rows }: SampleView,
  plans: Plan,
  card: ModelCard,
  resize: Resize,
  model: Model,
) {
  const scoresOf = (method: string) => {
    const scores = rows.find((r) => r.method === method && r.targetKind === "predicted")?.scores ?? {};
    return ["deletion-auc", "insertion-auc", "infidelity"]
      .filter((id) => id in scores)
      .map((id) => `${directed(id)} ${scores[id].toFixed(3)}`);
  };
  const truth = sample.labels.map((l) => className(card, l)).join(", ");
  return sheet(
    [
      {
        title: `${className(card, prediction)} ${probability.toFixed(3)}`,
        lines: [`annotated: ${truth}`],
        image: pixelImage(x),
        boxes: sample.labels.flatMap((label) =>
          boxesOf(sample, label, model.shape, resize).map((b) => ({
            x: b.x0,
            y: b.y0,
            width: b.x1 - b.x0,
            height: b.y1 - b.y0,
          })),
        ),
        tiles: plans.methods.map(({ method, notApplicable }) => {
          const attribution = attributions.get(method.id);
          return attribution
            ? tileOf(method, attribution, scoresOf(method.id))
            : { title: method.title, reason: notApplicable ?? "failed" };
        }),
      },
    ],
    { title: sample.id, subtitle: `explained class: ${className(card, prediction)}` },
  );
}
