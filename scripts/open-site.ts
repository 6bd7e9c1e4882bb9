/** A built site, served and open in a Chromium, for checks that measure. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium } from "@playwright/test";
import { chromiumArguments, findChromium } from "../site/test/chromium.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface OpenSite {
  /** "http://127.0.0.1:4321/" */
  readonly address: string;
  readonly browser: BrowserContext;
  /** of the browser's own protocol, for tools that bring no browser */
  readonly debuggingPort: number;
  close(): Promise<void>;
}

/** @param folder a site that was built for no base path */
export async function openSite(folder: string): Promise<OpenSite> {
  const [port, debuggingPort] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${port}/`;
  const server = spawn(process.execPath, ["site/test/serve.ts", folder, `${port}`], { cwd: root });
  const profile = mkdtempSync(join(tmpdir(), "xai-kit-chromium-"));
  const { executablePath, env } = findChromium();
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...chromiumArguments, `--remote-debugging-port=${debuggingPort}`],
    env: { ...process.env, ...env } as Record<string, string>,
  });
  const close = async () => {
    await browser.close();
    server.kill();
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    await answers(address);
  } catch (error) {
    await close();
    throw error;
  }
  return { address, browser, debuggingPort, close };
}

async function answers(address: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await fetch(address);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject()));
    });
  });
}
