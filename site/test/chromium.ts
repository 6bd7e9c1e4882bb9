/** A Chromium to test with: what the machine has, else the one that npm brought (Linux x64). */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Found {
  readonly executablePath: string;
  /** what it needs beside our environment */
  readonly env: Readonly<Record<string, string>>;
  readonly source: "CHROMIUM_PATH" | "PATH" | "npm";
}

const cache = fileURLToPath(new URL("../../node_modules/.cache/chromium", import.meta.url));

export function findChromium(): Found {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH names ${named}, which does not exist`);
    return { executablePath: named, env: {}, source: "CHROMIUM_PATH" };
  }
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
      const file = join(folder, name);
      if (isExecutable(file)) return { executablePath: file, env: {}, source: "PATH" };
    }
  }
  if (!existsSync(join(cache, "chromium"))) unpack();
  return {
    executablePath: join(cache, "chromium"),
    env: { LD_LIBRARY_PATH: join(cache, "al2023", "lib"), FONTCONFIG_PATH: join(cache, "fonts") },
    source: "npm",
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @sparticuz/chromium unpacks into the folder for temporary files, and its system libraries only where it thinks it is a cloud function: so it
 * gets a folder, and is told so. Renamed only when whole.
 */
function unpack(): void {
  mkdirSync(dirname(cache), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", 'await (await import("@sparticuz/chromium")).default.executablePath();'],
    {
      encoding: "utf8",
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
    },
  );
  if (status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(
      `no Chromium: none on PATH, and the one from npm could not be unpacked\n${stderr}\n` +
        "  next: install chromium, or set CHROMIUM_PATH",
    );
  }
  // its own font list names cloud folders; without any font Chromium draws no letter, not even of a web font
  const folders = [join(cache, "fonts"), "/usr/share/fonts", "/usr/local/share/fonts"];
  writeFileSync(
    join(folder, "fonts", "fonts.conf"),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
${folders.map((dir) => `  <dir>${dir.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</dir>`).join("\n")}
  <cachedir>${join(cache, "fontconfig").replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</cachedir>
</fontconfig>
`,
  );
  rmSync(cache, { recursive: true, force: true });
  renameSync(folder, cache);
}

/** Under root there is no sandbox; nothing else may go out by itself. */
export const chromiumArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
