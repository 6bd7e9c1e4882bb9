/** Elements made by scripts. */

/** An element with text and attributes; text is never taken for HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  { text, ...attributes }: { readonly [name: string]: string | undefined } = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, value);
  }
  if (text !== undefined) element.append(text);
  element.append(...children);
  return element;
}

export const all = <E extends Element>(selector: string) => [...document.querySelectorAll<E>(selector)];
