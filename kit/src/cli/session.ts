/** A model ready to be asked, as the command line names it; what was assumed is said. */
import { formatBytes } from "../engine/chunk.ts";
import { deviceName } from "../engine/device.ts";
import { architectureOf, architectures, completed } from "../model/architectures.ts";
import { batchBudget } from "../model/model.ts";
import { defaultBudget, type OpenModel, openModel, readCard } from "../node.ts";
import type { Graph } from "../onnx/graph.ts";
import type { ModelCard } from "../schemas.generated.ts";
import { similar } from "../suggest.ts";
import type { Io } from "./io.ts";
import { cardWith, type ModelOptions, textOf } from "./options.ts";

export type Session = OpenModel;

export interface SessionOptions {
  readonly preprocess?: boolean;
  readonly pixelChannels?: number;
  /** told when memory ran out; said once without */
  readonly onHalved?: OnHalved;
}

export type OnHalved = (failed: number, next: number) => void;

/** Says once that memory ran out: every graph and every engine finds out for itself. */
export function saysOnce(io: Pick<Io, "say">): OnHalved {
  let said = false;
  return (failed, next) => {
    if (said) return;
    said = true;
    io.say(
      `out of memory with a batch of ${failed}: going on with ${next}, which changes no number; --batch ${next} begins there`,
    );
  };
}

export async function openSession(options: ModelOptions, io: Io, how: SessionOptions = {}): Promise<Session> {
  const { engine, device, threads, batch, memory = defaultBudget() } = options;
  const { onHalved = saysOnce(io) } = how;
  const card = cardWith(readCard(options.model, options.card), options);
  const { complete, said } = presetOf(options);
  const text = textOf(options);
  const session = await openModel(options.model, {
    ...how,
    card,
    complete,
    text,
    engine,
    device,
    threads,
    memory,
    batch,
    onHalved,
  });
  const { info } = session.engine;
  io.say(
    `engine: ${info.package} ${info.version}, ${deviceName(info)}, ${info.threads} thread${info.threads === 1 ? "" : "s"}, ${batch === undefined ? `batches up to ${formatBytes(batchBudget(memory, info.provider))}` : `batches of ${batch}`}`,
    ...(session.choice ? [session.choice] : []),
    ...(session.advice ? [`note: ${session.advice}`] : []),
    ...said,
    ...session.model.prepared.assumptions.map((sentence) => `assumed: ${sentence}`),
  );
  return session;
}

/** What `--architecture` knows of a model beyond its card and the options, and what there is to say of that. */
function presetOf({ architecture: id, resize, resizeTo, ...options }: ModelOptions) {
  const said: string[] = [];
  if (id === undefined) return { said };
  const architecture = architectureOf(id);
  if (architecture === undefined) {
    const close = similar(
      id,
      architectures.map((one) => one.id),
    );
    if (close.length > 0) said.push(`note: there is no preset ${id}; did you mean ${close.join(" or ")}?`);
    return { said };
  }
  const complete = (_: ModelCard, inputs: Graph["inputs"]): ModelCard => {
    // without the options of resizing, which stand over the preset one by one
    const told = cardWith(readCard(options.model, options.card), { ...options, architecture: id });
    const filled = completed(told, architecture, inputs);
    said.push(filled.said);
    return cardWith(filled.card, { ...options, architecture: id, resize, resizeTo });
  };
  return { complete, said };
}

/** The name of a class, else its index. */
export const className = (card: ModelCard, index: number): string =>
  card.classes?.[index] ?? `class ${index}`;
