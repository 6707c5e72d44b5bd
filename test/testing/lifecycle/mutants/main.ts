import { register } from "node:module";
import type { checkLifecycle } from "../../../../src/testing/lifecycle/check-lifecycle.js";
import type { LIFECYCLES } from "../systems/index.js";
import { MUTANTS } from "./mutants.js";

/**
 * Prints a line of JSON for each machine whose class has mutants, and one for each mutant: what the
 * tests of the machine say, first of the class as it is.
 */
register("./fresh-modules.js", import.meta.url);

for (const lifecycle of new Set(MUTANTS.map((mutant) => mutant.lifecycle))) {
  const failure = await outcome("?mutant=none", lifecycle);
  console.log(JSON.stringify({ name: lifecycle, failure }));
}
for (const [index, { name, lifecycle }] of MUTANTS.entries()) {
  const failure = await outcome(`?mutant=${index}`, lifecycle);
  console.log(JSON.stringify({ name, failure }));
}

/** The message of the first failure; undefined: there is none. */
async function outcome(query: string, name: string): Promise<string | undefined> {
  const systems = (await import(`../systems/index.js${query}`)) as {
    readonly LIFECYCLES: typeof LIFECYCLES;
  };
  const testing = (await import(
    `../../../../src/testing/lifecycle/check-lifecycle.js${query}`
  )) as { readonly checkLifecycle: typeof checkLifecycle };
  const lifecycle = systems.LIFECYCLES[name];
  if (lifecycle === undefined) throw new Error(`there is no lifecycle ${name}`);
  const { machine, systemUnderTest, options } = lifecycle;
  try {
    await testing.checkLifecycle(machine, systemUnderTest, options);
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n", 1)[0];
  }
}
