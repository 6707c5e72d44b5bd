/**
 * Names an actor wherever it lives: a path such as `flights/source-0/subtask/1/attempt/2`.
 *
 * An operator's address holds its attempt, so that a message for a dead attempt never reaches its
 * successor.
 */
export type Address = string;

/** Joins the parts of an address; a slash inside a part is escaped. */
export function address(...parts: readonly (string | number)[]): Address {
  return parts.map((part) => String(part).replaceAll("/", "%2F")).join("/");
}

/** The address of an actor below another one; a slash in its name is escaped. */
export function addressBelow(parent: Address, name: string): Address {
  return `${parent}/${address(name)}`;
}
