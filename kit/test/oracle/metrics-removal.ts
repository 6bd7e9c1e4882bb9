/** What a map shows, and what is left without it: the drop family. */
import { type Fixture, type Ours, ofMetric, scored, scoring, type Table } from "./fixture.ts";

const heats = ["sal_max", "ig_abs", "ig_signed", "gradcam"] as const;

function all(): Table {
  const table: Record<string, Ours> = {
    "metric.p_target": async (f) => [await f.probe.probability()],
  };
  for (const heat of heats) {
    // their weights are the map min–max scaled, negative values and all; their reference is 0, which is the mean colour
    const options = (f: Fixture) => ({
      attribution: f.array(`heat.${heat}`),
      params: { of: "min-max", reference: "mean" },
    });
    const found = async (f: Fixture, metric: string) => (await scored(f, metric, options(f))).value;
    const at = (name: string) => `metric.${heat}.${name}`;
    table[at("average_drop")] = scoring("average-drop", options);
    table[at("increase")] = scoring("increase-in-confidence", options);
    table[at("cam_increase_in_confidence")] = table[at("increase")];
    table[at("faith")] = scoring("faith", options);
    // theirs is not divided by Y
    table[at("cam_drop_in_confidence")] = ofMetric("average-drop", async (f) => [
      (await f.probe.probability()) * (await found(f, "average-drop")),
    ]);
    // O = Y · (1 − drop + gain), of which one is 0
    table[at("p_masked")] = ofMetric("relative-confidence-gain", async (f) => {
      const [Y, drop, gain] = [
        await f.probe.probability(),
        await found(f, "average-drop"),
        await found(f, "relative-confidence-gain"),
      ];
      return [Y * (1 - drop + gain)];
    });
  }
  return table;
}

export const removal: Table = all();
