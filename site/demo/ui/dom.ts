/** The element a script cannot do without. */
export function one<E extends Element>(selector: string, root: ParentNode = document): E {
  const found = root.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

export const all = <E extends Element>(selector: string, root: ParentNode = document): E[] => [
  ...root.querySelectorAll<E>(selector),
];

/** Text of the `[data-<name>]` inside `root`. */
export function write(root: ParentNode, name: string, text: string): void {
  one(`[data-${name}]`, root).textContent = text;
}
