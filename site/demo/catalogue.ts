/** What the page offers and what it will fetch, found out when the site is built. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import entries from "../../kit/models/models.json" with { type: "json" };
import { side } from "../../kit/src/phantoms/canvas.ts";
import { phantomDomains } from "../../kit/src/phantoms/index.ts";
import { methodOf } from "../../kit/src/protocol/protocol.ts";
import { attributionPasses } from "../../kit/src/runner/plan.ts";
import type { ModelCard } from "../../kit/src/schemas.generated.ts";
import { architectureLabel } from "../lib/labels.ts";
import type { Choices } from "./choice.ts";
import { allMethods, planOf } from "./compute.ts";
import type { DemoDevice } from "./messages.ts";
import { samples } from "./phantoms.ts";
import stored from "./reference/index.json" with { type: "json" };
import type { StoredIndex } from "./reference.ts";

/** What the page begins with: a picture in colour on which the methods plainly disagree. */
const first = "retina-resnet";

export interface CatalogueModel {
  readonly id: string;
  readonly dataset: string;
  readonly architecture: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly card: ModelCard;
  readonly sha256: string;
  /** share of its test split that it gets right */
  readonly accuracy: number;
  readonly bytes: number;
  readonly referenceBytes: number;
}

export interface CatalogueMethod {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly control: boolean;
  /** passes at the size of the phantoms */
  readonly passes: number;
}

export interface Catalogue extends Choices {
  readonly models: readonly CatalogueModel[];
  readonly methods: readonly CatalogueMethod[];
  readonly datasets: readonly { readonly id: string; readonly title: string }[];
  readonly architectures: readonly { readonly id: string; readonly title: string }[];
  readonly engines: Readonly<Record<DemoDevice, { readonly bytes: number; readonly gzipped: number }>>;
  /** of what Node's values are */
  readonly reference: Omit<StoredIndex, "models">;
}

const { models: references, ...reference }: StoredIndex = stored;
const cards = import.meta.glob<ModelCard>("../../kit/models/*.card.json", { eager: true, import: "default" });

/** The file an engine fetches, as onnxruntime-web publishes it; Astro runs in the repository's root. */
function engineSize(name: string): Catalogue["engines"]["wasm"] {
  const file = join(process.cwd(), "node_modules/onnxruntime-web/dist", name);
  const bytes = readFileSync(file);
  return { bytes: bytes.length, gzipped: gzipSync(bytes).length };
}

export function catalogue(): Catalogue {
  const models = entries.map(({ id, dataset, sha256, testAccuracy, bytes }): CatalogueModel => {
    const card = cards[`../../kit/models/${id}.card.json`];
    const architecture = card.architecture ?? id;
    return {
      id,
      dataset,
      architecture,
      title: architectureLabel(architecture),
      classes: card.classes ?? [],
      card,
      sha256,
      accuracy: testAccuracy,
      bytes,
      referenceBytes: 4 * side * side * (references[id]?.methods.length ?? 0),
    };
  });
  const shape = { channels: 3, height: side, width: side };
  const passes = new Map(
    planOf(shape, allMethods).methods.map((m) => [m.method.id, attributionPasses(m, shape)]),
  );
  return {
    models,
    methods: allMethods.map(methodOf).map(({ id, title, summary, control = false }) => ({
      id,
      title,
      summary,
      control,
      passes: passes.get(id)!,
    })),
    datasets: phantomDomains.map(({ id, title }) => ({ id: `phantom-${id}`, title: `${title}, drawn` })),
    architectures: [...new Map(models.map((m) => [m.architecture, m.title]))].map(([id, title]) => ({
      id,
      title,
    })),
    samples,
    standard: { model: first, sample: reference.sample },
    engines: {
      wasm: engineSize("ort-wasm-simd-threaded.wasm"),
      webgpu: engineSize("ort-wasm-simd-threaded.asyncify.wasm"),
    },
    reference,
  };
}
