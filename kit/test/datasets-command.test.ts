/** `xai-kit datasets`: what is there, what is missing, and what it looks like. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { datasets } from "../src/datasets/index.ts";
import { cli, json } from "./run-cli.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-datasets-"));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => join(dir, name);

const picture = (value: number, side = 40) =>
  sharp({ create: { width: side, height: side, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toBuffer();

describe("datasets where", () => {
  it("tells of every set where it is to be had and under which licence", async () => {
    const { out, code } = await cli("datasets", "where");
    expect(code).toBe(0);
    for (const { id, licence } of datasets) {
      expect(out).toContain(`${id}\n`);
      expect(out).toContain(licence);
    }
    expect(await json("datasets", "where", "iq-othnccd")).toMatchObject({
      id: "iq-othnccd",
      licence: "CC BY 4.0",
      where: expect.stringContaining("Mendeley"),
    });
    // one of a family of sets says where the family is
    expect(await json("datasets", "where", "medmnist:bloodmnist@64")).toMatchObject({ id: "medmnist" });
  });

  it("refuses what there is none of", async () => {
    const { code, err } = await cli("datasets", "where", "imagenette");
    expect(code).toBe(1);
    expect(err).toMatch(/there is no data set "imagenette".*\n.*known: phantom, medmnist/s);
  });
});

describe("datasets check", () => {
  it("counts classes and annotations, and draws the first of every class", async () => {
    const found = await json<{ classes: object[] }>(
      ...["datasets", "check", "phantom-shapes", "--images", "6", "--out", at("shapes.png")],
    );
    expect(found).toMatchObject({
      id: "phantom-shapes",
      split: "test",
      images: 512,
      annotated: 512,
      groups: 512,
      opened: 6,
      picture: at("shapes.png"),
      leftOut: [],
    });
    expect(found.classes).toHaveLength(4);
    expect(found.classes).toContainEqual({ name: "circle", images: 128, annotated: 128 });
    const { width, height } = await sharp(at("shapes.png")).metadata();
    expect([width, height].every((side) => side! > 128)).toBe(true);
  });

  it("opens every image with --all, names the one that does not open, and leaves it out when told to", async () => {
    mkdirSync(at("photos/cat"), { recursive: true });
    mkdirSync(at("photos/dog"));
    for (const [name, value] of Object.entries({ "cat/a.png": 10, "cat/b.png": 90, "dog/c.png": 200 })) {
      writeFileSync(join(at("photos"), name), await picture(value));
    }
    writeFileSync(at("photos/dog/z.png"), (await picture(5)).subarray(0, 40));
    const some = ["datasets", "check", `folder:${at("photos")}`, "--out", at("photos.png"), "--images", "3"];
    expect((await cli(...some)).code).toBe(0);
    const all = await cli(...some, "--all");
    expect(all.code).toBe(1);
    expect(all.err).toContain("dog/z.png");
    const skipping = await cli(...some, "--all", "--on-fault", "skip");
    expect(skipping.code).toBe(0);
    expect(skipping.out).toMatch(/left out: dog\/z\.png: /);
    expect(skipping.out).toMatch(
      /no official split: never ranked without one \(--split FILE\); 4 images; 0 with a mask or boxes; binary/,
    );
    expect(skipping.out).toMatch(/cat +2 +0/);
  });

  it("lists ids, and takes a file of some for a test split", async () => {
    mkdirSync(at("scans/ill"), { recursive: true });
    mkdirSync(at("scans/well"));
    for (const name of ["ill/a.png", "ill/b.png", "well/c.png", "well/d.png"])
      writeFileSync(join(at("scans"), name), await picture(50));
    const scans = `folder:${at("scans")}`;
    const { out } = await cli("datasets", "ids", scans);
    expect(out).toBe("ill/a.png\nill/b.png\nwell/c.png\nwell/d.png\n");
    writeFileSync(at("split.txt"), out.replace("ill/b.png", "# not this one"));
    const split = ["--split", at("split.txt"), "--out", at("scans.png")];
    const found = await json("datasets", "check", scans, ...split);
    expect(found).toMatchObject({
      split: "test",
      splitFile: expect.stringMatching(/^[0-9a-f]{64}$/),
      images: 3,
      classes: [
        { name: "ill", images: 1 },
        { name: "well", images: 2 },
      ],
    });
    expect((await cli("datasets", "check", scans, ...split)).out).toMatch(
      /test split by a file, sha256 [0-9a-f]{8};/,
    );
    expect(await json("datasets", "ids", scans, "--split", at("split.txt"))).toEqual([
      ...["ill/a.png", "well/c.png", "well/d.png"],
    ]);
    writeFileSync(at("some.txt"), "test-00003\ntest-00001\n");
    const some = ["datasets", "check", "phantom-cxr", "--split", at("some.txt"), "--out", at("some.png")];
    expect((await cli(...some)).out).toMatch(/a selection of your own by a file, .*never ranked; 2 images/s);

    writeFileSync(at("split.txt"), "ill/a.png\nill/z.png\n");
    const wrong = await cli("datasets", "check", scans, ...split);
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain(`${at("split.txt")}:2: there is no sample ill/z.png`);
    const none = await cli("datasets", "check", scans, "--split", "tets");
    expect(none.code).toBe(1);
    expect(none.err).toMatch(/--split tets is none of train, val, test, and there is no such file/);
  });

  it("makes no picture of nothing, and says what is missing where the set is not there", async () => {
    const none = await json("datasets", "check", "phantom-cxr", "--images", "0", "--out", at("none.png"));
    expect(none).toMatchObject({ picture: null, opened: 0 });
    expect(existsSync(at("none.png"))).toBe(false);
    const missing = await cli("datasets", "check", "medmnist:bloodmnist", "--data-dir", dir);
    expect(missing.code).toBe(1);
    expect(missing.err).toMatch(/needs bloodmnist\.npz.*Zenodo/s);
  });
});
