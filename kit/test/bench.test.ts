/** The benchmark runs: what it prints is not looked at here, since it is another every time. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

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
