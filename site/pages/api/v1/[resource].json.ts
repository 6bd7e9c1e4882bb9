/** The lists of the API, and its index. */
import type { APIRoute } from "astro";
import { indexJson, resources } from "../../../api/resources.ts";
import { documentNames } from "../../../api/schemas.ts";
import { apiSource } from "../../../api/source.ts";

export const getStaticPaths = () =>
  ["index", ...resources.map(({ name }) => name)].map((resource) => ({ params: { resource } }));

export const GET: APIRoute = async ({ params }) => {
  const source = await apiSource();
  const resource = resources.find(({ name }) => name === params.resource);
  const body = resource === undefined ? indexJson(source, documentNames()) : resource.make(source);
  return new Response(`${JSON.stringify(body)}\n`);
};
