/** The library, free of any platform: graphs, gradients, methods, metrics and their registries. */
export { backward, opsWithoutVjp } from "./autodiff/backward.ts";
export type { Engine, EngineInfo, Executable } from "./engine/engine.ts";
export { createPool, type SessionPool } from "./engine/pool.ts";
export { type ErrorCode, KitError } from "./errors.ts";
export { methods } from "./methods/index.ts";
export {
  attribute,
  defineMethod,
  type Method,
  type MethodContext,
  relevance,
  toMap,
} from "./methods/method.ts";
export { metrics } from "./metrics/index.ts";
export { defineMetric, type Metric, type MetricContext, type Score, score, skip } from "./metrics/metric.ts";
export type { ClassEmbeddings } from "./model/contrastive.ts";
export { createModel, type Model } from "./model/model.ts";
export { type Prepared, type PrepareOptions, prepare } from "./model/prepare.ts";
export { createProbe, type Probe } from "./model/probe.ts";
export { fold } from "./onnx/fold.ts";
export type { Graph, Node, ValueInfo } from "./onnx/graph.ts";
export { withParameters } from "./onnx/parameters.ts";
export { readOnnx } from "./onnx/read.ts";
export { type Float32Tensor, float32, type Tensor } from "./onnx/tensor.ts";
export { writeOnnx } from "./onnx/write.ts";
export { methodOf, metricOf, protocolOf, protocols } from "./protocol/protocol.ts";
export { selectSamples } from "./protocol/select.ts";
export { composeRun, identityOf, modelIdOf, type Run, statisticsOf } from "./results/document.ts";
export { type Verdict, validateRun } from "./results/validate.ts";
export { type Rng, rngOf } from "./rng.ts";
export { classify } from "./runner/classify.ts";
export { execute, explainedClass } from "./runner/execute.ts";
export { defaultResize, pixelsOf } from "./runner/pixels.ts";
export { plan } from "./runner/plan.ts";
export type { ModelCard } from "./schemas.generated.ts";
