/** The few requests to GitHub that admitting needs. */
import { setTimeout as wait } from "node:timers/promises";

/** GitHub answered with something else than was asked for. */
export class GitHubError extends Error {
  /** the same request may work a moment later */
  readonly passing: boolean;
  constructor(message: string, passing: boolean) {
    super(message);
    this.passing = passing;
  }
}

export interface PullRequest {
  readonly number: number;
  readonly state: string;
  readonly head: { readonly sha: string; readonly repo: { readonly full_name: string } | null };
  readonly base: { readonly ref: string };
}

export interface Comment {
  readonly id: number;
  readonly body?: string | null;
  readonly user: { readonly login: string; readonly type: string } | null;
}

export type State = "pending" | "success" | "failure" | "error";

/** Commit statuses have no more room. */
const longestDescription = 140;
const mostPages = 30;
/** Who writes with the token of a workflow. */
const bot = "github-actions[bot]";

interface Options {
  /** https://api.github.com */
  readonly api: string;
  /** "owner/name" */
  readonly repository: string;
  readonly token: string;
  /** milliseconds before each further try */
  readonly delays?: readonly number[];
}

export class GitHub {
  readonly #options: Required<Options>;

  constructor(options: Options) {
    this.#options = { delays: [1000, 3000, 9000], ...options };
  }

  /** Open ones of a branch of a fork or of the repository itself. */
  pullRequestsOf(owner: string, branch: string, base: string): Promise<PullRequest[]> {
    const query = new URLSearchParams({ state: "open", head: `${owner}:${branch}`, base, per_page: "100" });
    return this.#persist(() => this.#request("GET", `pulls?${query}`));
  }

  pullRequest(number: number): Promise<PullRequest> {
    return this.#persist(() => this.#request("GET", `pulls/${number}`));
  }

  async setStatus(sha: string, state: State, description: string, url: string): Promise<void> {
    const text = description.length > longestDescription ? `${description.slice(0, 139)}…` : description;
    const body = { state, context: "submission", description: text, target_url: url };
    await this.#persist(() => this.#request("POST", `statuses/${sha}`, body));
  }

  /**
   * The one comment that begins with `marker` and is ours is edited, or made where `create` allows it. An answer that got lost may have made
   * it all the same, so each try looks again.
   */
  async comment(number: number, marker: string, body: string, create: boolean): Promise<void> {
    await this.#persist(async () => {
      const own = await this.#findComment(number, marker);
      if (own !== undefined) await this.#request("PATCH", `issues/comments/${own.id}`, { body });
      else if (create) await this.#request("POST", `issues/${number}/comments`, { body });
    });
  }

  async #findComment(number: number, marker: string): Promise<Comment | undefined> {
    for (let page = 1; page <= mostPages; page++) {
      const path = `issues/${number}/comments?per_page=100&page=${page}`;
      const comments = await this.#request<Comment[]>("GET", path);
      const own = comments.find(
        ({ body, user }) => user?.login === bot && user.type === "Bot" && body?.startsWith(marker),
      );
      if (own !== undefined || comments.length < 100) return own;
    }
    return undefined;
  }

  async #persist<T>(attempt: () => Promise<T>): Promise<T> {
    for (const delay of this.#options.delays) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof GitHubError) || !error.passing) throw error;
        await wait(delay);
      }
    }
    return attempt();
  }

  async #request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { api, repository, token } = this.#options;
    const what = `${method} ${path.replace(/\?.*/, "")}`;
    let response: Response;
    try {
      response = await fetch(`${api}/repos/${repository}/${path}`, {
        method,
        headers: {
          accept: "application/vnd.github+json",
          authorization: `Bearer ${token}`,
          "user-agent": "xai-kit",
          "x-github-api-version": "2022-11-28",
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      throw new GitHubError(`${what}: ${error instanceof Error ? error.message : error}`, true);
    }
    const text = await response.text();
    if (!response.ok) {
      const passing = response.status >= 500 || response.status === 429;
      throw new GitHubError(`${what}: GitHub answered ${response.status}: ${text.slice(0, 300)}`, passing);
    }
    return JSON.parse(text) as T;
  }
}
