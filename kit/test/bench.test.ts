/** The benchmark runs: what it prints is not looked at here, since it is another every time. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { measuredGraph, plain, sources } from "../bench/graphs.ts";
import type { Graph } from "../src/onnx/graph.ts";

const bench = (...args: string[]) =>
  execFileSync(process.execPath, [fileURLToPath(new URL("../bench/run.ts", import.meta.url)), ...args], {
    encoding: "utf8",
  });

it("measures forward and gradient of the small network as JSON", () => {
  const report = JSON.parse(bench("--batch", "1", "--rounds", "3", "--threads", "1", "--json"));
  expect(report.rows).toHaveLength(1);
  const [row] = report.rows;
  expect(row).toMatchObject({ model: "small", batch: 1, rounds: 3, failed: {} });
  expect(Object.keys(row.milliseconds)).toEqual(["native forward", "native gradient"]);
  expect(row.ratios[0]).toMatchObject({ of: "native gradient", to: "native forward" });
  expect(row.ratios[0].median).toBeGreaterThan(0);
});

it("runs the gradient's graph beside itself without what is done for memory", async () => {
  const { rows } = JSON.parse(bench("--batch", "2", "--rounds", "3", "--threads", "1", "--plain", "--json"));
  expect(rows[0].failed).toEqual({});
  expect(rows[0].ratios.map(({ of, to }: { of: string; to: string }) => `${of} / ${to}`)).toEqual([
    "native gradient / native forward",
    "native plain gradient / native forward",
    "native gradient / native plain gradient",
  ]);

  const { graph } = measuredGraph(sources([])[0], "gradient", "cpu");
  const batches = ({ values = [] }: Graph) =>
    new Set(values.flatMap((v) => v.dims).filter((d) => /^batch/.test(`${d}`)));
  expect(batches(graph)).toEqual(new Set(["batch", "batch of gradients"]));
  expect(batches(plain(graph))).toEqual(new Set(["batch"]));
  const names = ({ nodes }: Graph) => nodes.map((n) => n.outputs[0]);
  expect(names(plain(graph))).not.toEqual(names(graph));
  expect(names(plain(graph)).toSorted()).toEqual(names(graph).toSorted());
});

it("counts what sharing saves on the small network, by family of metrics", () => {
  const args = ["--sharing", "--budget", "quick", "--threads", "1", "--json"];
  const { rows, sharing } = JSON.parse(
    bench(...args, "--metrics", "infidelity,max-sensitivity,avg-sensitivity"),
  );
  expect(rows).toEqual([]);
  const [{ methods, notApplicable, shared, metricByMetric, cellByCell }] = sharing;
  expect([methods.length, notApplicable]).toEqual([11, {}]);
  // f(x) of the first method is the prediction's, and what one gradient serves is asked once
  expect(shared.maps.passes).toBeLessThan(metricByMetric.maps.passes);
  expect(cellByCell.maps.passes).toBe(3 * metricByMetric.maps.passes);
  // 16 masks, once or for each of 11 methods; and f(x), which the maps had
  expect([shared.faithfulness.passes, metricByMetric.faithfulness.passes]).toEqual([16, 11 * 17]);
  // the second metric on the same draws is free
  expect(metricByMetric.robustness.passes / shared.robustness.passes).toBeGreaterThan(1.95);
  expect(cellByCell.robustness).toEqual(metricByMetric.robustness);
});

it("compares a plan with its evaluation: passes to the last one, time whatever the machine does meanwhile", () => {
  const plan = fileURLToPath(new URL("../bench/plan.ts", import.meta.url));
  const asked = [
    "--protocol",
    "quick",
    "--methods",
    "saliency,random",
    "--metrics",
    "deletion-auc,pointing-game",
  ];
  const options = ["--bundled", "cxr-resnet", "--samples", "2", "--within", "1000", "--json"];
  const [found] = JSON.parse(
    execFileSync(process.execPath, [plan, ...options, "--", ...asked, "--jobs", "1"], { encoding: "utf8" }),
  );
  expect(found.model).toBe("cxr-resnet");
  const { forwards, backwards } = found.predicted;
  expect(found.found).toMatchObject({ forwards, backwards });
  expect(forwards).toBeGreaterThan(512); // the whole split is classified
  expect(found.ratio).toBeCloseTo(found.found.seconds / found.predicted.seconds, 9);
});
