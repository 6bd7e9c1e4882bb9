/**
 * A hand-kept list drifts from its folder. Every registry here is compared with its files in both directions, and every entry
 * with what all entries promise.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { noGradient, type Vjp } from "../src/autodiff/vjp.ts";
import { vjps } from "../src/autodiff/vjps/index.ts";
import { rules as inferenceRules } from "../src/onnx/inference/index.ts";
import { type ParamSpecs, resolveParams } from "../src/params.ts";
import { sourceFolder } from "./sources.ts";

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  readonly params: ParamSpecs;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isEntry = (value: unknown): value is Entry =>
  isRecord(value) && typeof value.id === "string" && isRecord(value.params);

/** The modules below kit/src/<folder> but for its index and tests: path below the folder → what it exports. */
async function modules(folder: string): Promise<Map<string, Record<string, unknown>>> {
  const paths = readdirSync(sourceFolder + folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && basename(path) !== "index.ts")
    .sort();
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await load(`${folder}/${path}`)] as const)),
  );
}

const load = (path: string): Promise<Record<string, unknown>> => import(posix.join("../src", path));

/** What is wrong between an index and the files beside it; nothing if each lists exactly what the other holds. */
function drift(index: readonly Entry[], files: ReadonlyMap<string, Record<string, unknown>>): string[] {
  const inFiles = [...files].flatMap(([path, exported]) =>
    Object.values(exported)
      .filter(isEntry)
      .map((entry) => ({ path, entry })),
  );
  const seen = new Set<string>();
  return [
    ...index.flatMap((entry) => {
      const twice = seen.has(entry.id);
      seen.add(entry.id);
      return twice ? [`${entry.id}: twice in the index`] : [];
    }),
    ...index
      .filter((entry) => !inFiles.some((other) => other.entry === entry))
      .map(({ id }) => `${id}: in the index, but exported by no file`),
    ...inFiles
      .filter(({ entry }) => !index.includes(entry))
      .map(({ path, entry }) => `${path}: ${entry.id} is not in the index`),
    ...inFiles
      .filter(({ path, entry }) => basename(path, ".ts") !== entry.id)
      .map(({ path, entry }) => `${path}: named otherwise than its entry, ${entry.id}`),
  ];
}

/** What is wrong with an entry by itself. */
function flaws({ id, title, paper, params }: Entry): string[] {
  const source = /^(arXiv:(\d{4}\.\d{4,5}|[a-z-]+\/\d{7})|doi:10\.\S+|https:\/\/\S+|control|none)$/;
  const checks: [boolean, string][] = [
    [/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id), "id is not lower-case words joined by hyphens"],
    [typeof title === "string" && title.trim() !== "", "no title"],
    [
      typeof paper === "string" && source.test(paper),
      `paper is no arXiv:, doi: or https: reference: ${paper}`,
    ],
    ...Object.entries(params).map(([name, spec]): [boolean, string] => [
      typeof spec.description === "string" && spec.description.trim() !== "",
      `parameter ${name} has no description`,
    ]),
  ];
  return checks.filter(([ok]) => !ok).map(([, flaw]) => `${id}: ${flaw}`);
}

describe.each(
  ["methods", "metrics", "datasets"].filter((name) => existsSync(`${sourceFolder}${name}/index.ts`)),
)("%s", async (name) => {
  const index = (await load(`${name}/index.ts`))[name] as readonly Entry[];
  const files = await modules(name);

  it("lists exactly what its folder holds", () => {
    expect(index.length).toBeGreaterThan(0);
    expect(drift(index, files)).toEqual([]);
  });

  it.each(index.map((entry) => [entry.id, entry] as const))(
    "%s keeps the promises of an entry",
    (_, entry) => {
      expect(flaws(entry)).toEqual([]);
      const defaults = Object.fromEntries(
        Object.entries(entry.params).map(([key, spec]) => [key, spec.default]),
      );
      expect(resolveParams(entry.id, entry.params, defaults)).toEqual(defaults); // each default is itself allowed
    },
  );
});

describe("vjps", async () => {
  const isVjp = (value: unknown): value is Vjp => isRecord(value) && "rule" in value && "samples" in value;
  const exported = [...(await modules("autodiff/vjps"))].flatMap(([path, names]) =>
    Object.entries(names)
      .filter(([name, value]) => isVjp(value) && /^[A-Z]/.test(name)) // an operator; other exports are shared parts
      .map(([name, value]) => ({ path, name, value })),
  );

  it("holds what its files export, each operator once", () => {
    const lost = exported.filter(({ name, value }) => vjps[name] !== value);
    expect(
      lost.map(({ path, name }) => `${path}: ${name} is not in the index, or another file's ${name} is`),
    ).toEqual([]);
    expect(exported.map(({ name }) => name).sort()).toEqual(Object.keys(vjps).sort());
  });

  it.each(Object.entries(vjps).filter(([, vjp]) => vjp !== noGradient))(
    "%s has a shape rule, and samples to prove it on",
    (name, vjp) => {
      expect(inferenceRules("").has(name)).toBe(true);
      expect(vjp.samples.length).toBeGreaterThan(0);
    },
  );
});

describe("the checks themselves", () => {
  const entry: Entry = { id: "grad-cam", title: "Grad-CAM", paper: "arXiv:1610.02391", params: {} };
  const files = new Map([
    ["grad-cam.ts", { gradCam: entry, helper: () => 0 }],
    ["method.ts", { defineMethod: () => 0 }],
  ]);

  it("accept a good registry", () => {
    expect(drift([entry], files)).toEqual([]);
    expect(flaws(entry)).toEqual([]);
  });

  it("notice an entry that is missing from the index, or from the files, or listed twice", () => {
    expect(drift([], files)).toEqual(["grad-cam.ts: grad-cam is not in the index"]);
    expect(drift([entry, { ...entry, id: "lime" }], files)).toEqual([
      "lime: in the index, but exported by no file",
    ]);
    expect(drift([entry, entry], files)).toEqual(["grad-cam: twice in the index"]);
  });

  it("notice a file with another name", () => {
    expect(drift([entry], new Map([["cams.ts", { gradCam: entry }]]))).toEqual([
      "cams.ts: named otherwise than its entry, grad-cam",
    ]);
  });

  it.each([
    [{ id: "Grad_CAM" }],
    [{ title: "" }],
    [{ paper: "Selvaraju et al." }],
    [{ params: { k: { type: "integer", default: 1, description: "" } } }],
  ] satisfies [Partial<Entry>][])("notice the flaw in %j", (change) => {
    expect(flaws({ ...entry, ...change })).toHaveLength(1);
  });
});
