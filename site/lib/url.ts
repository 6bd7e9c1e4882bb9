/** Every address inside the site goes through here: the site may live under a folder of its host. */

/** `path` without a leading slash, "" for the home page; pages end in a slash, files do not. */
export function url(path: string, base: string = import.meta.env.BASE_URL): string {
  return `${base.replace(/\/+$/, "")}/${path}`;
}

export const runUrl = (id: string): string => url(`runs/${id}/`);

/** With its host, which XAI_SITE_URL tells; undefined where that is not known. */
export const absoluteUrl = (path: string, site: URL | undefined): string | undefined =>
  site && new URL(url(path), site).href;
