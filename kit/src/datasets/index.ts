/** The registry of data sets: one line each. */
import { chexlocalize } from "./chexlocalize.ts";
import { chexpert } from "./chexpert.ts";
import type { DatasetDefinition } from "./dataset.ts";
import { folder } from "./folder.ts";
import { imagenet } from "./imagenet.ts";
import { iqOthnccd } from "./iq-othnccd.ts";
import { medmnist } from "./medmnist.ts";
import { nihCxr14 } from "./nih-cxr14.ts";
import { phantom } from "./phantom.ts";
import { vindrCxr } from "./vindr-cxr.ts";

export const datasets: readonly DatasetDefinition[] = [
  phantom,
  medmnist,
  imagenet,
  chexpert,
  chexlocalize,
  nihCxr14,
  vindrCxr,
  iqOthnccd,
  folder,
];
