/** The schemas of what the API gives, and in documents/ those of what is published and handed in. */
import type { APIRoute } from "astro";
import { apiSchemas, documentNames, documentSchema } from "../../../../api/schemas.ts";

export const getStaticPaths = () => [
  ...Object.entries(apiSchemas).map(([name, schema]) => ({
    params: { name },
    props: { text: `${JSON.stringify(schema, null, 2)}\n` },
  })),
  ...documentNames().map((name) => ({
    params: { name: `documents/${name}` },
    props: { text: documentSchema(name) },
  })),
];

export const GET: APIRoute<{ text: string }> = ({ props }) => new Response(props.text);
