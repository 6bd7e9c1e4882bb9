import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemCode, writeError, writeFileAtomic } from "./files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "xai-kit-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("writeFileAtomic", () => {
  it("writes, replaces, and leaves nothing else in the folder", async () => {
    const own = join(folder, "plain");
    await mkdir(own);
    await writeFileAtomic(join(own, "a.txt"), "one");
    await writeFileAtomic(join(own, "a.txt"), Uint8Array.of(116, 119, 111));
    expect(await readFile(join(own, "a.txt"), "utf8")).toBe("two");
    expect(await readdir(own)).toEqual(["a.txt"]);
  });

  it("follows a link instead of replacing it", async () => {
    await writeFile(join(folder, "target"), "old");
    await symlink("target", join(folder, "link"));
    await writeFileAtomic(join(folder, "link"), "new");
    expect(await readlink(join(folder, "link"))).toBe("target");
    expect(await readFile(join(folder, "target"), "utf8")).toBe("new");
  });

  it.skipIf(process.platform === "win32")("writes into a pipe as it is", async () => {
    const pipe = join(folder, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    const [read] = await Promise.all([readFile(pipe, "utf8"), writeFileAtomic(pipe, "through")]);
    expect(read).toBe("through");
  });

  it("says which folder to make", async () => {
    const path = join(folder, "nowhere", "a.png");
    await expect(writeFileAtomic(path, "x")).rejects.toMatchObject({
      code: "E_WRITE",
      message: `cannot write ${path}: its folder does not exist`,
      next: `create it first: mkdir -p ${join(folder, "nowhere")}`,
    });
  });

  it("does not replace a folder, and cleans up after itself", async () => {
    const own = join(folder, "parent");
    await mkdir(join(own, "is-a-folder"), { recursive: true });
    await expect(writeFileAtomic(join(own, "is-a-folder"), "x")).rejects.toMatchObject({
      code: "E_WRITE",
      message: expect.stringContaining("it is a folder"),
    });
    expect(await readdir(own)).toEqual(["is-a-folder"]);
  });

  it("says when a part of the path is a file", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(writeFileAtomic(join(folder, "file", "a"), "x")).rejects.toThrow("not a folder");
  });
});

describe("writeError", () => {
  it.each([
    ["ENOSPC", "the disk is full"],
    ["EROFS", "the file system is read-only"],
    ["EACCES", "permission denied"],
  ])("explains %s", (code, text) => {
    const error = writeError("out.png", Object.assign(new Error("x"), { code }));
    expect(error.message).toBe(`cannot write out.png: ${text}`);
    expect(error.next).toBeDefined();
  });

  it("passes on what it does not know", () => {
    expect(writeError("a", new Error("strange")).message).toBe("cannot write a: strange");
    expect(systemCode("text")).toBeUndefined();
  });
});
