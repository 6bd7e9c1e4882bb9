/** `xai-kit merge`: the shards of a run joined into one run document. Needs their journals alone, neither model nor data. */
import type { Command } from "commander";
import { KitError } from "../errors.ts";
import { blockOf } from "../runner/classify.ts";
import { differences } from "../runner/facts.ts";
import { type Found, readJournal } from "../runner/journal.ts";
import { inShard, type Shard, shardName } from "../runner/share.ts";
import type { Io, Run } from "./io.ts";
import { mergeRegions } from "./regions.ts";
import { checkFolder, composeParts, filesOf, finishedRun, preparedFolder, writeRun } from "./run-folder.ts";
import { counted, reportText } from "./run-text.ts";

interface Options {
  readonly out: string;
  readonly overwrite?: true;
}

export function registerMerge(program: Command, run: Run): void {
  program
    .command("merge")
    .description("join the shards of a run into one run document")
    .argument("<folders...>", "the run folders of all shards, in any order")
    .requiredOption("-o, --out <dir>", "where the run goes")
    .option("--overwrite", "replace the run that is there")
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit evaluate --model m.onnx --data folder:photos --shard 1/2 --out a
  $ xai-kit evaluate --model m.onnx --data folder:photos --shard 2/2 --out b
  $ xai-kit merge a b --out run`,
    )
    .action(run<[string[], Options]>(merge));
}

interface Part {
  readonly folder: string;
  readonly found: Found;
  readonly shard: Shard;
}

async function merge(io: Io, folders: readonly string[], { out, overwrite }: Options): Promise<void> {
  await checkFolder(out);
  const parts = await partsOf(folders);
  if (!overwrite && ((await finishedRun(out)) !== undefined || (await readJournal(filesOf(out).journal)))) {
    throw new KitError("E_RUN_EXISTS", {
      problem: `${out} holds a run already`,
      next: "choose another --out, or replace it with --overwrite",
    });
  }
  const [{ found: first }] = parts;
  const { facts, secret } = first.header;
  const images = parts.flatMap((p) => p.found.images).sort((a, b) => a.at - b.at);
  const composed = composeParts({
    facts,
    secret,
    images,
    units: parts.flatMap((p) => p.found.units),
    telemetry: {
      date: new Date().toISOString(),
      seconds: parts.reduce((sum, p) => sum + p.found.seconds, 0),
      threads: Math.max(...parts.map((p) => p.found.threads)),
      jobs: parts.reduce((sum, p) => sum + p.found.jobs, 0),
      peakMemory: null,
    },
  });
  await preparedFolder(out, true);
  await writeRun(out, composed);
  await mergeRegions(
    parts.map((p) => filesOf(p.folder).regions),
    filesOf(out).regions,
  );
  const { result } = composed.run;
  io.say(`merged ${counted(parts.length, "shard")} of ${facts.model.id} on ${facts.data.id}`);
  await io.result(
    { out, ...result },
    `${reportText(result, { columns: io.columns, classNames: facts.data.classes })}\nrun: ${filesOf(out).run}\n`,
  );
}

/** The shards in order: every one, once, whole, and of one run. Throws KitError E_MERGE, E_JOURNAL. */
async function partsOf(folders: readonly string[]): Promise<[Part, ...Part[]]> {
  const parts: Part[] = [];
  for (const folder of folders) {
    const found = await readJournal(filesOf(folder).journal);
    if (found === undefined) {
      throw refused(`${folder} holds no journal`, [], "give the folders that evaluate --shard wrote");
    }
    parts.push({ folder, found, shard: found.header.shard ?? { index: 1, of: 1 } });
  }
  parts.sort((a, b) => a.shard.index - b.shard.index);
  const [first] = parts;
  for (const part of parts) {
    const details = differences(first.found.header.facts, part.found.header.facts);
    if (details.length > 0) {
      throw refused(
        `${first.folder} ("there") and ${part.folder} ("here") are not shards of one run`,
        details.slice(0, 8),
        "merge shards of the same model, data and plan",
      );
    }
    if (part.shard.of !== first.shard.of) {
      throw refused(
        `${first.folder} is shard ${shardName(first.shard)}, ${part.folder} shard ${shardName(part.shard)}`,
        [],
        "merge shards of one division",
      );
    }
  }
  const { of } = first.shard;
  for (let index = 1; index <= of; index++) {
    const own = parts.filter((p) => p.shard.index === index);
    const name = shardName({ index, of });
    if (own.length === 0) {
      throw refused(`shard ${name} is missing`, [], `give its folder too, or run it: --shard ${name}`);
    }
    if (own.length > 1) {
      throw refused(
        `${own.map((p) => p.folder).join(" and ")} are both shard ${name}`,
        [],
        "give each shard once",
      );
    }
    checkWhole(own[0]);
  }
  return parts as [Part, ...Part[]];
}

/** Nothing missing of the share, and nothing that is not of it. */
function checkWhole({ folder, found, shard }: Part): void {
  const { facts } = found.header;
  const name = shardName(shard);
  if (found.absent === undefined) {
    throw refused(
      `${folder}: shard ${name} is not finished`,
      [],
      "run its command again: it goes on where it stopped",
    );
  }
  const position = new Map(facts.selected.map((id, at) => [id, at]));
  const strange = [
    ...found.units
      .filter(({ sample }) => !inShard(position.get(sample) ?? Number.NaN, shard))
      .map(({ sample }) => `sample ${sample}`),
    ...found.images.filter(({ at }) => !inShard(blockOf(at), shard)).map(({ id }) => `image ${id}`),
  ];
  if (strange.length > 0) {
    throw refused(`${folder} holds what is not of shard ${name}`, strange.slice(0, 5), "run the shard again");
  }
  const due = Array.from({ length: facts.data.count }, (_, at) => at).filter((at) =>
    inShard(blockOf(at), shard),
  ).length;
  if (found.images.length + found.absent !== due) {
    throw refused(
      `${folder}: shard ${name} has ${found.images.length} classified images of ${due}`,
      [],
      "run the shard again",
    );
  }
  const explained = new Set(found.units.filter((u) => u.kind === "sample").map((u) => u.sample));
  const missing = facts.selected.filter((id, at) => inShard(at, shard) && !explained.has(id));
  if (missing.length > found.absent) {
    throw refused(
      `${folder}: shard ${name} lacks ${counted(missing.length, "sample")}`,
      missing.slice(0, 5),
      "run the shard again",
    );
  }
}

const refused = (problem: string, details: readonly string[], next: string) =>
  new KitError("E_MERGE", { problem, details, next });
