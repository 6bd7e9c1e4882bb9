/** The run document itself, byte for byte. */
import type { APIRoute } from "astro";
import type { SiteRun } from "../../../lib/run.ts";
import { runFile, runPaths } from "../../../lib/run-files.ts";

export const getStaticPaths = runPaths;

export const GET: APIRoute<{ run: SiteRun }> = async ({ props }) =>
  new Response(await runFile(`${props.run.id}/run.json`));
