import { expect, it } from "vitest";
import { similar } from "./suggest.ts";

const known = ["saliency", "grad-cam", "grad-cam-plus-plus", "integrated-gradients", "input-x-gradient"];

it.each([
  ["gradcam", ["grad-cam"]],
  ["cam", ["grad-cam", "grad-cam-plus-plus"]],
  ["IG", ["integrated-gradients"]],
  ["saliancy", ["saliency"]],
  ["slaiency", ["saliency"]],
  ["integrated_gradient", ["integrated-gradients"]],
  ["x", []],
  ["", []],
  ["nothing-like-it", []],
])("%s resembles %s", (typed, expected) => {
  expect(similar(typed, known)).toEqual(expected);
});
