/**
 * The invariants of ARCHITECTURE.md. Each rule is a function from sources to complaints; it is run on the kit,
 * which must give none, and on a made-up violation, which must give some.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseSource, readSources, type Source, target } from "./sources.ts";

const sources = readSources();

describe("the core runs anywhere", () => {
  /** Folders and files that run in a browser as they are; so does whatever they import. */
  const pure = [
    "onnx/",
    "autodiff/",
    "model/",
    "methods/",
    "metrics/",
    "stats/",
    "protocol/",
    "phantoms/",
    "results/",
    "comparison/",
    "literature/",
    "index.ts",
  ];
  const packages = [
    "@noble/hashes",
    "ajv",
    "ajv-formats",
    "canonicalize",
    "cephes",
    "d3-scale-chromatic",
    "hyparquet/src",
    "hyparquet-writer/src", // the package's own entry is for Node
    "pure-rand",
  ];
  const globals = ["process", "console", "performance", "Date", "Buffer", "crypto", "globalThis", "require"];

  /** Names that depend on a platform or differ from run to run, in the core and in everything that it loads at run time. */
  function platformUse(all: readonly Source[]): string[] {
    const byPath = new Map(all.map((source) => [source.path, source]));
    const reached = new Map<string, string>(); // file → the file that brought it in
    const visit = (source: Source, via: string): void => {
      if (reached.has(source.path)) return;
      reached.set(source.path, via);
      for (const { specifier, typeOnly } of source.imports) {
        const next = byPath.get(target(source.path, specifier) ?? "");
        if (!typeOnly && next !== undefined) visit(next, source.path);
      }
    };
    for (const source of all) if (pure.some((path) => source.path.startsWith(path))) visit(source, "");

    return [...reached].flatMap(([path, via]) => {
      const { imports, mentions } = byPath.get(path)!;
      const where = via === "" ? path : `${path} (imported by ${via})`;
      return [
        ...imports
          .filter(({ specifier, typeOnly }) => !typeOnly && target(path, specifier) === undefined)
          .filter(({ specifier }) => !packages.some((name) => `${specifier}/`.startsWith(`${name}/`)))
          .map(({ specifier }) => `${where}: imports ${specifier}`),
        ...mentions
          .filter(({ name }) => globals.includes(name.split(".")[0]) || name === "Math.random")
          .map(({ name, line }) => `${where}:${line}: ${name}`),
      ];
    });
  }

  it("holds for the kit", () => {
    expect(platformUse(sources)).toEqual([]);
  });

  it.each([
    'import { readFileSync } from "node:fs";',
    'import sharp from "sharp";',
    'export * from "onnxruntime-node";',
    'const fs = await import("node:fs");',
    "const home = process.env.HOME;",
    "console.log(1);",
    "const t = Date.now();",
    "const t = new Date();",
    "const t = performance.now();",
    "const r = Math.random();",
    "const b = Buffer.from([]);",
    "const p = globalThis.process;",
  ])("notices %s", (text) => {
    expect(platformUse([parseSource("metrics/a.ts", text)])).not.toEqual([]);
    expect(platformUse([parseSource("cli/a.ts", text)])).toEqual([]);
  });

  it("notices what comes in through another file", () => {
    const through = parseSource("methods/a.ts", 'import { now } from "../runner/clock.ts";');
    const clock = parseSource("runner/clock.ts", "export const now = () => Date.now();");
    expect(platformUse([through, clock])).toEqual(["runner/clock.ts (imported by methods/a.ts):1: Date.now"]);
  });

  it("lets through words in comments, strings, types and property names", () => {
    const text = `
      // Math.random would differ from run to run; console.log(process.argv)
      import type { Readable } from "node:stream";
      export const a = { process: "Date.now()", console: 1 };
      export const b = (x: { process: string }, y?: Readable) => [x.process, y];`;
    expect(platformUse([parseSource("onnx/a.ts", text)])).toEqual([]);
  });
});

describe("the browser's entry loads what a browser has", () => {
  /** Not there, or, of ajv, forbidden: it makes code at run time, and a page's Content-Security-Policy has no unsafe-eval. */
  const absent = /^(node:|sharp$|@tensorflow|onnxruntime-node|onnxruntime-web$|ajv|yauzl|commander)/;

  /** Packages that `entry` and whatever it loads at run time import though a browser cannot. */
  function absentPackages(entry: string, all: readonly Source[]): string[] {
    const byPath = new Map(all.map((source) => [source.path, source]));
    const seen = new Set<string>();
    const open = [entry];
    const found: string[] = [];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const source = byPath.get(path);
      if (seen.has(path) || source === undefined) continue;
      seen.add(path);
      for (const { specifier, typeOnly } of source.imports) {
        if (typeOnly) continue;
        const next = target(path, specifier);
        if (next !== undefined) open.push(next);
        else if (absent.test(specifier)) found.push(`${path}: imports ${specifier}`);
      }
    }
    return found;
  }

  it("holds for the kit", () => {
    expect(sources.some(({ path }) => path === "web.ts")).toBe(true);
    expect(absentPackages("web.ts", sources)).toEqual([]);
  });

  it("notices what the entry of Node loads", () => {
    const found = absentPackages("node.ts", sources);
    for (const name of ["node:fs", "ajv/dist/2020.js"]) {
      expect(found.some((line) => line.endsWith(`imports ${name}`))).toBe(true);
    }
  });

  it.each(["node:fs", "sharp", "onnxruntime-node", "ajv/dist/2020.js"])(
    "notices %s two files away",
    (name) => {
      const files = [
        parseSource("web.ts", 'export { a } from "./a.ts";'),
        parseSource("a.ts", `import "${name}"; import type { B } from "ajv";`),
      ];
      expect(absentPackages("web.ts", files)).toEqual([`a.ts: imports ${name}`]);
    },
  );
});

describe("every effect has one place", () => {
  const talk = /^(console|process\.(argv|exit|exitCode|stdin|stdout|stderr))(\.|$)/;

  /** Uses that print nothing. */
  const silent = [
    "engine/worker.ts: console", // turns what a library prints away from stdout
  ];

  function strayEffects(all: readonly Source[]): string[] {
    return all.flatMap(({ path, imports, mentions }) => [
      ...(path.startsWith("cli/") ? [] : mentions)
        .filter(({ name }) => talk.test(name) && !silent.includes(`${path}: ${name.split(".")[0]}`))
        .map(({ name, line }) => `${path}:${line}: ${name} belongs in cli/`),
      ...(path.startsWith("engine/") ? [] : imports)
        .filter(({ specifier }) => /^(onnxruntime-|@tensorflow\/)/.test(specifier))
        .map(({ specifier }) => `${path}: ${specifier} belongs in engine/`),
    ]);
  }

  it("holds for the kit", () => {
    expect(strayEffects(sources)).toEqual([]);
  });

  it.each([
    "const [, , file] = process.argv;",
    "process.exit(1);",
    "process.exitCode = 1;",
    'process.stdout.write("");',
    'process.stderr.write("");',
    'console.error("");',
  ])("notices %s", (text) => {
    expect(strayEffects([parseSource("runner/a.ts", text)])).toHaveLength(1);
    expect(strayEffects([parseSource("cli/a.ts", text)])).toEqual([]);
  });

  it.each([
    'import * as ort from "onnxruntime-web/wasm";',
    'import type { Tensor } from "onnxruntime-common";',
    'const ort = await import("onnxruntime-node");',
    'import type * as Tf from "@tensorflow/tfjs-core";',
  ])("notices %s", (text) => {
    expect(strayEffects([parseSource("cli/a.ts", text)])).toHaveLength(1);
    expect(strayEffects([parseSource("engine/a.ts", text)])).toEqual([]);
  });
});

describe("imports make no circle", () => {
  /** Imports of types alone that may close a circle, as "from -> to", with the reason. */
  const meant: Record<string, string> = {};

  /** Groups of files that reach each other, sorted; with or without imports that are gone at run time. */
  function circles(
    all: readonly Source[],
    kind: "run time" | "all",
    without: readonly string[] = [],
  ): string[] {
    const next = new Map<string, string[]>();
    for (const { path, imports } of all) {
      const targets = imports
        .filter(({ typeOnly }) => kind === "all" || !typeOnly)
        .flatMap(({ specifier, typeOnly }) => {
          const to = target(path, specifier);
          return to === undefined || (typeOnly && without.includes(`${path} -> ${to}`)) ? [] : to;
        });
      next.set(path, [...(next.get(path) ?? []), ...targets]);
    }
    const reach = (start: string): Set<string> => {
      const seen = new Set<string>();
      const open = [...(next.get(start) ?? [])];
      for (let path = open.pop(); path !== undefined; path = open.pop()) {
        if (seen.has(path)) continue;
        seen.add(path);
        open.push(...(next.get(path) ?? []));
      }
      return seen;
    };
    const reached = new Map([...next.keys()].map((path) => [path, reach(path)]));
    const groups = [...reached.keys()]
      .filter((path) => reached.get(path)!.has(path))
      .map((path) => [...reached.get(path)!].filter((other) => reached.get(other)?.has(path)).sort());
    return [...new Set(groups.map((group) => group.join(" <-> ")))].sort();
  }

  it("holds for the kit at run time", () => {
    expect(circles(sources, "run time")).toEqual([]);
  });

  /** The same imports as between folders (and the files beside them): "onnx/graph.ts" is "onnx". */
  function folders(all: readonly Source[]): Source[] {
    const folderOf = (path: string) => path.split("/")[0];
    return all.map(({ path, imports }) => ({
      path: folderOf(path),
      mentions: [],
      imports: imports
        .map(({ specifier, typeOnly }) => ({ to: folderOf(target(path, specifier) ?? path), typeOnly }))
        .filter(({ to }) => to !== folderOf(path))
        .map(({ to, typeOnly }) => ({ specifier: `./${to}`, typeOnly })),
    }));
  }

  it("holds for the kit's folders at run time", () => {
    expect(circles(folders(sources), "run time")).toEqual([]);
  });

  it("notices folders that load each other, though no file does", () => {
    const files = [
      parseSource("a/1.ts", 'import "../b/1.ts";'),
      parseSource("b/1.ts", ""),
      parseSource("b/2.ts", 'import "../a/2.ts";'),
      parseSource("a/2.ts", 'import type { B } from "../b/1.ts";'),
    ];
    expect(circles(files, "run time")).toEqual([]);
    expect(circles(folders(files), "run time")).toEqual(["a <-> b"]);
  });

  it("holds for the kit's types, but for what is meant", () => {
    expect(circles(sources, "all", Object.keys(meant))).toEqual([]);
  });

  it("excuses no import that needs no excuse", () => {
    const needless = Object.keys(meant).filter((edge) => {
      const others = Object.keys(meant).filter((other) => other !== edge);
      return circles(sources, "all", others).length === 0;
    });
    expect(needless).toEqual([]);
  });

  it("notices a circle of three", () => {
    const three = [
      parseSource("a.ts", 'import { b } from "./x/b.ts";'),
      parseSource("x/b.ts", 'export { c } from "./c.ts";'),
      parseSource("x/c.ts", 'import "../a.ts";'),
      parseSource("d.ts", 'import "./a.ts";'),
    ];
    expect(circles(three, "run time")).toEqual(["a.ts <-> x/b.ts <-> x/c.ts"]);
  });

  it("tells types from the rest", () => {
    const two = [
      parseSource("a.ts", 'import type { B } from "./b.ts";'),
      parseSource("b.ts", 'import { a } from "./a.ts";'),
    ];
    expect(circles(two, "run time")).toEqual([]);
    expect(circles(two, "all")).toEqual(["a.ts <-> b.ts"]);
    expect(circles(two, "all", ["a.ts -> b.ts"])).toEqual([]);
    expect(circles(two, "all", ["b.ts -> a.ts"])).toEqual(["a.ts <-> b.ts"]); // not an import of types
    // an import of types alone by `{ type B }` still loads the file: only `import type` is erased
    const loads = parseSource("a.ts", 'import { type B } from "./b.ts";');
    expect(circles([loads, two[1]], "run time")).toEqual(["a.ts <-> b.ts"]);
  });
});

describe("nothing in the repository belongs to one machine", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const folders = ["work", "tmp", "root", "home", "Users"];
  const machinePath = new RegExp(`(?<![\\w.$})])/(${folders.join("|")})/`);
  const resolved = /"resolved": "https?:\/\//;

  function machineWords(path: string, text: string): string[] {
    return text.split("\n").flatMap((line, i) => {
      const words =
        machinePath.exec(line)?.[0] ?? (path.endsWith("package-lock.json") && resolved.exec(line)?.[0]);
      return words ? [`${path}:${i + 1}: ${words}`] : [];
    });
  }

  it("holds for the tracked files", ({ skip }) => {
    let list: string;
    try {
      const files = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
      list = execFileSync("git", files, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      skip("needs git and a checkout");
      return;
    }
    const complaints = list
      .split("\0")
      .map((path) => ({ path, stat: statSync(join(root, path), { throwIfNoEntry: false }) }))
      .filter(({ stat }) => stat?.isFile())
      .map(({ path }) => ({ path, text: readFileSync(join(root, path), "utf8") }))
      .filter(({ text }) => !text.includes("\0"))
      .flatMap(({ path, text }) => machineWords(path, text));
    expect(complaints).toEqual([]);
  });

  it.each(folders)("notices a path below /%s", (folder) => {
    expect(machineWords("a.md", `see\n"/${folder}/x"`)).toEqual([`a.md:2: /${folder}/`]);
    expect(machineWords("a.md", `https://example.org/${folder}/x and ./${folder}/x`)).toEqual([]);
  });

  it("notices a registry in the lock file", () => {
    expect(machineWords("package-lock.json", '"resolved": "https://mirror.example/x.tgz"')).toHaveLength(1);
    expect(machineWords("package-lock.json", '"resolved": "kit"')).toEqual([]);
  });
});
