import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createClient, type WorkerLike } from "./client.ts";
import type { ModelFacts, ModelSource, Reply, Request } from "./messages.ts";

class FakeWorker implements WorkerLike {
  readonly sent: Request[] = [];
  ended = false;
  onmessage: WorkerLike["onmessage"] = null;
  onerror: WorkerLike["onerror"] = null;
  postMessage(message: Request) {
    this.sent.push(message);
  }
  terminate() {
    this.ended = true;
  }
  reply(message: Reply) {
    this.onmessage?.({ data: message } as MessageEvent<Reply>);
  }
}

const model = (key: string): ModelSource => ({ key, name: key, card: {}, file: new Uint8Array(1) });
const image = { channels: 1, height: 1, width: 1, data: Uint8Array.of(0) } as const;
const work = (key: string) => ({
  model: model(key),
  picture: { sample: "a", image },
  target: undefined,
  methods: ["saliency"],
  device: "wasm" as const,
});
const opened = (id: number, key: string): Reply => ({ id, type: "model", model: { key } as ModelFacts });
const ended = (id: number): Reply => ({ id, type: "end", outcome: "done", ms: 1 });

let workers: FakeWorker[];
const onReply = vi.fn();
const onGone = vi.fn();
const client = () =>
  createClient({
    make() {
      workers.push(new FakeWorker());
      return workers[workers.length - 1];
    },
    onReply,
    onGone,
  });

beforeEach(() => {
  workers = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.clearAllMocks();
  vi.useRealTimers();
});

describe("the page's end of the worker", () => {
  it("starts no worker before there is work", () => {
    const { stop, close } = client();
    stop();
    close();
    expect(workers).toEqual([]);
  });

  it("hands a model over once", () => {
    const c = client();
    c.work(work("a"));
    workers[0].reply(opened(1, "a"));
    workers[0].reply(ended(1));
    expect(c.busy).toBe(false);
    c.work(work("a"));
    workers[0].reply(ended(2));
    c.work(work("b"));
    workers[0].reply({ id: 3, type: "fault", fault: { code: "E", problem: "", details: [], next: "" } });
    c.work(work("a")); // closed when b was tried
    const models = workers[0].sent.map((m) => m.type === "work" && m.model?.key);
    expect(models).toEqual(["a", undefined, "b", "a"]);
  });

  it("stops old work for new, and listens to the new only", () => {
    const c = client();
    c.work(work("a"));
    c.work(work("a"));
    expect(workers[0].sent.map((m) => m.type)).toEqual(["work", "stop", "work"]);
    workers[0].reply(ended(1));
    expect(onReply).not.toHaveBeenCalled();
    expect(c.busy).toBe(true);
    workers[0].reply(ended(2));
    expect(onReply).toHaveBeenCalledExactlyOnceWith(ended(2));
  });

  it("ends a worker that does not stop within two seconds; the next work starts a fresh one with its model", () => {
    const c = client();
    c.work(work("a"));
    workers[0].reply(opened(1, "a"));
    c.stop();
    vi.advanceTimersByTime(1999);
    expect(workers[0].ended).toBe(false);
    vi.advanceTimersByTime(1);
    expect(workers[0].ended).toBe(true);
    expect(onGone).toHaveBeenCalledExactlyOnceWith(undefined);
    c.work(work("a"));
    expect(workers).toHaveLength(2);
    expect(workers[1].sent[0]).toMatchObject({ type: "work", model: { key: "a" } });
  });

  it("leaves a worker alone that stops in time", () => {
    const c = client();
    c.work(work("a"));
    c.stop();
    workers[0].reply({ id: 1, type: "end", outcome: "stopped", ms: 1 });
    vi.advanceTimersByTime(10_000);
    expect(workers[0].ended).toBe(false);
    expect(onGone).not.toHaveBeenCalled();
  });

  it("says when a worker breaks, and what next", () => {
    const c = client();
    c.work(work("a"));
    workers[0].onerror?.({ message: "memory" } as ErrorEvent);
    expect(onGone).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: "E_WORKER", problem: expect.stringContaining("memory") }),
    );
    expect(c.busy).toBe(false);
  });
});
