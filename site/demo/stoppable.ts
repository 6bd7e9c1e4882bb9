/** An engine that can be interrupted: no message arrives while WebAssembly computes, so it takes a breath before every run. */
import type { Engine } from "../../kit/src/engine/engine.ts";

/** Thrown by `run` and `load` after `stop`: nobody wants the result any more. */
export class Stopped extends Error {
  constructor() {
    super("stopped");
    this.name = "Stopped";
  }
}

export interface Stoppable {
  readonly engine: Engine;
  /** Whatever runs next throws, until `go`. */
  stop(): void;
  go(): void;
  /** milliseconds spent loading graphs so far */
  readonly loading: number;
}

/**
 * @param onRun  after each run: the passes it made
 * @param turn   gives other events a turn
 */
export function stoppable(
  engine: Engine,
  { now, turn, onRun }: { now: () => number; turn: () => Promise<void>; onRun: (passes: number) => void },
): Stoppable {
  let stopped = false;
  let loading = 0;
  const breathe = async () => {
    await turn();
    if (stopped) throw new Stopped();
  };
  return {
    engine: {
      info: engine.info,
      close: () => engine.close(),
      async load(graph) {
        const start = now();
        await breathe();
        const executable = await engine.load(graph);
        loading += now() - start;
        return {
          release: () => executable.release(),
          async run(feeds, fetches) {
            await breathe();
            const outputs = await executable.run(feeds, fetches);
            // a graph with a gradient has a second input, the class to explain, and is two passes per image
            const [images, seeds] = Object.values(feeds);
            onRun(images.dims[0] * (seeds === undefined ? 1 : 2));
            return outputs;
          },
        };
      },
    },
    stop() {
      stopped = true;
    },
    go() {
      stopped = false;
    },
    get loading() {
      return loading;
    },
  };
}
