/** The object with some of its members replaced; its own methods see the object itself. */
export function withOverrides<O extends object>(object: O, overrides: object): O {
  return new Proxy(object, {
    get(target, property) {
      if (Object.hasOwn(overrides, property)) return Reflect.get(overrides, property);
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
