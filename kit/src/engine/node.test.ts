import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, describe, expect, it } from "vitest";
import { canonicalOpset, type Graph, node } from "../onnx/graph.ts";
import { float32, int64 } from "../onnx/tensor.ts";
import { checkEngine } from "./check.ts";
import { type Engine, type Executable, providers } from "./engine.ts";
import { choiceOf, defaultBudget, machineFacts, openEngine, probeDevices } from "./node.ts";
import { executionProvider } from "./onnxruntime.ts";
import { openRemote } from "./remote.ts";

/** A run that takes a while: `steps` products of 512 × 512 matrices. */
function slowGraph(steps: number): Graph {
  const names = ["x", ...Array.from({ length: steps - 1 }, (_, i) => `h${i}`), "y"];
  return {
    ...fill(),
    name: "slow",
    inputs: [{ name: "x", type: "float32", dims: [512, 512] }],
    outputs: [{ name: "y", type: "float32", dims: [512, 512] }],
    nodes: names.slice(1).map((out, i) => node("MatMul", [names[i], "x"], [out])),
  };
}
const slowFeeds = () => ({ x: float32([512, 512], new Float32Array(512 * 512)) });

/** `value`, as often as the input says. */
function fill(value = 1): Graph {
  return {
    name: "fill",
    opsets: { "": canonicalOpset },
    inputs: [{ name: "shape", type: "int64", dims: [1] }],
    outputs: [{ name: "y", type: "float32", dims: ["n"] }],
    nodes: [node("Expand", ["one", "shape"], ["y"])],
    initializers: new Map([["one", float32([1], [value])]]),
  };
}

const wasm = await openEngine({ device: "wasm", threads: 1 });
const native = await openEngine({ device: "cpu", threads: 1 }).catch(() => undefined);
const engines: [string, Engine][] = [["wasm", wasm.engine]];
if (native !== undefined) engines.push(["cpu", native.engine]);
afterAll(async () => {
  for (const [, engine] of engines) await engine.close();
});

describe.each(engines)("engine in a worker: %s", (_, engine) => {
  it("leaves the event loop free", async () => {
    const slow = await engine.load(slowGraph(30));
    const gaps: number[] = [];
    let last = performance.now();
    const timer = setInterval(() => {
      gaps.push(performance.now() - last);
      last = performance.now();
    }, 10);
    const start = performance.now();
    await slow.run(slowFeeds(), ["y"]);
    const took = performance.now() - start;
    clearInterval(timer);
    await slow.release();
    // on a blocked thread there would be one gap as long as the run
    expect(gaps.length).toBeGreaterThan(took / 10 / 4);
    expect(Math.max(...gaps)).toBeLessThan(took / 2 + 20);
  });

  it("answers in the order of asking", async () => {
    const [slow, quick] = [await engine.load(slowGraph(10)), await engine.load(fill())];
    const order: string[] = [];
    await Promise.all([
      slow.run(slowFeeds(), ["y"]).then(() => order.push("slow")),
      quick.run({ shape: int64([1], [1]) }, ["y"]).then(() => order.push("quick")),
    ]);
    expect(order).toEqual(["slow", "quick"]);
    await Promise.all([slow.release(), quick.release()]);
  });

  it("holds several executables, and refuses one that was released", async () => {
    const [a, b] = [await engine.load(fill(3)), await engine.load(fill(4))];
    const run = async (e: Executable) => (await e.run({ shape: int64([1], [2]) }, ["y"])).y.data;
    expect([await run(a), await run(b), await run(a)].map((d) => [...d])).toEqual([
      [3, 3],
      [4, 4],
      [3, 3],
    ]);
    await a.release();
    await a.release();
    await expect(run(a)).rejects.toMatchObject({ code: "E_ENGINE_RUN" });
    expect([...(await run(b))]).toEqual([4, 4]);
    await b.release();
  });

  it("moves whole buffers and copies views on parts", async () => {
    const e = await engine.load(fill());
    const shape = int64([1], [1]);
    await e.run({ shape }, ["y"]);
    expect(shape.data.length).toBe(0);
    const backing = BigInt64Array.of(7n, 3n);
    const { y } = await e.run({ shape: { type: "int64", dims: [1], data: backing.subarray(1) } }, ["y"]);
    expect([...y.data]).toEqual([1, 1, 1]);
    expect(backing[0]).toBe(7n);
    await e.release();
  });

  it("calls a failed allocation E_ENGINE_MEMORY and goes on working", async () => {
    const e = await engine.load(fill());
    await expect(e.run({ shape: int64([1], [1e13]) }, ["y"])).rejects.toMatchObject({
      name: "KitError",
      code: "E_ENGINE_MEMORY",
      next: expect.stringContaining("--memory"),
    });
    const { y } = await e.run({ shape: int64([1], [2]) }, ["y"]);
    expect([...y.data]).toEqual([1, 1]);
    await e.release();
  });

  it("says what is wrong with a feed or a graph", async () => {
    const e = await engine.load(fill());
    await expect(e.run({}, ["y"])).rejects.toMatchObject({
      code: "E_ENGINE_RUN",
      details: [expect.stringContaining("'shape' is missing")],
    });
    await expect(e.run({ shape: float32([1], [2]) }, ["y"])).rejects.toMatchObject({
      details: [expect.stringContaining("expected: (tensor(int64))")],
    });
    await e.release();
    const unknown = { ...fill(), nodes: [node("NoSuchOp", ["one", "shape"], ["y"])] };
    await expect(engine.load(unknown)).rejects.toMatchObject({
      code: "E_ENGINE_LOAD",
      details: [expect.stringContaining("NoSuchOp")],
    });
  });
});

describe("closing and dying", () => {
  it("fails the calls under way, and those after", async () => {
    const { engine } = await openEngine({ device: "wasm", threads: 1 });
    const e = await engine.load(slowGraph(30));
    const run = e.run(slowFeeds(), ["y"]);
    await Promise.all([expect(run).rejects.toMatchObject({ code: "E_ENGINE_CLOSED" }), engine.close()]);
    await expect(e.run(slowFeeds(), ["y"])).rejects.toMatchObject({ code: "E_ENGINE_CLOSED" });
    await e.release();
  });

  /** A worker that opens and loads like ours, and ends in the middle of a run. */
  const mortal = (end: string) =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort, workerData } from "node:worker_threads";
        parentPort.on("message", ({ id, type }) => {
          if (type === "run") { ${end} }
          else parentPort.postMessage({ id, value: type === "open" ? workerData.candidate : 1 });
        });`)}`,
    );
  const candidate = { package: "onnxruntime-web", provider: "wasm", threads: 1 } as const;

  it("a GPU's worker that ends says how to go on without it", async () => {
    const gpu = { package: "onnxruntime-node", provider: "cuda", deviceId: 1, threads: 1 } as const;
    const engine = await openRemote(gpu, mortal("process.exit(3)"));
    const e = await engine.loadBytes(new Uint8Array(1), "m");
    await expect(e.run({}, [])).rejects.toMatchObject({
      code: "E_ENGINE_DIED",
      message: "the worker of onnxruntime-node (cuda:1) ended unexpectedly",
      next: expect.stringContaining("--device cpu"),
    });
    await engine.close();
  });

  it.each([
    ["an exception", 'throw new Error("struck by lightning")', "struck by lightning"],
    ["an exit", "process.exit(3)", "exit status 3"],
  ])("a worker ended by %s fails its calls clearly", async (_, end, detail) => {
    const engine = await openRemote(candidate, mortal(end));
    const e = await engine.loadBytes(new Uint8Array(1), "m");
    const dead = {
      code: "E_ENGINE_DIED",
      details: [detail],
      message: expect.stringContaining("onnxruntime-web"),
    };
    const runs = [e.run({}, []), e.run({}, [])];
    for (const run of runs) await expect(run).rejects.toMatchObject(dead);
    await expect(e.run({}, [])).rejects.toMatchObject(dead);
    await engine.close();
  });
});

describe("choosing a device", () => {
  it("reports what was tried, and that wasm is slow", () => {
    expect(wasm.attempts).toEqual([
      expect.objectContaining({ package: "onnxruntime-web", provider: "wasm", ok: true }),
    ]);
    expect(wasm.attempts[0].maxError).toBeLessThan(2e-6);
    expect(wasm.advice).toMatch(/6 times slower.*npm install onnxruntime-node/);
    expect(native?.advice).toBeUndefined();
  });

  it("auto takes something that works and says every attempt before it", async () => {
    const { engine, attempts, choice } = await openEngine();
    expect(attempts.at(-1)).toMatchObject({ ok: true, provider: engine.info.provider });
    expect(attempts.slice(0, -1).every((a) => !a.ok)).toBe(true);
    expect(choice).toContain(`--device auto took ${engine.info.provider}: check passed`);
    await engine.close();
    expect(wasm.choice).toBeUndefined();
  });

  it("auto says in one line what it passed over, and why", () => {
    const tried = { package: "onnxruntime-node", ms: undefined, maxError: undefined };
    expect(
      choiceOf([
        { ...tried, provider: "cuda", ok: false, reason: "the library libcudnn.so.9 is missing" },
        { ...tried, provider: "cpu", ok: true, reason: "check passed: largest error 5.1e-7" },
      ]),
    ).toBe(
      "--device auto took cpu: check passed: largest error 5.1e-7; passed over: cuda (the library libcudnn.so.9 is missing)",
    );
  });

  it("hands the number of a card to ONNX Runtime", () => {
    expect(executionProvider({ provider: "cuda", deviceId: 1 })).toEqual({ name: "cuda", deviceId: 1 });
    expect(executionProvider({ provider: "directml", deviceId: 0 })).toEqual({ name: "dml", deviceId: 0 });
    expect(executionProvider({ provider: "cuda" })).toBe("cuda");
    expect(executionProvider({ provider: "cpu", deviceId: undefined })).toBe("cpu");
  });

  const absent = process.platform === "darwin" ? "directml" : "coreml";
  it("refuses a device that is not there, naming those that are", async () => {
    await expect(openEngine({ device: absent })).rejects.toMatchObject({
      code: "E_DEVICE",
      message: `--device ${absent} does not work here`,
      details: [expect.stringContaining("not "), expect.any(String)],
      next: expect.stringContaining("--device wasm"),
    });
  });

  it("refuses a card that is not there, by its number", async () => {
    await expect(openEngine({ device: "cuda:63" })).rejects.toMatchObject({
      code: "E_DEVICE",
      message: "--device cuda:63 does not work here",
      details: expect.arrayContaining([expect.stringContaining("(cuda:63)")]),
    });
    await expect(openEngine({ device: "cpu:1" as "cpu" })).rejects.toMatchObject({ code: "E_PARAM" });
  });

  it("refuses words that are no device, and numbers that are no threads", async () => {
    await expect(openEngine({ threads: 0 })).rejects.toMatchObject({ code: "E_PARAM" });
    await expect(openEngine({ device: "gpu" as "cpu" })).rejects.toMatchObject({
      code: "E_PARAM",
      next: expect.stringContaining("auto, cpu, wasm"),
    });
  });

  it("does not choose an engine with wrong numbers", async () => {
    const wrong: Engine = {
      ...wasm.engine,
      async load(graph) {
        const doubled = graph.nodes.map((n) => (n.op === "Softmax" ? node("Neg", n.inputs, n.outputs) : n));
        return wasm.engine.load({ ...graph, nodes: doubled });
      },
    };
    const check = await checkEngine(wrong, () => 0);
    expect(check).toMatchObject({ ok: false, reason: expect.stringContaining("wrong numbers") });
  });

  it("probes every device, each with its reason", async () => {
    const { devices, tolerance } = await probeDevices({ threads: 1 });
    const ours = devices.filter((d) => d.package.startsWith("onnxruntime-"));
    expect(ours.map((d) => d.provider).sort()).toEqual([...providers].sort());
    for (const d of devices) {
      expect(d.reason.length).toBeGreaterThan(10);
      if (d.ok) expect(d.maxError).toBeLessThanOrEqual(tolerance);
    }
    expect(devices.find((d) => d.provider === "wasm")).toMatchObject({ ok: true, ms: expect.any(Number) });
    expect(devices.find((d) => d.provider === absent)?.reason).toMatch(/not (offered|installed)/);
    // every device that is not here comes with what to do about it
    expect(devices.filter((d) => !d.ok && d.next === undefined)).toEqual([]);
  });

  it("probes one device alone", async () => {
    const { devices } = await probeDevices({ threads: 1, device: "wasm" });
    expect(devices.map((d) => d.provider)).toEqual(["wasm"]);
  });

  it("knows the machine without naming it", () => {
    expect(Object.keys(machineFacts()).sort()).toEqual(
      ["arch", "availableMemory", "cores", "cpu", "memory", "node", "platform"].sort(),
    );
    expect(defaultBudget()).toBeGreaterThan(0);
    expect(defaultBudget()).toBeLessThan(machineFacts().memory);
  });
});

/** Node runs TypeScript as it is from 22.18 on; the built package is run on older ones elsewhere. */
const stripsTypes = process.features.typescript !== false && process.features.typescript !== undefined;

describe.skipIf(!stripsTypes)("a process with an engine", () => {
  const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const start = (rest: string, device = "wasm") =>
    spawn(process.execPath, [
      "--input-type=module",
      "--eval",
      `import { writeFileSync } from "node:fs";
       import { openEngine } from ${url("./node.ts")};
       const { engine } = await openEngine({ device: "${device}", threads: 1 });
       ${rest}`,
    ]);

  /** Says "running" in the middle of a run that takes seconds. */
  const longRun = `
    const dims = [1024, 1024];
    const io = (name) => [{ name, type: "float32", dims }];
    const chain = Array.from({ length: 100 }, (_, i) => ({
      op: "MatMul", domain: "", name: "", inputs: [i ? "h" + i : "x", "x"],
      outputs: [i < 99 ? "h" + (i + 1) : "y"], attributes: {},
    }));
    const e = await engine.load({
      name: "", opsets: { "": 21 }, inputs: io("x"), outputs: io("y"), nodes: chain, initializers: new Map(),
    });
    const run = e.run({ x: { type: "float32", dims, data: new Float32Array(2 ** 20) } }, ["y"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(1, "running");`;

  it("ends by itself when the worker is idle, and keeps stdout clean", async () => {
    const child = start("");
    let out = "";
    child.stdout.on("data", (d) => {
      out += d;
    });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(out).toBe("");
  });

  it("stays until a run under way has ended", async () => {
    const child = start(`
      import { checkEngine } from ${url("./check.ts")};
      checkEngine(engine, () => 0).then(({ ok }) => { process.exitCode = ok ? 7 : 1; });`);
    expect(await once(child, "exit")).toEqual([7, null]);
  });

  const installed = ["wasm", ...(native === undefined ? [] : ["cpu"])];

  it.each(installed)("obeys SIGINT in the middle of a run: %s", async (device) => {
    const child = start(`${longRun} await run;`, device);
    await once(child.stdout, "data");
    const asked = performance.now();
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([null, "SIGINT"]);
    expect(performance.now() - asked).toBeLessThan(1000);
  });

  it.each(installed)("may exit in the middle of a run: %s", async (device) => {
    const child = start(`${longRun} process.exit(5);`, device);
    expect(await once(child, "exit")).toEqual([5, null]);
  });

  it.each(installed)("survives closing in the middle of a run: %s", async (device) => {
    const short = longRun.replace("length: 100", "length: 20").replace("i < 99", "i < 19");
    const child = start(
      `${short} run.catch((error) => writeFileSync(1, error.code)); await engine.close();`,
      device,
    );
    let out = "";
    child.stdout.on("data", (d) => {
      out += d;
    });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(out).toBe("runningE_ENGINE_CLOSED");
  });
});
