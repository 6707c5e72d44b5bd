import type { AnySource } from "../../src/api/index.js";
import type { Faults } from "./faulty-source.js";

/** The source with an enumerator that fails at `Enumerator.<method>` when the faults say so. */
export function withFaultyEnumerator(source: AnySource, faults: Faults): AnySource {
  const guard = <E extends object>(enumerator: E): E =>
    new Proxy(enumerator, {
      get(target, property) {
        const value = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          faults.check(`Enumerator.${String(property)}`);
          return value.apply(target, args);
        };
      },
    });
  return {
    ...source,
    createEnumerator: (context) => guard(source.createEnumerator(context)),
    restoreEnumerator: (context, checkpoint) =>
      guard(source.restoreEnumerator(context, checkpoint)),
  };
}
