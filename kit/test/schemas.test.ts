/** Every schema, its examples of what is valid and what is not, and the code generated from it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { protocols } from "../src/protocol/protocol.ts";
import { validateRun } from "../src/results/validate.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(`${root}schemas/${path}`, "utf8"));
const list = (folder: string, ending: string) =>
  readdirSync(`${root}schemas/${folder}`)
    .filter((name) => name.endsWith(ending))
    .sort();

describe.each(readdirSync(`${root}schemas`).sort())("schema %s", (name) => {
  const versions = list(name, ".schema.json");

  it("has versions, each with its own address", () => {
    expect(versions.length).toBeGreaterThan(0);
    for (const version of versions) {
      expect(json(`${name}/${version}`).$id).toMatch(new RegExp(`/schemas/${name}/${version}$`));
    }
  });

  // examples belong to the newest version; older ones are frozen
  const newest = json(`${name}/${versions[versions.length - 1]}`);
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  formats.default(ajv);
  const validate = ajv.compile(newest);

  it.each(list(`${name}/valid`, ".json"))("accepts valid/%s", (file) => {
    validate(json(`${name}/valid/${file}`));
    expect(validate.errors).toBeNull();
  });

  it.each(list(`${name}/invalid`, ".json"))("refuses invalid/%s", (file) => {
    expect(validate(json(`${name}/invalid/${file}`))).toBe(false);
  });

  /** Where in the schema an object stands that `wrong` complains about. */
  const places = (wrong: (node: Record<string, unknown>) => boolean): string[] => {
    const visit = (node: unknown, path: string): string[] => {
      if (typeof node !== "object" || node === null) return [];
      const below = Object.entries(node).flatMap(([key, child]) => visit(child, `${path}/${key}`));
      return wrong(node as Record<string, unknown>) ? [path, ...below] : below;
    };
    return visit(newest, "");
  };

  it("closes every object: a misspelt key is an error", () => {
    const open = places(
      (node) =>
        node.type === "object" && !("additionalProperties" in node) && !("unevaluatedProperties" in node),
    );
    expect(open).toEqual([]);
  });

  it("bounds every string and array: a document comes from strangers", () => {
    const bounds = ["maxLength", "pattern", "format", "enum", "const"];
    const unbounded = places(
      (node) =>
        (node.type === "string" && !bounds.some((key) => key in node)) ||
        (node.type === "array" && !("maxItems" in node)),
    );
    expect(unbounded).toEqual([]);
  });
});

describe("what the kit and the repository hold themselves", () => {
  it.each(protocols.map((p) => [p.id, p] as const))("protocol %s is of its schema", (_, protocol) => {
    const validate = new Ajv2020({ allErrors: true, strict: true }).compile(json("protocol/v1.schema.json"));
    validate(protocol);
    expect(validate.errors).toBeNull();
  });

  it("the example of a run is what `validate` believes; node scripts/example-run.ts makes it anew", () => {
    const file = (ending: string) => new Uint8Array(readFileSync(`${root}schemas/run/valid/tiny.${ending}`));
    const verdict = validateRun({ name: "tiny.json", text: file("json"), sidecar: file("parquet") });
    expect(verdict).toMatchObject({ problems: [], warnings: [], tier: "recomputed" });
  });
});

// the repository's scripts are TypeScript run as it stands, which Node does without a flag from 24 on
it.skipIf(Number(process.versions.node.split(".")[0]) < 24)("the generated code is current", () => {
  const check = () =>
    execFileSync(process.execPath, ["scripts/generate-schemas.ts", "--check"], { cwd: root, stdio: "pipe" });
  expect(check).not.toThrow();
});
