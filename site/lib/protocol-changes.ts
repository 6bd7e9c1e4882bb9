/** What changed from protocol to protocol, as the kit's page of protocols tells it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface ProtocolChange {
  readonly id: string;
  /** of the release; of a draft, until when it was one */
  readonly date: string;
  readonly draft: boolean;
  readonly text: string;
}

/** Newest first, as they stand under "Changes": `- **1** (2026-11-26): first release. …` */
export function changesIn(markdown: string): readonly ProtocolChange[] {
  const [, section] = /^## Changes\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(markdown) ?? [];
  const items = section
    ?.trim()
    .split(/^- /m)
    .slice(1)
    .map((item) => item.replace(/\s+/g, " ").trim());
  if (items === undefined || items.length === 0)
    throw new Error('kit/docs/protocol.md has no list under "## Changes"');
  return items.map((item) => {
    const [, id, until, date, text] =
      /^\*\*([a-z0-9-]+)\*\* \((until )?(\d{4}-\d{2}-\d{2})\): (.+)$/.exec(item) ?? [];
    if (id === undefined)
      throw new Error(`kit/docs/protocol.md, Changes: not "**id** (date): text" but ${item.slice(0, 60)}`);
    return {
      id,
      date,
      draft: until !== undefined,
      text: text.replaceAll("**", "").replace(/\[([^\]]+)\]\([^)]+\)/g, "$1"),
    };
  });
}

export const protocolChanges = () => changesIn(readFileSync(join("kit", "docs", "protocol.md"), "utf8"));
