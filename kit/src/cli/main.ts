/** What `bin/xai-kit.js` starts. */
import { exitCodes } from "./errors.ts";
import { main } from "./program.ts";

const code = await main(process.argv.slice(2));
// To exit is to wait for the engine's run under way, which can take long; and a shell's loop only stops at a program that died of
// the signal. Either way the shell says 130.
if (code === exitCodes.interrupted && process.platform !== "win32") process.kill(process.pid, "SIGINT");
// not process.exitCode: a session in the middle of its work must not keep a command alive
process.exit(code);
