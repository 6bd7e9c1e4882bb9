import type { APIRoute } from "astro";
import { itemsOf, jsonFeed } from "../api/feeds.ts";
import { apiSource } from "../api/source.ts";
import { absoluteUrl } from "../lib/url.ts";

export const GET: APIRoute = async ({ site }) => {
  const feed = jsonFeed(itemsOf(await apiSource()), (path) => absoluteUrl(path, site));
  return new Response(`${JSON.stringify(feed, null, 2)}\n`);
};
