import { describe, expect, it } from "vitest";
import type { ExternalMaps } from "../methods/external.ts";
import { methodOf, metricOf, protocolOf } from "../protocol/protocol.ts";
import { type PlanOptions, plan } from "./plan.ts";

const standard = protocolOf("1");
const shape = { channels: 3, height: 14, width: 14 };
const base: PlanOptions = {
  protocol: standard,
  methods: standard.methods.map(methodOf),
  metrics: standard.metrics.map(metricOf),
  shape,
  available: 1000,
  annotated: true,
  unmet: {},
};
const of = (changes: Partial<PlanOptions>) => plan({ ...base, ...changes });

describe("plan", () => {
  it("of the protocol is standard, and any other is not", () => {
    expect(of({}).standard).toBe(true);
    expect(of({ annotated: false }).standard).toBe(true);
    // as the journal of such a run has them
    const left = base.metrics.filter((metric) => !metric.needs.includes("mask"));
    expect(of({ annotated: false, metrics: left }).standard).toBe(true);
    expect(of({ annotated: false, metrics: left.slice(1) }).standard).toBe(false);
    expect(of({ metrics: left }).standard).toBe(false);
    expect(of({ available: 10 }).standard).toBe(true); // all there are
    expect(of({ methods: base.methods.toReversed() }).standard).toBe(true);
    expect(of({ methods: base.methods.slice(1) }).standard).toBe(false);
    expect(of({ metrics: base.metrics.slice(1) }).standard).toBe(false);
    expect(of({ metrics: [...base.metrics.slice(1), base.metrics[1]] }).standard).toBe(false);
    expect(of({ samples: 3 }).standard).toBe(false);
  });

  it("with further methods and metrics stays standard, and does these on the first samples", () => {
    const more = {
      methods: [...base.methods, methodOf("rise")],
      metrics: [...base.metrics, metricOf("effective-complexity"), metricOf("irof")],
    };
    expect(of(more).standard).toBe(false);
    const made = of({ ...more, further: true });
    expect(made.standard).toBe(true);
    expect(made.methods.map((m) => m.samples)).toEqual([...base.methods.map(() => 256), 32]);
    expect(made.metrics.slice(-2).map((m) => m.samples)).toEqual([32, 32]);
    expect(made.passesAt(32)).toBe(of({}).passesAt(32));
    expect(made.passesAt(31)).toBeGreaterThan(of({}).passesAt(31) + 1000);
    expect(of({ ...more, methods: more.methods.slice(1), further: true }).standard).toBe(false);
    // asked for alone, they are done on all
    expect(of(more).methods.at(-1)?.samples).toBe(256);
  });

  it("with maps from elsewhere is the same, and they come last", () => {
    const maps: ExternalMaps = {
      id: "theirs",
      map: "sum",
      source: "https://example.org/",
      files: 256,
      sha256: "0".repeat(64),
      classesChecked: false,
      annotated: false,
    };
    const { standard: isStandard, methods, passes } = of({ external: [maps] });
    expect(isStandard).toBe(true);
    expect(methods.at(-1)).toMatchObject({ method: { id: "theirs", map: "sum" }, external: maps });
    expect(methods.slice(0, -1)).toEqual(of({}).methods);
    // what scores them asks the model too
    expect(passes).toBeGreaterThan(of({}).passes);
  });

  it("takes the samples that are asked for and there", () => {
    expect(of({}).samples).toBe(256);
    expect(of({ available: 10 }).samples).toBe(10);
    expect(of({ samples: 20 }).samples).toBe(20);
    expect(of({ samples: 20, available: 10 }).samples).toBe(10);
  });

  it("gives metrics that re-run methods the first samples only", () => {
    const { metrics } = of({});
    const samplesOf = (id: string) => metrics.find((m) => m.metric.id === id)?.samples;
    expect(samplesOf("max-sensitivity")).toBe(32);
    expect(samplesOf("randomisation")).toBe(32);
    expect(samplesOf("infidelity")).toBe(256);
    expect(of({ samples: 5 }).metrics.every((m) => m.samples === 5)).toBe(true);
  });

  it("leaves out metrics without their annotation", () => {
    const ids = of({ annotated: false }).metrics.map((m) => m.metric.id);
    expect(ids).not.toContain("pointing-game");
    expect(ids).toContain("infidelity");
  });

  it("says why a method cannot run", () => {
    const { methods } = of({ unmet: { "grad-cam": "no grid" } });
    expect(methods.filter((m) => m.notApplicable).map((m) => [m.method.id, m.notApplicable])).toEqual([
      ["grad-cam", "no grid"],
    ]);
    expect(methods.find((m) => m.method.id === "grad-cam")?.notApplicable).toBe("no grid");
    expect(methods.find((m) => m.method.id === "saliency")?.notApplicable).toBeUndefined();
  });

  it("quick takes a quarter of every budget", () => {
    const { methods, metrics, samples } = of({ protocol: protocolOf("quick") });
    expect(samples).toBe(16);
    expect(methods.find((m) => m.method.id === "integrated-gradients")?.params).toMatchObject({ steps: 13 });
    expect(metrics.every((m) => m.samples === 16)).toBe(true);
  });

  it("counts passes", () => {
    const chosen = {
      methods: ["saliency", "integrated-gradients", "grad-cam"].map(methodOf),
      samples: 40,
      unmet: { "grad-cam": "no grid" },
    };
    const passes = (metrics: readonly string[]) => of({ ...chosen, metrics: metrics.map(metricOf) }).passes;
    // 1 forward to predict; saliency 1 + 1, integrated gradients 50 + 50
    expect(passes([])).toBe(40 * (1 + 2 + 100));
    // deletion: 2 references × 17 points or fewer, for each method
    const { cost, params } = metricOf("deletion-auc");
    const each = cost({ steps: 16, reference: "mean+blur" }, { forwards: 0, backwards: 0 });
    expect(Object.keys(params)).toContain("steps");
    expect(passes(["deletion-auc"])).toBe(40 * (103 + 2 * each.forwards));
    // the randomised model explains once more, on the first 32
    expect(passes(["randomisation"])).toBe(40 * 103 + 32 * 102);
    // the annotated class is explained apart
    expect(passes(["pointing-game"])).toBe(40 * (1 + 2 * 102));
  });
});
