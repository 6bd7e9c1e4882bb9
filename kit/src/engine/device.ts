/** What `--device` may say: `auto`, a provider, or one card of several: `cuda:1`. */
import { KitError } from "../errors.ts";
import { similar } from "../suggest.ts";
import { type Provider, providers } from "./engine.ts";

/** Providers whose cards have numbers: ONNX Runtime takes one for these alone. */
export const numbered = ["cuda", "directml"] as const;
type Numbered = (typeof numbered)[number];

export const devices = ["auto", ...providers] as const;
export type Device = (typeof devices)[number] | `${Numbered}:${number}`;

export interface DeviceChoice {
  readonly provider: Provider | "auto";
  /** which of several cards; undefined where none was named, which is the first */
  readonly deviceId: number | undefined;
}

/** Providers that compute in the processor, by code that every machine has: what others are compared with. */
export const onProcessor = (provider: Provider): boolean => provider === "cpu" || provider === "wasm";

/** @throws KitError E_PARAM for a word that is no device, and for a number that is no card's */
export function parseDevice(text: string): DeviceChoice {
  const [, word, number] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const provider = devices.find((known) => known === word);
  if (provider === undefined) {
    const guesses = similar(word ?? text, devices);
    throw new KitError("E_PARAM", {
      problem: `there is no device "${text}"`,
      next: `${guesses.length > 0 ? `did you mean ${guesses.join(" or ")}? ` : ""}choose one of: ${devices.join(", ")}; ${cards}`,
    });
  }
  if (number === undefined) return { provider, deviceId: undefined };
  if (!numbered.some((known) => known === provider)) {
    throw new KitError("E_PARAM", {
      problem: `device "${text}": ${provider} takes no number`,
      next: provider === "cpu" ? `--device cpu; --threads says how many cores one operator uses` : cards,
    });
  }
  if (/^\d{1,3}$/.test(number)) return { provider, deviceId: Number(number) };
  throw new KitError("E_PARAM", {
    problem: `device "${text}": "${number}" is not the number of a card`,
    next: `count from 0, as ${provider === "cuda" ? "nvidia-smi" : "the system"} does: ${provider}:0, ${provider}:1`,
  });
}

const cards = `one card of several: ${numbered.map((name) => `${name}:1`).join(", ")}`;

/** The shortest text that means the same: `cuda:0` is `cuda`. */
export const deviceName = ({
  provider,
  deviceId = 0,
}: {
  readonly provider: Provider | "auto";
  readonly deviceId?: number | undefined;
}): string => (deviceId === 0 ? provider : `${provider}:${deviceId}`);
