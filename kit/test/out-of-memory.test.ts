/** An evaluation whose engine runs out of memory, in the words of the real ones, ends in the same document as without. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { bundledModels } from "../src/bundled.ts";
import type { Executable } from "../src/engine/engine.ts";
import { engineError, type OrtEngine } from "../src/engine/onnxruntime.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { cli } from "./run-cli.ts";

/** What engines say, found by making them run out: native, CUDA's arena, CUDA itself, wasm. */
const messages = [
  "Non-zero status code returned while running Conv node. Name:'c' Status Message: std::bad_alloc",
  "Non-zero status code returned while running Mul node. Name:'m' Status Message: bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 41943040",
  "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)",
  "Can't create a tensor: failed to allocate a buffer of size 4398046511104",
];

/** rows an engine has memory for; the check of a device does not count */
const room = vi.hoisted(() => ({ rows: Number.POSITIVE_INFINITY, failures: 0 }));

vi.mock("../src/engine/remote.ts", async (original) => {
  const real = await original<typeof import("../src/engine/remote.ts")>();
  const cramped = (engine: OrtEngine): OrtEngine => ({
    ...engine,
    async load(graph: Graph): Promise<Executable> {
      const executable = await engine.load(graph);
      const isCheck = graph.name === "device check";
      return {
        ...executable,
        async run(feeds, fetches) {
          const [rows] = Object.values(feeds)[0].dims;
          if (isCheck || rows <= room.rows) return executable.run(feeds, fetches);
          const said = messages[room.failures++ % messages.length];
          throw engineError("E_ENGINE_RUN", "the engine could not run the graph", new Error(said));
        },
      };
    },
  });
  return {
    ...real,
    openRemote: async (...options: Parameters<typeof real.openRemote>) =>
      cramped(await real.openRemote(...options)),
  };
});

const dir = mkdtempSync(join(tmpdir(), "xai-kit-oom-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const [model] = bundledModels().filter((m) => m.id === "shapes-resnet");

async function evaluate(out: string, device: string, rows: number, ...more: string[]) {
  room.rows = rows;
  room.failures = 0;
  const ran = await cli(
    ...["evaluate", "--model", model.path, "--data", model.dataset, "--protocol", "quick", "--samples", "2"],
    ...["--methods", "saliency,integrated-gradients"],
    ...["--metrics", "deletion-auc,infidelity,max-sensitivity", "--pictures", "0"],
    ...["--device", device, "--jobs", "1", "--out", join(dir, out), ...more],
  );
  const text = ran.code === 0 ? readFileSync(join(dir, out, "run.json"), "utf8") : "";
  return { ...ran, result: text.slice(0, text.indexOf(',"telemetry":')), failures: room.failures };
}

describe.each(["wasm", "cpu"])("out of memory on %s", (device) => {
  it("halves, goes on, says so once and changes no number", async () => {
    const whole = await evaluate(`${device}-whole`, device, Number.POSITIVE_INFINITY);
    expect(whole.err).not.toContain("out of memory");
    const cramped = await evaluate(`${device}-cramped`, device, 4);
    expect(cramped.failures).toBeGreaterThan(2);
    expect(cramped.err.match(/^out of memory .*$/gm)).toEqual([
      expect.stringMatching(
        /^out of memory with a batch of \d+: going on with \d+, which changes no number; --batch \d+ begins there$/,
      ),
    ]);
    // the hash of every score is in it
    expect(cramped.result).toContain('"sidecar"');
    expect(cramped.result).toBe(whole.result);
  }, 300_000);

  it("with nothing left to halve is an error that says what can help", async () => {
    const { code, err } = await evaluate(`${device}-none`, device, 0);
    expect(code).not.toBe(0);
    expect(err).toMatch(/out of memory, with a batch of one/);
    expect(err).toMatch(/--memory cannot help/);
  });
});
