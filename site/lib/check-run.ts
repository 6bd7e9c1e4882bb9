/** The schema of run documents, as a check. What it cannot say (are the ranks right?) `xai-kit validate` has said before. */
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import schema from "../../schemas/run/v1.schema.json" with { type: "json" };
import type { Check } from "./read-runs.ts";

export function runCheck(): Check {
  const ajv = new Ajv2020({ allErrors: true });
  addFormats(ajv);
  const valid = ajv.compile(schema);
  return (document) =>
    valid(document) ? [] : (valid.errors ?? []).map((e) => `${e.instancePath || "/"} ${e.message}`);
}
