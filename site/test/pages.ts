/** A page of every kind, by name: what every page must hold is tested on each, and each has its pictures. */
import { pages } from "../lib/pages.ts";

export const everyPage = (run: string): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(pages.map(({ path, title }) => [path === "" ? "home" : title.toLowerCase(), path])),
  run: `runs/${run}/`,
  "not found": "404.html",
});
