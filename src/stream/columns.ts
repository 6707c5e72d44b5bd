/** Places of a column that is made ahead. */
const COLUMN = 1024;

const filledWith = (value: unknown): readonly unknown[] =>
  Array.from({ length: COLUMN }, () => value);

/** V8 keeps small integers, doubles and everything else in arrays of three kinds. */
const SMALL_INTEGERS = filledWith(0);
const DOUBLES = filledWith(0.5);
const ANYTHING = filledWith(undefined);

/**
 * A column of 1024 places to be overwritten, of the kind that suits values like `sample`.
 *
 * A copy of a full array has no holes, as an array of a given length would; so whatever reads it later
 * need not look for them, and writing it neither grows nor converts it.
 */
export function columnFor<T>(sample: T): T[] {
  const template =
    typeof sample !== "number"
      ? ANYTHING
      : Object.is(sample | 0, sample)
        ? SMALL_INTEGERS
        : DOUBLES;
  return template.slice() as T[];
}
