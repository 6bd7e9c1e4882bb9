/** Events between the scripts of a page, dispatched on the document or on the element they are about. */
export const themeChanged = "xai:theme";
export const panelShown = "xai:panel";
/** Panels have been added to the page. */
export const panelsCame = "xai:panels";
