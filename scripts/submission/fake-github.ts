/** A GitHub for tests, on 127.0.0.1: one repository with its pull requests, comments and commit statuses. It notes every request. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Comment, PullRequest } from "./github.ts";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown> | undefined;
}

export class FakeGitHub {
  readonly seen: Seen[] = [];
  pulls: PullRequest[] = [];
  comments: Comment[] = [];
  /** what becomes of the next requests: answered, refused with a status, or "lost": done, and then the answer is 502 */
  faults: ("answered" | "lost" | number)[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const body = text === "" ? undefined : (JSON.parse(text) as Record<string, unknown>);
        const url = new URL(request.url ?? "", "http://x");
        const { method = "" } = request;
        const path = url.pathname.replace("/repos/xai-kit/xai-kit/", "");
        this.seen.push({
          method,
          path: `${path}${url.search}`,
          authorization: request.headers.authorization,
          body,
        });
        const fault = this.faults.shift();
        const answer =
          typeof fault === "number" ? undefined : this.#answer(method, path, url.searchParams, body);
        const status =
          fault === "lost" ? 502 : typeof fault === "number" ? fault : answer === undefined ? 404 : 200;
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(status === 200 ? answer : { message: "no" }));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }

  /** What was asked for beyond reading. */
  writes(): Seen[] {
    return this.seen.filter(({ method }) => method !== "GET");
  }

  #answer(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Record<string, unknown> | undefined,
  ): unknown {
    if (method === "GET" && path === "pulls") return this.pulls;
    const [, kind, id, rest] = /^(\w+)\/(\w+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (method === "GET" && kind === "pulls") return this.pulls.find((pr) => pr.number === Number(id));
    if (method === "POST" && kind === "statuses") return { state: body?.state };
    if (kind !== "issues") return undefined;
    if (method === "GET") {
      const page = Number(query.get("page"));
      return this.comments.slice(100 * (page - 1), 100 * page);
    }
    if (method === "POST") {
      const made = { id: 1000 + this.comments.length, body: `${body?.body}`, user: bot };
      this.comments.push(made);
      return made;
    }
    const own = this.comments.findIndex((comment) => comment.id === Number(rest));
    if (own < 0) return undefined;
    this.comments[own] = { ...this.comments[own], body: `${body?.body}` };
    return this.comments[own];
  }
}

export const bot = { login: "github-actions[bot]", type: "Bot" };
