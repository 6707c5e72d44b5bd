import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.js";

/**
 * Node's module hooks: what is imported with `?mutant=3` gets modules of its own, one of which has that
 * mutant in it.
 */
export const resolve: ResolveHook = async (specifier, context, next) => {
  const resolved = await next(specifier, context);
  const mutant = new URL(context.parentURL ?? "file:///").searchParams.get("mutant");
  const url = new URL(resolved.url);
  if (mutant === null || url.protocol !== "file:" || url.pathname.includes("/node_modules/")) {
    return resolved;
  }
  url.searchParams.set("mutant", mutant);
  return { ...resolved, url: url.href };
};

export const load: LoadHook = async (url, context, next) => {
  const at = new URL(url);
  const number = at.searchParams.get("mutant");
  const mutant = number === null ? undefined : MUTANTS[Number(number)];
  if (mutant === undefined || !at.pathname.endsWith(`/${mutant.file}`)) return next(url, context);
  const text = await readFile(fileURLToPath(new URL(at.pathname, "file:///")), "utf8");
  const places = text.split(mutant.find).length - 1;
  if (places !== 1) {
    throw new Error(
      `mutant "${mutant.name}": its text is ${places} times in ${mutant.file}; bring it up to date`,
    );
  }
  // A function, so that "$" in the replacement means nothing.
  const source = text.replace(mutant.find, () => mutant.replace);
  return { format: "module", source, shortCircuit: true };
};
