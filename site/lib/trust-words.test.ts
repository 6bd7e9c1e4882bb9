import { describe, expect, it } from "vitest";
import { constructedSource } from "../api/constructed-source.ts";
import { evidenceWords, tiers } from "./trust-words.ts";

const { runs } = constructedSource();
const byTier = (tier: string) => evidenceWords(runs.find((run) => run.tier === tier)!);

describe("what the tier of a run rests on", () => {
  it("is its document alone, or its scores", () => {
    expect(byTier("submitted")).toEqual([
      { text: "The document alone; the scores that it names do not lie beside it.", counts: true },
    ]);
    expect(byTier("recomputed")[0].text).toMatch(/^Computed again from its [\d,]+ rows of scores\.$/);
  });
  it("is every line of the ledger, also one that does not count", () => {
    expect(byTier("reproduced")[1]).toEqual({
      text: "Reproduced by some-one on 2026-12-01.",
      href: "https://example.org/runs/1?a=1&b=2",
      counts: true,
    });
    const attested = runs.find(({ trust }) => trust!.identity.startsWith("c"))!;
    expect(evidenceWords(attested)[1]).toEqual({
      text: "Attested by some-one on 2026-01-01, which does not count: dated before the run.",
      href: "https://example.org/attestations/1",
      counts: false,
    });
  });
});

describe("tiers", () => {
  it("are told from what is believed least, each once", () => {
    expect(tiers.map(({ id }) => id)).toEqual([
      "reported",
      "submitted",
      "recomputed",
      "reproduced",
      "attested",
    ]);
  });
});
