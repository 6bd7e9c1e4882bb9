/** What validation says: problems that refuse a run, and warnings that do not. */
import type { ErrorCode } from "../errors.ts";
import { at, type Path } from "./strict-json.ts";

export interface Problem {
  readonly file: string;
  /** `$.result.methods[3].revision`; in a sidecar `row 12, sparseness` */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

/** Notes one problem of the document at hand. */
export type Report = (path: Path, code: ErrorCode, message: string, next?: string) => void;

/** More of them help nobody. */
export const mostProblems = 100;

export class Findings {
  readonly problems: Problem[] = [];
  #more = 0;

  add({ path, message, ...problem }: Problem): void {
    // both may quote the document, whose keys and values can be as long as it is
    if (this.problems.length < mostProblems)
      this.problems.push({ ...problem, path: cut(path), message: cut(message) });
    else this.#more++;
  }

  /** of all, shown or not */
  get count(): number {
    return this.problems.length + this.#more;
  }

  report(file: string, advice: string): Report {
    return (path, code, message, next = advice) => this.add({ file, path: at(path), code, message, next });
  }

  /** The problems, the last of them saying how many are not shown. */
  list(): readonly Problem[] {
    const last = this.problems.at(-1);
    if (this.#more === 0 || last === undefined) return this.problems;
    return [
      ...this.problems.slice(0, -1),
      { ...last, message: `${last.message} (and ${this.#more} more problems)` },
    ];
  }
}

const cut = (text: string): string => (text.length > 600 ? `${text.slice(0, 599)}…` : text);

/** A value as a message shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Every place where `found` is not `expected`, in the words of `report`. */
export function compare(
  expected: unknown,
  found: unknown,
  path: Path,
  report: (path: Path, message: string) => void,
): void {
  if (expected === found) return;
  const bothObjects =
    typeof expected === "object" && typeof found === "object" && expected !== null && found !== null;
  if (!bothObjects || Array.isArray(expected) !== Array.isArray(found)) {
    report(path, `${shown(found)} where ${shown(expected)} is expected`);
    return;
  }
  if (Array.isArray(expected) && Array.isArray(found)) {
    if (expected.length !== found.length) {
      report(path, `${found.length} entries where ${expected.length} are expected`);
      return;
    }
    for (const [i, item] of expected.entries()) compare(item, found[i], [...path, i], report);
    return;
  }
  const wanted = expected as Record<string, unknown>;
  const given = found as Record<string, unknown>;
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(given)])) {
    const [a, b] = [wanted, given].map((o) => (Object.hasOwn(o, key) ? o[key] : undefined));
    compare(a, b, [...path, key], report);
  }
}
