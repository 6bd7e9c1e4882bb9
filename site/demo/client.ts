/** The page's end of the worker: starts it at the first work, hands models over once, and ends it where it does not answer. */
import type { Fault, ModelSource, Reply, Request, Work } from "./messages.ts";

/** What is used of a Worker. */
export interface WorkerLike {
  postMessage(message: Request): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Reply>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export interface ClientOptions {
  readonly make: () => WorkerLike;
  /** replies of the latest work only */
  readonly onReply: (reply: Reply) => void;
  /** The worker is gone: it did not stop in time, or broke. The next work starts a fresh one. */
  readonly onGone: (fault: Fault | undefined) => void;
  /** milliseconds a worker has for an answer to stop */
  readonly patience?: number;
}

export interface Client {
  work(work: Omit<Work, "type" | "id" | "model"> & { readonly model: ModelSource }): void;
  stop(): void;
  /** Ends the worker without a word. */
  close(): void;
  readonly busy: boolean;
}

export function createClient({ make, onReply, onGone, patience = 2000 }: ClientOptions): Client {
  let worker: WorkerLike | undefined;
  let latest = 0;
  let busy = false;
  let open: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function end(): void {
    clearTimeout(timer);
    worker?.terminate();
    worker = undefined;
    open = undefined;
    busy = false;
  }

  function start(): WorkerLike {
    const made = make();
    made.onmessage = ({ data: reply }) => {
      if (reply.type === "model") open = reply.model.key;
      if (reply.id !== latest) return;
      if (reply.type === "end" || reply.type === "fault") {
        clearTimeout(timer);
        busy = false;
      }
      onReply(reply);
    };
    made.onerror = (event) => {
      end();
      onGone({
        code: "E_WORKER",
        problem: `the worker ended unexpectedly${event.message ? `: ${event.message}` : ""}`,
        details: [],
        next: "press the button again; if it ends again, choose a smaller model or fewer methods",
      });
    };
    return made;
  }

  return {
    work({ model, ...rest }) {
      worker ??= start();
      if (busy) worker.postMessage({ type: "stop" });
      clearTimeout(timer);
      const known = open === model.key;
      // until it says which model it holds now
      if (!known) open = undefined;
      busy = true;
      worker.postMessage({ type: "work", id: ++latest, model: known ? undefined : model, ...rest });
    },
    stop() {
      if (!busy || worker === undefined) return;
      worker.postMessage({ type: "stop" });
      clearTimeout(timer);
      timer = setTimeout(() => {
        end();
        onGone(undefined);
      }, patience);
    },
    close: end,
    get busy() {
      return busy;
    },
  };
}
