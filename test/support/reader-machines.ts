import type { StateValue } from "xstate";

/** The dotted names of the innermost active states. */
export function leafStates(value: StateValue): string[] {
  if (typeof value === "string") return [value];
  return Object.entries(value).flatMap(([name, inner]) =>
    inner === undefined ? [name] : leafStates(inner).map((leaf) => `${name}.${leaf}`),
  );
}
