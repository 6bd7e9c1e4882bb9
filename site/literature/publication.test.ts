import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkClaims, checkLiterature } from "../../kit/src/literature/check.ts";
import { type Literature, readLiterature } from "../../kit/src/literature/document.ts";
import { publicationOf } from "./publication.ts";

const folder = new URL("../../results/literature/", import.meta.url);
const all = readdirSync(folder).map((name): Literature => {
  const { literature, problems } = readLiterature(readFileSync(new URL(name, folder)), name);
  expect(problems).toEqual([]);
  return literature!;
});
const uces = all.find(({ id }) => id === "uces")!;
const page = publicationOf(uces);

describe("a publication", () => {
  it.each(all.map((literature) => [literature.id, literature] as const))(
    "%s: counts what the kit computed",
    (_, literature) => {
      const publication = publicationOf(literature);
      const checks = checkLiterature(literature);
      expect(publication.checked).toBe(checks.length);
      const apart = checks.filter(({ agrees }) => !agrees).length;
      expect(publication.differences.filter(({ agrees }) => !agrees)).toHaveLength(apart);
      expect(publication.claims.map(({ verdict }) => verdict)).toEqual(
        checkClaims(literature).map(({ verdict }) => verdict),
      );
      expect(publication.tables.map(({ rows }) => rows.length)).toEqual(
        literature.tables.map(({ rows }) => rows.length),
      );
    },
  );

  it("has the UCES of table VII from tables II and VI, number by number", () => {
    const [score] = page.scores;
    expect(score).toMatchObject({ table: "VII", from: "II and VI", alpha: 0.7 });
    const row = score.rows.find(({ row, what }) => row === "ConvNeXt-Tiny" && what.startsWith("UCES"))!;
    expect(row).toMatchObject({ column: "UCES", printed: "0.870", agrees: true });
    expect(Math.abs(Number(row.computed) - 0.87)).toBeLessThanOrEqual(0.001);
  });

  it("marks cells that do not follow, and no others", () => {
    const marked = page.tables.flatMap(({ id, rows }) =>
      rows.flatMap(({ model, cells }) =>
        cells.flatMap(({ computed }) => (computed === undefined ? [] : `${id} ${model}`)),
      ),
    );
    const apart = checkLiterature(uces).filter(({ agrees }) => !agrees);
    expect([...new Set(marked)].sort()).toEqual([...new Set(apart.map((c) => `${c.table} ${c.row}`))].sort());
  });

  it("says of each column whether it may stand beside ours", () => {
    const columns = page.tables.find(({ id }) => id === "I")!.columns;
    expect(columns.find(({ id }) => id === "auroc")).toMatchObject({
      title: "Mean AUROC ↑",
      apart: undefined,
    });
    expect(columns.find(({ id }) => id === "macro-f1")!.apart).toMatch(/^defined otherwise/);
    const vii = page.tables.find(({ id }) => id === "VII")!.columns;
    expect(vii.every(({ apart }) => apart !== undefined)).toBe(true);
  });

  it("sums up in figures that are not 0", () => {
    expect(page.answer).toMatch(/^132 printed numbers were computed again from others; 7 do not follow\./);
    expect(page.answer).not.toMatch(/\b0 /);
    const figuresOnly = publicationOf(all.find(({ id }) => id === "explanation-aware-learning")!);
    expect(figuresOnly.answer).toMatch(
      /^No printed number follows from others\. .*for 17 it prints no numbers\.$/,
    );
  });

  it("follows no address but of the web", () => {
    const source = { ...uces.source, url: "javascript:alert(1)", doi: "10.1000/x" };
    expect(publicationOf({ ...uces, source }).links).toEqual([
      { href: "https://doi.org/10.1000/x", text: "doi:10.1000/x" },
    ]);
  });
});
