/** What is going on, how far it is, and what went wrong: each in its one place. */
import { KitError } from "../../../kit/src/errors.ts";
import { count, duration } from "../../lib/format.ts";
import type { Fault } from "../messages.ts";
import { one } from "./dom.ts";

const status = one<HTMLElement>("[data-status]");
const fault = one<HTMLElement>("[data-fault]");
const progress = one<HTMLElement>("[data-progress]");
const bar = one<HTMLProgressElement>("progress", progress);
const note = one<HTMLElement>("[data-count]", progress);

export function say(text: string): void {
  status.textContent = text;
}

/** Passes done of all, with what is left by the speed so far; without numbers: something of unknown length. */
export function showProgress(done?: number, total?: number, elapsed = 0): void {
  progress.hidden = false;
  if (done === undefined || total === undefined) {
    bar.removeAttribute("value");
    note.textContent = "";
    return;
  }
  bar.max = total;
  bar.value = done;
  const left = (elapsed / Math.max(done, 1)) * (total - done);
  const estimate = elapsed > 1000 && left > 1000 ? `, about ${duration(left / 1000)} left` : "";
  note.textContent = `${count(done)} of ${count(total)} passes${estimate}`;
}

export function hideProgress(): void {
  progress.hidden = true;
}

/** What is wrong, where, and what next. */
export function showFault({ problem, details, next, code }: Fault): void {
  const line = (kind: string, text: string) => {
    const element = document.createElement("p");
    element.className = kind;
    element.textContent = text;
    return element;
  };
  fault.replaceChildren(
    line("problem", `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`),
    ...details.slice(0, 6).map((detail) => line("detail", detail)),
    ...(next === undefined ? [] : [line("next", `Next: ${next}.`)]),
    line("code", code),
  );
}

export const clearFault = (): void => fault.replaceChildren();

/** @throws what is no KitError: our own mistake */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof KitError)) throw error;
  return { code: error.code, problem: error.message, details: error.details, next: error.next };
}
