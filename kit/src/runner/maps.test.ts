import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { encodeNpy } from "../datasets/readers/npy.ts";
import { KitError } from "../errors.ts";
import { float32, type Tensor } from "../onnx/tensor.ts";
import { mapName, openMaps } from "./maps.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-maps-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const shape = { channels: 3, height: 4, width: 5 };
const selected = [
  { id: "cats/a 1.png", labels: [1] },
  { id: "b", labels: [0, 2] },
];
const folder = join(dir, "maps");
const at = (name: string) => join(folder, name);
const map = (k: number, dims: readonly number[] = [3, 4, 5]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.sin(k + i)),
  );
const save = (name: string, tensor: Tensor) => writeFileSync(at(name), encodeNpy(tensor));
const [first, second] = ["cats%2Fa%201.png.npy", "b.npy"];

const open = (changes: Partial<Parameters<typeof openMaps>[1]> = {}, at = folder) =>
  openMaps(
    { folder: at, id: "theirs", map: "sum", source: "https://example.org/" },
    { shape, classes: 3, selected, masks: false, ...changes },
  );
const instead = (make: (path: string) => void) => {
  rmSync(at(second));
  make(at(second));
};
const refusal = async (changes: Parameters<typeof open>[0] = {}, at = folder) => {
  const error = await open(changes, at).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof KitError)) throw new Error(`not refused: ${error}`);
  expect(error.code).toBe("E_MAPS");
  expect(error.next).toBeTruthy();
  return [error.message, ...error.details].join("\n");
};

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  save(first, map(0));
  save(second, map(1, [4, 5]));
});

describe("the name of a file", () => {
  it.each([
    // as Python's quote(id, safe="") writes them
    ["test-00003", "test-00003"],
    ["cats/a 1.png", "cats%2Fa%201.png"],
    ["../b", "..%2Fb"],
    ["a@2", "a%402"],
    ["it's (a) *!", "it%27s%20%28a%29%20%2A%21"],
    ["~é.100%", "~%C3%A9.100%25"],
    ["c:\\x", "c%3A%5Cx"],
  ])("%s", (id, name) => {
    expect(mapName(id)).toBe(name);
  });
});

describe("a folder", () => {
  it("is read as it was found, and known by the hash of what is used", async () => {
    const opened = await open();
    expect(opened.facts).toMatchObject({ id: "theirs", files: 2, classesChecked: false, annotated: false });
    const read = await opened.read("cats/a 1.png", { target: 1, targetKind: "predicted" });
    expect(read).toEqual(map(0));
    expect((await opened.read("b", { target: 1, targetKind: "predicted" })).dims).toEqual([4, 5]);
    const hash = async () => (await open()).facts.sha256;
    const before = await hash();
    save("z.npy", map(9));
    expect((await open()).unused).toBe(1);
    expect(await hash()).toBe(before);
    const [a, b] = [readFileSync(at(first)), readFileSync(at(second))];
    writeFileSync(at(first), b);
    writeFileSync(at(second), a);
    expect(await hash()).not.toBe(before);
  });

  it("may hold float16 and float64, and nothing that float32 cannot", async () => {
    save(second, { type: "float64", dims: [4, 5], data: Float64Array.from({ length: 20 }, (_, i) => i / 3) });
    const { data } = await (await open()).read("b", { target: 0, targetKind: "predicted" });
    expect([...data]).toEqual(Array.from({ length: 20 }, (_, i) => Math.fround(i / 3)));
    save(second, { type: "float64", dims: [4, 5], data: new Float64Array(20).fill(1e300) });
    expect(await refusal()).toContain("b.npy holds Infinity at element 0");
  });

  it("that changes while it is used ends the run", async () => {
    const opened = await open();
    save(second, map(2, [4, 5]));
    await expect(opened.read("b", { target: 0, targetKind: "predicted" })).rejects.toMatchObject({
      code: "E_MAPS",
      message: expect.stringMatching(/b\.npy has changed since the evaluation began$/),
    });
  });
});

describe("maps of annotated classes", () => {
  it("are none unless there are some, and then all of them", async () => {
    expect((await open({ masks: true })).facts).toMatchObject({ files: 2, annotated: false });
    save("b@2.npy", map(3));
    expect((await open()).facts).toMatchObject({ files: 2, annotated: false }); // no metric asks for them
    expect(await refusal({ masks: true })).toBe(
      `${folder} lacks 2 of the 5 maps that --as theirs needs\ncats/a 1.png, class 1: cats%2Fa%201.png@1.npy\nb, class 0: b@0.npy`,
    );
    save("cats%2Fa%201.png@1.npy", map(4));
    save("b@0.npy", map(5));
    const opened = await open({ masks: true });
    expect(opened.facts).toMatchObject({ files: 5, annotated: true });
    expect(await opened.read("b", { target: 2, targetKind: "annotated" })).toEqual(map(3));
    expect(await opened.read("b", { target: 2, targetKind: "predicted" })).toEqual(map(1, [4, 5]));
  });

  it("may be the map of the prediction, where index.json says that it explains the class", async () => {
    writeFileSync(at("index.json"), JSON.stringify({ "cats/a 1.png": 1, b: 0 }));
    save("b@2.npy", map(3));
    const opened = await open({ masks: true });
    expect(opened.facts).toMatchObject({ files: 3, annotated: true, classesChecked: true });
    expect(await opened.read("b", { target: 0, targetKind: "annotated" })).toEqual(map(1, [4, 5]));
    expect(opened.classOf?.("b")).toBe(0);
  });
});

describe("refuses, before any work,", () => {
  it.each([
    ["no folder", () => join(dir, "none"), "there is no such folder"],
    ["a file", () => at(second), "it is no folder"],
  ])("%s", async (_, where, says) => {
    expect(await refusal({}, where())).toContain(says);
  });

  it("a folder without maps of some images", async () => {
    rmSync(at(first));
    expect(await refusal()).toBe(
      `${folder} lacks 1 of the 2 maps that --as theirs needs\ncats/a 1.png, predicted: ${first}`,
    );
    const many = Array.from({ length: 12 }, (_, k) => ({ id: `s${k}`, labels: [0] }));
    expect((await refusal({ selected: many })).split("\n").at(-1)).toBe("and 7 more");
  });

  it("every map it cannot use, at once", async () => {
    save(first, map(0, [5, 4]));
    save(second, map(0, [1, 4, 5]));
    expect(await refusal()).toBe(
      `${folder} holds maps that cannot be used\n${first} has dims [5, 4], not [4, 5] or [3, 4, 5]\nb.npy has dims [1, 4, 5], not [4, 5] or [3, 4, 5]`,
    );
  });

  it.each<[string, () => void, string]>([
    [
      "NaN",
      () => save(second, float32([4, 5], new Float32Array(20).fill(Number.NaN, 7))),
      "b.npy holds NaN at element 7",
    ],
    [
      "integers",
      () => save(second, { type: "uint8", dims: [4, 5], data: new Uint8Array(20) }),
      "b.npy holds uint8, not floats",
    ],
    ["what is no array", () => writeFileSync(at(second), "picture"), "b.npy: not a .npy array"],
    [
      "half an array",
      () => writeFileSync(at(second), readFileSync(at(first)).subarray(0, 150)),
      "b.npy: shape (3, 4, 5)",
    ],
    ["a folder", () => instead(mkdirSync), "b.npy is no file"],
    [
      "a file beyond all bounds",
      () => writeFileSync(at(second), new Uint8Array(80_000)),
      "b.npy has 80000 bytes",
    ],
    [
      "a link to nothing",
      () => instead((path) => symlinkSync(at("gone"), path, "file")),
      "b.npy cannot be read: ENOENT",
    ],
  ])("%s", async (_, change, says) => {
    change();
    expect(await refusal()).toContain(says);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("what may not be read", async () => {
    chmodSync(at(second), 0);
    expect(await refusal()).toContain("b.npy cannot be read: EACCES");
  });

  it.each([
    ["no JSON", "{", "index.json is no JSON"],
    ["a list", "[0, 1]", "index.json is no JSON object"],
    ["an image without a class", '{"b": 0}', "has no class for cats/a 1.png"],
    [
      "a name",
      '{"cats/a 1.png": "cat", "b": 0}',
      'gives cats/a 1.png the class "cat", and the model has 0 to 2',
    ],
    ["a class the model has not", '{"cats/a 1.png": 3, "b": 0}', "gives cats/a 1.png the class 3"],
    ["half a class", '{"cats/a 1.png": 0.5, "b": 0}', "gives cats/a 1.png the class 0.5"],
  ])("index.json with %s", async (_, text, says) => {
    writeFileSync(at("index.json"), text);
    expect(await refusal()).toContain(says);
  });
});
