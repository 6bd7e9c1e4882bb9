/**
 * The one error type a user ever meets: what is wrong, where, and what to do next.
 * `code` is stable (scripts match it); the prose may change.
 */
export class KitError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly string[];
  readonly next: string | undefined;

  constructor(
    code: ErrorCode,
    {
      problem,
      details = [],
      next,
      cause,
    }: { problem: string; details?: readonly string[]; next?: string; cause?: unknown },
  ) {
    super(problem, cause === undefined ? undefined : { cause });
    this.name = "KitError";
    this.code = code;
    this.details = details;
    this.next = next;
  }
}

/** `E_` and upper-case words: `E_ONNX_CORRUPT`. */
export type ErrorCode = `E_${string}`;
