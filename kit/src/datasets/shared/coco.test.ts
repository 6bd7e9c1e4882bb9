import { describe, expect, it } from "vitest";
import { KitError } from "../../errors.ts";
import { classMatcher } from "./class-names.ts";
import { parseCoco } from "./coco.ts";

const classOf = classMatcher(["cat", "dog"]);
const image = { id: 1, file_name: "cat/a.png", width: 40, height: 30 };
const box = { id: 1, image_id: 1, category_id: 7, bbox: [1, 2, 10, 20] };
const categories = [
  { id: 7, name: "Cat" },
  { id: 8, name: "person" },
];
const parse = (file: object) =>
  parseCoco(JSON.stringify({ images: [image], annotations: [box], categories, ...file }), "b.json", classOf);

describe("parseCoco", () => {
  it("reads corners and classes", () => {
    const { images, faults } = parse({});
    expect(faults).toEqual([]);
    expect([...images]).toEqual([
      ["cat/a.png", { width: 40, height: 30, boxes: [{ class: 0, x0: 1, y0: 2, x1: 11, y1: 22 }] }],
    ]);
  });

  it("takes category ids as class indices where the file has no categories", () => {
    const { images } = parse({ categories: undefined, annotations: [{ ...box, category_id: 1 }] });
    expect(images.get("cat/a.png")?.boxes).toEqual([{ class: 1, x0: 1, y0: 2, x1: 11, y1: 22 }]);
  });

  it("counts the boxes of other categories", () => {
    const { foreign, faults, images } = parse({ annotations: [{ ...box, category_id: 8 }] });
    expect([...foreign]).toEqual([["person", 1]]);
    expect([faults, images.get("cat/a.png")?.boxes]).toEqual([[], []]);
  });

  it("clips a box that sticks out by rounding, and leaves open what no size is known for", () => {
    expect(
      parse({ annotations: [{ ...box, bbox: [-0.5, 0, 41, 30] }] }).images.get("cat/a.png")?.boxes,
    ).toEqual([{ class: 0, x0: 0, y0: 0, x1: 40, y1: 30 }]);
    const unsized = parse({
      images: [{ id: 1, file_name: "./cat//a.png" }],
      annotations: [{ ...box, bbox: [900, 0, 9, 9] }],
    });
    expect(unsized.faults).toEqual([]);
    expect(unsized.images.get("cat/a.png")?.boxes).toHaveLength(1);
  });

  const bbox = (...values: unknown[]) => ({ annotations: [box, { ...box, id: 2, bbox: values }] });
  const second = (change: object) => ({
    images: [image, { ...image, id: 2, file_name: "x.png", ...change }],
  });
  it.each<[string, object, string]>([
    ["zero size", bbox(1, 1, 0, 5), "annotations[1] (cat/a.png): bbox has the size 0 x 5"],
    ["negative size", bbox(1, 1, 5, -5), "bbox has the size 5 x -5"],
    ["text", bbox("1", 1, 5, 5), "annotations[1] (cat/a.png): bbox is not four numbers"],
    ["null, as NaN is often written", bbox(null, 1, 5, 5), "bbox is not four numbers"],
    ["three numbers", bbox(1, 1, 5), "bbox is not four numbers"],
    ["outside", bbox(100, 1, 5, 5), "leaves the 40 x 30 picture"],
    ["sticking out", bbox(30, 1, 15, 5), "bbox from (30, 1) to (45, 6) leaves the 40 x 30 picture"],
    ["an id twice", { annotations: [box, box] }, "annotations[1]: id 1 is used twice"],
    ["an unknown image", { annotations: [{ ...box, image_id: 5 }] }, "annotations[0]: no image has the id 5"],
    [
      "an unknown category",
      { annotations: [{ ...box, category_id: 5 }] },
      "annotations[0]: no category has the id 5",
    ],
    ["an image id twice", second({ id: 1 }), "images[1]: id 1 is used twice"],
    [
      "a file twice",
      second({ file_name: "./cat/a.png" }),
      "images[1]: file_name ./cat/a.png is listed twice",
    ],
    ["no file name", second({ file_name: 3 }), "images[1]: file_name is missing"],
    ["a path upwards", second({ file_name: "cat/../../secret.png" }), "leads out of the folder"],
    ["an absolute path", second({ file_name: "/etc/passwd" }), "leads out of the folder"],
    ["a drive", second({ file_name: "c:\\x.png" }), "leads out of the folder"],
    ["a bad size", second({ width: 0 }), "images[1]: width and height are not positive whole numbers"],
    [
      "a category id twice",
      { categories: [...categories, categories[0]] },
      "categories[2]: id 7 is none or used twice",
    ],
  ])("names the fault: %s", (_, file, expected) => {
    const { faults } = parse(file);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });

  it.each([
    ["{", "is not JSON"],
    ['{"images": [NaN]}', "is not JSON"],
    ["[]", "is not a JSON object"],
    ["{}", 'has no list "images"'],
    ['{"images": []}', 'has no list "annotations"'],
    ['{"images": [1], "annotations": []}', "has something else than an object at images[0]"],
  ])("refuses what is no COCO file: %s", (text, expected) => {
    expect(() => parseCoco(text, "b.json", classOf)).toThrow(KitError);
    expect(() => parseCoco(text, "b.json", classOf)).toThrow(`b.json ${expected}`);
  });
});
