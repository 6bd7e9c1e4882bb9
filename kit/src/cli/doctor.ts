/** `xai-kit doctor`: what can compute here, whether it computes right, how fast, and what to install for more. */
import type { Command } from "commander";
import { formatBytes } from "../engine/chunk.ts";
import { type Device, deviceName } from "../engine/device.ts";
import type { Attempt, Diagnosis } from "../engine/node.ts";
import { batchBudget } from "../model/model.ts";
import { defaultBudget, probeDevices } from "../node.ts";
import { ResultRefused } from "./errors.ts";
import type { Run } from "./io.ts";
import { deviceOption, integer } from "./options.ts";
import { table } from "./table.ts";
import { paragraph } from "./width.ts";

interface Options {
  readonly device?: Device;
  readonly threads?: number;
}

export function registerDoctor(program: Command, run: Run): void {
  program
    .command("doctor")
    .description(
      "try every device with a small graph of known result; show its error and speed, and what to install for more",
    )
    .addOption(deviceOption("try this one alone, and fail if it does not work"))
    .option("--threads <n>", "threads of one operator; default: all cores", integer("--threads", 1))
    .addHelpText(
      "after",
      `
Each device is tried in a process of its own: a driver that crashes is a line of
the answer. --json has the same and what native libraries wrote on stderr.

Examples:
  $ xai-kit doctor
  $ xai-kit doctor --device cuda:1
  $ xai-kit doctor --json`,
    )
    .action(
      run<[Options]>(async (io, { threads, device }) => {
        const diagnosis = await probeDevices({ threads, device });
        const alone = device !== undefined && device !== "auto";
        const taken = alone ? diagnosis.devices.find((d) => d.ok) : automaticOf(diagnosis);
        const chosen = alone || taken === undefined ? null : deviceName(taken);
        const budget = batchBudget(defaultBudget(), taken?.provider ?? "cpu");
        await io.result(
          { ...diagnosis, budget, auto: chosen },
          report(diagnosis, budget, chosen, io.columns),
        );
        if (alone ? diagnosis.devices.some((d) => !d.ok) : diagnosis.devices.every((d) => !d.ok))
          throw new ResultRefused();
      }),
    );
}

/** What `--device auto` takes of these, by the same order: WebGPU and other engines wait to be asked for. */
const automaticOf = ({ devices }: Diagnosis): Attempt | undefined =>
  devices.find((d) => d.ok && d.provider !== "webgpu" && d.package.startsWith("onnxruntime-"));

/** The text. `chosen` is what auto takes, null where that was not asked or nothing works. */
export function report(
  { machine, tolerance, devices }: Diagnosis,
  budget: number,
  chosen: string | null,
  columns: number | undefined,
): string {
  const width = columns ?? 100;
  const line = (text: string) => paragraph(text, width, 0, 2);
  const works = devices.some((d) => d.ok);
  return [
    line(
      `node ${machine.node} on ${machine.platform} ${machine.arch}, ${machine.cores} cores (${machine.cpu})`,
    ),
    line(
      `memory ${formatBytes(machine.memory)}, ${formatBytes(machine.availableMemory)} available; batches up to ${formatBytes(budget)} unless --memory says otherwise`,
    ),
    `\n${devicesTable(devices, columns)}\n`,
    ...devices
      .filter((d) => !d.ok)
      .flatMap((d) => [
        line(`${deviceName(d)}: ${d.reason}`),
        ...(d.next === undefined ? [] : [paragraph(d.next, width, 2, 2)]),
      ]),
    line(
      [
        ...(chosen === null ? [] : [`--device auto takes: ${chosen}.`]),
        works
          ? `An error above ${tolerance} would rule a device out; ms is one pass of 8 small images.`
          : "nothing of this can compute here",
      ].join(" "),
    ),
  ].join("");
}

const devicesTable = (devices: readonly Attempt[], width: number | undefined): string =>
  table(
    [
      { title: "device" },
      { title: "package" },
      { title: "check" },
      { title: "error at 1", align: "right" },
      { title: "at 8", align: "right" },
      { title: "ms", align: "right" },
    ],
    devices.map((d) => [
      deviceName(d),
      d.package,
      d.ok ? "works" : d.maxError === undefined ? "not here" : "WRONG",
      d.errors?.[0]?.toExponential(1),
      d.errors?.[1]?.toExponential(1),
      d.ms?.toFixed(2),
    ]),
    { width },
  );
