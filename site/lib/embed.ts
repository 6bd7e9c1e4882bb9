/** JSON inside a page. Documents come from strangers, so nothing in them may end the element they stand in. */
export const embed = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");
