import type { LoadHook } from "node:module";

/** Classes of the compiled framework, with their bodies. */
const CLASS = /^(?:export )?class (\w+)[^\n]*\{\n([\s\S]*?)^\}/gm;
const FIELD = /^ {4}(#?[a-z]\w*)(?=;| = )/gm;
/** Made once for all runs, within the first of them. */
const SHARED = ["MachineStructure"];
const HOLDS_THINGS = /new (?:Map|Set)\b|\[\]|\bcreateActor\(/;

/** Lets every class that holds collections report its objects to the census. */
export function withCensus(source: string): string {
  return source.replace(CLASS, (whole: string, name: string, body: string) => {
    const fields = [...body.matchAll(FIELD)].map(([, field]) => field as string);
    const isCounted = fields.length > 0 && HOLDS_THINGS.test(body) && !SHARED.includes(name);
    if (!isCounted) return whole;
    const read = fields.map((field) => `${JSON.stringify(field)}: object.${field}`).join(", ");
    const report =
      `static #censusFields(object) { return { ${read} }; }\n` +
      `#census = globalThis.headwaterCensus?.(this, ${name}.#censusFields, "${name}");\n`;
    // A function, so that "$" in the text means nothing.
    return whole.replace("{\n", () => `{\n${report}`);
  });
}

/** A module of the framework comes with its census; Node calls it for each that is loaded. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const isFramework = url.includes("/src/") && !url.includes("/node_modules/");
  if (!isFramework || !loaded.source) return loaded;
  return { ...loaded, source: withCensus(Buffer.from(loaded.source as Uint8Array).toString()) };
};
