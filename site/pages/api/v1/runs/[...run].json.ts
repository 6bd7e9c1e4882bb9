/** All about a run: its document as it was published, and what is said of it. */
import type { APIRoute } from "astro";
import { runJson } from "../../../../api/resources.ts";
import type { SiteRun } from "../../../../lib/run.ts";
import { runFile, runPaths } from "../../../../lib/run-files.ts";

export const getStaticPaths = runPaths;

export const GET: APIRoute<{ run: SiteRun }> = async ({ props: { run } }) =>
  new Response(runJson(run, (await runFile(`${run.id}/run.json`)).toString("utf8")));
