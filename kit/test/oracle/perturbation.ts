/** Methods that hide parts of the image. */
import { type Ours, plain, type Table } from "./fixture.ts";

const occluded = (window: number, stride: number): Ours => plain("occlusion", { window, stride });

export const perturbation: Table = {
  "captum.occlusion_w8s4": occluded(8, 4),
  "captum.occlusion_w8s8": occluded(8, 8),
  "captum.occlusion_w10s7": occluded(10, 7),
};
