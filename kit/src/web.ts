/**
 * The library in a browser, best in a worker: models from bytes, onnxruntime-web, pictures by the browser's own decoders. The rest is the
 * same code as everywhere. Names are listed rather than taken whole from index.ts: its validator of run documents makes code at run time,
 * which a page's Content-Security-Policy may forbid.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Check } from "./engine/check.ts";
import type { Engine } from "./engine/engine.ts";
import { createPool } from "./engine/pool.ts";
import { type OpenWebOptions, openEngine, type WebAttempt } from "./engine/web.ts";
import { withClassEmbeddings } from "./model/contrastive.ts";
import { createModel, type Model } from "./model/model.ts";
import { type PrepareOptions, prepare } from "./model/prepare.ts";
import { readOnnx } from "./onnx/read.ts";
import type { ModelCard } from "./schemas.generated.ts";

export { fromInterleaved, type Image8, toUnit } from "./datasets/readers/image8.ts";
export { type Check, checkEngine, tolerance } from "./engine/check.ts";
export type { Engine, EngineInfo, Executable } from "./engine/engine.ts";
export {
  type OpenedWeb,
  type OpenWebOptions,
  openEngine,
  type WebAttempt,
  type WebDevice,
  webDevices,
} from "./engine/web.ts";
export { type ErrorCode, KitError } from "./errors.ts";
export { methods } from "./methods/index.ts";
export { attribute, type Cost, type Method, relevance, toMap } from "./methods/method.ts";
export { metrics } from "./metrics/index.ts";
export { type Metric, type Score, score } from "./metrics/metric.ts";
export type { ClassEmbeddings } from "./model/contrastive.ts";
export type { Model } from "./model/model.ts";
export { type Prepared, type PrepareOptions, prepare } from "./model/prepare.ts";
export { createProbe, type Probe } from "./model/probe.ts";
export { readOnnx } from "./onnx/read.ts";
export { type Float32Tensor, float32 } from "./onnx/tensor.ts";
export { phantomDomains } from "./phantoms/index.ts";
export { drawPhantom, type Phantom, type PhantomDomain } from "./phantoms/phantom.ts";
export { methodOf, metricOf, protocolOf } from "./protocol/protocol.ts";
export { colourise, type Heatmap, type ScaleKind } from "./render/colour.ts";
export { overlay, type PixelImage, renderImage } from "./render/overlay.ts";
export type { Raster } from "./render/raster.ts";
export { type Shown, shownOf } from "./render/shown.ts";
export { type Rng, rngOf } from "./rng.ts";
export { explainedClass } from "./runner/execute.ts";
export { annotationOf, defaultResize, pixelsOf, type Resize } from "./runner/pixels.ts";
export { plan } from "./runner/plan.ts";
export { unmetNeeds } from "./runner/unmet.ts";
export type { ModelCard } from "./schemas.generated.ts";
export { type DecodedImage8, decodeImage8 } from "./web/image.ts";

export interface OpenModelOptions extends PrepareOptions, OpenWebOptions {
  /** what errors call the file */
  readonly name?: string;
  /** an engine that is open already, in place of `device` and `threads`; it stays open when the model closes */
  readonly engine?: Engine;
  /** bytes one batch may take; default 256 MB */
  readonly memory?: number;
}

export interface OpenModel {
  readonly model: Model;
  readonly card: ModelCard;
  readonly engine: Engine;
  /** of the engine opened here; undefined where one was given */
  readonly check: Check | undefined;
  /** what was tried to open it; empty where one was given */
  readonly attempts: readonly WebAttempt[];
  /** what the user should know of the engine: something else runs than was hoped for, and the way out */
  readonly advice: string | undefined;
  /** of the bytes, hex; with `text`, of theirs and the embeddings' and the scale */
  readonly sha256: string;
  /** Frees the model's sessions, and the engine if it was opened here. */
  close(): Promise<void>;
}

/** A graph each for scores, the input's gradient and the CAM layer's: a page explains one picture by all methods. */
const sessions = 3;

/**
 * A model file ready to be asked. The bytes must not change afterwards: weights are read where they lie.
 *
 * The card is taken at its word: only what contradicts the model is found out. `xai-kit validate` and `checkCard` of xai-kit/node read it
 * against its schema.
 *
 * @throws KitError E_ONNX_* (external data is refused: there is one file), E_CARD, E_MODEL_INPUT, E_MODEL_OUTPUT, E_DEVICE
 *
 * Cost: up to three copies of the weights; without `engine`, also that of `openEngine`.
 */
export async function openModel(bytes: Uint8Array, options: OpenModelOptions = {}): Promise<OpenModel> {
  const { name = "the model", card = {}, memory = 256e6 } = options;
  const prepared = prepare(readOnnx(bytes, { name }), options);
  const opened = options.engine ? undefined : await openEngine(options);
  const engine = options.engine ?? opened!.engine;
  const pool = createPool(engine, sessions);
  return {
    model: createModel(prepared, { pool, memory, provider: engine.info.provider }),
    card,
    engine,
    check: opened?.check,
    attempts: opened?.attempts ?? [],
    advice: opened?.advice,
    sha256: withClassEmbeddings(bytesToHex(sha256(bytes)), options.text),
    async close() {
      await pool.release();
      await opened?.engine.close();
    },
  };
}
