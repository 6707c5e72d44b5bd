import * as v from "valibot";

/** A schema for a value that fits `isValid`; `expected` is what an error says was expected. */
export function expecting<T>(
  isValid: (value: unknown) => boolean,
  expected: string,
): v.GenericSchema<T, T> {
  return v.pipe(
    v.custom<T>(() => true),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!isValid(dataset.value)) addIssue({ expected });
    }),
  );
}
