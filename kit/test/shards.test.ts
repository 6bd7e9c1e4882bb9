/** Batches, engines and shards change no byte of the result. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundledModels } from "../src/bundled.ts";
import { openEngine } from "../src/engine/node.ts";
import { cli, type Ran } from "./run-cli.ts";
import { cnn, saveModel, vit } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-shards-"));
const at = (...names: string[]) => join(dir, ...names);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bundled = (id: string) => bundledModels().find((m) => m.id === id)!.path;
const models: Record<string, string> = {
  cnn: at("cnn.onnx"),
  vit: at("vit.onnx"),
  "bundled-vit": bundled("shapes-vit"),
};
beforeAll(() => {
  saveModel(models.cnn, cnn({ classes: 4 }));
  saveModel(models.vit, vit({ classes: 4 }));
});

const evaluate = (model: string, device: string, out: string, ...more: string[]): Promise<Ran> =>
  cli(
    ...["evaluate", "--model", models[model], "--data", "phantom-shapes", "--protocol", "quick", "--quiet"],
    ...["--device", device, "--samples", "7", "--pictures", "0", "--out", at(out), ...more],
  );

const hash = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Hashes of `result` and of the sidecar: equal to the byte or not. */
function bytesOf(out: string): { result: string; scores: string } {
  const text = readFileSync(at(out, "run.json"), "utf8");
  return {
    result: hash(text.slice(0, text.indexOf(',"telemetry":'))),
    scores: hash(readFileSync(at(out, "scores.parquet"))),
  };
}

const native = await openEngine({ device: "cpu" }).then(
  ({ engine }) => engine.close().then(() => true),
  () => false,
);

const cases: readonly (readonly [string, string])[] = [
  ["cnn", "cpu"],
  ["vit", "cpu"],
  ["bundled-vit", "cpu"],
  ["cnn", "wasm"],
  ["vit", "wasm"],
];

/** Each kind of model once, and each device. */
const sharded = ["vit-cpu", "cnn-wasm"];

describe.each(cases)("%s on %s", (model, device) => {
  const name = `${model}-${device}`;
  const more = [
    ...["--methods", "saliency,integrated-gradients,grad-cam,random"],
    ...["--metrics", "max-sensitivity,deletion-auc,randomisation,pointing-game"],
    ...(model === "bundled-vit" ? ["--samples", "2"] : []),
  ];

  it.skipIf(device === "cpu" && !native)(
    "gives the same bytes whatever the batch, the engines and the shards",
    async () => {
      expect(await evaluate(model, device, name, ...more)).toMatchObject({ code: 0 });
      const expected = bytesOf(name);
      for (const [batch, jobs] of [
        [1, 1],
        [3, 2],
        [16, 1],
      ]) {
        const out = `${name}-${batch}-${jobs}`;
        await evaluate(model, device, out, ...more, "--batch", `${batch}`, "--jobs", `${jobs}`);
        expect(bytesOf(out)).toEqual(expected);
      }
      if (!sharded.includes(name)) return;
      for (const of of [1, 3, 7]) {
        const shards = Array.from({ length: of }, (_, k) => `${name}-shard-${k + 1}-${of}`);
        for (const [k, out] of shards.entries()) {
          const jobs = `${1 + (k % 2)}`;
          const ran = await evaluate(
            model,
            device,
            out,
            ...more,
            "--shard",
            `${k + 1}/${of}`,
            "--jobs",
            jobs,
          );
          expect(ran.code).toBe(0);
          expect(existsSync(at(out, "run.json"))).toBe(false);
        }
        // in any order
        const ran = await cli(
          "merge",
          ...shards.toReversed().map((out) => at(out)),
          "--out",
          at(`${name}-of-${of}`),
        );
        expect(ran.code).toBe(0);
        expect(bytesOf(`${name}-of-${of}`)).toEqual(expected);
      }
    },
  );
});

describe("merge", () => {
  const quick = ["--methods", "saliency,random", "--metrics", "sparseness,randomisation"];
  const shard = (out: string, name: string, model = "cnn") =>
    evaluate(model, "wasm", out, ...quick, "--shard", name);
  const merge = (...folders: string[]) => cli("merge", ...folders.map((f) => at(f)), "--out", at("merged"));

  beforeAll(async () => {
    for (const k of [1, 2, 3]) expect((await shard(`part-${k}`, `${k}/3`)).code).toBe(0);
    await shard("again-2", "2/3");
    await shard("half-2", "2/2");
    await shard("vit-2", "2/3", "vit");
    const journal = readFileSync(at("part-2", "journal.jsonl"), "utf8").split("\n");
    for (const out of ["unfinished", "corrupt", "shorter"])
      cpSync(at("part-2"), at(out), { recursive: true });
    writeFileSync(at("unfinished", "journal.jsonl"), `${journal.slice(0, -2).join("\n")}\n`);
    writeFileSync(at("shorter", "journal.jsonl"), journal.toSpliced(4, 1).join("\n"));
    const changed = journal.with(
      3,
      journal[3].replace('"saliency"', '"saliencz"').replace("labels", "lebals"),
    );
    writeFileSync(at("corrupt", "journal.jsonl"), changed.join("\n"));
  });

  it.each<[string, string[], string, RegExp]>([
    ["a gap", ["part-1", "part-3"], "E_MERGE", /^error: shard 2\/3 is missing/],
    [
      "an overlap",
      ["part-1", "part-2", "again-2", "part-3"],
      "E_MERGE",
      /part-2 and .*again-2 are both shard 2\/3/,
    ],
    ["other divisions", ["part-1", "half-2"], "E_MERGE", /part-1 is shard 1\/3, .*half-2 shard 2\/2/],
    [
      "another model",
      ["part-1", "vit-2", "part-3"],
      "E_MERGE",
      /vit-2 .*not shards of one run.*\n(.*\n)* {2}model\.sha256: "/,
    ],
    [
      "a shard that is not finished",
      ["part-1", "unfinished", "part-3"],
      "E_MERGE",
      /unfinished: shard 2\/3 is not finished/,
    ],
    [
      "a corrupt journal",
      ["part-1", "corrupt", "part-3"],
      "E_JOURNAL",
      /corrupt\/journal\.jsonl, line 4: its checksum is wrong/,
    ],
    [
      "a journal that lost a line",
      ["part-1", "shorter", "part-3"],
      "E_JOURNAL",
      /shorter\/journal\.jsonl, line 5: /,
    ],
    ["a folder without a journal", ["part-1", "nowhere"], "E_MERGE", /nowhere holds no journal/],
  ])("refuses %s", async (_, folders, code, text) => {
    const ran = await merge(...folders);
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.err).toMatch(text);
    expect(ran.err).toContain(`[${code}]`);
    expect(ran.err).toMatch(/^ {2}next: /m);
    expect(existsSync(at("merged"))).toBe(false);
  });

  it("refuses another protocol", async () => {
    const out = at("standard");
    await evaluate("cnn", "wasm", "standard", ...quick, "--shard", "2/3", "--protocol", "1");
    expect((await cli("merge", at("part-1"), out, at("part-3"), "--out", at("merged"))).err).toMatch(
      /^ {2}protocol\.id: "quick" there, "1" here$/m,
    );
  });

  it("does not replace a run unless told", async () => {
    const folders = ["part-1", "part-2", "part-3"];
    expect((await merge(...folders)).code).toBe(0);
    expect(await merge(...folders)).toMatchObject({
      code: 1,
      err: expect.stringContaining("[E_RUN_EXISTS]"),
    });
    expect(
      (await cli("merge", ...folders.map((f) => at(f)), "--out", at("merged"), "--overwrite")).code,
    ).toBe(0);
    // and says what the shards' own folders are for
    expect((await evaluate("cnn", "wasm", "part-1", ...quick)).err).toMatch(
      /^ {2}shard: 1\/3 there, the whole here$/m,
    );
  });

  it("goes on with a shard whose last line is torn", async () => {
    appendFileSync(at("unfinished", "journal.jsonl"), '{"n":99,"crc":"0');
    expect((await shard("unfinished", "2/3")).code).toBe(0);
    expect(
      (await cli("merge", at("part-1"), at("unfinished"), at("part-3"), "--out", at("mended"))).code,
    ).toBe(0);
    expect(bytesOf("mended")).toEqual(bytesOf("merged"));
  });
});
