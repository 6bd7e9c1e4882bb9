/** The registry of data sets: one line each. */
import type { DatasetDefinition } from "./dataset.ts";
import { folder } from "./folder.ts";
import { medmnist } from "./medmnist.ts";

export const datasets: readonly DatasetDefinition[] = [medmnist, folder];
