import type { APIRoute } from "astro";
import { atom, itemsOf } from "../api/feeds.ts";
import { apiSource } from "../api/source.ts";
import { absoluteUrl, url } from "../lib/url.ts";

export const GET: APIRoute = async ({ site }) =>
  new Response(atom(itemsOf(await apiSource()), (path) => absoluteUrl(path, site) ?? url(path)));
