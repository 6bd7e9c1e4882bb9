import { expect, it } from "vitest";
import { analyticProbe, noiseImage, reluNet, streams } from "../../test/analytic-probe.ts";
import { attribute } from "./method.ts";
import { saliency } from "./saliency.ts";

const shape = { channels: 2, height: 3, width: 5 };
const net = reluNet(shape, "saliency");
const x = noiseImage(shape, "saliency");
const rng = streams("saliency");

it("is the gradient, signed; `absolute` takes its size", async () => {
  const g = Float32Array.from(net.gradient!(x.data, 1));
  expect(g.some((v) => v < 0)).toBe(true);
  expect((await attribute(saliency, analyticProbe(net, x, 1), { rng })).data).toEqual(g);
  expect(
    (await attribute(saliency, analyticProbe(net, x, 1), { rng, params: { absolute: true } })).data,
  ).toEqual(g.map(Math.abs));
});
