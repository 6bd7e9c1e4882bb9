/** What an answer still lacks, and the command that would provide it. */
import manifest from "../../kit/package.json" with { type: "json" };
import type { DatasetDefinition } from "../../kit/src/datasets/dataset.ts";
import { datasets } from "../../kit/src/datasets/index.ts";
import { standardProtocol } from "../../kit/src/protocol/protocol.ts";
import { kitCommand } from "../lib/command.ts";
import { type Facts, thresholds } from "./rules.ts";

export interface Wanted {
  /** what is missing, in one or two sentences */
  readonly missing: string;
  /** why there is no command, or what it cannot change */
  readonly note: string | undefined;
  /** undefined where this version of the kit has none */
  readonly command: string | undefined;
}

export interface Asked {
  readonly family: string;
  readonly track: string;
  readonly concern: string;
  /** of the counted runs in which any method has a rank */
  readonly facts: Pick<Facts, "data" | "models">;
  /** data sets of all counted runs, one entry a run, without sizes */
  readonly covered: readonly string[];
}

export function wantedFor(asked: Asked): Wanted {
  const { family, track, concern, facts, covered } = asked;
  const missing = lacking(facts, covered.length);
  const inTrack = datasets.filter((definition) => definition.track === track);
  const usable = inTrack.filter(({ lacks }) => concern !== "localisation" || !lacks?.includes("masks"));
  const offers = usable.flatMap((definition) =>
    definition.offers.map((offer) => ({ definition, data: specOf(offer) })),
  );
  const next = offers.find(({ data }) => !covered.includes(data)) ?? offers[0];
  if (next === undefined) {
    const note =
      inTrack.length === 0
        ? "This version of the kit reads no data set of that kind yet."
        : "The data sets of that kind that the kit reads have no masks, so they cannot show this.";
    return { missing, note, command: undefined };
  }
  const notes = [
    ...(covered.includes(next.data)
      ? ["Every data set that the kit reads here has been used; another model adds evidence."]
      : []),
    ...(next.definition.lacks?.includes("split")
      ? ["This set has no official test split: list the images that your model has not seen in a file."]
      : []),
  ];
  const note = notes.length > 0 ? notes.join(" ") : undefined;
  return { missing, note, command: commandFor(family, next) };
}

function lacking({ data, models }: Asked["facts"], runs: number): string {
  if (data === 0) {
    const none = runs === 0 ? "No run counts here yet." : `None of the ${runs} counted runs ranks by this.`;
    return `${none} An answer needs at least ${thresholds.data} data sets and ${thresholds.models} independently trained models.`;
  }
  if (data < thresholds.data || models < thresholds.models) {
    return `Measured on ${data} of at least ${thresholds.data} data sets, with ${models} of at least ${thresholds.models} independently trained models.`;
  }
  return "Measured widely enough, but no method leads often enough with its gates passed throughout.";
}

/** "medmnist-pathmnist[-28|64|128|224]" → "medmnist-pathmnist": brackets hold what may be added */
const specOf = (offer: string): string => offer.replace(/\[.*\]$/, "");

function commandFor(
  family: string,
  { definition, data }: { readonly definition: DatasetDefinition; readonly data: string },
): string {
  return [
    `${kitCommand(manifest.version)} evaluate`,
    `--model your-${family}.onnx`,
    `--data ${data}`,
    // phantoms are drawn; everything else lies in a folder
    ...(definition.track === "synthetic" ? [] : [`--data-dir your-${definition.id}`]),
    // without the file its runs would not be ranked
    ...(definition.lacks?.includes("split") ? ["--split your-test-ids.txt"] : []),
    `--protocol ${standardProtocol.id}`,
  ].join(" \\\n  ");
}
