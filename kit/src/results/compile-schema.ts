/**
 * A schema as a function that checks values. A file of its own because ajv makes code at run time, which a page's Content-Security-Policy may
 * forbid: the site's build puts the functions themselves in its place (site/submit/compiled-schemas.ts).
 */
import { Ajv2020 as Ajv, type ValidateFunction } from "ajv/dist/2020.js";

/** @param allErrors  every fault; without it the first */
export const compileSchema = (schema: object, allErrors: boolean): ValidateFunction =>
  new Ajv({ allErrors, strict: true }).compile(schema);
