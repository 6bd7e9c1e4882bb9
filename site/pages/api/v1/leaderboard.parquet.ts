import type { APIRoute } from "astro";
import { leaderboardParquet } from "../../../api/leaderboard.ts";
import { currentRuns } from "../../../lib/runs.ts";

export const GET: APIRoute = async () => new Response(leaderboardParquet(await currentRuns()));
