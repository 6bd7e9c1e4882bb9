import { expect, it } from "vitest";
import { csv } from "./table-file.ts";

it("quotes what RFC 4180 quotes, and keeps numbers numbers", () => {
  expect(csv([["a,b", 'say "x"', "line\nline", "1,234", "−0.5", 7, null]])).toBe(
    '"a,b","say ""x""","line\nline",1234,-0.5,7,\r\n',
  );
});
it("gives a spreadsheet no formula", () => {
  expect(csv([["=HYPERLINK(1)", "@x", "+1+2", "-cmd|x", "\tx"]])).toBe(
    "'=HYPERLINK(1),'@x,'+1+2,'-cmd|x,'\tx\r\n",
  );
});
