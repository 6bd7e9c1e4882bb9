/** The registry of phantoms: one line each. */
import { cxrPhantoms } from "./cxr.ts";
import { histologyPhantoms } from "./histology.ts";
import type { PhantomDomain } from "./phantom.ts";
import { retinaPhantoms } from "./retina.ts";
import { shapesPhantoms } from "./shapes.ts";

export const phantomDomains: readonly PhantomDomain[] = [
  cxrPhantoms,
  histologyPhantoms,
  retinaPhantoms,
  shapesPhantoms,
];
