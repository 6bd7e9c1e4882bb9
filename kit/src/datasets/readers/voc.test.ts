import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isVocJson, parseVoc, parseVocJson, readVoc } from "./voc.ts";

const dir = mkdtempSync(join(tmpdir(), "xai-kit-voc-"));
afterAll(() => rmSync(dir, { recursive: true }));

const box = (name: string, [xmin, ymin, xmax, ymax]: readonly (number | string)[]) =>
  `<object>
    <name>${name}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
    <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>
  </object>`;

const annotation = (...inner: string[]) => `<annotation>
  <folder>VOC2012</folder>
  <filename>2007_000027.jpg</filename>
  <source><database>The VOC2007 Database</database><annotation>PASCAL VOC2007</annotation></source>
  <size><width>486</width><height>500</height><depth>3</depth></size>
  <segmented>0</segmented>
  ${inner.join("\n  ")}
</annotation>
`;

const read = (text: string) => parseVoc(text, "a.xml");

describe("parseVoc", () => {
  it("refuses elements within elements without end", () => {
    const deep = 100_000;
    expect(() => read(`<annotation>${"<a>".repeat(deep)}${"</a>".repeat(deep)}</annotation>`)).toThrow(
      "nests elements more than 16 deep",
    );
  });

  it("takes pixels that are counted from 1, both ends included", () => {
    expect(read(annotation(box("person", [174, 101, 349, 351]), box("dot", [1, 1, 1, 1])))).toEqual({
      filename: "2007_000027.jpg",
      width: 486,
      height: 500,
      objects: [
        { at: "line 7", name: "person", x0: 173, y0: 100, x1: 349, y1: 351 },
        { at: "line 11", name: "dot", x0: 0, y0: 0, x1: 1, y1: 1 },
      ],
      faults: [],
    });
    const [{ x0, x1 }] = parseVoc(annotation(box("person", [0, 0, 485, 499])), "a.xml", 0).objects;
    expect([x0, x1]).toEqual([0, 486]);
  });

  it("reads byte order marks, CRLF, CDATA, entities of XML itself, fractions and sizes left open", () => {
    const text = annotation(
      box("<![CDATA[cat & dog]]>", ["45.7", " 2 ", "60.25", 9]),
      box("R&amp;B", [1, 2, 3, 4]),
    );
    const bare = text.replace(/<size>.*<\/size>/s, "").replace(/<filename>.*<\/filename>/, "");
    const { objects, ...rest } = read(`\uFEFF<?xml version="1.0"?>\n${bare}`.replaceAll("\n", "\r\n"));
    expect(rest).toEqual({ faults: [] });
    expect(objects.map(({ at, name }) => `${at} ${name}`)).toEqual(["line 8 cat & dog", "line 12 R&B"]);
    expect(objects[0]).toMatchObject({ x0: 44.7, y0: 1, x1: 60.25, y1: 9 });
  });

  it("leaves parts of objects, and elements that it does not know, alone", () => {
    const part = `<part><name>head</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>6</xmax><ymax>6</ymax></bndbox></part>`;
    const person = box("person", [1, 2, 3, 4]).replace("</object>", `${part}</object>`);
    expect(read(annotation(person, "<xmin>9</xmin><owner><name>x</name></owner>"))).toMatchObject({
      objects: [{ name: "person", x0: 0, y0: 1, x1: 3, y1: 4 }],
      faults: [],
    });
  });

  it.each([
    [
      "a box that ends before it begins",
      box("cat", [5, 2, 4, 9]),
      "line 7: the box of cat ends before it begins: 5, 2, 4, 9",
    ],
    ["text for a number", box("cat", [1, 2, "3px", 4]), "line 7: xmax of cat is 3px, not a number"],
    [
      "a number too large for one",
      box("cat", [1, 2, "1e999", 4]),
      "line 7: xmax of cat is 1e999, not a number",
    ],
    ["no number", box("cat", [1, 2, "", 4]), "line 7: xmax of cat is , not a number"],
    [
      "a side that is missing",
      box("cat", [1, 2, 3, 4]).replace(/<xmax>.*?<\/xmax>/, ""),
      "line 7: xmax of cat is missing",
    ],
    [
      "a side told twice",
      box("cat", [1, 2, 3, 4]).replace("<xmax>", "<xmax>3</xmax><xmax>"),
      "line 9: a second <xmax>",
    ],
    ["an object without a name", box("", [1, 2, 3, 4]), "line 7: an object without a name"],
    ["an object without a box", "<object><name>cat</name></object>", "line 7: cat has no bndbox"],
    [
      "two boxes of one object",
      box("cat", [1, 2, 3, 4]).replace("</object>", "<bndbox/></object>"),
      "line 10: a second <bndbox>",
    ],
    ["a second size", "<size><width>4</width></size>", "line 7: a second <width>"],
  ])("tells the line of %s", (_, inner, fault) => {
    expect(read(annotation(inner)).faults.join()).toContain(fault);
  });

  it("tells the line of a size that is none", () => {
    for (const size of [
      "<width>0</width><height>5</height>",
      "<width>5</width>",
      "<width>5.5</width><height>x</height>",
    ]) {
      const { faults, width } = read(annotation().replace(/<size>.*<\/size>/, `<size>${size}</size>`));
      expect([faults.length, width]).toEqual([1, undefined]);
      expect(faults[0]).toMatch(/^line 5: the size .* is none/);
    }
  });

  const laughs = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>\n`;
  const outside = `<!DOCTYPE annotation [<!ENTITY f SYSTEM "file:///etc/hostname">]>\n`;
  it.each([
    ["cut off", annotation(box("cat", [1, 2, 3, 4])).slice(0, 400), /line \d+ is not well-formed/],
    ["empty", "", /line 1 is not well-formed/],
    ["no XML", '{"images": []}', /line 1 is not well-formed/],
    ["not closed as opened", annotation("<object></name>"), /line 7 is not well-formed/],
    ["of another kind", "<root><sample/></root>", /line 1 begins with <root>/],
    ["with entities that grow", `${laughs}${annotation(box("&b;", [1, 2, 3, 4]))}`, /line 1 has a DOCTYPE/],
    ["with a file as entity", `${outside}${annotation(box("&f;", [1, 2, 3, 4]))}`, /line 1 has a DOCTYPE/],
    [
      "with an entity of its own",
      annotation(box("&lol;", [1, 2, 3, 4])),
      /line 8 is not well-formed: undefined entity/,
    ],
  ])("refuses what is %s", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

describe("readVoc", () => {
  const file = (content: string | Buffer) => {
    const path = join(dir, "b.xml");
    writeFileSync(path, content);
    return readVoc(path);
  };

  it("refuses what is too long, not UTF-8 or not there", async () => {
    expect((await file(annotation(box("cat", [1, 2, 3, 4])))).objects).toHaveLength(1);
    await expect(file(annotation(" ".repeat(2 ** 20)))).rejects.toThrow(/b\.xml has \d+ bytes, too many/);
    await expect(file(Buffer.from(annotation(box("caf\u00e9", [1, 2, 3, 4])), "latin1"))).rejects.toThrow(
      /b\.xml cannot be read/,
    );
    await expect(readVoc(join(dir, "none.xml"))).rejects.toThrow(/none\.xml cannot be read \(ENOENT/);
  });
});

describe("parseVocJson", () => {
  const one = {
    annotation: {
      filename: "a.jpg",
      size: { width: "10", height: 8 },
      object: { name: "cat", bndbox: { xmin: "1", ymin: 2, xmax: "3", ymax: "4" } },
    },
  };

  it("reads one annotation or a list, one object or a list, text or numbers", () => {
    const voc = { filename: "a.jpg", width: 10, height: 8, faults: [] };
    const cat = { name: "cat", x0: 0, y0: 1, x1: 3, y1: 4 };
    expect(parseVocJson(JSON.stringify(one), "a.json")).toEqual([
      { at: "annotation", voc: { ...voc, objects: [{ at: "annotation.object[0]", ...cat }] } },
    ]);
    const two = [
      one,
      { annotation: { ...one.annotation, object: [one.annotation.object, {}] } },
      { annotation: {} },
    ];
    const [, second, third] = parseVocJson(`\uFEFF${JSON.stringify(two)}`, "a.json");
    expect(second).toEqual({
      at: "[1].annotation",
      voc: {
        ...voc,
        objects: [{ at: "[1].annotation.object[0]", ...cat }],
        faults: ["[1].annotation.object[1]: an object without a name"],
      },
    });
    expect(third.voc).toEqual({ objects: [], faults: [] });
  });

  it("is told from COCO by its first key", () => {
    expect(isVocJson(JSON.stringify([one]))).toBe(true);
    expect(isVocJson(`\uFEFF ${JSON.stringify(one, null, 2)}`)).toBe(true);
    expect(isVocJson('{"annotations": [], "images": []}')).toBe(false);
    expect(isVocJson('{"images": [{"annotation": 1}]}')).toBe(false);
  });

  it("refuses what is neither", () => {
    expect(() => parseVocJson('[{"annotation": {}}', "a.json")).toThrow(/a\.json is not JSON/);
    expect(() => parseVocJson('[{"annotation": {}}, 3]', "a.json")).toThrow(
      /a\.json, \[1\]\.annotation is not an object/,
    );
    expect(() => parseVocJson('[{"annotation": []}]', "a.json")).toThrow(
      /\[0\]\.annotation is not an object/,
    );
  });
});

const python = "/usr/bin/python3";
const script = `
import json, sys
from xml.etree.ElementTree import fromstring
from torchvision.datasets import VOCDetection
print(json.dumps([VOCDetection.parse_voc_xml(fromstring(text)) for text in json.load(sys.stdin)]))
`;
describe.skipIf(spawnSync(python, ["-c", "import torchvision"]).status !== 0)(
  "torchvision (needs /usr/bin/python3 with torchvision)",
  () => {
    it("hands on the same annotations as JSON", () => {
      const texts = [
        annotation(box("person", [174, 101, 349, 351])),
        annotation(box("a", [1, 2, 3, 4]), box("b", [5, 6, 7.5, 8])),
      ];
      const { stdout } = spawnSync(python, ["-c", script], {
        input: JSON.stringify(texts),
        encoding: "utf8",
      });
      expect(isVocJson(stdout)).toBe(true);
      const bare = ({ objects, ...voc }: ReturnType<typeof parseVoc>) => ({
        ...voc,
        objects: objects.map(({ at: _, ...object }) => object),
      });
      expect(parseVocJson(stdout, "a.json").map(({ voc }) => bare(voc))).toEqual(
        texts.map((text) => bare(read(text))),
      );
    });
  },
);
