/** `xai-kit doctor`: what can compute here, whether it computes right, and how fast. */
import type { Command } from "commander";
import { formatBytes } from "../engine/chunk.ts";
import { defaultBudget, probeDevices } from "../node.ts";
import type { Run } from "./io.ts";
import { integer } from "./options.ts";
import { table } from "./table.ts";

export function registerDoctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .description("try every device with a small graph of known result; show its error and speed")
    .option("--threads <n>", "threads of one operator; default: all cores", integer("--threads", 1))
    .addHelpText("after", "\nExamples:\n  $ xai-kit doctor\n  $ xai-kit doctor --json")
    .action(
      run<[{ threads?: number }]>(async (io, { threads }) => {
        const { machine, tolerance, devices } = await probeDevices({ threads });
        const budget = defaultBudget();
        const facts = `node ${machine.node} on ${machine.platform} ${machine.arch}, ${machine.cores} cores (${machine.cpu})
memory ${formatBytes(machine.memory)}, ${formatBytes(machine.availableMemory)} available; batches up to ${formatBytes(budget)} unless --memory says otherwise
largest error allowed in the check: ${tolerance}
`;
        const rows = devices.map((d) => [
          d.provider,
          d.package,
          d.ok ? "works" : "no",
          d.maxError?.toExponential(1),
          d.ms?.toFixed(2),
          d.reason,
        ]);
        await io.result(
          { machine, budget, tolerance, devices },
          `${facts}\n${table(
            [
              { title: "device" },
              { title: "package" },
              { title: "check" },
              { title: "max error", align: "right" },
              { title: "ms", align: "right" },
              { title: "" },
            ],
            rows,
          )}`,
        );
      }),
    );
}
