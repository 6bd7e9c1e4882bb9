/** What `evaluate` finds in its folder: the run to go on with, one that is finished, or somebody else's. */
import { existsSync } from "node:fs";
import { KitError } from "../errors.ts";
import type { Run as RunDocument } from "../results/document.ts";
import type { RunFacts } from "../runner/facts.ts";
import { type Found, otherPlan, readJournal } from "../runner/journal.ts";
import { type Shard, shardName } from "../runner/share.ts";
import type { ModelCard } from "../schemas.generated.ts";
import type { Io } from "./io.ts";
import { keptPositions } from "./regions.ts";
import { checkFolder, filesOf, finishedRun } from "./run-folder.ts";
import { counted, reportText } from "./run-text.ts";

/** What a command answers: the object for --json, and the text. */
export interface Answer {
  readonly value: object;
  readonly text: string;
}

/** Of the command line. */
interface Wishes {
  readonly overwrite?: true;
  readonly shard?: Shard;
}

/**
 * What an earlier command left in the folder, before any work.
 *
 * @throws KitError E_RUN_EXISTS for a run without its journal, E_JOURNAL for a corrupt one, E_WRITE
 */
export async function lookInto(out: string, { overwrite }: Wishes): Promise<Found | undefined> {
  await checkFolder(out);
  const { journal, run } = filesOf(out);
  const found = await readJournal(journal).catch((error: unknown) => {
    if (overwrite && error instanceof KitError && error.code === "E_JOURNAL") return undefined;
    throw error;
  });
  if (found === undefined && existsSync(run) && !overwrite) {
    throw new KitError("E_RUN_EXISTS", {
      problem: `${out} holds a run already`,
      next: "choose another --out, or replace it with --overwrite",
    });
  }
  return found;
}

/** The journal to go on with; undefined to start anew. Throws KitError E_RUN_EXISTS for that of another plan. */
export async function toGoOn(
  out: string,
  found: Found | undefined,
  facts: RunFacts,
  { overwrite, shard }: Wishes,
): Promise<Found | undefined> {
  if (found === undefined) return undefined;
  const others = otherPlan(found, facts, shard);
  const whole = found.absent !== undefined && (shard !== undefined || (await finishedRun(out)) !== undefined);
  if (others.length === 0) return whole && overwrite ? undefined : found;
  if (overwrite) return undefined;
  const shown = others.slice(0, 8);
  throw new KitError("E_RUN_EXISTS", {
    problem: `${out} holds ${found.absent === undefined ? "the beginning of " : ""}another run`,
    details: [
      ...shown,
      ...(others.length > shown.length ? [`and ${others.length - shown.length} more`] : []),
    ],
    next: "choose another --out, or replace it with --overwrite",
  });
}

/** Of a run that needs nothing more. */
export async function finishedAnswer(
  io: Io,
  out: string,
  found: Found,
  card: ModelCard,
): Promise<Answer | undefined> {
  if (found.absent === undefined) return undefined;
  const { shard } = found.header;
  if (shard !== null) {
    io.say("this shard is finished already; --overwrite makes it again");
    return shardAnswer(
      out,
      shard,
      found.units.filter((u) => u.kind === "sample").length,
      found.images.length,
    );
  }
  const run = await finishedRun(out);
  if (run === undefined) return undefined; // all is done but the documents
  io.say("this run is finished already; --overwrite makes it again");
  return answerOf(io, out, run, card, existsSync(filesOf(out).pictures));
}

export function answerOf(
  io: Io,
  out: string,
  { result }: RunDocument,
  card: ModelCard,
  pictures: boolean,
): Answer {
  const unranked =
    result.standard && result.protocol.id !== "quick" ? "" : " (not the standard protocol, never ranked)";
  return {
    value: { out, ...result },
    text: [
      reportText(result, { columns: io.columns, classNames: card.classes ?? [] }),
      `run: ${filesOf(out).run}${unranked}\n${pictures ? `pictures: ${filesOf(out).pictures}\n` : ""}`,
    ].join("\n"),
  };
}

export const shardAnswer = (out: string, shard: Shard, samples: number, images: number): Answer => ({
  value: { out, shard: shardName(shard), samples, images },
  text: `shard ${shardName(shard)}: ${counted(samples, "image")} explained, ${counted(images, "image")} classified\nnext: xai-kit merge <the folders of all ${shard.of} shards> --out <dir>\n`,
});

/** Maps of what was explained before `--keep-regions` was asked for are gone. */
export async function sayUnkept(
  io: Io,
  out: string,
  { units }: Found,
  selected: readonly string[],
): Promise<void> {
  const kept = await keptPositions(filesOf(out).regions);
  const position = new Map(selected.map((id, at) => [id, at]));
  const unkept = units.filter(
    (unit) => unit.kind === "sample" && unit.rows.length > 0 && !kept.has(position.get(unit.sample)!),
  ).length;
  if (unkept > 0)
    io.say(
      `note: ${counted(unkept, "image")} explained before without --keep-regions; consistency needs all: --overwrite`,
    );
}

export function sayResumed(io: Io, found: Found, samples: number): void {
  const done = found.units.filter((u) => u.kind === "sample").length;
  io.say(
    `resumed: ${done} of ${counted(samples, "sample")} already done, ${counted(found.images.length, "image")} classified`,
  );
}
