/** One suite, every engine: what one computes, all compute. An exception is named in `exceptions`, with its reason. */
import { afterAll, describe, expect, it } from "vitest";
import { checkGraph, input } from "../src/engine/check.ts";
import type { Engine, Provider } from "../src/engine/engine.ts";
import { openEngine } from "../src/engine/node.ts";
import { canonicalOpset, type Graph } from "../src/onnx/graph.ts";
import { float32, type Tensor } from "../src/onnx/tensor.ts";
import { type Case, cases } from "./engine.cases.ts";

/** "<provider> <case>" → why it is left out there. */
const exceptions: Readonly<Record<string, string>> = {};

/** Relative to the largest wanted value; sums of some hundred float32 products stay far below. */
const tolerance = 2e-6;

function graphOf({ name, nodes, feeds, constants = {}, want }: Case): Graph {
  const info = ([key, { type, dims }]: [string, Tensor]) => ({ name: key, type, dims });
  return {
    name,
    opsets: { "": canonicalOpset, "com.microsoft": 1 },
    inputs: Object.entries(feeds).map(info),
    outputs: Object.entries(want).map(info),
    nodes,
    initializers: new Map(Object.entries(constants)),
  };
}

/** Feeds are moved away by a run, and cases are shared between engines. */
const copy = (feeds: Case["feeds"]) => structuredClone(feeds);

function expectSame(got: Tensor, want: Tensor) {
  expect({ type: got.type, dims: got.dims }).toEqual({ type: want.type, dims: want.dims });
  if (want.type !== "float32") {
    expect(got.data).toEqual(want.data);
    return;
  }
  const largest = Math.max(1e-30, ...want.data.map(Math.abs));
  const worst = Math.max(0, ...want.data.map((v, i) => Math.abs((got.data[i] as number) - v) / largest));
  expect(worst, `got ${[...got.data].slice(0, 12)}, want ${[...want.data].slice(0, 12)}`).toBeLessThanOrEqual(
    tolerance,
  );
}

const opened = new Map<Provider, Engine | undefined>();
for (const provider of ["cpu", "wasm"] as const) {
  // only an engine that is not installed is skipped; one that is there and fails its check is a failure of this suite
  const engine = await openEngine({ device: provider }).then(
    (o) => o.engine,
    (error: { details: string[] }) => {
      if (!error.details.some((d) => d.includes("is not installed"))) throw error;
      return undefined;
    },
  );
  opened.set(provider, engine);
}
afterAll(async () => {
  for (const engine of opened.values()) await engine?.close();
});

describe.each([...opened])("%s", (provider, engine) => {
  it.skipIf(engine === undefined)("is installed", () => expect(engine?.info.provider).toBe(provider));
  if (engine === undefined) return;

  it.each(cases.filter(({ name }) => !(`${provider} ${name}` in exceptions)))("$name", async (c) => {
    const executable = await engine.load(graphOf(c));
    const got = await executable.run(copy(c.feeds), Object.keys(c.want));
    for (const [name, want] of Object.entries(c.want)) expectSame(got[name], want);
    await executable.release();
  });

  it("gives an image the same numbers to the last bit, whatever batch it is in", async () => {
    const executable = await engine.load(checkGraph());
    const { data } = input(8);
    const size = data.length / 8;
    const logits = async (from: number, count: number) => {
      const x = float32([count, 3, 32, 32], data.slice(from * size, (from + count) * size));
      return (await executable.run({ x }, ["logits"])).logits.data as Float32Array;
    };
    const together = await logits(0, 8);
    for (const count of [1, 2, 3]) {
      expect(await logits(2, count)).toEqual(together.slice(20, 20 + 10 * count));
    }
    await executable.release();
  });
});
