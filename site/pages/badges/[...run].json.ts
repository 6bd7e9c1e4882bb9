import type { APIRoute } from "astro";
import { badge } from "../../api/badge.ts";
import type { SiteRun } from "../../lib/run.ts";
import { runPaths } from "../../lib/run-files.ts";

export const getStaticPaths = runPaths;

export const GET: APIRoute<{ run: SiteRun }> = ({ props }) =>
  new Response(`${JSON.stringify(badge(props.run))}\n`);
