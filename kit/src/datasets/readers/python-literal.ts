/** The part of Python's literals that numpy writes into .npy headers. */

export type Literal =
  | string
  | boolean
  | number
  | null
  | Literal[]
  | { readonly tuple: readonly Literal[] }
  | Map<string, Literal>;

/** A piece of the header, short enough for a message. */
export const shown = (text: string) => `'${text.length > 40 ? `${text.slice(0, 40)}…` : text}'`;

/**
 * Dict, tuple, list, plain strings, True, False, None and decimal integers (with Python 2's trailing L).
 *
 * @param fault  makes the error to throw
 */
export function parseLiteral(
  text: string,
  fault: (problem: string, details?: readonly string[]) => Error,
): Literal {
  const token = /\s*(?:([{}()[\],:])|'([^'\\\n]*)'|"([^"\\\n]*)"|(True|False|None)\b|(-?\d+)L?(?![\w.]))/y;
  let position = 0;

  const fail = () =>
    fault(`the .npy header is not a Python literal at character ${position}`, [
      `there: ${shown(text.slice(position).trimStart())}`,
    ]);
  const peek = () => {
    token.lastIndex = position;
    return token.exec(text);
  };
  const take = () => {
    const match = peek();
    if (match === null) throw fail();
    position = token.lastIndex;
    return match;
  };
  const takeIf = (symbol: string) => {
    if (peek()?.[1] !== symbol) return false;
    take();
    return true;
  };
  /** Items up to `end`, separated by commas, one trailing comma allowed. */
  const list = (end: string, item: () => void) => {
    let commas = 0;
    while (!takeIf(end)) {
      item();
      if (takeIf(",")) commas++;
      else if (!takeIf(end)) throw fail();
      else break;
    }
    return commas;
  };

  const value = (depth: number): Literal => {
    if (depth > 8) throw fail();
    const [, symbol, single, double, word, integer] = take();
    if (single !== undefined) return single;
    if (double !== undefined) return double;
    if (word !== undefined) return word === "None" ? null : word === "True";
    if (integer !== undefined) {
      const number = Number(integer);
      if (!Number.isSafeInteger(number)) throw fault(`${shown(integer)} in the .npy header is too large`);
      return number;
    }
    if (symbol === "{") {
      const dict = new Map<string, Literal>();
      list("}", () => {
        const key = value(depth + 1);
        if (typeof key !== "string" || !takeIf(":")) throw fail();
        if (dict.has(key)) throw fault(`the .npy header says ${shown(key)} twice`);
        dict.set(key, value(depth + 1));
      });
      return dict;
    }
    if (symbol === "(" || symbol === "[") {
      const items: Literal[] = [];
      const commas = list(symbol === "(" ? ")" : "]", () => items.push(value(depth + 1)));
      // (3) is the number 3 in Python; the tuple is (3,).
      if (symbol === "(" && items.length === 1 && commas === 0) return items[0];
      return symbol === "(" ? { tuple: items } : items;
    }
    throw fail();
  };

  const result = value(0);
  if (text.slice(position).trim() !== "") throw fail();
  return result;
}
