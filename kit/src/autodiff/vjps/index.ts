/** Every operator that has a rule: its name is the name of the export. */
import type { Vjp } from "../vjp.ts";
import * as activation from "./activation.ts";
import * as constant from "./constant.ts";
import * as conv from "./conv.ts";
import * as elementwise from "./elementwise.ts";
import * as indexing from "./indexing.ts";
import * as layout from "./layout.ts";
import * as linear from "./linear.ts";
import * as normalisation from "./normalisation.ts";
import * as pool from "./pool.ts";
import * as reduce from "./reduce.ts";
import * as resize from "./resize.ts";
import * as sampling from "./sampling.ts";

const files = [
  activation,
  constant,
  conv,
  elementwise,
  indexing,
  layout,
  linear,
  normalisation,
  pool,
  reduce,
  resize,
  sampling,
];

/** Operators begin with a capital; other exports of these files are shared helpers. */
const isOperator = ([name]: readonly [string, unknown]): boolean => /^[A-Z]/.test(name);

export const vjps: Readonly<Record<string, Vjp>> = Object.fromEntries(
  files.flatMap((file) => Object.entries(file).filter(isOperator)) as [string, Vjp][],
);
