/** `xai-kit doctor`: what can compute here, whether it computes right, and how fast. */
import type { Command } from "commander";
import { formatBytes } from "../engine/chunk.ts";
import { defaultBudget, probeDevices } from "../node.ts";
import type { Run } from "./io.ts";
import { integer } from "./options.ts";
import { table } from "./table.ts";
import { paragraph } from "./width.ts";

export function registerDoctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .description("try every device with a small graph of known result; show its error and speed")
    .option("--threads <n>", "threads of one operator; default: all cores", integer("--threads", 1))
    .addHelpText(
      "after",
      `
Examples:
  $ xai-kit doctor
  $ xai-kit doctor --json`,
    )
    .action(
      run<[{ threads?: number }]>(async (io, { threads }) => {
        const { machine, tolerance, devices } = await probeDevices({ threads });
        const budget = defaultBudget();
        const width = io.columns ?? 100;
        const facts = [
          `node ${machine.node} on ${machine.platform} ${machine.arch}, ${machine.cores} cores (${machine.cpu})`,
          `memory ${formatBytes(machine.memory)}, ${formatBytes(machine.availableMemory)} available; batches up to ${formatBytes(budget)} unless --memory says otherwise`,
        ];
        const devicesTable = table(
          [
            { title: "device" },
            { title: "package" },
            { title: "check" },
            { title: "max error", align: "right" },
            { title: "ms", align: "right" },
          ],
          devices.map((d) => [
            d.provider,
            d.package,
            d.ok ? "works" : d.maxError === undefined ? "not here" : "WRONG",
            d.maxError?.toExponential(1),
            d.ms?.toFixed(2),
          ]),
          { width: io.columns },
        );
        const reasons = devices.filter((d) => !d.ok).map((d) => `${d.provider}: ${d.reason}`);
        const chosen = devices.find((d) => d.ok && d.provider !== "webgpu");
        await io.result(
          { machine, budget, tolerance, devices },
          [
            ...facts.map((line) => paragraph(line, width, 0, 2)),
            `\n${devicesTable}\n`,
            ...reasons.map((line) => paragraph(line, width, 0, 2)),
            paragraph(
              chosen === undefined
                ? "nothing can compute here"
                : `--device auto takes: ${chosen.provider}. An error above ${tolerance} would rule a device out; ms is one pass of 8 small images.`,
              width,
              0,
              2,
            ),
          ].join(""),
        );
      }),
    );
}
