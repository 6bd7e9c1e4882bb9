/** Overlays that lie beside a run document. */
import type { APIRoute } from "astro";
import { picturePaths, runFile } from "../../../../lib/run-files.ts";

export const getStaticPaths = picturePaths;

export const GET: APIRoute<{ file: string }> = async ({ props }) => new Response(await runFile(props.file));
