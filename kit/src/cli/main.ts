/** What `bin/xai-kit.js` starts. */
import { main } from "./program.ts";

// not process.exitCode: a session in the middle of its work must not keep an interrupted command alive
process.exit(await main(process.argv.slice(2)));
