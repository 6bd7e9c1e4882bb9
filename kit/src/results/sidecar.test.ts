import { parquetWriteBuffer } from "hyparquet-writer";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import { describe, expect, it } from "vitest";
import { KitError } from "../errors.ts";
import { rngOf } from "../rng.ts";
import type { ScoredRow } from "../stats/table.ts";
import { decodeSidecar, encodeSidecar, publishedRows, sidecarLimits } from "./sidecar.ts";
import { snappyDecode } from "./snappy.ts";

const methods = ["b", "a"];
const metrics = ["sparseness", "max-sensitivity", "cost"];

function rowsOf(images: number): ScoredRow[] {
  const rng = rngOf("sidecar");
  return Array.from({ length: images }, (_, k) => k).flatMap((k) =>
    (["annotated", "predicted"] as const).flatMap((targetKind) =>
      ["a", "b"].map((method) => ({
        sample: `image ${k} ä`,
        group: `patient ${k >> 1}`,
        method,
        target: k % 3,
        targetKind,
        correct: k % 2 === 0,
        defect: k % 5 === 0 ? "map is zero" : null,
        scores: (k % 3 === 0 ? {} : { sparseness: rng.uniform(), cost: -0 }) as Record<string, number>,
        skips: (k % 3 === 0 ? { sparseness: "map is zero", cost: "none" } : {}) as Record<string, string>,
      })),
    ),
  );
}

const published = (rows: readonly ScoredRow[]) => publishedRows(rows, { methods, idKey: undefined });

describe("published rows", () => {
  it("are sorted by sample, predicted first, class, then the plan's order of methods", () => {
    const order = published(rowsOf(2)).map((r) => `${r.sample.slice(6, 7)} ${r.targetKind} ${r.method}`);
    expect(order).toEqual([
      "0 predicted b",
      "0 predicted a",
      "0 annotated b",
      "0 annotated a",
      "1 predicted b",
      "1 predicted a",
      "1 annotated b",
      "1 annotated a",
    ]);
  });

  it("hold keyed ids: HMAC-SHA256, 16 hex digits, the same for equal ids", () => {
    const idKey = new TextEncoder().encode("Jefe");
    const [row] = publishedRows([{ ...rowsOf(1)[0], sample: "what do ya want for nothing?", group: "g" }], {
      methods,
      idKey,
    });
    expect(row.sample).toBe("5bdcc146bf60754e"); // RFC 4231, test case 2
    expect(row.group).toMatch(/^[0-9a-f]{16}$/);
    expect(row.group).not.toBe(row.sample);
  });

  it("round scores to float32, and give a reason for what that cannot hold", () => {
    const [row] = published([{ ...rowsOf(2)[4], scores: { sparseness: 0.1, cost: 1e39 }, skips: {} }]);
    expect(row.scores).toEqual({ sparseness: Math.fround(0.1) });
    expect(row.skips).toEqual({ cost: "beyond float32" });
  });
});

describe("sidecar", () => {
  it.each([0, 1, 2, 9, 500])("gives back the rows of %i images", (images) => {
    const rows = published(rowsOf(images));
    const decoded = decodeSidecar(encodeSidecar(rows, metrics));
    expect(decoded.metrics).toEqual(metrics);
    expect(decoded.rows).toEqual(rows);
  });

  it("is the same bytes whatever the order of the rows, and says nothing of dates", () => {
    const rows = rowsOf(20);
    const bytes = encodeSidecar(published(rows), metrics);
    expect(encodeSidecar(published(rows.toReversed()), metrics)).toEqual(bytes);
    const order = rngOf("order").permutation(rows.length);
    const shuffled = Array.from(order, (i) => rows[i]);
    expect(encodeSidecar(published(shuffled), metrics)).toEqual(bytes);
  });

  it("stays below 1 MiB for the standard methods on 256 images of random scores", () => {
    const rng = rngOf("size");
    const ids = Array.from({ length: 15 }, (_, m) => `method-${m}-of-fifteen`);
    const columns = Array.from({ length: 9 }, (_, m) => `metric-${m}`);
    const rows: ScoredRow[] = Array.from({ length: 256 * 15 * 2 }, (_, i) => ({
      sample: `sha-${(i / 30) >> 0}`.padEnd(16, "0"),
      group: `sha-${(i / 30) >> 0}`.padEnd(16, "0"),
      method: ids[i % 15],
      target: ((i / 30) % 9) >> 0,
      targetKind: i % 30 < 15 ? "predicted" : "annotated",
      correct: true,
      scores: Object.fromEntries(columns.map((c) => [c, rng.uniform()])),
      skips: {},
      defect: null,
    }));
    const bytes = encodeSidecar(publishedRows(rows, { methods: ids, idKey: undefined }), columns);
    expect(bytes.length).toBeLessThan(2 ** 20);
  });

  const refused = (bytes: Uint8Array, reason: string | RegExp) => {
    expect(() => decodeSidecar(bytes, "x.parquet")).toThrow(KitError);
    expect(() => decodeSidecar(bytes, "x.parquet")).toThrow(reason);
  };
  const written = (
    change: (columns: { name: string; data: unknown[]; type: string }[]) => void,
    options = {},
  ) => {
    const columns = [
      ...["sample", "group", "method"].map((name) => ({ name, data: ["x"], type: "STRING" })),
      { name: "target", data: [1], type: "INT32" },
      { name: "target_kind", data: ["predicted"], type: "STRING" },
      { name: "correct", data: [true], type: "BOOLEAN" },
      { name: "defect", data: [null], type: "STRING", nullable: true },
      { name: "cost", data: [1], type: "FLOAT", nullable: true },
      { name: "skips", data: [""], type: "STRING" },
    ];
    change(columns);
    const columnData = columns.map((c) => ({ nullable: false, encoding: "PLAIN", ...c }));
    return new Uint8Array(parquetWriteBuffer({ columnData: columnData as never, ...options }));
  };

  it("takes what another writer wrote the same way", () => {
    expect(decodeSidecar(written(() => {})).rows).toEqual([
      {
        sample: "x",
        group: "x",
        method: "x",
        target: 1,
        targetKind: "predicted",
        correct: true,
        defect: null,
        scores: { cost: 1 },
        skips: {},
      },
    ]);
  });

  it.each<[string, Parameters<typeof written>[0], RegExp]>([
    ["no sample", (c) => c.shift(), /column "group" where sample/],
    ["a column twice", (c) => c.splice(8, 0, c[7]), /column "cost" twice/],
    ["another type", (c) => (c[3].type = "DOUBLE"), /column "target" is of a kind/],
    [
      "a metric as text",
      (c) => Object.assign(c[7], { data: ["1"], type: "STRING" }),
      /cost \(float\) is expected/,
    ],
    ["a metric of no id", (c) => (c[7].name = "../x"), /"..\/x" is not the id of a metric/],
    ["NaN", (c) => (c[7].data = [Number.NaN]), /row 0: cost is NaN/],
    ["infinity", (c) => (c[7].data = [Number.POSITIVE_INFINITY]), /row 0: cost is Infinity/],
    ["a kind that is none", (c) => (c[4].data = ["guessed"]), /row 0: target_kind/],
    ["a long id", (c) => (c[0].data = ["x".repeat(201)]), /row 0: sample is longer/],
    ["skips that are no JSON", (c) => (c[8].data = ["{"]), /row 0: skips: a key in quotation marks/],
    [
      "skips twice",
      (c) => (c[8].data = ['{"a":"b","a":"c"}']),
      /row 0: skips\.a: this key stands here twice/,
    ],
    ["skips not canonical", (c) => (c[8].data = ['{ "cost":"b"}']), /canonical form/],
    ["a skip of no metric", (c) => (c[8].data = ['{"none":"b"}']), /skips name none/],
    ["score and skip", (c) => (c[8].data = ['{"cost":"b"}']), /cost has a score and a reason for none/],
    [
      "a dictionary",
      (c) =>
        c.forEach((column) => {
          delete (column as { encoding?: string }).encoding;
          Object.assign(column, { encoding: undefined, data: Array(40).fill(column.data[0]) });
        }),
      /dictionary|PLAIN/,
    ],
  ])("refuses %s", (_, change, reason) => refused(written(change), reason));

  it("refuses row groups, codecs and sizes that it does not write", () => {
    const two = (c: { data: unknown[] }[]) =>
      c.forEach((column) => {
        column.data = [column.data[0], column.data[0]];
      });
    refused(written(two, { rowGroupSize: 1 }), /2 row groups/);
    refused(
      written(() => {}, { codec: "GZIP", compressors: { GZIP: (b: Uint8Array) => b } }),
      /compressed by GZIP/,
    );
    refused(new Uint8Array(sidecarLimits.bytes + 1), /at most 16777216 are read/);
    refused(new Uint8Array(0), /no Parquet file/);
    refused(new TextEncoder().encode("PAR1 nothing PAR1"), /footer|Parquet/);
    const cut = written(() => {});
    refused(cut.slice(0, -1), /no Parquet file/);
  });
});

describe("snappy", () => {
  const texts = [
    "",
    "a",
    "abcabcabcabcabcabcabcabc",
    "x".repeat(100_000),
    Array.from({ length: 9999 }, (_, i) => i * i).join(),
  ];
  it.each(texts.map((t) => [t.length, t]))("decodes %i bytes", (_, text) => {
    const plain = new TextEncoder().encode(text as string);
    expect(snappyDecode(snappyCompress(plain), plain.length)).toEqual(plain);
  });

  it("refuses what hyparquet's decoder would loop on, and every lie about lengths", () => {
    // literal of 2³² − 4 bytes: as an int32 it is negative
    expect(() => snappyDecode(Uint8Array.of(8, 0xfc, 0xfb, 0xff, 0xff, 0xff), 8)).toThrow(RangeError);
    expect(() => snappyDecode(Uint8Array.of(4, 0x0c, 1, 2, 3), 4)).toThrow("ends too early");
    expect(() => snappyDecode(Uint8Array.of(4, 0x0c, 1, 2, 3, 4), 5)).toThrow("promises 4 bytes");
    expect(() => snappyDecode(Uint8Array.of(8, 0x0c, 1, 2, 3, 4, 0x01, 9), 8)).toThrow("not there");
    expect(() => snappyDecode(Uint8Array.of(8, 0x0c, 1, 2, 3, 4, 0x01, 0), 8)).toThrow("not there");
    expect(() => snappyDecode(Uint8Array.of(5, 0x0c, 1, 2, 3, 4, 0x01, 1), 5)).toThrow(
      "more than it promises",
    );
    expect([...snappyDecode(Uint8Array.of(8, 0x0c, 1, 2, 3, 4, 0x01, 1), 8)]).toEqual([
      1, 2, 3, 4, 4, 4, 4, 4,
    ]);
  });
});
