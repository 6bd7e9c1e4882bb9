/** The presets, and the Python programs that export them: run where PyTorch is, loaded here, and compared with PyTorch's own logits. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { exportProgram, librariesOf } from "../src/cli/export-help.ts";
import { readArray } from "../src/cli/options.ts";
import { type Architecture, architectures, completed } from "../src/model/architectures.ts";
import { checkCard, openModel } from "../src/node.ts";
import { cli, json } from "./run-cli.ts";
import { cnn, saveModel } from "./tiny.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-models-"));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (...names: string[]) => join(dir, ...names);
const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));

const python = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync("/usr/bin/python3", args, {
    cwd: dir,
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1", ...env },
  });
const imported = new Map<string, boolean>();
/** Each asked once: PyTorch takes seconds to import. */
const has = (modules: string): boolean => {
  const known = imported.get(modules) ?? python(["-c", `import ${modules}`]).status === 0;
  imported.set(modules, known);
  return known;
};

/** All of them take minutes: XAI_KIT_EXPORTS=all. */
const all = process.env.XAI_KIT_EXPORTS === "all";
const quick = ["efficientnet-b0"];

const ofTorchvision = architectures.flatMap((architecture) =>
  architecture.source.library === "torchvision" ? [{ architecture, source: architecture.source }] : [],
);
const ofOpenClip = architectures.flatMap((architecture) =>
  architecture.source.library === "open_clip" ? [{ architecture, source: architecture.source }] : [],
);

describe("presets", () => {
  const inputs = (...dims: (number | string)[]) =>
    [{ name: "input", type: "float32", dims: ["batch", ...dims] }] as never;
  const resnet = architectures.find(({ id }) => id === "resnet-50")!;

  it("are model cards", () => {
    expect(new Set(architectures.map(({ id }) => id)).size).toBe(architectures.length);
    for (const { id, family, input } of architectures) {
      expect(checkCard({ architecture: id, family, input }, id)).toBeDefined();
      expect(input.mean).toHaveLength(3);
    }
  });

  it("fill what a card leaves open, and nothing else", () => {
    const { card, said } = completed({}, resnet, inputs(3, 224, 224));
    expect(card).toEqual({ family: "cnn", input: resnet.input });
    expect(said).toBe(
      "from the preset resnet-50: mean 0.485,0.456,0.406; std 0.229,0.224,0.225; resize pillow-bilinear, shorter side to 232; family cnn",
    );
    const told = {
      family: "cnn",
      input: { mean: [0, 0, 0], std: [1, 1, 1], resize: { method: "bilinear" } },
    } as const;
    const kept = completed(told as never, resnet, inputs("C", "H", 3));
    expect(kept.card).toEqual({ ...told, input: { ...told.input, height: 224, width: 224 } });
    expect(kept.said).toMatch(/nothing, all is told already$/);
  });

  it("do not guess the way to another size", () => {
    const { card, said } = completed({ input: { height: 320, width: 320 } }, resnet, inputs(3, "H", "W"));
    expect(card.input).toMatchObject({ height: 320, mean: resnet.input.mean });
    expect(card.input?.resize).toBeUndefined();
    expect(said).toContain("no resize, since 320x320 is another size");
  });

  it.each([
    [[1, 28, 28], "1x28x28"],
    [[3, 299, 299], "3x299x299"],
    [[3, 224], "no images"],
    [[3, 3, 224], "3x3x224"],
  ])("are not used for a model of %j", (dims, takes) => {
    const { card, said } = completed({ architecture: "resnet-50" }, resnet, inputs(...dims));
    expect(card).toEqual({ architecture: "resnet-50" });
    expect(said).toContain(`this model takes ${takes}: nothing of it is used`);
  });
});

describe("--architecture", () => {
  const told = async (model: string, ...flags: string[]) => {
    const out = at("x.npy");
    const { code, err } = await cli(
      "attribute",
      "--model",
      model,
      "--input",
      at("in.npy"),
      "--target",
      "0",
      "--method",
      "constant",
      "--out",
      out,
      "--device",
      "wasm",
      ...flags,
    );
    expect({ code, err }).toMatchObject({ code: 0 });
    return err;
  };

  it("says what came from the preset, and leaves a model of another size alone", async () => {
    const { encodeNpy } = await import("../src/datasets/readers/npy.ts");
    const pixels = (side: number) => ({
      type: "float32" as const,
      dims: [3, side, side],
      data: new Float32Array(3 * side * side).fill(0.5),
    });
    saveModel(at("large.onnx"), cnn({ size: 224, classes: 2 }));
    writeFileSync(at("in.npy"), encodeNpy(pixels(224)));
    expect(
      await told(
        at("large.onnx"),
        "--architecture",
        "efficientnet-b0",
        "--mean",
        "0.5,0.5,0.5",
        "--resize-to",
        "240",
      ),
    ).toMatch(
      /from the preset efficientnet-b0: std 0\.229,0\.224,0\.225; resize pillow-bicubic, shorter side to 256; family cnn/,
    );
    expect(await told(at("large.onnx"))).not.toContain("preset");
    expect(await told(at("large.onnx"), "--architecture", "resnet50")).toContain(
      "there is no preset resnet50; did you mean resnet-50?",
    );
    expect(await told(at("large.onnx"), "--architecture", "my-own-net")).not.toContain("preset");
    saveModel(at("small.onnx"), cnn({ size: 16, classes: 2 }));
    writeFileSync(at("in.npy"), encodeNpy(pixels(16)));
    expect(await told(at("small.onnx"), "--architecture", "resnet-50")).toContain(
      "takes 3x16x16: nothing of it is used",
    );
  });
});

describe("models", () => {
  it("lists and shows every preset, for people and for programs", async () => {
    const { out, code } = await cli("models", "list");
    expect(code).toBe(0);
    for (const { id } of architectures) expect(out).toContain(id);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await json("models", "list")).toEqual(JSON.parse(JSON.stringify(architectures)));
    const shown = await cli("models", "show", "vit-b-16");
    expect(shown.out).toMatch(/resize: pillow-bilinear, shorter side to 256, then the middle\s+224x224/);
    expect(shown.out).toMatch(/CAM layer: .*768x14x14; inferred/s);
    expect(Math.max(...shown.out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await cli("models", "show", "clip-rn50")).out).toContain(
      "similarity times 100, with --text-embeddings",
    );
  });

  it("prints a program, or writes it", async () => {
    const [resnet] = architectures;
    expect((await cli("models", "export-help", "resnet-50")).out).toBe(exportProgram(resnet, "torchvision"));
    expect(
      (await cli("models", "export-help", "resnet-50", "--library", "timm", "--out", at("e.py"))).out,
    ).toContain("wrote ");
    expect(readFileSync(at("e.py"), "utf8")).toBe(exportProgram(resnet, "timm"));
    expect(await json("models", "export-help", "clip-rn50")).toMatchObject({ library: "open_clip" });
  });

  it("refuses what there is none of", async () => {
    const unknown = await cli("models", "show", "resnet50");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("did you mean resnet-50?")]);
    const other = await cli("models", "export-help", "clip-rn50", "--library", "timm");
    expect(other.err).toMatch(/clip-rn50 is not exported from timm.*\n.*--library open_clip/s);
    expect((await cli("models", "export-help", "resnet-50", "--out", at("no/such/e.py"))).code).toBe(1);
  });
});

describe("export programs", () => {
  it("are Python (needs /usr/bin/python3)", ({ skip }) => {
    if (python(["--version"]).status !== 0) skip("needs /usr/bin/python3");
    const programs = architectures.flatMap((one) =>
      librariesOf(one).map((library) => exportProgram(one, library)),
    );
    expect(programs.length).toBe(2 * ofTorchvision.length + ofOpenClip.length);
    const { status, stderr } = spawnSync(
      "/usr/bin/python3",
      ["-c", "import ast, json, sys\nfor p in json.load(sys.stdin): ast.parse(p)"],
      { input: JSON.stringify(programs), encoding: "utf8" },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("of torchvision have its own values (needs torchvision)", ({ skip }) => {
    if (!has("torchvision, onnx")) skip("needs /usr/bin/python3 with torchvision and onnx");
    const script = `
import json, sys, torchvision
for weights in sys.argv[1:]:
    kind, name = weights.split(".")
    t = getattr(torchvision.models, kind)[name].transforms()
    print(json.dumps([t.crop_size, t.resize_size, t.interpolation.value, t.mean, t.std]))
`;
    const { stdout } = python(["-c", script, ...ofTorchvision.map(({ source }) => source.weights)]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(
      ofTorchvision.map(({ architecture: { input } }) => [
        [input.height],
        [input.resize.resizeTo],
        input.resize.method.slice("pillow-".length),
        input.mean,
        input.std,
      ]),
    );
  });

  /** What the program wrote, opened: its card, the layer, and how far its logits are from PyTorch's, over the largest. */
  async function opened(path: string, { input }: Architecture, text?: { embeddings: string }) {
    const { model, card, close } = await openModel(path, {
      device: "cpu",
      ...(text && { text: { embeddings: readArray(text.embeddings), sha256: "" } }),
    });
    try {
      const [x, y] = ["x", "y"].map((name) => readArray(path.replace(".onnx", `.${name}.npy`)));
      const size = 3 * input.height * input.width;
      let [error, largest] = [0, 0];
      await model.forward(
        2,
        (k, out) => out.set(x.data.subarray(k * size, (k + 1) * size)),
        (k, logits) => {
          for (const [i, logit] of logits.entries()) {
            const theirs = y.data[k * model.classes + i];
            error = Math.max(error, Math.abs(logit - theirs));
            largest = Math.max(largest, Math.abs(theirs));
          }
        },
      );
      const { cam, classes, prepared } = model;
      return {
        card,
        classes,
        cam: cam && [cam.channels, cam.rows, cam.columns],
        family: prepared.family,
        error: error / largest,
      };
    } finally {
      await close();
    }
  }

  const torchvisionDriver = `
import runpy, sys
import numpy, torch, torchvision
program, out, builder, mean, std = sys.argv[1:]
original = getattr(torchvision.models, builder)
made = []


def build(*args, **options):
    torch.manual_seed(7)
    made.append(original(*args, **options))
    for p in made[0].parameters():
        if p.dim() > 1 and p.abs().max() == 0:  # a head that starts at nothing would make every logit 0
            torch.nn.init.normal_(p, std=0.05)
    return made[0]


setattr(torchvision.models, builder, build)
scope = runpy.run_path(program)
sys.argv = [program, "--weights", "none", "--out", out]
scope["main"]()
model = made[0].eval()
x = torch.rand(2, 3, 224, 224)
mean, std = (torch.tensor([float(v) for v in text.split(",")])[:, None, None] for text in (mean, std))
with torch.no_grad():
    y = model((x - mean) / std)
numpy.save(out.replace(".onnx", ".x.npy"), x.numpy())
numpy.save(out.replace(".onnx", ".y.npy"), y.numpy())
`;

  describe.each(ofTorchvision)("of torchvision", ({ architecture, source }) => {
    const { id, input, family, camLayer } = architecture;
    it(`${id} gives PyTorch's logits (needs torchvision, onnx)`, async ({ skip }) => {
      if (!all && !quick.includes(id)) skip("only with XAI_KIT_EXPORTS=all");
      if (!has("torchvision, onnx")) skip("needs /usr/bin/python3 with torchvision and onnx");
      writeFileSync(at("driver.py"), torchvisionDriver);
      writeFileSync(at(`${id}.py`), exportProgram(architecture, "torchvision"));
      const { status, stderr, stdout } = python([
        at("driver.py"),
        at(`${id}.py`),
        at(`${id}.onnx`),
        source.builder,
        input.mean.join(),
        input.std.join(),
      ]);
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(stdout).toContain("and its card");
      const found = await opened(at(`${id}.onnx`), architecture);
      expect(found.card).toEqual({
        architecture: id,
        family,
        task: "multi-class",
        input,
        output: { name: "logits" },
      });
      expect(found).toMatchObject({ classes: 1000, cam: [...camLayer.shape], family });
      expect(found.error).toBeLessThan(1e-4);
      rmSync(at(`${id}.onnx`));
    }, 900_000);
  });

  // open_clip is not at hand: its place is taken by towers of the same layout in plain PyTorch, everyday by small ones
  const openClip = `
import sys, types
import torch
sys.path.insert(0, ${JSON.stringify(scripts)})
from clip_towers import ModifiedResNet, VisionTransformer

SMALL = {"RN50": lambda: ModifiedResNet((1, 1, 1, 1), 8, 4, 32), "ViT-B-16": lambda: VisionTransformer(16, 32, 2, 4, 32)}
WHOLE = {"RN50": ModifiedResNet, "ViT-B-16": lambda: VisionTransformer(16)}


class Clip(torch.nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.visual = tower
        self.encode_image = tower
        self.logit_scale = torch.nn.Parameter(torch.tensor(100.0).log())
        self.words = torch.nn.Embedding(128, tower(torch.zeros(1, 3, 224, 224)).shape[1])

    def encode_text(self, tokens):
        return torch.stack([self.words(row).mean(dim=0) for row in tokens])


def create_model_and_transforms(name, pretrained=None, precision=None, force_quick_gelu=False):
    assert pretrained == "openai" and precision == "fp32" and force_quick_gelu
    torch.manual_seed(5)
    return Clip((SMALL if ${all ? "False" : "True"} else WHOLE)[name]()), None, None


def get_tokenizer(name):
    return lambda texts: [torch.tensor([ord(letter) for letter in text]) for text in texts]
`;
  const openClipDriver = `
import runpy, sys
import numpy, torch, open_clip
program, out, classes, prompts, name, mean, std = sys.argv[1:]
sys.argv = [program, classes, "--prompts", prompts, "--out", out]
runpy.run_path(program, run_name="__main__")
clip, _, _ = open_clip.create_model_and_transforms(name, "openai", "fp32", True)
clip.eval()
x = torch.rand(2, 3, 224, 224)
mean, std = (torch.tensor([float(v) for v in text.split(",")])[:, None, None] for text in (mean, std))
unit = lambda v: v / v.norm(dim=-1, keepdim=True)
tokens = open_clip.get_tokenizer(name)
with torch.no_grad():
    one = lambda text: unit(clip.encode_text(tokens([text]))[0])
    texts = torch.stack([unit((one(f"a photo of a {c}.") + one(f"a scan: {c}")) / 2) for c in ["cat", "dog", "a c"]])
    y = 100 * unit(clip.encode_image((x - mean) / std)) @ texts.T
numpy.save(out.replace(".onnx", ".x.npy"), x.numpy())
numpy.save(out.replace(".onnx", ".y.npy"), y.numpy())
`;

  describe.each(ofOpenClip)("of open_clip", ({ architecture, source }) => {
    const { id, input, family, camLayer } = architecture;
    it(`${id} and its texts give PyTorch's similarities (needs torchvision, onnx)`, async ({ skip }) => {
      if (!has("torchvision, onnx")) skip("needs /usr/bin/python3 with torchvision and onnx");
      mkdirSync(at("stub"), { recursive: true });
      writeFileSync(at("stub/open_clip.py"), openClip);
      writeFileSync(at("clip-driver.py"), openClipDriver);
      writeFileSync(at("classes.txt"), "cat\ndog\n\na c\n");
      writeFileSync(at("prompts.txt"), "a photo of a {}.\na scan: {}\n");
      writeFileSync(at(`${id}.py`), exportProgram(architecture, "open_clip"));
      const { status, stderr, stdout } = python(
        [
          at("clip-driver.py"),
          at(`${id}.py`),
          at(`${id}.onnx`),
          at("classes.txt"),
          at("prompts.txt"),
          source.model,
          input.mean.join(),
          input.std.join(),
        ],
        { PYTHONPATH: at("stub") },
      );
      expect({ status, stderr }).toMatchObject({ status: 0 });
      expect(stdout).toContain(`--text-embeddings ${at(`${id}.texts.npy`)} --logit-scale 100`);
      const found = await opened(at(`${id}.onnx`), architecture, { embeddings: at(`${id}.texts.npy`) });
      expect(found.card).toMatchObject({ architecture: id, family, input, classes: ["cat", "dog", "a c"] });
      expect(found).toMatchObject({ classes: 3, family });
      const [channels, ...grid] = camLayer.shape;
      expect(found.cam?.slice(1)).toEqual(grid);
      if (all) expect(found.cam?.[0]).toBe(channels);
      expect(found.error).toBeLessThan(1e-4);
    }, 900_000);
  });
});
