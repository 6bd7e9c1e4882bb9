/** Where an answer of the guide stands. */
import { url } from "../lib/url.ts";

export interface Scope {
  readonly family: string;
  readonly track: string;
}

/** The page of a family and a kind of images, with what matters chosen where scripts run. */
export const guideUrl = ({ family, track }: Scope, concern?: string): string =>
  url(`guide/${family}-${track}/${concern === undefined ? "" : `?concern=${concern}`}`);
