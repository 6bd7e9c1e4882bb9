/** The registry of data sets: one line each. */
import type { DatasetDefinition } from "./dataset.ts";
import { folder } from "./folder.ts";
import { iqOthnccd } from "./iq-othnccd.ts";
import { medmnist } from "./medmnist.ts";
import { phantom } from "./phantom.ts";

export const datasets: readonly DatasetDefinition[] = [phantom, medmnist, iqOthnccd, folder];
