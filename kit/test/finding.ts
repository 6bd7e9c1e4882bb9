/** What a test has to tell when it passes: a line of figures that `npm test` shows (it hides what passing tests print). */
import { appendFileSync } from "node:fs";

export function finding(line: string): void {
  console.log(line);
  if (process.env.XAI_FINDINGS) appendFileSync(process.env.XAI_FINDINGS, `${line}\n`);
}
