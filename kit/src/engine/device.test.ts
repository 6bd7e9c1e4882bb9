import { describe, expect, it } from "vitest";
import { type DeviceChoice, deviceName, devices, onProcessor, parseDevice } from "./device.ts";
import { providers } from "./engine.ts";

describe("--device", () => {
  it.each<[string, DeviceChoice]>([
    ...devices.map((name): [string, DeviceChoice] => [name, { provider: name, deviceId: undefined }]),
    ["cuda:0", { provider: "cuda", deviceId: 0 }],
    ["cuda:1", { provider: "cuda", deviceId: 1 }],
    ["directml:12", { provider: "directml", deviceId: 12 }],
  ])("%s", (text, choice) => {
    expect(parseDevice(text)).toEqual(choice);
  });

  it("cuda:0 is cuda", () => {
    expect(deviceName(parseDevice("cuda:0"))).toBe("cuda");
    expect(deviceName(parseDevice("cuda:1"))).toBe("cuda:1");
    for (const name of devices) expect(deviceName(parseDevice(name))).toBe(name);
  });

  it.each([
    ["gpu", 'there is no device "gpu"', "choose one of: auto, cpu, wasm, cuda"],
    ["cudda", 'there is no device "cudda"', "did you mean cuda?"],
    ["", 'there is no device ""', "choose one of"],
    ["cpu:1", 'device "cpu:1": cpu takes no number', "--threads"],
    ["auto:0", 'device "auto:0": auto takes no number', "cuda:1, directml:1"],
    ["webgpu:1", 'device "webgpu:1": webgpu takes no number', "cuda:1, directml:1"],
    ["cuda:x", 'device "cuda:x": "x" is not the number of a card', "cuda:0, cuda:1"],
    ["cuda:-1", 'device "cuda:-1": "-1" is not the number of a card', "count from 0"],
    ["cuda:", 'device "cuda:": "" is not the number of a card', "nvidia-smi"],
    ["cuda:1.5", 'device "cuda:1.5": "1.5" is not the number of a card', "cuda:0"],
    ["cuda:0:1", 'device "cuda:0:1": "0:1" is not the number of a card', "cuda:0"],
  ])("%j is refused", (text, problem, next) => {
    expect(() => parseDevice(text)).toThrow(
      expect.objectContaining({ code: "E_PARAM", message: problem, next: expect.stringContaining(next) }),
    );
  });

  it("what computes in the processor needs no second opinion", () => {
    expect(providers.filter(onProcessor)).toEqual(["cpu", "wasm"]);
  });
});
