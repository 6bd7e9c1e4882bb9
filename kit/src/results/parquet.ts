/**
 * Reads flat Parquet of one row group, PLAIN encoded: what `encodeSidecar` writes. Files come from strangers, so every size is checked
 * before it is believed; hyparquet reads the Thrift structures, the rest of its reader trusts run lengths and offsets.
 */
import { parquetHeader } from "hyparquet/src/column.js";
import { parquetMetadata } from "hyparquet/src/metadata.js";
import { snappyDecode } from "./snappy.ts";

export type Kind = "string" | "int32" | "float" | "boolean";

export interface Column {
  readonly name: string;
  readonly kind: Kind;
  readonly nullable: boolean;
  readonly values: readonly (string | number | boolean | null)[];
}

export interface Limits {
  readonly bytes: number;
  readonly rows: number;
  readonly columns: number;
  /** of all columns, decompressed */
  readonly decoded: number;
}

/** Of the footer; a hundred columns take 15 kB. Thrift in a larger one could cost more than it weighs. */
const maxFooter = 2 ** 16;
const maxPageHeader = 256;

const kinds: Readonly<Record<string, Kind>> = {
  BYTE_ARRAY: "string",
  INT32: "int32",
  FLOAT: "float",
  BOOLEAN: "boolean",
};

/** Why a file is not read. */
class Refused extends Error {}

/** @throws Refused, or whatever hyparquet throws at what is no Parquet: the caller names the file */
export function readParquet(
  bytes: Uint8Array,
  limits: Limits,
): { readonly rows: number; readonly columns: readonly Column[] } {
  const size = bytes.length;
  if (size > limits.bytes) throw new Refused(`${size} bytes, at most ${limits.bytes} are read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const magic = 0x31524150; // PAR1
  if (size < 12 || view.getUint32(0, true) !== magic || view.getUint32(size - 4, true) !== magic) {
    throw new Refused("no Parquet file: it does not begin and end with PAR1");
  }
  const footer = view.getUint32(size - 8, true);
  if (footer > Math.min(maxFooter, size - 12)) throw new Refused(`a footer of ${footer} bytes`);
  const { schema, num_rows, row_groups } = parquetMetadata(bytes.subarray(size - 8 - footer), {
    geoparquet: false,
  });
  if (num_rows < 0n || num_rows > limits.rows) {
    throw new Refused(`${num_rows} rows, at most ${limits.rows} are read`);
  }
  const rows = Number(num_rows);
  const [root, ...leaves] = schema;
  if (leaves.length > limits.columns || root?.num_children !== leaves.length) {
    throw new Refused(
      `${leaves.length} columns, at most ${limits.columns} are read, and none inside another`,
    );
  }
  if (row_groups.length !== Math.min(rows, 1))
    throw new Refused(`${row_groups.length} row groups for ${rows} rows`);
  const chunks = row_groups[0]?.columns ?? [];
  if (rows > 0 && chunks.length !== leaves.length) {
    throw new Refused(`${chunks.length} column chunks for ${leaves.length} columns`);
  }
  const names = new Set<string>();
  let budget = limits.decoded;
  const columns = leaves.map((leaf, i): Column => {
    const { name } = leaf;
    if (names.has(name)) throw new Refused(`column "${name}" twice`);
    names.add(name);
    const kind = kinds[leaf.type ?? ""];
    const nullable = leaf.repetition_type === "OPTIONAL";
    if (
      kind === undefined ||
      leaf.num_children !== undefined ||
      (!nullable && leaf.repetition_type !== "REQUIRED")
    ) {
      throw new Refused(`column "${name}" is of a kind that no sidecar has`);
    }
    if (rows === 0) return { name, kind, nullable, values: [] };
    const meta = chunks[i].meta_data;
    if (meta === undefined || chunks[i].file_path !== undefined || meta.path_in_schema.join("/") !== name) {
      throw new Refused(`column "${name}" is not where its schema says`);
    }
    if (meta.codec !== "SNAPPY" && meta.codec !== "UNCOMPRESSED") {
      throw new Refused(`column "${name}" is compressed by ${meta.codec}, not by SNAPPY`);
    }
    const start = Number(meta.data_page_offset);
    const end = start + Number(meta.total_compressed_size);
    if (
      !(start >= 4 && start < end && end <= size - 8 - footer) ||
      meta.dictionary_page_offset !== undefined
    ) {
      throw new Refused(`column "${name}" lies outside of the file, or has a dictionary`);
    }
    const values: (string | number | boolean | null)[] = [];
    for (let at = start; at < end; ) {
      const reader = {
        view: new DataView(bytes.buffer, bytes.byteOffset + at, Math.min(maxPageHeader, end - at)),
        offset: 0,
      };
      const header = parquetHeader(reader);
      const page = header.data_page_header_v2;
      if (header.type !== "DATA_PAGE_V2" || page === undefined || page.encoding !== "PLAIN") {
        throw new Refused(`column "${name}" has a page that is not DATA_PAGE_V2 in PLAIN encoding`);
      }
      const { num_values: count, num_nulls: nulls, definition_levels_byte_length: levels } = page;
      const inside = header.compressed_page_size;
      const decoded = header.uncompressed_page_size;
      const body = at + reader.offset;
      const sizes = [count, nulls, levels, inside, decoded, page.repetition_levels_byte_length];
      if (!sizes.every((n) => Number.isInteger(n) && n >= 0))
        throw new Refused(`column "${name}" has a broken page`);
      budget -= decoded;
      if (
        inside > end - body ||
        levels > Math.min(inside, decoded) ||
        page.repetition_levels_byte_length !== 0 ||
        (!nullable && (levels > 0 || nulls > 0)) ||
        count < 1 ||
        count > rows - values.length ||
        budget < 0
      ) {
        throw new Refused(`column "${name}" has a page whose sizes are not possible`);
      }
      const defined = nullable ? definitions(bytes.subarray(body, body + levels), count) : undefined;
      const data = bytes.subarray(body + levels, body + inside);
      const packed = meta.codec === "SNAPPY" && page.is_compressed !== false;
      const plain = packed ? snappyDecode(data, decoded - levels) : data;
      if (plain.length !== decoded - levels) throw new Refused(`column "${name}" has a page of another size`);
      const found = decode(plain, kind, count - nulls, name);
      if (defined !== undefined && defined.reduce((n, one) => n + one, 0) !== found.length) {
        throw new Refused(`column "${name}" does not say which rows are empty`);
      }
      for (let i = 0, next = 0; i < count; i++) values.push(defined?.[i] === 0 ? null : found[next++]);
      at = body + inside;
    }
    if (values.length !== rows) throw new Refused(`column "${name}" has ${values.length} of ${rows} values`);
    return { name, kind, nullable, values };
  });
  return { rows, columns };
}

/** Which values are there: runs of one bit each, repeated or bit-packed. */
function definitions(bytes: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  let at = 0;
  const byte = (): number => {
    if (at >= bytes.length) throw new Refused("definition levels end too early");
    return bytes[at++];
  };
  for (let seen = 0; seen < count; ) {
    let header = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const next = byte();
      header += (next & 0x7f) * 2 ** shift;
      more = next > 0x7f && shift < 28;
    }
    const length = Math.floor(header / 2);
    if (length < 1) throw new Refused("an empty run of definition levels");
    if (header % 2 === 0) {
      out.fill(byte() & 1, seen, seen + length);
      seen += length;
    } else {
      for (let group = 0; group < length && seen < count; group++) {
        const bits = byte();
        for (let i = 0; i < 8 && seen < count; i++) out[seen++] = (bits >>> i) & 1;
      }
    }
  }
  return out;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array, kind: Kind, count: number, name: string): (string | number | boolean)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sized = (needed: number) => {
    if (bytes.length !== needed)
      throw new Refused(`column "${name}": ${bytes.length} bytes for ${count} values`);
  };
  const each = <T>(value: (i: number) => T) => Array.from({ length: count }, (_, i) => value(i));
  if (kind === "float") {
    sized(4 * count);
    return each((i) => view.getFloat32(4 * i, true));
  }
  if (kind === "int32") {
    sized(4 * count);
    return each((i) => view.getInt32(4 * i, true));
  }
  if (kind === "boolean") {
    sized(Math.ceil(count / 8));
    return each((i) => ((bytes[i >>> 3] >>> (i % 8)) & 1) === 1);
  }
  let at = 0;
  const texts = each(() => {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (length > bytes.length - at - 4) throw new Refused(`column "${name}" ends inside a string`);
    at += 4 + length;
    return utf8.decode(bytes.subarray(at - length, at));
  });
  sized(at);
  return texts;
}
