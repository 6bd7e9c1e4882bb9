/** The charts: pure functions from run documents to what is drawn. */
export { rankHeatmap } from "./rank-heatmap.ts";
export { radarConfig, radarDrawing, radarOf } from "./rank-radar.ts";
export { rankStrip } from "./rank-strip.ts";
