/** How an error looks on stderr and what the process answers for it. */
import { KitError } from "../errors.ts";
import { printable } from "./table.ts";

export const exitCodes = {
  ok: 0,
  /** the input or data was refused, or a check failed */
  refused: 1,
  /** unknown command or option, missing argument: nothing was tried */
  usage: 2,
  /** our mistake */
  internal: 3,
  /** Ctrl-C: 128 + SIGINT, as shells say it */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A result that is shown already says that something was refused: exit code 1, and nothing more on either stream. */
export class ResultRefused extends Error {}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof ResultRefused) return exitCodes.refused;
  if (error instanceof KitError) {
    if (error.code === "E_USAGE") return exitCodes.usage;
    return error.code === "E_INTERRUPTED" ? exitCodes.interrupted : exitCodes.refused;
  }
  if (isAbort(error)) return exitCodes.interrupted;
  const commander = commanderError(error);
  if (commander === undefined) return exitCodes.internal;
  return commander.exitCode === 0 ? exitCodes.ok : exitCodes.usage; // --help and --version "fail" with 0
}

/**
 * The text for stderr, ending in a newline; empty for what commander has printed itself.
 *
 *     error: vit.onnx has operators without a gradient, so --method saliency cannot run  [E_NO_GRADIENT]
 *       Einsum: 3 nodes, first /attn/Einsum_4
 *       next: use a method that needs no gradient: kernel-shap, lime, occlusion, rise
 */
export function formatError(error: unknown, options: { readonly debug?: boolean } = {}): string {
  if (commanderError(error) !== undefined || error instanceof ResultRefused) return "";
  const stack = options.debug ? stackOf(error) : [];
  if (error instanceof KitError) {
    const next = error.next === undefined ? [] : [`next: ${error.next}`];
    return block([`error: ${error.message}  [${error.code}]`, ...error.details, ...next, ...stack]);
  }
  if (isAbort(error)) return block(["interrupted", ...stack]);
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  const advice = options.debug
    ? "next: please report this with the stack above"
    : "next: please report this; run the same command with --debug for the stack";
  return block([`internal error: ${message}  [E_INTERNAL]`, ...stack, advice]);
}

/** The same for programs: stable keys, no prose to match. */
export function errorAsData(error: unknown) {
  if (error instanceof KitError) {
    const { code, message, details, next } = error;
    return { error: { code, problem: message, details, next } };
  }
  const code = isAbort(error) ? "E_INTERRUPTED" : commanderError(error) ? "E_USAGE" : "E_INTERNAL";
  return { error: { code, problem: error instanceof Error ? error.message : String(error), details: [] } };
}

/** First line as it is, the others indented by two; a line break inside an item goes on with the same indent. */
function block(items: readonly string[]): string {
  return items
    .flatMap((item, k) =>
      item.split("\n").map((line, part) => `${k === 0 && part === 0 ? "" : "  "}${printable(line)}\n`),
    )
    .join("");
}

function stackOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const lines = (error.stack ?? "").split("\n").map((line) => line.trim());
  const own = lines.filter((line) => line.startsWith("at "));
  const { cause } = error;
  if (cause === undefined) return own;
  const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return [...own, `caused by ${what}`, ...stackOf(cause)];
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === "AbortError";

/** commander throws its own class after `exitOverride()`; told by its code, so that this file needs no commander. */
function commanderError(error: unknown): { exitCode: number } | undefined {
  if (!(error instanceof Error && "code" in error && "exitCode" in error)) return undefined;
  const { code, exitCode } = error;
  if (typeof code !== "string" || !code.startsWith("commander.")) return undefined;
  return { exitCode: typeof exitCode === "number" ? exitCode : 1 };
}
