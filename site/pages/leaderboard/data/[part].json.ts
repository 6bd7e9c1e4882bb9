/** The parts of the leaderboard that its script fetches. */
import type { APIRoute } from "astro";
import { theBoard } from "../../../lib/board.ts";
import type { BoardParts } from "../../../lib/board-parts.ts";

const parts: readonly (keyof BoardParts)[] = ["rows", "more", "standings", "receipts"];
export const getStaticPaths = () => parts.map((part) => ({ params: { part } }));

export const GET: APIRoute = async ({ params }) =>
  Response.json((await theBoard()).parts[params.part as keyof BoardParts]);
