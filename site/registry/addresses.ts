/** Which entries have a page, and where. */
import { methods } from "../../kit/src/methods/index.ts";
import { metrics } from "../../kit/src/metrics/index.ts";
import { url } from "../lib/url.ts";

/** Folders of pages, and what their entries are called. */
export const kinds = {
  methods: "Methods",
  metrics: "Metrics",
  architectures: "Architectures",
  datasets: "Data sets",
} as const;
export type Kind = keyof typeof kinds;

/** Methods and metrics are the kit's alone; what a stranger calls their own has no page. */
const registries: { readonly [K in Kind]?: ReadonlySet<string> } = {
  methods: new Set(methods.map(({ id }) => id)),
  metrics: new Set(metrics.map(({ id }) => id)),
};

/** Ids of architectures and data sets come with run documents: only what is safe in an address becomes one. */
const isSafe = (id: string): boolean => id.length <= 80 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(id);

export const hasPage = (kind: Kind, id: string): boolean => isSafe(id) && (registries[kind]?.has(id) ?? true);

/** Of an entry's page, undefined where it has none. Every architecture and data set of a run has one. */
export const addressOf = (kind: Kind, id: string): string | undefined =>
  hasPage(kind, id) ? url(`${kind}/${id}/`) : undefined;
