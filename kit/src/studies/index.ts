/** Every study that can be run again, one line each. */
import { KitError } from "../errors.ts";
import { similar } from "../suggest.ts";
import { explanationAware } from "./explanation-aware.ts";
import { gradfaithCam } from "./gradfaith-cam.ts";
import { kowsar2026 } from "./kowsar-2026.ts";
import type { Study } from "./study.ts";
import { uces } from "./uces.ts";

export const studies: readonly Study[] = [kowsar2026, gradfaithCam, explanationAware, uces];

/** @throws KitError E_STUDY listing the known ids */
export function studyOf(id: string): Study {
  const found = studies.find((study) => study.id === id);
  if (found !== undefined) return found;
  const known = studies.map((study) => study.id);
  const close = similar(id, known);
  throw new KitError("E_STUDY", {
    problem: `there is no study "${id}"`,
    next: close.length > 0 ? `did you mean ${close.join(" or ")}?` : `known: ${known.join(", ")}`,
  });
}
