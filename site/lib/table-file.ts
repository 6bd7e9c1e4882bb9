/** Tables as files that spreadsheets open. */

/**
 * RFC 4180. Words come from strangers, and a spreadsheet takes what begins with = + - @ for a formula, so that such words get an
 * apostrophe before them; numbers keep their sign.
 */
export function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return `${value}`;
  const plain = value.replaceAll("−", "-");
  const number = /^-?[\d,]+(\.\d+)?$/.test(plain);
  const safe = number ? plain.replaceAll(",", "") : /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
