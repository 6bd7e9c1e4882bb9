import { expect, it } from "vitest";
import { graphOf, picture, smallCnn, wasm, weight } from "../../test/small-models.ts";
import { fold } from "./fold.ts";
import { node } from "./graph.ts";
import { float32 } from "./tensor.ts";
import { twinned } from "./twin.ts";

it("computes the same a second time, for another input", async () => {
  const folded = fold(smallCnn(), "N");
  const { folded: both, twin } = twinned(folded, "x", "other/");
  const [one, two] = ["one", "two"].map((name) =>
    float32([1, 3, 6, 8], Float32Array.from(picture(name, 3, 6, 8).data)),
  );
  expect(both.shapes.get(twin("features"))).toEqual(folded.shapes.get("features"));
  const second = { name: twin("y"), type: "float32" as const, dims: ["N", 4] };
  const pair = await wasm.load({ ...both.graph, outputs: [...both.graph.outputs, second] });
  const single = await wasm.load(folded.graph);
  const { y, [twin("y")]: yTwin } = await pair.run({ x: one, [twin("x")]: two }, ["y", twin("y")]);
  expect(y).toEqual((await single.run({ x: one }, ["y"])).y);
  expect(yTwin).toEqual((await single.run({ x: two }, ["y"])).y);
  await Promise.all([pair.release(), single.release()]);
});

it("has once what does not depend on the input, and takes no name that is there", () => {
  const graph = graphOf(
    ["N", 1, 2, 3],
    [node("Exp", ["w"], ["other/e"]), node("Mul", ["x", "other/e"], ["y"])],
    { w: weight("twin", 6) },
  );
  const { folded, twin } = twinned({ graph, shapes: new Map(), types: new Map() }, "x", "other/");
  expect(["w", "other/e", "x", "y"].map(twin)).toEqual(["w", "other/e", "other/'x", "other/'y"]);
  expect(folded.graph.nodes.map((n) => n.outputs[0])).toEqual(["other/e", "y", "other/'y"]);
  expect(folded.graph.inputs.map((i) => i.name)).toEqual(["x", "other/'x"]);
});
