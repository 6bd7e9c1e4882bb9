/** The models that come with the kit, trained by scripts/train-bundled.py on the phantoms. Node only. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ModelCard } from "./schemas.generated.ts";

export interface BundledModel {
  /** "cxr-resnet", also the file's name */
  readonly id: string;
  /** of the .onnx file; its card lies beside it */
  readonly path: string;
  readonly card: ModelCard;
  /** what it was trained on: "phantom-cxr" */
  readonly dataset: string;
  /** on the whole test split, as the training script found it */
  readonly testAccuracy: number;
  readonly sha256: string;
}

/** The same place from src/ and from dist/. */
const own = new URL("../models/", import.meta.url);

type Entry = Pick<BundledModel, "id" | "dataset" | "testAccuracy" | "sha256">;

/** All of them, by data set and then architecture: ResNet, DenseNet, ViT, CLIP. */
export const bundledModels = (): BundledModel[] => modelsIn(own);

/** Those, and what only first looks of studies read: trained otherwise, so no further architectures. */
export const studyModels = (): BundledModel[] => [...bundledModels(), ...modelsIn(new URL("studies/", own))];

function modelsIn(folder: URL): BundledModel[] {
  const json = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  return (json("models.json") as readonly Entry[]).map(({ id, dataset, testAccuracy, sha256 }) => ({
    id,
    path: fileURLToPath(new URL(`${id}.onnx`, folder)),
    card: json(`${id}.card.json`) as ModelCard,
    dataset,
    testAccuracy,
    sha256,
  }));
}
