import { describe, expect, it } from "vitest";
import { standardProtocol } from "../../kit/src/protocol/protocol.ts";
import { changesIn, protocolChanges } from "./protocol-changes.ts";

describe("the changes of protocols", () => {
  it("are those of the kit's page, the standard one among them", () => {
    const changes = protocolChanges();
    expect(changes.find(({ id }) => id === standardProtocol.id)).toMatchObject({ draft: false });
    for (const { date, text } of changes) {
      expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(text.length).toBeGreaterThan(20);
    }
  });
  it("are read over line breaks, up to the next heading", () => {
    const text =
      "# P\n\n## Changes\n\n- **2** (2027-01-02): more\n  of `it`, see [methods](methods.md).\n- **1-draft** (until 2026-01-01): less.\n\n## Next\n- x\n";
    expect(changesIn(text)).toEqual([
      { id: "2", date: "2027-01-02", draft: false, text: "more of `it`, see methods." },
      { id: "1-draft", date: "2026-01-01", draft: true, text: "less." },
    ]);
  });
  it("are never passed over", () => {
    expect(() => changesIn("# P\n")).toThrow('kit/docs/protocol.md has no list under "## Changes"');
    expect(() => changesIn("## Changes\n- 2: more\n")).toThrow('not "**id** (date): text" but 2: more');
  });
});
