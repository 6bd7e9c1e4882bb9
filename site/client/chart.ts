/** The parts of Chart.js that the site uses, in a chunk of their own. */
import { Chart, LineElement, PointElement, RadarController, RadialLinearScale, Tooltip } from "chart.js";

Chart.register(RadarController, RadialLinearScale, PointElement, LineElement, Tooltip);

export { Chart };
