import { describe, expect, it } from "vitest";
import { standardMethods } from "../../kit/src/stats/summarise.ts";
import { architectures, domains, makeRun } from "../test/make-runs.ts";
import { commandOf } from "./command.ts";
import { boardOf } from "./leaderboard.ts";
import { basesOf, verdictOf } from "./rankings.ts";
import type { SiteRun } from "./run.ts";

const made = makeRun({
  domain: domains.find((d) => d.id === "shapes")!,
  architecture: architectures.find((a) => a.id === "clip-vit-mini")!,
  date: "2026-11-20T12:00:00Z",
});
const run: SiteRun = {
  ...made,
  id: "phantom-shapes/shapes-clip/2026-11-20-00000000",
  pictures: [],
  tier: "recomputed",
};

describe("the leaderboard", () => {
  const board = boardOf([run]);
  const cell = (method: string, column: string) =>
    board.rows.find((row) => row.method === method)!.cells[board.columns.findIndex((c) => c.id === column)];

  it("has a row for every method that is no control, best overall rank first", () => {
    const methods = board.rows.map((row) => row.method);
    expect(methods.toSorted()).toEqual(standardMethods.toSorted());
    // the one that did not run comes last
    expect(methods.at(-1)).toBe("grad-cam");
    const ranks = methods.slice(0, -1).map((method) => Number.parseInt(cell(method, "overall").text, 10));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
  });
  it("shows a value with its interval, and a dash with its reason", () => {
    expect(cell("saliency", "infidelity").text).toMatch(/^0\.\d{3}$/);
    expect(cell("saliency", "infidelity").detail).toMatch(/^\[0\.\d{3}, 0\.\d{3}\]$/);
    expect(cell("grad-cam", "infidelity")).toEqual({
      text: "–",
      note: "the layer's patch gradients all vanish",
    });
    expect(cell("saliency", "overall").text).toMatch(/^\d+=?$/);
    expect(cell("grad-cam", "overall").text).toBe("–");
  });
  it("ranks neither quick runs nor those that departed from their protocol", () => {
    const faithfulness = board.columns.findIndex((c) => c.id === "faithfulness");
    const texts = (changed: SiteRun) => boardOf([changed]).rows.map((row) => row.cells[faithfulness].text);
    const quick = structuredClone(run);
    quick.result.protocol.id = "quick";
    expect(new Set(texts(quick))).toEqual(new Set(["–"]));
    const own = structuredClone(run);
    own.result.standard = false;
    expect(new Set(texts(own))).toEqual(new Set(["–"]));
  });
  it("says next to the ranks how far each run can be believed", () => {
    const [tier] = board.columns.filter((column) => column.id === "tier");
    expect(tier).toMatchObject({ title: "Tier", kind: "text", standard: true });
    expect(cell("saliency", "tier").text).toBe("recomputed");
    const at = board.columns.indexOf(tier);
    expect(boardOf([{ ...run, tier: "submitted" }]).rows[0].cells[at].text).toBe("submitted");
  });
  it("filters by ids that the rows carry", () => {
    for (const [k, filter] of board.filters.entries()) {
      const values = filter.options.map((option) => option.value);
      expect(board.rows.every((row) => values.includes(row.keys[k]))).toBe(true);
    }
  });
});

describe("maps computed elsewhere", () => {
  const other: SiteRun = {
    ...makeRun({
      domain: domains.find((d) => d.id === "retina")!,
      architecture: architectures[0],
      date: "2026-11-20T12:00:00Z",
      external: true,
    }),
    id: "phantom-retina/retina-resnet/2026-11-20-00000000",
    pictures: [],
    tier: "recomputed",
  };
  const board = boardOf([other]);

  it("stand behind the methods of the kit, whatever their place, and are said to be that", () => {
    const row = board.rows.at(-1)!;
    expect(row.method).toBe("their-method");
    const cell = (column: string) => row.cells[board.columns.findIndex((c) => c.id === column)];
    expect(cell("method").text).toBe("their-method (computed elsewhere)");
    expect(cell("infidelity").text).toMatch(/^0\.\d{3}$/);
    expect(cell("faithfulness").text).toMatch(/^\d/);
    expect(cell("max-sensitivity")).toEqual({ text: "–", note: "the method cannot be re-run" });
    expect(cell("passes")).toEqual({ text: "–", note: expect.stringMatching(/^maps computed elsewhere/) });
  });

  it("are part of the command, their address between quotes", () => {
    expect(commandOf(other)).toMatch(
      / \\\n {2}--maps their-method --as their-method --map sum --source 'https:\/\/example\.org\/their-method\?of=a&b'$/,
    );
    const own = structuredClone(other);
    own.result.standard = false;
    expect(/--methods (\S+)/.exec(commandOf(own))![1]).not.toContain("their-method");
  });
});

it("says which command makes the run again, and what departs from the protocol", () => {
  expect(commandOf(run)).toBe(
    "npx xai-kit@0.1.0 evaluate \\\n  --model shapes-clip.onnx \\\n  --data phantom-shapes \\\n  --protocol 1",
  );
  const changed = structuredClone(run);
  changed.result.standard = false;
  expect(commandOf(changed)).toContain("--samples 48");
});

it("recommends nothing that a control beats, and nothing that is not known", () => {
  const basis = basesOf([run]).find(({ id }) => id === "faithfulness")!;
  const withCells = (change: { recommendable: boolean | null; worstShare?: number }) => {
    const copy = structuredClone(run);
    for (const entry of copy.result.statistics.cells) {
      if (entry.method === "saliency" && entry.metric === "infidelity") Object.assign(entry, change);
      else entry.recommendable = true;
    }
    return verdictOf(copy, basis, "saliency");
  };
  expect(withCells({ recommendable: true })).toEqual({ sound: true, metrics: [], reasons: [] });
  expect(withCells({ recommendable: null }).sound).toBeNull();
  expect(withCells({ recommendable: false }).sound).toBe(false);
  expect(withCells({ recommendable: false, worstShare: 0.3 }).reasons[0]).toMatch(/broken maps on 30\.0/);
});
