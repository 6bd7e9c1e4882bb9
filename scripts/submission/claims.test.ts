import { describe, expect, it } from "vitest";
import { registeredDataset } from "../../kit/src/datasets/open.ts";
import type { SiteRun } from "../../site/lib/run.ts";
import { doubtsOf } from "./claims.ts";
import { testRun } from "./test-runs.ts";

type Result = SiteRun["result"];
const first = testRun().run;

/** The same run with other words in it; its numbers do not matter here. */
function claiming(
  change: (result: Result) => void = () => undefined,
  id = "phantom-shapes/made/2026-01-02-0",
): SiteRun {
  const run = structuredClone(first) as unknown as SiteRun;
  change(run.result);
  return { ...run, id, pictures: [], tier: "recomputed" };
}
const messages = (run: SiteRun, before: readonly SiteRun[] = []) =>
  doubtsOf(run, before).map(({ path, message }) => `${path}: ${message}`);

describe("what data a run claims", () => {
  it("believes what the registry says too", () => expect(messages(claiming())).toEqual([]));

  it("refuses a data set that the kit does not have", () => {
    expect(
      messages(claiming(({ data }) => Object.assign(data, { id: "my-patients", base: "my-patients" }))),
    ).toEqual(["$.result.data.id: the kit has no data set my-patients"]);
  });

  it("refuses real images in the synthetic track", () => {
    const blood = claiming(({ data }) =>
      Object.assign(data, { id: "medmnist-bloodmnist", base: "medmnist-bloodmnist" }),
    );
    expect(messages(blood)[0]).toBe('$.result.data.track: "synthetic", where the registry has "medical"');
  });

  it("refuses a title that is an advertisement", () => {
    expect(messages(claiming(({ data }) => Object.assign(data, { title: "Buy pills" })))).toEqual([
      '$.result.data.title: "Buy pills", where the registry has "Coloured shapes on clutter, drawn"',
    ]);
  });

  it("compares the images with those of the runs that are there", () => {
    const other = claiming(
      ({ model }) => Object.assign(model, { id: "other" }),
      "phantom-shapes/other/2026-01-01-1",
    );
    const odd = claiming(({ data }) =>
      Object.assign(data, { fingerprint: { kind: "sha256", value: "2".repeat(64) }, count: 17 }),
    );
    expect(messages(odd, [other])).toEqual([
      `$.result.data.count: 17, where ${other.id} has 16`,
      expect.stringContaining("$.result.data.fingerprint: "),
    ]);
    const edition = claiming(({ data }) => Object.assign(data, { edition: "2", count: 17 }));
    expect(messages(edition, [other])).toEqual([]);
  });

  it("takes files that list the images for what they are: splits of their own", () => {
    const chosen = (n: number) =>
      claiming(({ data, model }) => {
        const hash = { kind: "sha256", value: `${n}`.repeat(64) };
        Object.assign(data, { split: "unknown", splitFile: hash, fingerprint: hash });
        Object.assign(model, { id: `model-${n}` });
      }, `phantom-shapes/model-${n}/2026-01-02-${n}`);
    expect(messages(chosen(1), [chosen(2)])).toEqual([]);
    const lungs = (more: object) =>
      claiming(({ data }) =>
        Object.assign(data, {
          ...{ id: "iq-othnccd", base: "iq-othnccd", track: "ct", ids: "private", classNames: null },
          title: registeredDataset("iq-othnccd")!.title,
          ...more,
        }),
      );
    const splitFile = { kind: "sha256", value: "1".repeat(64) };
    expect(messages(lungs({ split: "test", splitFile }))).toEqual([]);
    expect(messages(lungs({ split: "unknown" }))).toEqual([]);
    expect(messages(lungs({ split: "test" }))).toEqual([
      "$.result.data.split: test, and iq-othnccd has no official split",
    ]);
    const own = claiming(({ data }) => Object.assign(data, { split: "test", splitFile }));
    expect(messages(own)).toEqual([expect.stringContaining("phantom-shapes has official splits")]);
  });

  it("takes maps from elsewhere for a reason to measure again, and the same ones for none", () => {
    const withMaps = (sha256: string, id: string) =>
      claiming(({ methods }) => {
        const external = { source: "https://example.org/", map: "sum", files: 16, sha256 };
        (methods as unknown[]).push({ ...methods[0], id: "theirs", status: "external", external });
      }, `phantom-shapes/made/${id}`);
    const [bare, first, again, others] = [
      claiming(),
      withMaps("a", "2026-01-03-1"),
      withMaps("a", "2026-01-04-2"),
      withMaps("b", "2026-01-05-3"),
    ];
    expect(messages(first, [bare])).toEqual([]);
    expect(messages(others, [bare, first])).toEqual([]);
    expect(messages(again, [first])).toEqual([expect.stringContaining("is a run of the same model")]);
    expect(messages(bare, [first])).toEqual([expect.stringContaining("is a run of the same model")]);
  });

  it("asks nothing of private images that only their owner can tell", () => {
    const folder = {
      id: "folder",
      base: "folder",
      track: "own",
      ids: "private",
      title: "Mine",
      classNames: null,
    };
    const [mine, theirs] = [1, 2].map((n) =>
      claiming(({ data, model }) => {
        Object.assign(data, folder, { fingerprint: { kind: "hmac-sha256", value: `${n}`.repeat(64) } });
        Object.assign(model, { id: `model-${n}` });
      }, `folder/model-${n}/2026-01-02-${n}`),
    );
    expect(messages(mine, [theirs])).toEqual([]);
  });
});

describe("whose model a run claims", () => {
  const there = claiming(undefined, "phantom-shapes/made/2026-01-01-1");

  it.each([
    ["sha256", "f".repeat(64), "another file"],
    ["architecture", "vgg-16", "another architecture"],
    ["family", "contrastive", "another family"],
  ])("refuses the name of a model with another %s", (key, value, says) => {
    const [found] = messages(
      claiming(({ model }) => Object.assign(model, { [key]: value })),
      [there],
    );
    expect(found).toBe(`$.result.model.${key}: ${there.id} has a model of this name with ${says}`);
  });

  it("refuses to put a run aside for another of the same", () => {
    expect(messages(claiming(), [there])[0]).toContain("no method or metric has been revised since");
    expect(
      messages(
        claiming(({ protocol }) => Object.assign(protocol, { id: "2" })),
        [there],
      ),
    ).toEqual([]);
  });

  it("takes a newer one where a draft has changed or a revision is higher", () => {
    const draft = claiming(({ protocol }) => Object.assign(protocol, { sha256: "a".repeat(64) }));
    expect(messages(draft, [there])).toEqual([]);
    for (const kind of ["methods", "metrics"] as const) {
      const revised = claiming((result) =>
        Object.assign(result[kind][0], { revision: result[kind][0].revision + 1 }),
      );
      expect(messages(revised, [there])).toEqual([]);
    }
  });

  it("lets the same name stand for other weights on other data", () => {
    const elsewhere = claiming(({ data }) => Object.assign(data, { id: "phantom-cxr", base: "phantom-cxr" }));
    expect(
      messages(
        claiming(({ model }) => Object.assign(model, { sha256: "f".repeat(64) })),
        [elsewhere],
      ),
    ).toEqual([]);
  });
});
