import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { methods } from "../methods/index.ts";
import { metrics } from "../metrics/index.ts";
import { resolveParams } from "../params.ts";
import { controlIds } from "../stats/expectation.ts";
import { standardMethods } from "../stats/summarise.ts";
import { protocolHash } from "./hash.ts";
import { methodOf, metricOf, protocolOf, protocolParams, protocols, standardProtocol } from "./protocol.ts";

const quick = protocolOf("quick");

describe.each(protocols.map((p) => [p.id, p] as const))("protocol %s", (id, protocol) => {
  it("names entries that exist, each once", () => {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(protocol.methods.map((m) => methodOf(m).id)).toEqual([...new Set(protocol.methods)]);
    expect(protocol.metrics.map((m) => metricOf(m).id)).toEqual([...new Set(protocol.metrics)]);
  });

  it("runs every control", () => {
    const controls = methods.filter((m) => m.control).map((m) => m.id);
    expect(protocol.methods).toEqual(expect.arrayContaining(controls));
  });

  it("re-runs methods on the first samples only", () => {
    expect(protocol.rerunSamples).toBeLessThanOrEqual(protocol.samples);
  });

  it.each([...methods, ...metrics].map((entry) => [entry.id, entry] as const))(
    "gives %s parameters it takes",
    (_, entry) => {
      expect(() => resolveParams(entry.id, entry.params, protocolParams(protocol, entry))).not.toThrow();
    },
  );
});

describe("protocol 1", () => {
  // Never change these lines: what they say is published. A change is protocol 2 (kit/docs/protocol.md).
  it("is frozen", () => {
    expect(protocolHash(protocolOf("1"))).toBe(
      "f174fb0f752ac03a7cf3a1387ea0b14b30339fd4048bdea81396d36cdfc58551",
    );
  });

  it("has its hash on its page", async () => {
    const page = await readFile(new URL("../../docs/protocol.md", import.meta.url), "utf8");
    expect(page).toContain(`| \`1\` | released 2026-11-26 | sha256 \`${protocolHash(protocolOf("1"))}\` |`);
  });

  it("is what runs unless told otherwise, with the methods that are ranked and every control", () => {
    expect(standardProtocol.id).toBe("1");
    expect(standardProtocol.methods).toEqual([...standardMethods, ...controlIds]);
  });

  it("gives the defaults of its release to everything there was, and nothing to what is younger", () => {
    const { parameters } = protocolOf("1");
    const known = [...methods, ...metrics];
    expect(known.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.keys(parameters)));
    for (const { id, params } of known) {
      if (Object.hasOwn(parameters, id))
        expect(resolveParams(id, params, parameters[id])).toEqual(parameters[id]);
    }
    const younger = {
      id: "younger",
      params: { draws: { type: "integer", default: 8, budget: true, description: "" } },
    } as const;
    expect(protocolParams(protocolOf("1"), younger)).toEqual({});
    expect(protocolParams({ parameters: { younger: { draws: 40 } }, quick: false }, younger)).toEqual({
      draws: 40,
    });
    expect(protocolParams({ parameters: { younger: { draws: 40 } }, quick: true }, younger)).toEqual({
      draws: 10,
    });
  });
});

describe("budgets", () => {
  const budgets = [...methods, ...metrics].flatMap((entry) =>
    Object.entries(entry.params).flatMap(([name, spec]) =>
      (spec.type === "integer" || spec.type === "number") && spec.budget
        ? [`${entry.id} ${name} ${spec.default} → ${protocolParams(quick, entry)[name]}`]
        : [],
    ),
  );

  it("are what the protocol page says, and a quarter of it in a quick run", () => {
    expect(budgets).toEqual([
      "integrated-gradients steps 50 → 13",
      "smoothgrad draws 25 → 7",
      "gradient-shap draws 25 → 7",
      "score-cam channels 256 → 64",
      "lime draws 512 → 128",
      "kernel-shap draws 512 → 128",
      "rise draws 1000 → 250",
      "smoothgrad-squared draws 25 → 7",
      "vargrad draws 25 → 7",
      "shapley-value-sampling draws 10 → 4",
      "infidelity draws 64 → 16",
      "max-sensitivity draws 10 → 4",
      "deletion-auc steps 16 → 4",
      "insertion-auc steps 16 → 4",
      "infidelity-raw draws 10 → 4",
      "infidelity-scaled draws 10 → 4",
      "infidelity-gaussian draws 64 → 16",
      "srg steps 16 → 4",
      "faithfulness-correlation draws 100 → 25",
      "sensitivity-n draws 32 → 8",
      "irof segments 49 → 13",
      "selectivity steps 64 → 16",
      "road-combined steps 9 → 4",
      "avg-sensitivity draws 10 → 4",
      "local-lipschitz draws 10 → 4",
      "relative-input-stability draws 10 → 4",
    ]);
  });

  it("are the only change a quick run makes", () => {
    for (const entry of [...methods, ...metrics]) {
      const standard = protocolParams(standardProtocol, entry);
      const changed = Object.entries(protocolParams(quick, entry)).filter(
        ([name, v]) => standard[name] !== v,
      );
      expect(changed.every(([name]) => "budget" in entry.params[name])).toBe(true);
    }
  });
});

describe("the protocol page's other numbers", () => {
  it.each([
    ["saliency", { absolute: false }],
    ["input-x-gradient", { reference: "mean" }],
    ["integrated-gradients", { steps: 50, rule: "gauss-legendre", reference: "mean" }],
    ["smoothgrad", { draws: 25, sigma: 0.15, absolute: false, squared: false }],
    ["grad-cam", {}],
    ["occlusion", { window: 0, stride: 0, fill: "mean" }],
  ])("%s", (id, want) => {
    const { params } = methodOf(id);
    expect(resolveParams(id, params)).toEqual(want);
  });

  it.each([
    ["infidelity", { draws: 64, grid: 7, hidden: 10, reference: "mean" }],
    ["max-sensitivity", { draws: 10, radius: 0.02 }],
    ["deletion-auc", { steps: 16, reference: "mean+blur", ties: "seeded" }],
    ["insertion-auc", { steps: 16, reference: "mean+blur", ties: "seeded" }],
    ["relevance-rank-accuracy", { ties: "seeded" }],
    ["pointing-game", { ties: "seeded" }],
  ])("%s", (id, want) => {
    expect(resolveParams(id, metricOf(id).params)).toEqual(want);
  });

  it("map rules: absolute for sensitivities, signed for the rest", () => {
    for (const { id, kind, map } of methods) {
      // a gradient times a map: no rate of change any more, and signed like one
      const signed = kind === "sensitivity" || id === "guided-grad-cam";
      expect([id, map]).toEqual([id, signed ? "abs-sum" : "sum"]);
    }
  });

  // infidelity-gaussian alone differs from the page: the controls have no channels, so there is nothing to beat
  it("directions and gates", () => {
    expect(metrics.map(({ id, better, gate }) => `${id} ${better === "higher" ? "↑" : "↓"} ${gate}`)).toEqual(
      [
        "infidelity ↓ controls",
        "max-sensitivity ↓ none",
        "deletion-auc ↓ controls",
        "insertion-auc ↑ controls",
        "sparseness ↑ none",
        "randomisation ↓ none",
        "relevance-rank-accuracy ↑ controls",
        "pointing-game ↑ controls",
        "infidelity-raw ↓ controls",
        "infidelity-scaled ↓ controls",
        "infidelity-gaussian ↓ none",
        "srg ↑ controls",
        "average-drop ↓ controls",
        "increase-in-confidence ↑ controls",
        "relative-confidence-gain ↑ controls",
        "average-gain ↑ controls",
        "faith ↑ controls",
        "adcc ↑ controls",
        "faithfulness-correlation ↑ controls",
        "sensitivity-n ↑ controls",
        "irof ↑ controls",
        "selectivity ↓ controls",
        "road-combined ↑ controls",
        "entropy ↓ none",
        "sparsity ↑ none",
        "effective-complexity ↓ none",
        "relevance-mass-accuracy ↑ controls",
        "top-k-intersection ↑ controls",
        "localisation-auroc ↑ controls",
        "loc-acc ↑ controls",
        "top-saliency-precision ↑ controls",
        "all-saliency-precision ↑ controls",
        "annotation-coverage ↑ controls",
        "miou-otsu ↑ controls",
        "hit-rate ↑ controls",
        "completeness-gap ↓ none",
        "avg-sensitivity ↓ none",
        "local-lipschitz ↓ none",
        "relative-input-stability ↓ none",
        "random-logit ↓ none",
        "cost ↓ none",
      ],
    );
  });
});

describe("looking an entry up", () => {
  it.each([
    [() => methodOf("gradcam"), "E_METHOD", 'there is no method "gradcam"', "did you mean grad-cam?"],
    [() => methodOf("Grad-CAM"), "E_METHOD", 'there is no method "Grad-CAM"', "did you mean grad-cam?"],
    [
      () => methodOf("gradient"),
      "E_METHOD",
      'there is no method "gradient"',
      "did you mean input-x-gradient or integrated-gradients or gradient-shap?",
    ],
    [
      () => metricOf("deletion_auc"),
      "E_METRIC",
      'there is no metric "deletion_auc"',
      "did you mean deletion-auc?",
    ],
    [() => metricOf("deletion"), "E_METRIC", 'there is no metric "deletion"', "did you mean deletion-auc?"],
    [() => protocolOf("slow"), "E_PROTOCOL", 'there is no protocol "slow"', "known: 1, quick"],
    [() => protocolOf(""), "E_PROTOCOL", 'there is no protocol ""', "known: 1, quick"],
  ])("%s", (look, code, message, next) => {
    expect(look).toThrow(expect.objectContaining({ code, message, next }));
  });

  it("lists everything where nothing is close", () => {
    expect(() => methodOf("xyz")).toThrow(
      expect.objectContaining({ next: `known: ${methods.map((m) => m.id).join(", ")}` }),
    );
  });
});
