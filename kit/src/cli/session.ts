/** A model ready to be asked: the engine opened, the file read, the card completed; what was assumed is said. */
import { formatBytes } from "../engine/chunk.ts";
import type { Engine } from "../engine/engine.ts";
import { createPool } from "../engine/pool.ts";
import { createModel, type Model } from "../model/model.ts";
import { prepare } from "../model/prepare.ts";
import { defaultBudget, openEngine, readCard, readModelFile } from "../node.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { Io } from "./io.ts";
import { cardWith, type ModelOptions } from "./options.ts";

export interface Session {
  readonly engine: Engine;
  readonly model: Model;
  readonly card: ModelCard;
  readonly sha256: string;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly preprocess?: boolean;
  readonly pixelChannels?: number;
}

export async function openSession(options: ModelOptions, io: Io, how: SessionOptions = {}): Promise<Session> {
  const card = cardWith(readCard(options.model, options.card), options);
  const file = readModelFile(options.model);
  const prepared = prepare(file.graph, { card, ...how });
  const { engine, advice } = await openEngine({ device: options.device, threads: options.threads });
  const memory = options.memory ?? defaultBudget();
  const { info } = engine;
  io.say(
    `engine: ${info.package} ${info.version}, ${info.provider}, ${info.threads} thread${info.threads === 1 ? "" : "s"}, batches up to ${formatBytes(memory)}`,
    ...(advice ? [`note: ${advice}`] : []),
    ...prepared.assumptions.map((sentence) => `assumed: ${sentence}`),
  );
  return {
    engine,
    model: createModel(prepared, { pool: createPool(engine), memory }),
    card,
    sha256: file.sha256,
    close: () => engine.close(),
  };
}

/** The name of a class, else its index. */
export const className = (card: ModelCard, index: number): string =>
  card.classes?.[index] ?? `class ${index}`;
