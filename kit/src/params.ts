/**
 * Parameters of methods and metrics as data: one definition feeds types, CLI parsing, validation, `--help`, docs and schemas.
 */
import { KitError } from "./errors.ts";

interface Described {
  readonly description: string;
}
interface Numeric extends Described {
  readonly default: number;
  readonly minimum?: number;
  readonly maximum?: number;
  /** a cost knob: the `quick` protocol takes a quarter of it, at least 4 */
  readonly budget?: true;
}
export type ParamSpec =
  | ({ readonly type: "integer" } & Numeric)
  | ({ readonly type: "number" } & Numeric)
  | ({ readonly type: "boolean"; readonly default: boolean } & Described)
  | ({ readonly type: "choice"; readonly choices: readonly string[]; readonly default: string } & Described);

export type ParamSpecs = Readonly<Record<string, ParamSpec>>;
export type ParamValue = number | boolean | string;

/** The value type of each parameter of `S`. */
export type Params<S extends ParamSpecs> = {
  readonly [K in keyof S]: S[K] extends { type: "boolean" }
    ? boolean
    : S[K] extends { type: "choice"; choices: readonly (infer C)[] }
      ? C
      : number;
};

/**
 * Defaults with `given` laid over them; strings (from the command line) are parsed.
 *
 * @throws KitError E_PARAM naming the parameter, what was given and what is allowed
 */
export function resolveParams(
  owner: string,
  specs: ParamSpecs,
  given: Readonly<Record<string, ParamValue>> = {},
): Record<string, ParamValue> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(specs, name)) {
      throw new KitError("E_PARAM", {
        problem: `${owner} has no parameter "${name}"`,
        next:
          Object.keys(specs).length === 0
            ? `${owner} takes no parameters`
            : `it has: ${Object.keys(specs).join(", ")}`,
      });
    }
  }
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      given[name] === undefined ? spec.default : parse(owner, name, spec, given[name]),
    ]),
  );
}

/** The parameters of the `quick` protocol: every budget a quarter of what is given, else of its default, and at least 4. */
export function quickParams(
  specs: ParamSpecs,
  given: Readonly<Record<string, ParamValue>> = {},
): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(specs).flatMap(([name, spec]) => {
      if ((spec.type !== "integer" && spec.type !== "number") || !spec.budget) return [];
      const whole = Number(given[name] ?? spec.default);
      return [[name, Math.min(whole, Math.max(4, Math.ceil(whole / 4)))]];
    }),
  );
}

/** "integer ≥ 1, default 50". */
export function describeParam(spec: ParamSpec): string {
  switch (spec.type) {
    case "boolean":
      return `true or false, default ${spec.default}`;
    case "choice":
      return `${spec.choices.join(" | ")}, default ${spec.default}`;
    default:
      return `${spec.type}${bounds(spec)}, default ${spec.default}`;
  }
}

function parse(owner: string, name: string, spec: ParamSpec, value: ParamValue): ParamValue {
  const parsed = parseAs(spec, value);
  if (parsed !== undefined) return parsed;
  throw new KitError("E_PARAM", {
    problem: `${owner}: ${name}=${value} is not allowed`,
    next: `${name} is ${describeParam(spec)}`,
  });
}

function parseAs(spec: ParamSpec, value: ParamValue): ParamValue | undefined {
  switch (spec.type) {
    case "boolean":
      if (value === true || value === "true") return true;
      return value === false || value === "false" ? false : undefined;
    case "choice":
      return typeof value === "string" && spec.choices.includes(value) ? value : undefined;
    default: {
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
      if (spec.type === "integer" && !Number.isInteger(number)) return undefined;
      if (spec.minimum !== undefined && number < spec.minimum) return undefined;
      if (spec.maximum !== undefined && number > spec.maximum) return undefined;
      return number;
    }
  }
}

function bounds({ minimum, maximum }: { readonly minimum?: number; readonly maximum?: number }): string {
  if (minimum !== undefined && maximum !== undefined) return ` ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` ≥ ${minimum}`;
  return maximum === undefined ? "" : ` ≤ ${maximum}`;
}
