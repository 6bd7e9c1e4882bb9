/**
 * A plugin of the build: where kit/src/results/compile-schema.ts would make code at run time, the worker of the check gets the code that it
 * would make, of the one schema it needs and with the same options.
 */
import { createRequire } from "node:module";
import { Ajv2020 as Ajv } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import type { Plugin } from "vite";
import { runSchema } from "../../kit/src/schemas.generated.ts";

const require = createRequire(import.meta.url);

export const compiledSchemas = (): Plugin => ({
  name: "compiled-schemas",
  enforce: "pre",
  load(id) {
    return id.split("?")[0].endsWith("/results/compile-schema.ts") ? compiledModule() : undefined;
  },
});

/** The text of a module that answers for compile-schema.ts. */
export function compiledModule(): string {
  const [first, all] = [false, true].map((allErrors) => {
    const ajv = new Ajv({ allErrors, strict: true, code: { source: true } });
    const code = standalone(ajv, ajv.compile(runSchema));
    // the little that such code asks of ajv stands on its own
    const whole = code.replaceAll(
      /require\("(ajv\/dist\/runtime\/ucs2length)"\)\.default/g,
      (_, path: string) => String(require(path).default),
    );
    if (/\brequire\(/.test(whole))
      throw new Error("the compiled schema needs more of ajv than its ucs2length");
    return `(() => { const module = { exports: {} }; ${whole}; return module.exports; })()`;
  });
  return `const all = ${all};
const first = ${first};
export function compileSchema(schema, allErrors) {
  if (schema.$id !== ${JSON.stringify(runSchema.$id)}) throw new Error(\`\${schema.$id} was not compiled\`);
  return allErrors ? all : first;
}
`;
}
