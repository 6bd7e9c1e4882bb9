/** The command line: commands, switches, signals, exit codes. */
import { Command, CommanderError } from "commander";
import { KitError } from "../errors.ts";
import { toJson } from "../json.ts";
import { similar } from "../suggest.ts";
import { registerAttribute } from "./attribute.ts";
import { registerCompare } from "./compare.ts";
import { registerDatasets } from "./datasets.ts";
import { registerDoctor } from "./doctor.ts";
import { errorAsData, exitCodeOf, exitCodes, formatError, ResultRefused } from "./errors.ts";
import { registerEvaluate } from "./evaluate.ts";
import { registerExplain } from "./explain.ts";
import { createIo, type Run, type Switches } from "./io.ts";
import { registerList } from "./list.ts";
import { registerMerge } from "./merge.ts";
import { registerModels } from "./models.ts";
import { registerReport } from "./report.ts";
import { registerScore } from "./score.ts";
import { registerStudy } from "./study.ts";
import { registerSubmit } from "./submit.ts";
import { registerValidate } from "./validate.ts";
import { version } from "./version.ts";

const switches = [
  { flags: "--json", description: "the result as JSON on stdout" },
  { flags: "--quiet", description: "no messages and no progress on stderr" },
  { flags: "--debug", description: "stack traces of errors; where the time of an evaluation went" },
] as const;

/** Every command with its options; `run` decides what happens to their bodies. */
export function createProgram(run: (program: Command) => Run): Command {
  const program = new Command("xai-kit")
    .description("Measure whether explanations of vision models can be trusted.")
    .version(version)
    .configureOutput({ outputError() {} }) // said by main, in the words of errors.ts
    .exitOverride();
  for (const { flags, description } of switches) program.option(flags, description);
  for (const register of [
    registerEvaluate,
    registerMerge,
    registerCompare,
    registerStudy,
    registerReport,
    registerExplain,
    registerAttribute,
    registerScore,
    registerValidate,
    registerSubmit,
    registerDatasets,
    registerModels,
    registerList,
    registerDoctor,
  ]) {
    register(program, run(program));
  }
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    // switches may stand behind the command, where people type them
    for (const { flags, description } of switches) command.option(flags, description);
    for (const name of ["json", "quiet", "debug"] as const) {
      command.on(`option:${name}`, () => program.setOptionValue(name, true));
    }
  }
  return program.addHelpText(
    "after",
    `
Results go to stdout, everything else to stderr.
Exit codes: 0 done; 1 input or data refused, or a check failed; 2 wrong usage;
3 internal error; 130 interrupted.

Examples:
  $ xai-kit explain cat.png --model resnet50.onnx \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  $ xai-kit evaluate --model resnet50.onnx --data folder:photos --protocol quick
  $ xai-kit list methods
  $ xai-kit doctor`,
  );
}

/** How long an interrupted command may take to tidy up. */
const grace = 1_000;

/** Runs one command line and returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const { signal } = interrupt;
  const switchesOf = (program: Command): Switches => {
    const { json = false, quiet = false, debug = false } = program.opts<Partial<Switches>>();
    return { json, quiet, debug };
  };
  const program = createProgram((root) => (body) => async (...args) => {
    const io = createIo(switchesOf(root), signal);
    const work = body(io, ...args);
    try {
      await Promise.race([work, interrupted(signal)]);
    } finally {
      // a file being written is finished or removed; what computes is not waited for
      if (signal.aborted) await Promise.race([work.catch(() => undefined), pause(grace)]);
    }
  });

  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCodes.ok;
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? misunderstood(thrown, program, argv) : thrown;
    const code = exitCodeOf(error);
    // what stands behind the mistake has not been parsed
    const asked = (name: "json" | "debug") => switchesOf(program)[name] || argv.includes(`--${name}`);
    process.stderr.write(formatError(error, { debug: asked("debug") }));
    if (asked("json") && code !== exitCodes.ok && !(error instanceof ResultRefused))
      process.stdout.write(toJson(errorAsData(error)));
    return code;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

/** commander's complaint in our form; what asked for help stays as it is. */
function misunderstood(error: CommanderError, program: Command, argv: readonly string[]): Error {
  if (error.exitCode === 0 || error.code === "commander.help") return error;
  const [said, hint = ""] = error.message.replace(/^error: /, "").split("\n");
  const command = program.commands.find((c) => argv.includes(c.name()));
  const help = command
    ? `xai-kit ${command.name()} --help shows the options`
    : "xai-kit --help shows the commands";
  const usage = (problem: string, guesses: readonly string[]) =>
    new KitError("E_USAGE", {
      problem: problem.replace(/\.$/, ""),
      next: guesses.length > 0 ? `did you mean ${guesses.join(" or ")}? ${help}` : help,
      cause: error,
    });
  // an option that seems to be missing may only be misspelt
  const flags = command?.options.flatMap(({ long }) => long ?? []) ?? [];
  const unknown = argv
    .map((arg) => arg.split("=")[0])
    .find((arg) => /^--\w/.test(arg) && !flags.includes(arg));
  if (
    error.code === "commander.missingMandatoryOptionValue" &&
    unknown !== undefined &&
    unknown !== "--help"
  ) {
    return usage(`unknown option '${unknown}'`, similar(unknown, flags));
  }
  const [, value, choices] = /'([^']*)' is invalid.*Allowed choices are (.*?)\.?$/.exec(said) ?? [];
  if (value !== undefined) return usage(said, similar(value, choices.split(", ")));
  return usage(said, /\(Did you mean (.*)\?\)/.exec(hint)?.slice(1) ?? []);
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const interrupted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
