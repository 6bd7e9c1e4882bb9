import { describe, expect, it } from "vitest";
import { createProgram } from "../../kit/src/cli/program.ts";
import { datasets } from "../../kit/src/datasets/index.ts";
import { definitionOf, openDataset, parseDatasetSpec } from "../../kit/src/datasets/open.ts";
import { protocolOf } from "../../kit/src/protocol/protocol.ts";
import { commandsIn } from "../../kit/test/shell.ts";
import { constructedRun } from "./constructed-run.ts";
import { guideOf } from "./guide.ts";
import { wantedFor } from "./wanted.ts";

const asked = {
  family: "cnn",
  track: "synthetic",
  concern: "faithfulness",
  facts: { data: 0, models: 0 },
  covered: [] as readonly string[],
};

/** Somebody's own folder is compared with nothing. */
const readTracks = [...new Set(datasets.map(({ track }) => track as string))].filter((t) => t !== "own");

/** What the program itself makes of a command line, without running it. */
async function parse(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  let options: Readonly<Record<string, unknown>> = {};
  const program = createProgram(
    () =>
      (() => async (given: typeof options) => {
        options = given;
      }) as never,
  );
  await program.parseAsync([...argv], { from: "user" });
  return options;
}

/** Of a guide without runs, and of one in which a family has used every phantom. */
const commands = [
  ...guideOf([]),
  ...guideOf(
    ["cxr", "histology", "retina", "shapes"].map((id) =>
      constructedRun({ data: `phantom-${id}`, track: "synthetic" }),
    ),
  ),
].flatMap(({ wanted, family, track }) =>
  wanted?.command ? [[`${family}, ${track}`, wanted.command] as const] : [],
);

describe("the command that would provide the evidence", () => {
  it("exists for the tracks that the kit reads", () => {
    const tracks = guideOf([]).flatMap(({ wanted, track }) => (wanted?.command ? [track] : []));
    expect(new Set(tracks)).toEqual(new Set(readTracks));
  });
  it.each([...new Map(commands.map(([name, command]) => [command, name]))])("%s", async (command) => {
    const [argv] = commandsIn(command);
    expect(argv[0]).toBe("evaluate");
    const { model, data, dataDir, protocol, split } = await parse(argv);
    expect(model).toMatch(/^your-(cnn|transformer|contrastive)\.onnx$/);
    expect(protocolOf(String(protocol)).quick).toBe(false);
    // a run without it would not be ranked
    const own = definitionOf(String(data)).lacks?.includes("split") === true;
    expect(split !== undefined).toBe(own);
    const { id, base } = parseDatasetSpec(String(data));
    expect(id).toBe(base);
    // a folder is asked for just where the set cannot be opened without one
    const opened = openDataset(String(data)).then((set) => set.close());
    if (dataDir === undefined) await opened;
    else await expect(opened).rejects.toMatchObject({ code: "E_DATASET_MISSING" });
  });
  it("takes a data set that the family has not been measured on, as long as there is one", () => {
    const dataOf = (covered: readonly string[]) =>
      /--data (\S+)/.exec(wantedFor({ ...asked, covered }).command ?? "")?.[1];
    expect(dataOf([])).toBe("phantom-cxr");
    expect(dataOf(["phantom-cxr"])).toBe("phantom-histology");
    const all = ["phantom-cxr", "phantom-histology", "phantom-retina", "phantom-shapes"];
    expect(dataOf(all)).toBe("phantom-cxr");
    expect(wantedFor({ ...asked, covered: all }).note).toContain("another model adds evidence");
  });
});

describe("what is missing", () => {
  it("says how far the runs go", () => {
    expect(wantedFor(asked).missing).toBe(
      "No run counts here yet. An answer needs at least 2 data sets and 2 independently trained models.",
    );
    expect(wantedFor({ ...asked, facts: { data: 2, models: 1 }, covered: ["a", "b"] }).missing).toBe(
      "Measured on 2 of at least 2 data sets, with 1 of at least 2 independently trained models.",
    );
    expect(wantedFor({ ...asked, covered: ["a", "b"] }).missing).toMatch(
      /^None of the 2 counted runs ranks by this\./,
    );
    expect(wantedFor({ ...asked, facts: { data: 2, models: 2 }, covered: ["a", "b"] }).missing).toBe(
      "Measured widely enough, but no method leads often enough with its gates passed throughout.",
    );
  });
  it("invents no command where the kit reads nothing", () => {
    for (const track of ["natural", "cxr"].filter((one) => !readTracks.includes(one))) {
      const { note, command } = wantedFor({ ...asked, track });
      expect(command).toBeUndefined();
      expect(note).toBe("This version of the kit reads no data set of that kind yet.");
    }
  });
  it("asks for a split file where a set has no official test split", () => {
    const { note, command } = wantedFor({ ...asked, track: "ct" });
    expect(command).toContain("--data iq-othnccd");
    expect(command).toContain("--split your-test-ids.txt");
    expect(note).toMatch(/no official test split: list the images/);
    const again = wantedFor({ ...asked, track: "ct", covered: ["iq-othnccd"] }).note;
    expect(again).toMatch(/another model adds evidence\. This set has no official test split/);
    expect(wantedFor({ ...asked, track: "ct", concern: "localisation" }).note).toContain("have no masks");
  });
  it("nor where a data set cannot show what is asked", () => {
    const { note, command } = wantedFor({ ...asked, track: "medical", concern: "localisation" });
    expect(command).toBeUndefined();
    expect(note).toContain("have no masks");
    expect(wantedFor({ ...asked, concern: "localisation" }).command).toContain("phantom-cxr");
  });
});
