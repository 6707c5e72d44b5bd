import type { RegisteredSchema } from "./registry-client.js";
import type { RegistryDriver } from "./registry-driver.js";
import type { SchemaCodec } from "./schema-codec.js";

/** Values of a JSON Schema, checked against it. */
export function jsonCodec(
  { Ajv, JsonSchema }: RegistryDriver,
  { schema, references }: RegisteredSchema,
): SchemaCodec {
  // Registries hold schemas with keywords and formats of other tools.
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  for (const { name, schema: text } of references) ajv.addSchema(JSON.parse(text), name);
  const compiled = new JsonSchema({ schema }, { ajvInstance: ajv });
  return {
    decode(bytes, start, end) {
      return checked(() => compiled.fromBuffer(bytes.subarray(start, end)));
    },
    encode(prefix, value) {
      return Buffer.concat([prefix, checked(() => compiled.toBuffer(value))]);
    },
  };
}

function checked<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    const paths = (error as { readonly paths?: readonly (readonly string[])[] }).paths;
    if (paths === undefined) {
      // A parser's message quotes the text.
      if (error instanceof SyntaxError) throw new Error("it is no JSON");
      throw error;
    }
    const places = paths.map(([path]) => (path === "" || path === undefined ? "the value" : path));
    throw new Error(`its schema refuses ${[...new Set(places)].join(", ")}`);
  }
}
