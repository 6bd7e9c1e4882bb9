import { describe, expect, it } from "vitest";
import { jsonLimits, parseJson, strictJson } from "./strict-json.ts";

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((p) => (typeof p === "string" ? [...new TextEncoder().encode(p)] : p)));
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("strict JSON", () => {
  it.each([
    '{"a":[1,-2.5e-3,true,false,null,"x"],"b":{}}',
    ' \t\r\n[ "\\u0041\\n\\"\\\\\\/\\b\\f\\r\\t" , "ä€😀" , "\\ud83d\\ude00" ] ',
    "0",
    '""',
    "1.7976931348623157e308",
    "5e-324",
    "-0",
    '{"constructor":1,"toString":{"hasOwnProperty":2}}',
    nested(jsonLimits.depth),
  ])("reads what JSON.parse reads: %s", (text) => {
    expect(strictJson(text)).toEqual({ value: JSON.parse(text) });
    expect(strictJson(bytes(text))).toEqual({ value: JSON.parse(text) });
  });

  it.each([
    ['{"a":1,\n "b":{"c":2,"c":3}}', "2:13", "$.b.c", "this key stands here twice"],
    ['{"a":1,"\\u0061":2}', "1:8", "$.a", "this key stands here twice"],
    ['{"a":[0,NaN]}', "1:9", "$.a[1]", "NaN is no JSON value"],
    ['{"a":-Infinity}', "1:6", "$.a", 'a value is expected, not "-"'],
    ['{"map is":undefined}', "1:11", '$["map is"]', "undefined is no JSON value"],
    ["[1e309]", "1:2", "$[0]", "1e309 is beyond the range of a double"],
    ["[1e-400]", "1:2", "$[0]", "1e-400 is beyond the range of a double"],
    ["\ufeff{}", "1:1", "$", "begins with a byte order mark"],
    ["{} {}", "1:4", "$", "something follows the document"],
    ["", "1:1", "$", "ends too early"],
    ['{"a":', "1:6", "$.a", "ends too early"],
    ['{"a" 1}', "1:6", "$.a", "a colon is expected"],
    ["[1 2]", "1:4", "$", "a comma or ] is expected"],
    ["[1,]", "1:4", "$[1]", 'a value is expected, not "]"'],
    ['{"a":1,}', "1:8", "$", "a key in quotation marks is expected"],
    ["[01]", "1:3", "$", "a comma or ] is expected"],
    ["[.5]", "1:2", "$[0]", 'a value is expected, not "."'],
    ["[1.]", "1:3", "$", "a comma or ] is expected"],
    ["[+1]", "1:2", "$[0]", 'a value is expected, not "+"'],
    ["['a']", "1:2", "$[0]", `a value is expected, not "'"`],
    ['["a', "1:2", "$[0]", "a string has no end"],
    ['["a\nb"]', "1:4", "$[0]", "a control character in a string"],
    ['["\\x"]', "1:4", "$[0]", "an escape that JSON does not have"],
    ['["\\u12g4"]', "1:4", "$[0]", "\\u needs four hexadecimal digits"],
    ['["\\ud83d"]', "1:2", "$[0]", "half of a surrogate pair"],
    ['["\ude00"]', "1:2", "$[0]", "half of a surrogate pair"],
    ['{"__proto__":{"a":1}}', "1:2", "$.__proto__", "this key is not allowed"],
    ["[/* */1]", "1:2", "$[0]", 'a value is expected, not "/"'],
    [nested(jsonLimits.depth + 2), "1:34", `$${"[0]".repeat(33)}`, "deeper than 32 levels"],
    [nested(200_000), "1:34", `$${"[0]".repeat(33)}`, "deeper than 32 levels"],
  ])("refuses %j at %s", (text, place, path, reason) => {
    const read = strictJson(text);
    expect(read).toMatchObject({ fault: { reason } });
    expect(() => parseJson(text, "a.json")).toThrow(`a.json:${place}: ${path}: ${reason}`);
  });

  it("refuses bytes that are not UTF-8, and says where", () => {
    expect(strictJson(bytes('{"a":\n"', [0xc3, 0x28], '"}'))).toEqual({
      fault: { path: [], line: 2, column: 2, reason: "not UTF-8" },
    });
    expect(strictJson(bytes([0xef, 0xbb, 0xbf], "{}"))).toMatchObject({
      fault: { reason: "begins with a byte order mark" },
    });
  });

  it("refuses what is too long before it reads it", () => {
    const long = `"${"a".repeat(jsonLimits.bytes)}"`;
    expect(strictJson(long)).toMatchObject({ fault: { reason: `longer than ${jsonLimits.bytes} bytes` } });
    expect(strictJson(long.slice(2))).not.toMatchObject({
      fault: { reason: expect.stringMatching(/^longer/) },
    });
  });
});
