import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { columnsOf, csvRows } from "./csv.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-csv-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (text: string) => {
  const path = join(dir, "table.csv");
  writeFileSync(path, text);
  return path;
};
const rows = async (text: string) => all(file(text));
async function all(path: string) {
  const found = [];
  for await (const row of csvRows(path)) found.push(row);
  return found;
}

describe("csvRows", () => {
  it("reads byte order marks, CRLF, quotes and short rows, and counts lines as an editor does", async () => {
    const text = '\uFEFFid,name\r\n1,"a, ""b"""\r\n\r\n2,"two\r\nlines"\r\n3\r\n';
    expect(await rows(text)).toEqual([
      { line: 1, cells: ["id", "name"] },
      { line: 2, cells: ["1", 'a, "b"'] },
      { line: 4, cells: ["2", "two\r\nlines"] },
      { line: 6, cells: ["3"] },
    ]);
  });

  it("reads line ends that change within the file", async () => {
    const found = await rows("a,b\r\n1,2\n3,4\r5,6\r\n");
    expect(found.map(({ cells }) => cells.join())).toEqual(["a,b", "1,2", "3,4", "5,6"]);
    expect(found[1].line).toBe(2);
  });

  it("names the line where a quote does not close, and refuses rows without end", async () => {
    await expect(rows('a,b\n1,2\n"3,4\n5,6\n')).rejects.toThrow(/table\.csv, after line 2: .*[Qq]uot/s);
    await expect(rows(`a\n${"x".repeat(2 ** 21)}\n`)).rejects.toThrow(/after line 1: .*max/is);
  });

  it("ends early without reading on, and names a file that is not there", async () => {
    for await (const { cells } of csvRows(file(`a,b\n${"1,2\n".repeat(100_000)}`))) {
      expect(cells).toEqual(["a", "b"]);
      break;
    }
    await expect(all(join(dir, "none.csv"))).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
    });
  });
});

describe("columnsOf", () => {
  it("finds columns by name, or says which are missing", () => {
    expect(columnsOf(["x", "id"], ["id"], "t.csv")).toEqual({ id: 1 });
    expect(() => columnsOf(["x"], ["id", "x", "y"], "t.csv")).toThrow("t.csv, line 1: no column id, y");
    expect(() => columnsOf(undefined, ["id"], "t.csv")).toThrow("t.csv is empty");
  });
});
