/** A model ready to be asked, as the command line names it; what was assumed is said. */
import { formatBytes } from "../engine/chunk.ts";
import { defaultBudget, type OpenModel, openModel, readCard } from "../node.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { Io } from "./io.ts";
import { cardWith, type ModelOptions } from "./options.ts";

export type Session = OpenModel;

export interface SessionOptions {
  readonly preprocess?: boolean;
  readonly pixelChannels?: number;
}

export async function openSession(options: ModelOptions, io: Io, how: SessionOptions = {}): Promise<Session> {
  const { device, threads, memory = defaultBudget() } = options;
  const card = cardWith(readCard(options.model, options.card), options);
  const session = await openModel(options.model, { ...how, card, device, threads, memory });
  const { info } = session.engine;
  io.say(
    `engine: ${info.package} ${info.version}, ${info.provider}, ${info.threads} thread${info.threads === 1 ? "" : "s"}, batches up to ${formatBytes(memory)}`,
    ...(session.advice ? [`note: ${session.advice}`] : []),
    ...session.model.prepared.assumptions.map((sentence) => `assumed: ${sentence}`),
  );
  return session;
}

/** The name of a class, else its index. */
export const className = (card: ModelCard, index: number): string =>
  card.classes?.[index] ?? `class ${index}`;
