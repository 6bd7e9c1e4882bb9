import type { APIRoute } from "astro";
import { leaderboardCsv } from "../../../api/leaderboard.ts";
import { currentRuns } from "../../../lib/runs.ts";

export const GET: APIRoute = async () => new Response(leaderboardCsv(await currentRuns()));
