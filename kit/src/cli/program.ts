/** The command line: commands, switches, signals, exit codes. */
import { Command } from "commander";
import { toJson } from "../json.ts";
import { registerAttribute } from "./attribute.ts";
import { registerDoctor } from "./doctor.ts";
import { errorAsData, exitCodeOf, exitCodes, formatError } from "./errors.ts";
import { registerEvaluate } from "./evaluate.ts";
import { registerExplain } from "./explain.ts";
import { createIo, type Run, type Switches } from "./io.ts";
import { registerList } from "./list.ts";
import { registerScore } from "./score.ts";
import { version } from "./version.ts";

const switches = [
  { flags: "--json", description: "the result as JSON on stdout" },
  { flags: "--quiet", description: "no messages and no progress on stderr" },
  { flags: "--debug", description: "stack traces of errors" },
] as const;

/** Runs one command line and returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const program = new Command("xai-kit")
    .description("Measure whether explanations of vision models can be trusted.")
    .version(version)
    .showHelpAfterError("(xai-kit --help shows the commands, xai-kit <command> --help its options)")
    .exitOverride();
  for (const { flags, description } of switches) program.option(flags, description, false);
  const run: Run =
    (body) =>
    async (...args) => {
      const io = createIo(program.opts<Switches>(), interrupt.signal);
      await Promise.race([body(io, ...args), interrupted(interrupt.signal)]);
    };
  for (const register of [
    registerEvaluate,
    registerExplain,
    registerAttribute,
    registerScore,
    registerList,
    registerDoctor,
  ]) {
    register(program, run);
  }
  for (const command of program.commands) {
    command.exitOverride().configureHelp({ showGlobalOptions: true });
    // switches may stand behind the command, where people type them
    for (const { flags, description } of switches) command.option(flags, description);
    command.on("option:json", () => program.setOptionValue("json", true));
    command.on("option:quiet", () => program.setOptionValue("quiet", true));
    command.on("option:debug", () => program.setOptionValue("debug", true));
  }
  program.addHelpText(
    "after",
    `
Exit codes: 0 done; 1 input or data refused, or a check failed; 2 wrong usage; 3 internal error; 130 interrupted.

Examples:
  $ xai-kit evaluate --model resnet.onnx --data medmnist:pneumoniamnist --data-dir ~/medmnist --mean 0.5 --std 0.5
  $ xai-kit explain cat.png --model squeezenet.onnx --out cat-explained.png
  $ xai-kit doctor`,
  );

  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    const { json, debug } = program.opts<Switches>();
    process.stderr.write(formatError(error, { debug }));
    const code = exitCodeOf(error);
    if (json && code !== exitCodes.ok) process.stdout.write(toJson(errorAsData(error)));
    return code;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

const interrupted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
