/** The image library, loaded on first use: most commands never open a picture, and its native part takes its time. Node only. */
import { KitError } from "./errors.ts";

/** Throws KitError E_SHARP where its native part is missing: npm leaves it out under --omit=optional. */
export async function loadSharp() {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new KitError("E_SHARP", {
      problem: `the image library sharp does not load on ${process.platform} ${process.arch}`,
      next: "install it with its optional parts: npm install --include=optional sharp",
      cause,
    });
  }
}
