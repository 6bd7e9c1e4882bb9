/** From bytes to a document of the right form: strict JSON, then its schema, then the one way of writing it. */
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { canonicalJson } from "../json.ts";
import { compileSchema } from "./compile-schema.ts";
import { type Path, strictJson } from "./strict-json.ts";
import type { Report } from "./verdict.ts";

/** A schema of the repository, and where people find it. */
export interface DocumentForm {
  readonly schema: object;
  readonly file: string;
  /** laid out for who reads and reviews it, so that it need not be canonical */
  readonly byHand?: boolean;
}

/** The document, where it has the right form; what is wrong goes to `report`. */
export function readDocument<T>(
  text: string | Uint8Array,
  form: DocumentForm,
  report: Report,
): T | undefined {
  const read = strictJson(text);
  if ("fault" in read) {
    const { line, column, path, reason } = read.fault;
    report(path, "E_JSON", `line ${line}, column ${column}: ${reason}`, "hand in the file as it was written");
    return undefined;
  }
  if (!checkSchema<T>(read.value, form, text.length, report)) return undefined;
  if (form.byHand) return read.value;
  const canonical = `${canonicalJson(read.value)}\n`;
  const given = typeof text === "string" ? text : new TextDecoder().decode(text);
  if (given !== canonical) {
    let same = 0;
    while (given[same] === canonical[same]) same++;
    report(
      [],
      "E_CANONICAL",
      `not in canonical form (RFC 8785 and a newline) from character ${same + 1} on`,
      "write it with xai-kit",
    );
  }
  return read.value;
}

const validators = new Map<string, ValidateFunction>();

/** Compiled when first needed. */
function validator({ schema, file }: DocumentForm, allErrors: boolean): ValidateFunction {
  const key = `${file} ${allErrors}`;
  const made = validators.get(key) ?? compileSchema(schema, allErrors);
  validators.set(key, made);
  return made;
}

/** Every fault; of a large document the first, since each of its numbers could be one. */
function checkSchema<T>(value: unknown, form: DocumentForm, size: number, report: Report): value is T {
  const validate = validator(form, size < 2 ** 18);
  if (validate(value)) return true;
  // what an anyOf says repeats what its branches say
  const errors = (validate.errors ?? []).filter((e, _, all) => e.keyword !== "anyOf" || all.length === 1);
  for (const error of errors) report(pathOf(error, value), "E_SCHEMA", messageOf(error), `see ${form.file}`);
  return false;
}

function messageOf({ message = "is not as it should be", keyword, params }: ErrorObject): string {
  if (keyword === "additionalProperties") return "this key is not known";
  if (keyword === "const") return `must be ${JSON.stringify(params.allowedValue)}`;
  if (keyword === "enum")
    return `must be one of ${(params.allowedValues as unknown[]).map((v) => JSON.stringify(v)).join(", ")}`;
  return message;
}

/** From the JSON pointer of ajv. */
function pathOf({ instancePath, keyword, params }: ErrorObject, value: unknown): Path {
  const path: (string | number)[] = [];
  let node = value;
  for (const token of instancePath.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(node) ? Number(key) : key);
    node = (node as Record<string, unknown>)[key];
  }
  if (keyword === "additionalProperties") path.push(params.additionalProperty);
  if (keyword === "required") path.push(params.missingProperty);
  return path;
}
