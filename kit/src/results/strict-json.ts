/**
 * JSON as RFC 8259 has it, and no more: a document that two readers could take for two things is refused. JSON.parse and the libraries
 * the kit has keep the last of two equal keys, and none says where in the document a fault is.
 */
import { KitError } from "../errors.ts";

export type Path = readonly (string | number)[];

export interface Fault {
  readonly path: Path;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

export const jsonLimits = { bytes: 4 * 2 ** 20, depth: 32 };

/** `$.methods[3].id`, `$.skips["map is zero"]`. */
export const at = (path: Path): string =>
  `$${path
    .map((key) =>
      typeof key === "number"
        ? `[${key}]`
        : /^[A-Za-z_$][\w$]*$/.test(key)
          ? `.${key}`
          : `[${JSON.stringify(key)}]`,
    )
    .join("")}`;

/** @throws KitError E_JSON with file, line, column and path */
export function parseJson(source: string | Uint8Array, name: string): unknown {
  const read = strictJson(source);
  if ("value" in read) return read.value;
  const { line, column, path, reason } = read.fault;
  throw new KitError("E_JSON", {
    problem: `${name}:${line}:${column}: ${at(path)}: ${reason}`,
    next: "hand in the file as it was written",
  });
}

/** The value of a JSON text, or its first fault. Bytes are UTF-8. */
export function strictJson(
  source: string | Uint8Array,
): { readonly value: unknown } | { readonly fault: Fault } {
  const first = (reason: string) => ({ fault: { path: [], line: 1, column: 1, reason } });
  if (source.length > jsonLimits.bytes) return first(`longer than ${jsonLimits.bytes} bytes`);
  let text: string;
  if (typeof source === "string") text = source;
  else {
    text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(source);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(source);
    } catch {
      // the first replacement is the place, unless the text has one of its own before it
      return { fault: { path: [], ...lineOf(text, text.indexOf("\ufffd")), reason: "not UTF-8" } };
    }
  }
  if (text.startsWith("\ufeff")) return first("begins with a byte order mark");
  const parser = new Parser(text);
  try {
    return { value: parser.document() };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { fault: { path: [...parser.path], ...lineOf(text, error.offset), reason: error.reason } };
  }
}

function lineOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - start + 1 };
}

class Stop extends Error {
  readonly offset: number;
  readonly reason: string;
  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
    this.reason = reason;
  }
}

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const plain = /[ !#-[\]-\u{10ffff}]*/uy;
const word = /[A-Za-z]+/y;
const literals = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  readonly path: (string | number)[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#stop("something follows the document");
    return value;
  }

  #stop(reason: string, offset = this.#at): never {
    throw new Stop(offset, reason);
  }

  #space(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** Takes `mark` if it is next. */
  #take(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #value(): unknown {
    if (this.path.length > jsonLimits.depth) this.#stop(`deeper than ${jsonLimits.depth} levels`);
    if (this.#take("{")) return this.#object();
    if (this.#take("[")) return this.#array();
    if (this.#take('"')) return this.#string();
    const start = this.#at;
    const name = this.#match(word);
    if (literals.has(name)) return literals.get(name);
    if (name !== "") this.#stop(`${name.slice(0, 20)} is no JSON value`, start);
    const digits = this.#match(number);
    if (digits === "") {
      const found = this.#text[start];
      this.#stop(
        found === undefined ? "ends too early" : `a value is expected, not ${JSON.stringify(found)}`,
      );
    }
    const value = Number(digits);
    if (!Number.isFinite(value) || (value === 0 && /[1-9]/.test(digits.split(/e/i)[0]))) {
      this.#stop(`${digits.slice(0, 40)} is beyond the range of a double`, start);
    }
    return value;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#take("}")) return object;
    do {
      this.#space();
      const start = this.#at;
      if (!this.#take('"')) this.#stop("a key in quotation marks is expected");
      const key = this.#string();
      this.path.push(key);
      if (Object.hasOwn(object, key)) this.#stop("this key stands here twice", start);
      if (key === "__proto__") this.#stop("this key is not allowed", start);
      if (!this.#take(":")) this.#stop("a colon is expected");
      object[key] = this.#value();
      this.path.pop();
    } while (this.#take(","));
    if (!this.#take("}")) this.#stop("a comma or } is expected");
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    if (this.#take("]")) return array;
    do {
      this.path.push(array.length);
      array.push(this.#value());
      this.path.pop();
    } while (this.#take(","));
    if (!this.#take("]")) this.#stop("a comma or ] is expected");
    return array;
  }

  #string(): string {
    const start = this.#at - 1;
    let value = "";
    for (;;) {
      value += this.#match(plain);
      const mark = this.#text[this.#at];
      if (mark === undefined) this.#stop("a string has no end", start);
      if (mark < " ") this.#stop("a control character in a string");
      this.#at++;
      if (mark === '"') break;
      const escaped = this.#text[this.#at] ?? "";
      if (escaped === "u") {
        const hex = this.#text.slice(this.#at + 1, this.#at + 5);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#stop("\\u needs four hexadecimal digits");
        value += String.fromCharCode(Number.parseInt(hex, 16));
        this.#at += 5;
      } else if (Object.hasOwn(escapes, escaped)) {
        value += escapes[escaped];
        this.#at++;
      } else this.#stop("an escape that JSON does not have");
    }
    if (/\p{Surrogate}/u.test(value)) this.#stop("half of a surrogate pair", start);
    return value;
  }
}
