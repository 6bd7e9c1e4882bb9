/** What the page and its worker say to each other. */
import type { Image8 } from "../../kit/src/datasets/readers/image8.ts";
import type { EngineInfo } from "../../kit/src/engine/engine.ts";
import type { WebDevice } from "../../kit/src/engine/web.ts";
import type { ModelCard } from "../../kit/src/schemas.generated.ts";
import type { Step } from "./compute.ts";

export interface ModelSource {
  /** equal keys mean equal models: an open one is not opened again */
  readonly key: string;
  /** what errors call it */
  readonly name: string;
  readonly card: ModelCard;
  /** where to fetch it and what its hash must be; or the file itself */
  readonly file: { readonly url: string; readonly sha256: string } | Uint8Array<ArrayBuffer>;
}

export interface Picture {
  /** seeds the random draws */
  readonly sample: string;
  readonly image: Image8;
  /** at the size of the image, 1 on the object */
  readonly mask?: Uint8Array;
}

/** What the page offers to compute on. */
export type DemoDevice = Exclude<WebDevice, "auto">;

export interface Work {
  readonly type: "work";
  readonly id: number;
  /** undefined: the one that is open */
  readonly model: ModelSource | undefined;
  readonly picture: Picture;
  /** class to explain; undefined: the prediction */
  readonly target: number | undefined;
  readonly methods: readonly string[];
  /** what a worker's first work says holds until it ends */
  readonly device: DemoDevice;
}

/** Also sent when new work replaces old. */
export interface Stop {
  readonly type: "stop";
}

export type Request = Work | Stop;

/** The engine that really runs, and what its check found. */
export interface EngineFacts extends EngineInfo {
  readonly maxError: number;
  readonly tolerance: number;
  /** from nothing to a checked engine */
  readonly ms: number;
}

export interface ModelFacts {
  readonly key: string;
  readonly sha256: string;
  readonly classes: readonly string[];
  readonly shape: { readonly channels: number; readonly height: number; readonly width: number };
  readonly family: string;
  readonly opset: number;
  /** what was inferred rather than told */
  readonly assumptions: readonly string[];
  /** passes of every method on this model, or why it cannot run */
  readonly methods: Readonly<Record<string, { readonly passes: number } | { readonly reason: string }>>;
}

export interface PredictionFacts {
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
  readonly predicted: number;
  readonly target: number;
  /** the picture as the model is shown it, [C,H,W] in [0, 1] */
  readonly x: Float32Array;
  /** [H·W] */
  readonly mask: Uint8Array | undefined;
}

/** A KitError, as it crosses threads. */
export interface Fault {
  readonly code: string;
  readonly problem: string;
  readonly details: readonly string[];
  readonly next: string | undefined;
}

export type Reply = { readonly id: number } & (
  | { readonly type: "status"; readonly text: string }
  | { readonly type: "engine"; readonly engine: EngineFacts }
  | { readonly type: "model"; readonly model: ModelFacts }
  | { readonly type: "prediction"; readonly prediction: PredictionFacts }
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "progress"; readonly done: number; readonly total: number }
  | { readonly type: "end"; readonly outcome: "done" | "stopped"; readonly ms: number }
  | { readonly type: "fault"; readonly fault: Fault }
);
