import type { APIRoute } from "astro";
import { csl } from "../../../api/cite.ts";
import type { SiteRun } from "../../../lib/run.ts";
import { runPaths } from "../../../lib/run-files.ts";
import { absoluteUrl } from "../../../lib/url.ts";

export const getStaticPaths = runPaths;

export const GET: APIRoute<{ run: SiteRun }> = ({ props: { run }, site }) =>
  new Response(`${JSON.stringify(csl(run, absoluteUrl(`runs/${run.id}/`, site)), null, 2)}\n`);
