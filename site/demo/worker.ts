/** The page's worker: holds the engine and one model, and does one piece of work after the other. */
import {
  annotationOf,
  defaultResize,
  KitError,
  type OpenModel,
  openEngine,
  openModel,
  pixelsOf,
  tolerance,
} from "../../kit/src/web.ts";
import { costsOf, explain, planFor, predict } from "./compute.ts";
import type { DemoDevice, EngineFacts, ModelFacts, ModelSource, Reply, Request, Work } from "./messages.ts";
import { fetchModel } from "./model-file.ts";
import { type Stoppable, Stopped, stoppable } from "./stoppable.ts";

/** The DOM's types know a page's `self` only. */
const scope = self as unknown as {
  postMessage(message: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
};

type Say = (
  message: Reply extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never,
) => void;

interface Opened {
  readonly key: string;
  readonly open: OpenModel;
}

let started: Promise<Stoppable> | undefined;
let opened: Opened | undefined;
let onPasses: (passes: number) => void = () => undefined;

/** A message of our own comes back after those that wait: unlike a timer, which is held up to a few milliseconds. */
const channel = new MessageChannel();
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(undefined);
  });

async function start(device: DemoDevice, say: Say): Promise<Stoppable> {
  say({ type: "status", text: "Starting the engine" });
  const begin = performance.now();
  const { engine, check } = await openEngine({ device });
  const ms = performance.now() - begin;
  const facts: EngineFacts = { ...engine.info, maxError: check.maxError, tolerance, ms };
  say({ type: "engine", engine: facts });
  return stoppable(engine, { now: () => performance.now(), turn, onRun: (passes) => onPasses(passes) });
}

async function open(source: ModelSource, { engine }: Stoppable, say: Say): Promise<OpenModel> {
  if (opened?.key === source.key) return opened.open;
  await opened?.open.close();
  opened = undefined;
  say({ type: "status", text: `Reading ${source.name}` });
  const bytes = source.file instanceof Uint8Array ? source.file : await fetchModel(source.file, source.name);
  const made = await openModel(bytes, { card: source.card, name: source.name, engine });
  opened = { key: source.key, open: made };
  say({ type: "model", model: factsOf(source, made) });
  return made;
}

function factsOf({ key, card }: ModelSource, { model, sha256 }: OpenModel): ModelFacts {
  const { prepared, shape, classes } = model;
  return {
    key,
    sha256,
    classes: card.classes ?? Array.from({ length: classes }, (_, k) => `class ${k}`),
    shape: { channels: shape.channels, height: shape.height, width: shape.width },
    family: prepared.family,
    opset: prepared.opset,
    assumptions: prepared.assumptions,
    methods: costsOf(model),
  };
}

async function work(
  { model: source, picture, target: wanted, methods, device }: Work,
  say: Say,
): Promise<void> {
  const begin = performance.now();
  started ??= start(device, say);
  let engine: Stoppable;
  try {
    engine = await started;
  } catch (error) {
    started = undefined; // the next click tries again
    throw error;
  }
  engine.go();
  if (source === undefined && opened === undefined) throw new Error("no model is open");
  const { model, card } = source === undefined ? opened!.open : await open(source, engine, say);
  const resize = card.input?.resize ?? defaultResize;
  const x = pixelsOf(picture.image, model.shape, resize);
  const found = await predict(model, x);
  const target = wanted ?? found.predicted;
  const { height, width } = picture.image;
  const mask =
    picture.mask &&
    annotationOf(
      { image: picture.image, masks: [{ height, width, data: picture.mask }] },
      target,
      model.shape,
      resize,
    );
  say({ type: "prediction", prediction: { ...found, target, x: x.data, mask } });

  const total = planFor(model, methods).passes;
  let finished = 1; // the prediction
  let running = 0;
  const report = () => say({ type: "progress", done: Math.min(finished + running, total), total });
  // within a method by the runs of the engine, which share some work between methods; exact again at its end
  onPasses = (passes) => {
    running += passes;
    report();
  };
  try {
    const steps = explain({
      model,
      x,
      sample: picture.sample,
      target,
      methods,
      now: () => performance.now() - engine.loading,
      onPasses(done) {
        finished = 1 + done;
        running = 0;
        report();
      },
    });
    for await (const step of steps) say({ type: "step", step });
  } finally {
    onPasses = () => undefined;
  }
  say({ type: "end", outcome: "done", ms: performance.now() - begin });
}

async function handle(request: Work): Promise<void> {
  const { id } = request;
  const say: Say = (message) => scope.postMessage({ id, ...message } as Reply);
  const begin = performance.now();
  try {
    await work(request, say);
  } catch (error) {
    if (error instanceof Stopped) say({ type: "end", outcome: "stopped", ms: performance.now() - begin });
    else if (error instanceof KitError) {
      const { code, message, details, next } = error;
      say({ type: "fault", fault: { code, problem: message, details, next } });
    } else {
      // our own mistake; thrown out here, the page hears of it by the worker's error event
      setTimeout(() => {
        throw error;
      });
    }
  }
}

/** One at a time, in the order they came. */
let last = Promise.resolve();
scope.onmessage = ({ data }) => {
  if (data.type === "stop") void started?.then((engine) => engine.stop());
  else last = last.then(() => handle(data));
};
