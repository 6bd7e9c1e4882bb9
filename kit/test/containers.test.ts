/** The container recipes were never built here, so what can be compared is: the versions they name are the ones we pin and document. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { cuda } from "../src/engine/install.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const pins = JSON.parse(read("../package.json")) as {
  engines: { node: string };
  optionalDependencies: Record<string, string>;
};
const toolchain = /const NODE = "([\d.]+)"/.exec(read("../../scripts/bootstrap.mjs"))?.[1];
const page = read("../docs/devices.md");

const recipes = {
  Dockerfile: { node: /^ARG NODE=(\S+)$/m, cuda: /^ARG CUDA=(\S+)$/m, label: /onnxruntime-node="(\S+)"/ },
  "apptainer.def": {
    node: /^ +NODE=(\S+)$/m,
    cuda: /^ +BASE=nvidia\/cuda:(\S+?)-cudnn-runtime-ubuntu24\.04$/m,
    label: /^ +onnxruntime-node (\S+)$/m,
  },
};

describe.each(Object.entries(recipes))("%s", (name, names) => {
  const text = read(`../containers/${name}`);
  const version = (what: keyof typeof names) => names[what].exec(text)?.[1];

  it("names the pinned Node, which the package accepts", () => {
    expect(version("node")).toBe(toolchain);
    const major = (v: string | undefined) => Number(/\d+/.exec(v ?? "")?.[0]);
    expect(major(version("node"))).toBeGreaterThanOrEqual(major(pins.engines.node));
  });

  it("names the pinned onnxruntime-node", () => {
    expect(version("label")).toBe(pins.optionalDependencies["onnxruntime-node"]);
  });

  it("has the CUDA and cuDNN that doctor and the documentation name", () => {
    expect(version("cuda")?.split(".")[0]).toBe(cuda.cuda);
    expect(text).toContain(`CUDA ${cuda.cuda} with cuDNN ${cuda.cudnn}`);
    expect(page).toContain(`nvidia/cuda:${version("cuda")}-cudnn-runtime-ubuntu24.04`);
    expect(page).toContain(`CUDA ${cuda.cuda} and cuDNN ${cuda.cudnn}`);
    expect(text).toContain(`ONNXRUNTIME_NODE_INSTALL=cuda${cuda.cuda} node script/install.js`);
  });

  it("says that it was not built", () => {
    expect(text.split("\n")[0]).toContain("Not built here");
    expect(page).toContain("not built here");
  });
});

it("onnxruntime-node fetches the provider for this CUDA, on Linux x64", () => {
  const require = createRequire(import.meta.url);
  const { requirements } = require("onnxruntime-node/script/install-metadata.js") as {
    requirements: Record<string, string[]>;
  };
  expect(requirements["linux/x64"]).toEqual([`cuda${cuda.cuda}`]);
});
