/** Where maps from elsewhere come from: an address that a page can link to and a shell can be given between single quotes. */
import { namesOwner, namesPlace } from "./private.ts";

const longest = 300;
/** The characters of RFC 3986 but for quotes and brackets. */
const plain = /^https?:\/\/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]+$/;

/** The one spelling of an address that a document may hold; undefined for what is none, or names more than a public place. */
export function sourceUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // credentials are nobody's to publish
  if (url === undefined || url.username !== "" || url.password !== "") return undefined;
  const href = url.href.replaceAll("'", "%27");
  const fits = plain.test(href) && href.length <= longest;
  return fits && !namesPlace(href) && !namesOwner(href) ? href : undefined;
}
