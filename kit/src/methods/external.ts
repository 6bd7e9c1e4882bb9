/** Maps computed elsewhere, as the method they stand for: what is known of them, and what cannot be asked of them. */
import { KitError } from "../errors.ts";
import type { MapRule, Method } from "./method.ts";

/** What a run says of maps it did not compute. */
export interface ExternalMaps {
  readonly id: string;
  /** how an attribution becomes a map */
  readonly map: MapRule;
  /** where the method is described or its code lies; http or https */
  readonly source: string;
  /** that are used, and sha256 over them in the order of the selection */
  readonly files: number;
  readonly sha256: string;
  /** the maps came with the class that each explains, and it was compared with the model's prediction */
  readonly classesChecked: boolean;
  /** there are maps of annotated classes too */
  readonly annotated: boolean;
}

/** Stands in the document for every such method. */
export const externalReason = "maps computed elsewhere: metrics that run the method again do not apply";

/** Why a metric that runs the method again, or asks a randomised model, has no score. */
export const cannotRerun = "the method cannot be re-run";

/** Why a metric with masks has none. */
export const noAnnotatedMap = "no map of the annotated class";

/** The method of an evaluation that only reads: its maps are handed in beside the plan, since a method knows nothing but its probe. */
export const externalMethod = ({ id, map, source }: ExternalMaps): Method => ({
  id,
  title: id,
  paper: source,
  revision: 1,
  summary: "Maps computed elsewhere.",
  formula: "",
  limits: "Nothing here can tell how they were made.",
  kind: "map",
  map,
  needs: [],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
  async attribute() {
    throw new KitError("E_MAPS", {
      problem: `${id} has maps for the images of one evaluation, and cannot explain any other`,
      next: "leave out metrics that run the method again",
    });
  },
});
