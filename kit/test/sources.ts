/** The kit's sources as data: what each file imports and which globals it mentions. For tests of the architecture. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export interface Import {
  /** as written: "../onnx/graph.ts", "node:fs" */
  readonly specifier: string;
  /** true if nothing is left of it at run time */
  readonly typeOnly: boolean;
}

export interface Mention {
  /** a free-standing name with its first property, if any: "process.argv", "Math.random", "Buffer" */
  readonly name: string;
  readonly line: number;
}

export interface Source {
  /** below kit/src, with forward slashes: "onnx/graph.ts" */
  readonly path: string;
  readonly imports: readonly Import[];
  readonly mentions: readonly Mention[];
}

export const sourceFolder = fileURLToPath(new URL("../src/", import.meta.url));

/** Every source of the kit that is not a test. */
export function readSources(): Source[] {
  return readdirSync(sourceFolder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .sort()
    .map((path) => parseSource(path, readFileSync(sourceFolder + path, "utf8")));
}

/** Comments and strings count for nothing: the compiler's own parser reads the file. */
export function parseSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const mentions: Mention[] = [];

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier !== undefined) add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      if (ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isIdentifier(node) && !isNameOfSomething(node)) {
      const { parent } = node;
      const property =
        ts.isPropertyAccessExpression(parent) && parent.expression === node ? `.${parent.name.text}` : "";
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
      mentions.push({ name: node.text + property, line });
    }
    ts.forEachChild(node, visit);
  };
  const add = (specifier: ts.Node, typeOnly: boolean): void => {
    if (ts.isStringLiteralLike(specifier)) imports.push({ specifier: specifier.text, typeOnly });
  };
  visit(file);
  return { path, imports, mentions };
}

/** `x.process`, `{ process: 1 }` and `interface A { process: string }` name a property, not the global. */
function isNameOfSomething(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent)) &&
    parent.name === node
  );
}

/** The file below kit/src that a relative import means; undefined for a package. */
export function target(from: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : undefined;
}
