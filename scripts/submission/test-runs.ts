/** Valid runs for tests, under the protocol that the leaderboard takes. */
import { methodOf, metricOf, protocolOf } from "../../kit/src/protocol/protocol.ts";
import type { Composed, ComposeOptions } from "../../kit/src/results/document.ts";
import { placeOf } from "../../kit/src/results/validate.ts";
import { plan } from "../../kit/src/runner/plan.ts";
import { madeRun } from "../../kit/test/made-run.ts";

export interface TestRun extends Composed {
  /** in results/runs/ */
  readonly folder: string;
  /** its two files where they belong */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

interface Options {
  readonly model?: string;
  readonly date?: string;
  readonly protocol?: string;
  readonly change?: (options: ComposeOptions) => ComposeOptions;
}

/** A data set that the registry knows; its images are not asked for. */
const shapes = { id: "phantom-shapes", base: "phantom-shapes", title: "Coloured shapes on clutter, drawn" };

export function testRun({
  model = "made",
  date = "2026-01-02T03:04:05Z",
  protocol: id = "1",
  change = (o) => o,
}: Options = {}): TestRun {
  const protocol = protocolOf(id);
  const composed = madeRun({
    count: 16, // drawn pictures are all explained
    change: (made) =>
      change({
        ...made,
        modelId: model,
        dataset: { ...made.dataset, ...shapes },
        telemetry: { ...made.telemetry, date },
        plan: plan({
          protocol,
          methods: protocol.methods.map(methodOf),
          metrics: protocol.metrics.map(metricOf),
          shape: made.model.shape,
          available: made.plan.samples,
          annotated: true,
          unmet: { "grad-cam": "the model has no tensor with a spatial grid" },
        }),
      }),
  });
  const folder = `results/runs/${placeOf(composed.run)}`;
  return {
    ...composed,
    folder,
    files: { [`${folder}/run.json`]: composed.text, [`${folder}/scores.parquet`]: composed.sidecar },
  };
}
