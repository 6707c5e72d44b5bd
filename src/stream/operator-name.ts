import * as v from "valibot";

/** A schema for the name under which an operator's state is found. */
export function operatorName(): v.GenericSchema<string, string> {
  return v.pipe(
    v.string(),
    // As a property, "__proto__" would set a prototype and not be there.
    v.check((name) => name !== "" && name !== "__proto__", "a name"),
  );
}
