/** Where the source lives, from package.json. */
import manifest from "../../package.json" with { type: "json" };

export const repository = manifest.repository.url.replace(/^git\+|\.git$/g, "");
