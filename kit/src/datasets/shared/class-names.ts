/** Which class a folder or an annotation means. */

/**
 * A function from a name to a class index, or undefined if the name is none of `classes`. In this order: the very
 * name; the name but for case, `_` and spaces, or its part before the first comma ("African elephant, Loxodonta
 * africana"), if only one class has it; an index in digits.
 */
export function classMatcher(classes: readonly string[]): (name: string) => number | undefined {
  const exact = new Map(classes.map((name, i) => [name, i]));
  const loose = new Map<string, number | "ambiguous">();
  const add = (key: string, index: number) => {
    const other = loose.get(key);
    loose.set(key, other === undefined || other === index ? index : "ambiguous");
  };
  for (const [i, name] of classes.entries()) add(normal(name), i);
  // Full names go first: "crane" is a class even where another is called "crane, bird".
  for (const [i, name] of classes.entries()) {
    const short = normal(name.split(",")[0]);
    if (!classes.some((other) => normal(other) === short)) add(short, i);
  }
  return (name) => {
    const same = exact.get(name);
    if (same !== undefined) return same;
    const like = loose.get(normal(name));
    if (typeof like === "number") return like;
    if (/^\d+$/.test(name) && Number(name) < classes.length) return Number(name);
    return undefined;
  };
}

const normal = (name: string) =>
  name
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s_]+/g, " ")
    .trim();
